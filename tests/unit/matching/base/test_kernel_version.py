"""Compiled kernels are used again exactly as long as nothing that was compiled into them has changed."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from numba.core.registry import CPUDispatcher

import matcher
from matcher.matching.base import kernel_version
from matcher.matching.base.kernel_version import one_compiles

CALLED = """
import numba
FACTOR = {factor}

@numba.njit(cache=True)
def called(x):
    return FACTOR * x
"""
CALLING = """
import numba
from matcher.room.called import called

@numba.njit(cache=True)
def calling(x):
    return called(x) + 1
"""


def _run(folder: Path) -> tuple[int, bool]:
    """(calling(3), whether it was compiled for that) in a process of its own."""
    program = "from matcher.room.calling import calling as f; print(f(3), sum(f.stats.cache_misses.values()))"
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    value, misses = answer.stdout.split()
    return int(value), misses != "0"


def test_a_kernel_is_compiled_again_when_one_that_it_calls_has_changed(tmp_path: Path) -> None:
    for package in ("matcher", "matcher/matching", "matcher/matching/base", "matcher/room"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    shutil.copy(kernel_version.__file__, tmp_path / "matcher" / "matching" / "base")
    (tmp_path / "matcher" / "room" / "__init__.py").write_text("from matcher.matching.base import kernel_version\n")
    (tmp_path / "matcher" / "room" / "calling.py").write_text(CALLING)
    called = tmp_path / "matcher" / "room" / "called.py"
    called.write_text(CALLED.format(factor=2))
    assert _run(tmp_path) == (7, True)
    assert _run(tmp_path) == (7, False)
    called.write_text(CALLED.format(factor=5))
    assert _run(tmp_path) == (16, True)
    called.write_text(CALLED.format(factor=2))
    assert _run(tmp_path) == (7, False), "what the first version compiled is still good"


def test_every_kernel_of_ours_is_kept_by_version() -> None:
    kernels = []
    for module_info in pkgutil.walk_packages(matcher.__path__, "matcher."):
        module = importlib.import_module(module_info.name)
        kernels += [kernel for kernel in vars(module).values() if isinstance(kernel, CPUDispatcher)]
    assert len(kernels) > 20
    for kernel in kernels:
        locator = getattr(kernel, "_cache")._impl.locator  # noqa: B009  # numba's hints do not tell of it
        assert isinstance(locator, kernel_version._OfVersion), kernel
        assert locator.get_source_stamp() == kernel_version.version_of(Path(locator._py_file))


def test_processes_compile_one_after_another(tmp_path: Path) -> None:
    kernel = SimpleNamespace(stats=SimpleNamespace(cache_path=tmp_path))
    events: list[str] = []
    waits = threading.Event()

    def waiting() -> None:
        events.append("the second waits")
        waits.set()

    def late() -> None:
        with one_compiles(kernel, waiting):
            events.append("the second compiles")

    with one_compiles(kernel, lambda: events.append("the first waits")):
        second = threading.Thread(target=late)
        second.start()
        assert waits.wait(30)
        events.append("the first is done")
    second.join(30)
    assert events == ["the second waits", "the first is done", "the second compiles"]


def test_nobody_waits_where_nothing_can_be_shared(tmp_path: Path) -> None:
    kernel = SimpleNamespace(stats=SimpleNamespace(cache_path=tmp_path / "missing"))
    with one_compiles(kernel), one_compiles(kernel):
        pass
