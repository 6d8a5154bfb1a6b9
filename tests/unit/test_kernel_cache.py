"""numba always finds a folder for the compiled kernels, and what is compiled already is used."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from matcher import kernel_cache

# Compiles in a process of its own: numba reads its settings once, when it is imported.
PROBE = """
import matcher
from matcher.matching.base.positions import fraction_to_fixed, leave
leave(1 << 32, 1 << 32, fraction_to_fixed(0.5))
import atexit
import os
print(os.environ["NUMBA_CACHE_DIR"], sum(leave.stats.cache_hits.values()), sum(leave.stats.cache_misses.values()))
"""


def _probe(cache: Path, temporary: Path) -> tuple[Path, int, int]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "TMPDIR": str(temporary)}
    outcome = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True)
    used, hits, misses = outcome.stdout.split()
    return Path(used), int(hits), int(misses)


@pytest.fixture
def before_numba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As if numba had not been imported yet, with a temporary folder of one's own."""
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return tmp_path


def test_a_usable_cache_is_left_alone(before_numba: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(before_numba / "not" / "yet"))
    assert kernel_cache.settle() is None
    assert os.environ["NUMBA_CACHE_DIR"] == str(before_numba / "not" / "yet")


def test_sources_or_home_will_do(before_numba: Path) -> None:
    assert kernel_cache.settle(lambda folder: folder == kernel_cache.SOURCES) is None
    assert kernel_cache.settle(lambda folder: folder != kernel_cache.SOURCES) is None
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_kernels_that_cannot_be_written_are_copied(before_numba: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baked = before_numba / "baked"
    (baked / "roads_1").mkdir(parents=True)
    (baked / "roads_1" / "sweep.nbi").write_bytes(b"compiled")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(baked))
    copy = kernel_cache.settle(lambda folder: False)
    assert copy is not None
    assert (copy / "roads_1" / "sweep.nbi").read_bytes() == b"compiled"
    assert os.environ["NUMBA_CACHE_DIR"] == str(copy)
    assert copy.parent.stat().st_mode & 0o077 == 0


def test_a_worker_does_not_remove_the_copy_of_its_parent(before_numba: Path) -> None:
    copy = before_numba / "copy"
    copy.mkdir()
    kernel_cache._remove(copy, os.getpid() + 1)
    assert copy.exists()
    kernel_cache._remove(copy, os.getpid())
    assert not copy.exists()


def test_without_any_folder_the_remedy_is_named(before_numba: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(before_numba / "missing"))
    with pytest.raises(RuntimeError, match="NUMBA_CACHE_DIR"):
        kernel_cache.settle(lambda folder: False)


def test_numba_compiles_and_leaves_nothing_behind_when_its_folder_is_no_folder(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (tmp_path / "file").touch()
    used, hits, misses = _probe(tmp_path / "file" / "kernels", temporary)
    assert used.parent.parent == temporary
    assert (hits, misses) == (0, 1)
    assert list(temporary.iterdir()) == []


def test_a_writable_folder_is_used_and_kept(tmp_path: Path) -> None:
    kernels = tmp_path / "kernels"
    assert _probe(kernels, tmp_path) == (kernels, 0, 1)
    assert _probe(kernels, tmp_path) == (kernels, 1, 0)
