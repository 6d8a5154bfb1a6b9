"""`make` and `.ci/run` tell the truth: everything runs, nothing is hidden, and the exit code says what happened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.repository import PACKAGES, ROOT, make_targets, repository_files

CHECKERS = ("ruff", "mypy", "lint-imports", "squawk", "hadolint", "oxlint")
STAMPS = (".created", ".runtime", ".dev", ".bench", ".warm")


def _script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def _run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run as a person would: without what an outer make has put into the environment."""
    of_make = ("MAKE", "MFLAGS", "ARGS", "ONCE", "PYTHON", "OFFERS")
    outer = {name: value for name, value in os.environ.items() if not name.startswith(of_make)}
    return subprocess.run(
        command, cwd=folder, env={**outer, **environment}, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """The Makefile in a folder with a space in its name, beside an environment whose tools only say that they ran."""
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements", "Dockerfile"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, folder / name)
    for tool in (*CHECKERS, "carpool", "python"):
        _script(folder / ".venv" / "bin" / tool, f'echo "ran {tool} $*"')
    for stamp in STAMPS:
        (folder / ".venv" / stamp).touch()
    return folder


def test_make_alone_prints_every_command() -> None:
    outcome = _run(["make"], ROOT)
    assert outcome.returncode == 0, outcome.stderr
    for target in ("demo", "test", "check", "bench", "lock", "clean", "serve", "image", "setup"):
        assert make_targets()[target], f"{target} has no help"
        assert f"  {target} " in outcome.stdout


def test_a_finished_setup_does_nothing(workshop: Path) -> None:
    outcome = _run(["make", "setup"], workshop)
    assert outcome.returncode == 0, outcome.stderr
    assert "ran" not in outcome.stdout


def test_a_changed_lock_is_installed_again(workshop: Path) -> None:
    ahead = (workshop / ".venv" / ".dev").stat().st_mtime + 10
    os.utime(workshop / "requirements" / "dev.txt", (ahead, ahead))
    outcome = _run(["make", "setup"], workshop)
    assert outcome.returncode == 0, outcome.stderr
    assert "requirements/dev.txt" in outcome.stdout
    assert "requirements/runtime.txt" not in outcome.stdout
    assert "--require-hashes" in outcome.stdout


def test_an_old_python_is_named_and_refused(workshop: Path) -> None:
    shutil.rmtree(workshop / ".venv")
    pretend = "import sys; sys.version_info = (3, 10, 14); exec(sys.argv[1])"
    _script(workshop / "old python", f"exec '{sys.executable}' -c '{pretend}' \"$2\"")
    outcome = _run(["make", "setup", f"PYTHON={workshop / 'old python'}"], workshop)
    assert outcome.returncode != 0
    assert "Python 3.11 or newer" in outcome.stderr
    assert "old python" in outcome.stderr


def test_a_python_without_venv_is_refused_with_the_remedy(workshop: Path) -> None:
    shutil.rmtree(workshop / ".venv")
    _script(workshop / "bare python", 'case "$*" in *ensurepip*) exit 1;; *--version*) echo "Python 3.11.2";; esac')
    outcome = _run(["make", "setup", f"PYTHON={workshop / 'bare python'}"], workshop)
    assert outcome.returncode != 0
    assert "python3-venv" in outcome.stderr
    assert not (workshop / ".venv" / ".created").exists()


@pytest.mark.parametrize(("given", "told"), [(["ONCE=1"], "ran carpool demo --once"), ([], "ran carpool demo")])
def test_demo_passes_once_on(workshop: Path, given: list[str], told: str) -> None:
    outcome = _run(["make", "demo", *given], workshop)
    assert outcome.stdout.strip() == told


@pytest.mark.parametrize("broken", CHECKERS)
def test_check_runs_everything_and_fails_when_one_fails(workshop: Path, broken: str) -> None:
    _script(workshop / ".venv" / "bin" / broken, f'echo "ran {broken} $*"; exit 1')
    outcome = _run(["make", "check"], workshop)
    assert outcome.returncode != 0
    for tool in CHECKERS:
        assert f"ran {tool}" in outcome.stdout
    assert "ran ruff check" in outcome.stdout
    assert "ran ruff format --check" in outcome.stdout


def test_check_succeeds_when_all_do(workshop: Path) -> None:
    assert _run(["make", "check"], workshop).returncode == 0


@pytest.mark.parametrize(("check", "test"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_ci_runs_both_and_tells_the_truth(tmp_path: Path, check: int, test: int) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    _script(
        tmp_path / "bin" / "make", f'echo "made $1"; case $1 in check) exit {check};; test) exit {test};; esac; exit 9'
    )
    outcome = _run(["bash", ".ci/run"], tmp_path, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert outcome.stdout.split() == ["made", "check", "made", "test"]
    assert (outcome.returncode != 0) == bool(check or test)


def test_the_wheel_holds_what_the_service_reads(tmp_path: Path) -> None:
    """Code, SQL, the sample region and the files of the pages; neither tests nor benchmarks."""
    hatchling = Path(sys.executable).with_name("hatchling")
    outcome = _run([str(hatchling), "build", "--target", "wheel", "--directory", str(tmp_path)], ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path) for path in repository_files() if path.parts[0] in PACKAGES} <= held
    assert {f"api/pages/vendor/{name}" for name in ("maplibre-gl.js", "maplibre-gl.css")} <= held
    assert "api/pages/static/ride/page.js" in held
    assert {name.split("/")[0] for name in held if "dist-info" not in name} == set(PACKAGES)


def test_the_image_builds_the_wheel_from_what_it_copies() -> None:
    """The build stage has the map library where the hook of the wheel looks, and every file that building reads."""
    build, _, run = (ROOT / "Dockerfile").read_text(encoding="utf-8").partition("\nFROM ${BASE}\n")
    steps = build.replace("\\\n", " ").splitlines()
    copied = {word for step in steps if step.startswith("COPY ") for word in step.split()[1:-1]}
    assert {"pyproject.toml", *PACKAGES, "scripts/bundle_assets.py", "requirements/assets.txt"} <= copied
    for path in copied:
        assert (ROOT / path).exists(), path
    at = [number for number, step in enumerate(steps) if "/opt/build/share/carpool/assets" in step]
    wheel = next(number for number, step in enumerate(steps) if "pip wheel" in step)
    assert at
    assert at[0] < wheel, "the wheel would come without the map library"
    assert "COPY --from=build /opt/carpool /opt/carpool" in run
