"""What the pages are served with: the documents, their files, what they need to know at the start, and the tiles of
the map.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from functools import cache
from typing import Any, Final

from aiohttp import hdrs, web

from api.app_keys import LIFETIME, TILES
from api.call.errors import RouteNotFound
from api.handlers.health import VERSION
from api.pages.assets import Asset, load_assets, modules_of, stamp
from matcher.domain.errors.tree import NotReady
from matcher.domain.place import Coordinate
from matcher.money.cost_sharing import CostSharing
from matcher.roads.region.files import Manifest
from matcher.roads.region.slot_clock import zone_at
from matcher.roads.region.store import RegionStore
from matcher.roads.tiles.archive import ZOOMS, TileArchive
from matcher.roads.tiles.build import ATTRIBUTION

#: Path of a page -> its title until the script has set it in the reader's language.
PAGES: Final = {"ride": "Find a ride", "drive": "Offer a ride", "ops": "Operations"}
TILE_TYPE: Final = "application/vnd.mapbox-vector-tile"
#: Nothing from elsewhere, nothing inline; the map's worker is a blob, and its icons are data.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types carpool-map"
)
#: A path below the stamp of the files' state. Modules import each other by relative paths, so all of them are below it.
_STAMPED: Final = re.compile(r"v-([0-9a-f]{12})/(.+)")
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="/pages/icon.svg">
<link rel="stylesheet" href="{files}/vendor/maplibre-gl.css">
{styles}
<script id="maplibre" async src="{files}/vendor/maplibre-gl.js"></script>
{preloads}
<script type="module" src="{files}/{entry}"></script>
</head>
<body data-page="{name}">
<noscript>These pages need JavaScript. The API does not: <a href="/docs">/docs</a> documents it.</noscript>
</body>
</html>
"""


async def page(request: web.Request) -> web.Response:
    """One of the pages."""
    text = await asyncio.to_thread(_page_text, request.path.strip("/"))
    headers = {
        "Content-Security-Policy": _POLICY,
        "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


async def asset(request: web.Request) -> web.Response:
    """A file of the pages; under the stamp that the pages name, one that a browser need not ask for again."""
    files = await asyncio.to_thread(load_assets)
    path = request.match_info["path"]
    stamped = _STAMPED.fullmatch(path)
    found: Asset | None = files.get(stamped[2] if stamped else path)
    if found is None:
        raise RouteNotFound("the pages have no such file")
    # Another stamp is of a page that another version has answered: the file is there, but must not be kept under it.
    lasting = stamped is not None and stamped[1] == stamp()
    cache = "public, max-age=31536000, immutable" if lasting else "public, no-cache"
    headers = {"ETag": found.etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if _knows(request, found.etag):
        return web.Response(status=304, headers=headers)
    return _sent(request, found.zipped, found.content_type, headers, plain=found.body)


async def setup(request: web.Request) -> web.Response:
    """What a page needs to know before it draws: the region, where it is, by whose clocks it lives, and its money."""
    carpool = request.app[LIFETIME].carpool
    name = carpool.settings.roads.region
    manifest = await asyncio.to_thread(RegionStore(carpool.settings.storage.data_dir).get_manifest, name)
    document = await asyncio.to_thread(_setup, manifest, carpool.cost_sharing)
    document["horizon_days"] = carpool.settings.offers.offer_horizon_days
    return web.json_response(document)


async def tile_index(request: web.Request) -> web.Response:
    """The TileJSON of a region's map; 503 with Retry-After while the map is being built."""
    region = request.match_info["region"]
    archive = await _archive(request, region)
    box = archive.metadata.get("bounds", "-180,-85,180,85")
    return web.json_response(
        {
            "tilejson": "3.0.0",
            "name": region,
            "tiles": [f"/tiles/{region}/{{z}}/{{x}}/{{y}}?v={archive.stamp}"],
            "minzoom": ZOOMS[0],
            "maxzoom": ZOOMS[1],
            "bounds": [float(edge) for edge in box.split(",")],
            "attribution": ATTRIBUTION,
            "vector_layers": json.loads(archive.metadata.get("json", "{}")).get("vector_layers", []),
        }
    )


async def tile(request: web.Request) -> web.Response:
    """One tile as a gzipped Mapbox Vector Tile; 204 where nothing is drawn."""
    zoom, column, row = (int(request.match_info[name]) for name in ("z", "x", "y"))
    if not (ZOOMS[0] <= zoom <= ZOOMS[1] and column < 2**zoom and row < 2**zoom):
        raise RouteNotFound(f"tiles have zooms {ZOOMS[0]} to {ZOOMS[1]}")
    archive = await _archive(request, request.match_info["region"])
    headers = {
        "ETag": f'"{archive.stamp}-{zoom}-{column}-{row}"',
        "Cache-Control": "public, max-age=86400",
        "Vary": "Accept-Encoding",
    }
    if _knows(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    zipped = await asyncio.to_thread(archive.read, zoom, column, row)
    if zipped is None:
        return web.Response(status=204, headers=headers)
    return _sent(request, zipped, TILE_TYPE, headers)


async def _archive(request: web.Request, region: str) -> TileArchive:
    """Raises RegionNotFound, and NotReady while the map is being built."""
    archive = await request.app[TILES].find(region)
    if archive is None:
        done = request.app[TILES].progress_of(region)
        raise NotReady(f"the map of region {region} is being built ({done:.0%}): try again in a moment")
    return archive


def _knows(request: web.Request, etag: str) -> bool:
    known = request.headers.get(hdrs.IF_NONE_MATCH, "")
    return etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}


def _sent(
    request: web.Request, zipped: bytes, content_type: str, headers: dict[str, str], *, plain: bytes | None = None
) -> web.Response:
    charset = "utf-8" if content_type.startswith("text/") else None
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers = {**headers, hdrs.CONTENT_ENCODING: "gzip"}
        return web.Response(body=zipped, content_type=content_type, charset=charset, headers=headers)
    body = gzip.decompress(zipped) if plain is None else plain
    return web.Response(body=body, content_type=content_type, charset=charset, headers=headers)


@cache
def _page_text(name: str) -> str:
    entry, files = f"{name}/page.js", f"/pages/v-{stamp()}"
    styles = "\n".join(
        f'<link rel="stylesheet" href="{files}/{path}">' for path in sorted(load_assets()) if path.startswith("css/")
    )
    preloads = "\n".join(f'<link rel="modulepreload" href="{files}/{path}">' for path in modules_of(entry))
    return _PAGE.format(title=PAGES[name], name=name, entry=entry, files=files, styles=styles, preloads=preloads)


def _setup(manifest: Manifest, sharing: CostSharing) -> dict[str, Any]:
    box = manifest.bbox
    centre = Coordinate(lat=(box.south + box.north) / 2, lon=(box.west + box.east) / 2)
    return {
        "region": manifest.name,
        "version": VERSION,
        "time_zone": zone_at(centre).key,
        "bounds": [box.west, box.south, box.east, box.north],
        "currency": None if sharing.rate is None else sharing.rate.currency,
    }
