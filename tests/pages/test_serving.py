"""How the pages, their files and the tiles are served, without a browser."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from aiohttp import web

from api.app import build_app
from api.pages.assets import STATIC, load_assets, modules_of
from api.pages.handlers import PAGES
from matcher.settings.server import ServerSettings
from matcher.wiring.service import running
from tests.api.live import Live, serving, settings_for

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LONGEST = 400


async def test_browsers_are_sent_to_the_pages_and_programs_get_json(pages: Live) -> None:
    sent = await pages.call("GET", "/", headers=HTML, allow_redirects=False)
    assert (sent.status, sent.headers["Location"], sent.headers["Vary"]) == (302, "/ride", "Accept")
    for accept in ("*/*", "application/json", "text/html;q=0.2, application/json"):
        answer = await pages.call("GET", "/", headers={"Accept": accept}, allow_redirects=False)
        assert answer.status == 200
        assert answer.json["name"] == "carpool-matcher"


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_allows_nothing_inline_and_nothing_foreign(pages: Live, name: str) -> None:
    page = await pages.call("GET", f"/{name}")
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    text = page.body.decode()
    assert re.findall(r"<style|<script>|\son\w+=|\sstyle=", text) == []
    linked = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert linked
    for path in linked:
        assert path.startswith("/"), path
        assert (await pages.call("GET", path)).status == 200, path


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_module_that_it_needs(name: str) -> None:
    modules = modules_of(f"{name}/page.js")
    assert "lib/shell.js" in modules
    for module in modules:
        assert (STATIC / module).is_file(), module


async def test_files_are_compressed_and_known_by_their_tag(pages: Live) -> None:
    first = await pages.call("GET", "/pages/lib/dom.js", headers={"Accept-Encoding": "gzip"})
    assert first.headers["Content-Encoding"] == "gzip"
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    plain = await pages.call("GET", "/pages/lib/dom.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.body == (STATIC / "lib" / "dom.js").read_bytes() == first.body
    known = await pages.call("GET", "/pages/lib/dom.js", headers={"If-None-Match": f'"x", W/{first.headers["ETag"]}'})
    assert (known.status, known.body) == (304, b"")
    for path in ("/pages/lib/none.js", "/pages/../assets.py", "/pages/lib/%2e%2e/%2e%2e/mount.py"):
        assert (await pages.call("GET", path)).status == 404, path


async def test_files_of_a_page_are_kept_until_one_of_them_changes(pages: Live) -> None:
    text = (await pages.call("GET", "/ride")).body.decode()
    (entry,) = re.findall(r'type="module" src="([^"]+)"', text)
    kept = await pages.call("GET", entry)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    # Relative imports of modules stay below the stamp, or they would be fetched twice.
    stamped = entry.removesuffix("/ride/page.js")
    assert [path for path in re.findall(r'modulepreload" href="([^"]+)"', text) if not path.startswith(stamped)] == []
    # A page of another version, while instances are being replaced.
    other = await pages.call("GET", "/pages/v-0123456789ab/ride/page.js")
    assert (other.status, other.headers["Cache-Control"]) == (200, "public, no-cache")
    assert other.body == kept.body
    assert (await pages.call("GET", f"{stamped}/../../mount.py")).status == 404


async def test_the_start_of_a_page_knows_the_region(pages: Live) -> None:
    setup = (await pages.call("GET", "/pages/setup")).json
    assert (setup["region"], setup["time_zone"], setup["currency"]) == ("coquimbo", "America/Santiago", "EUR")
    west, south, east, north = setup["bounds"]
    assert -71.4 < west < east < -71.1
    assert -30.2 < south < north < -29.8


async def test_tiles_are_gzipped_and_known_by_their_tag(pages: Live) -> None:
    index = (await pages.call("GET", "/tiles/coquimbo")).json
    assert index["attribution"] == "© OpenStreetMap contributors"
    assert (index["minzoom"], index["maxzoom"]) == (5, 14)
    path = index["tiles"][0].replace("{z}", "13").replace("{x}", "2473").replace("{y}", "4811")
    tile = await pages.call("GET", path, headers={"Accept-Encoding": "gzip"})
    assert tile.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert tile.headers["Content-Encoding"] == "gzip"
    assert b"Ruta 5" in tile.body
    assert "max-age" in tile.headers["Cache-Control"]
    plain = await pages.call("GET", path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.body == tile.body
    known = await pages.call("GET", path, headers={"If-None-Match": tile.headers["ETag"]})
    assert (known.status, known.body) == (304, b"")


async def test_where_there_is_no_tile(pages: Live) -> None:
    assert (await pages.call("GET", "/tiles/coquimbo/14/0/0")).status == 204
    for path in ("/tiles/coquimbo/4/1/1", "/tiles/coquimbo/15/1/1", "/tiles/coquimbo/5/32/1", "/tiles/nowhere/5/1/1"):
        assert (await pages.call("GET", path)).status == 404, path
    assert (await pages.call("GET", "/tiles/No%20Name")).status in {404, 422}


async def test_one_setting_switches_the_pages_off(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing")
    app: web.Application = build_app(running(settings), ServerSettings(pages=False))
    async with serving(app) as live:
        assert (await live.call("GET", "/", headers=HTML)).json["docs"] == "/docs"
        for path in ("/ride", "/drive", "/ops", "/pages/lib/dom.js", "/tiles/coquimbo"):
            assert (await live.call("GET", path)).status == 404, path


def test_nothing_of_ours_is_too_long_or_too_heavy() -> None:
    for path in STATIC.rglob("*"):
        if path.suffix in {".js", ".css"}:
            lines = path.read_text(encoding="utf-8").splitlines()
            assert len(lines) <= LONGEST, f"{path.name} has {len(lines)} lines"
            if path.parent.name != "texts":
                assert max(map(len, lines)) <= 120, f"{path.name} has a line of {max(map(len, lines))}"
    assets = load_assets()
    assert sum(len(asset.zipped) for asset in assets.values()) < 600_000
    for name, asset in assets.items():
        assert gzip.decompress(asset.zipped) == asset.body, name
