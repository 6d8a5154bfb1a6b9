"""Downloads of extracts from Geofabrik, or from a server laid out like it: resumable, checked, patient.

`<base>/<name>-latest.osm.pbf` is the extract and `<base>/<name>-latest.osm.pbf.md5` its checksum. What arrived of a
broken download is kept under that checksum: it is resumed while the server publishes the same file, and verified as a
whole.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from matcher.domain.errors.tree import InvalidField, RegionFileInvalid, RegionNotFound, Unavailable
from matcher.progress import Progress, no_progress

GEOFABRIK_URL = "https://download.geofabrik.de"

_NAME = re.compile(r"^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*$")
_MD5 = re.compile(r"^([0-9a-f]{32})\b", re.IGNORECASE)
_CHUNK = 1 << 17
_LONGEST_PAUSE_S = 60.0
_AGENT = "carpool-matcher"

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How hard to try. Tries count anew whenever some bytes arrived; pauses double, up to a minute."""

    tries: int = 5
    first_pause_s: float = 1.0
    timeout_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class _TryAgain(Exception):
    """A failure of the server or the connection that may pass."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


def download_extract(
    name: str,
    folder: Path,
    *,
    base_url: str = GEOFABRIK_URL,
    progress: Progress = no_progress,
    patience: Patience | None = None,
) -> Path:
    """The extract `name` (such as `europe/luxembourg`) as a file in `folder`, checked against its published MD5.

    A file that is there already and matches is not fetched again. What arrived before a failure is kept for the next
    call. Raises InvalidField, RegionNotFound when the server has no such extract, Unavailable when it cannot be
    reached, and RegionFileInvalid when the file does not match its checksum twice in a row.
    """
    if not _NAME.match(name):
        raise InvalidField(f"{name!r} is not an extract: give its path on the server, such as europe/luxembourg")
    if not base_url.startswith(("https://", "http://")):
        raise InvalidField(f"{base_url!r} is not the address of a download server")
    fetch = _Fetch(f"{base_url.rstrip('/')}/{name}-latest.osm.pbf", name, progress, patience or Patience())
    folder.mkdir(parents=True, exist_ok=True)
    return fetch.to_file(folder / f"{name.replace('/', '-')}-latest.osm.pbf")


class _Fetch:
    def __init__(self, url: str, name: str, progress: Progress, patience: Patience) -> None:
        self._url = url
        self._name = name
        self._progress = progress
        self._patience = patience

    def to_file(self, path: Path) -> Path:
        for _ in range(2):
            expected = self._persist(self._published_md5, None)
            if path.is_file() and self._md5_of(path) == expected:
                return path
            part = path.with_name(f"{path.name}.{expected}.part")
            for stale in set(path.parent.glob(f"{path.name}.*")) - {part}:
                stale.unlink()
            self._persist(partial(self._receive, part), part)
            if self._md5_of(part) == expected:
                return part.replace(path)
            # Either the connection garbled it, or a new extract was published between the two calls.
            part.unlink()
        raise RegionFileInvalid(f"{self._url} does not match its published MD5, twice: nothing was kept")

    def _published_md5(self) -> str:
        with self._open(f"{self._url}.md5") as response:
            found = _MD5.match(response.read(4096).decode("ascii", errors="replace").strip())
        if found is None:
            raise RegionFileInvalid(f"{self._url}.md5 has no MD5 checksum")
        return found[1].lower()

    def _persist(self, action: Callable[[], T], part: Path | None) -> T:
        failures, size = 0, _size(part)
        while True:
            try:
                return action()
            except _TryAgain as error:
                failures = 1 if _size(part) > size else failures + 1
                size = _size(part)
                if failures >= self._patience.tries:
                    kept = f"; {size} bytes are kept, and the next try goes on from there" if size else ""
                    raise Unavailable(f"{self._url}: {error}{kept}", retry_after_s=60) from error
                pause = self._patience.first_pause_s * 2 ** (failures - 1) if error.after_s is None else error.after_s
                self._patience.sleep(min(pause, _LONGEST_PAUSE_S))

    def _receive(self, part: Path) -> None:
        """Append what `part` lacks. Raises _TryAgain when the connection ends before the file does."""
        have = _size(part)
        with self._open(self._url, **({"Range": f"bytes={have}-"} if have else {})) as response:
            if response.status == 416:
                return  # nothing is missing, or the part is garbled: the checksum tells
            if response.status != 206:
                have = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                part.unlink()
                raise _TryAgain("the server sent another range than was asked for")
            length = _whole_number(response.headers.get("Content-Length"))
            total = None if length is None else have + length
            with part.open("ab" if have else "wb") as stream:
                try:
                    while chunk := response.read(_CHUNK):
                        stream.write(chunk)
                        have += len(chunk)
                        self._progress("downloading", have, total)
                except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                    raise _TryAgain(f"the connection broke ({error!r})") from error
            if total is not None and have != total:
                raise _TryAgain(f"the connection ended after {have} of {total} bytes")

    def _open(self, url: str, **headers: str) -> http.client.HTTPResponse:
        """A response with status 200, 206 or 416."""
        # identity: Range, Content-Length and the checksum count bytes as they are stored.
        headers |= {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  # the scheme was checked
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310  # as above
                request, timeout=self._patience.timeout_s
            )
            return response
        except urllib.error.HTTPError as error:
            if error.code == 416:
                return error  # type: ignore[return-value]  # an HTTPError is a response
            with error:
                if error.code == 404:
                    raise RegionNotFound(f"there is no extract {self._name} at {url}") from error
                if error.code == 429 or error.code >= 500:
                    after_s = _whole_number(error.headers.get("Retry-After"))
                    raise _TryAgain(f"the server answers {error.code}", after_s) from error
                raise Unavailable(f"{url}: the server answers {error.code}", retry_after_s=60) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            raise _TryAgain(f"cannot be reached ({getattr(error, 'reason', error)})") from error

    def _md5_of(self, path: Path) -> str:
        digest, done, total = hashlib.md5(usedforsecurity=False), 0, _size(path)  # what the server publishes
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                self._progress("checking", done, total)
        return digest.hexdigest()


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.is_file() else 0


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
