"""Downloads from a server that misbehaves, on the loopback interface."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from matcher.domain.errors.tree import InvalidField, RegionFileInvalid, RegionNotFound, Unavailable
from matcher.roads.region.download import Patience, download_extract

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes
NAME = "europe/tiny"
FILE = "/europe/tiny-latest.osm.pbf"


@dataclass
class Script:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    md5: str | None = None  # what it publishes; None: the right one
    ranges: bool = True
    shift: int = 0  # answers a range that begins so many bytes later than the one asked for
    break_after: list[int] = field(default_factory=list)  # bytes of the next answers before the line breaks
    statuses: list[int] = field(default_factory=list)  # of the next answers, before all is well
    before_answer: Callable[[Script], None] | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        script = self.script
        script.asked.append((self.path, self.headers.get("Range")))
        if script.before_answer is not None:
            script.before_answer(script)
        if script.statuses:
            self._answer(script.statuses.pop(0), b"busy", {"Retry-After": "7"})
        elif self.path == f"{FILE}.md5":
            digest = script.md5 or hashlib.md5(script.content).hexdigest()  # noqa: S324  # what such servers publish
            self._answer(200, f"{digest}  tiny-latest.osm.pbf\n".encode(), {})
        elif self.path == FILE:
            self._file()
        else:
            self._answer(404, b"no such file", {})

    def _file(self) -> None:
        script = self.script
        asked = self.headers.get("Range")
        if asked is not None and script.ranges:
            begin = int(asked.removeprefix("bytes=").removesuffix("-")) + script.shift
            total = len(script.content)
            if begin >= total:
                self._answer(416, b"", {"Content-Range": f"bytes */{total}"})
            else:
                self._answer(206, script.content[begin:], {"Content-Range": f"bytes {begin}-{total - 1}/{total}"})
        else:
            self._answer(200, script.content, {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status in (200, 206) and self.path == FILE and self.script.break_after:
            self.wfile.write(body[: self.script.break_after.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is that of the base class
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Script]:
    script = Script()
    handler = type("Handler", (_Handler,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        script.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield script
        listening.shutdown()
        thread.join()


@dataclass
class Sleeper:
    """Pauses without pausing."""

    pauses: list[float] = field(default_factory=list)

    def patience(self, tries: int = 3) -> Patience:
        return Patience(tries=tries, first_pause_s=1.0, timeout_s=10.0, sleep=self.pauses.append)


def _fetch(server: Script, folder: Path, sleeper: Sleeper | None = None, tries: int = 3) -> Path:
    return download_extract(NAME, folder, base_url=server.url, patience=(sleeper or Sleeper()).patience(tries))


def _part(folder: Path) -> Path:
    (part,) = folder.glob("*.part")
    return part


def _file_requests(server: Script) -> list[str | None]:
    return [asked for path, asked in server.asked if path == FILE]


def test_a_file_arrives_whole_and_nothing_else_stays(server: Script, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    path = download_extract(NAME, tmp_path / "new", base_url=server.url + "/", progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["europe-tiny-latest.osm.pbf"]
    downloaded = [done for phase, done, total in seen if phase == "downloading" and total == len(CONTENT)]
    assert downloaded == sorted(downloaded)
    assert downloaded[-1] == len(CONTENT)


def test_a_file_that_is_there_is_checked_and_not_fetched_again(server: Script, tmp_path: Path) -> None:
    path = _fetch(server, tmp_path)
    assert _fetch(server, tmp_path) == path
    assert _file_requests(server) == [None]
    server.content = CONTENT[:-1]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT[:-1]


def test_a_broken_line_is_mended_where_it_broke(server: Script, tmp_path: Path) -> None:
    server.break_after = [300_000, 200_000]
    sleeper = Sleeper()
    assert _fetch(server, tmp_path, sleeper).read_bytes() == CONTENT
    assert _file_requests(server) == [None, "bytes=300000-", "bytes=500000-"]
    # Bytes arrived in between, so each failure is a first one.
    assert sleeper.pauses == [1.0, 1.0]


def test_a_new_call_goes_on_where_the_last_one_gave_up(server: Script, tmp_path: Path) -> None:
    server.break_after = [300_000]
    with pytest.raises(Unavailable, match="300000 bytes are kept"):
        _fetch(server, tmp_path, tries=1)
    assert not (tmp_path / "europe-tiny-latest.osm.pbf").exists()
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert _file_requests(server) == [None, "bytes=300000-"]


def test_a_part_that_is_whole_already_needs_no_more_bytes(server: Script, tmp_path: Path) -> None:
    server.break_after = [len(CONTENT) - 1]
    with pytest.raises(Unavailable):
        _fetch(server, tmp_path, tries=1)
    _part(tmp_path).write_bytes(CONTENT)
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert _file_requests(server)[-1] == f"bytes={len(CONTENT)}-"


def test_a_file_that_changed_meanwhile_is_started_anew(server: Script, tmp_path: Path) -> None:
    server.break_after = [300_000]
    with pytest.raises(Unavailable):
        _fetch(server, tmp_path, tries=1)
    server.content = CONTENT[::-1]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT[::-1]
    # Nothing is asked to be appended to what is left of the other file.
    assert _file_requests(server) == [None, None]
    assert [entry.name for entry in tmp_path.iterdir()] == ["europe-tiny-latest.osm.pbf"]


def test_a_part_longer_than_the_file_is_started_anew(server: Script, tmp_path: Path) -> None:
    server.break_after = [300_000]
    with pytest.raises(Unavailable):
        _fetch(server, tmp_path, tries=1)
    _part(tmp_path).write_bytes(CONTENT + b"more")
    assert _fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_garbled_part_is_started_anew(server: Script, tmp_path: Path) -> None:
    server.break_after = [300_000]
    with pytest.raises(Unavailable):
        _fetch(server, tmp_path, tries=1)
    _part(tmp_path).write_bytes(b"x" * 300_000)
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert _file_requests(server) == [None, "bytes=300000-", None]


def test_a_server_without_ranges_sends_all_again(server: Script, tmp_path: Path) -> None:
    server.ranges, server.break_after = False, [300_000, 400_000]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(_file_requests(server)) == 3


def test_a_part_that_was_not_asked_for_is_not_appended(server: Script, tmp_path: Path) -> None:
    server.shift, server.break_after = 5, [300_000]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    # Noticed at once, not by the checksum: that is asked for only once.
    assert [path for path, _ in server.asked].count(f"{FILE}.md5") == 1
    assert _file_requests(server) == [None, "bytes=300000-", None]


def test_a_wrong_checksum_is_tried_once_more_and_then_refused(server: Script, tmp_path: Path) -> None:
    server.md5 = "0" * 32
    with pytest.raises(RegionFileInvalid, match="MD5, twice"):
        _fetch(server, tmp_path)
    assert len(_file_requests(server)) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_published_between_checksum_and_download_is_taken(server: Script, tmp_path: Path) -> None:
    def publish(script: Script) -> None:
        if script.asked[-1][0] == FILE:
            script.content, script.before_answer = CONTENT[::-1], None

    server.before_answer = publish
    assert _fetch(server, tmp_path).read_bytes() == CONTENT[::-1]


def test_a_busy_server_is_given_the_time_it_asks_for(server: Script, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    sleeper = Sleeper()
    assert _fetch(server, tmp_path, sleeper).read_bytes() == CONTENT
    assert sleeper.pauses == [7.0, 7.0]


def test_pauses_double_and_then_it_gives_up(tmp_path: Path) -> None:
    sleeper = Sleeper()
    with pytest.raises(Unavailable, match="cannot be reached"):
        download_extract(NAME, tmp_path, base_url="http://127.0.0.1:9", patience=sleeper.patience(4))
    assert sleeper.pauses == [1.0, 2.0, 4.0]


def test_other_refusals_are_final(server: Script, tmp_path: Path) -> None:
    sleeper = Sleeper()
    server.statuses = [403]
    with pytest.raises(Unavailable, match="403"):
        _fetch(server, tmp_path, sleeper)
    with pytest.raises(RegionNotFound, match="europe/atlantis"):
        download_extract("europe/atlantis", tmp_path, base_url=server.url, patience=sleeper.patience())
    assert sleeper.pauses == []


def test_a_checksum_file_without_a_checksum_is_refused(server: Script, tmp_path: Path) -> None:
    server.md5 = "<html>"
    with pytest.raises(RegionFileInvalid, match="has no MD5 checksum"):
        _fetch(server, tmp_path)


@pytest.mark.parametrize("name", ["", "/europe", "europe/", "../etc/passwd", "Europe", "europe/tiny.osm.pbf", "a?b"])
def test_names_that_are_no_extracts(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidField):
        download_extract(name, tmp_path)


@pytest.mark.parametrize("url", ["file:///etc", "ftp://example.org", "", "download.example.org"])
def test_addresses_that_are_no_servers(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidField):
        download_extract(NAME, tmp_path, base_url=url)
