"""The OpenAPI document, the interactive page, and the list of problems. Everything is served locally."""

from __future__ import annotations

import asyncio
import html
import importlib.util
import inspect
from datetime import timedelta
from functools import cache
from pathlib import Path

from aiohttp import web

from api.app_keys import CLOCK, OPENAPI
from api.call.errors import RouteNotFound, kinds_of_problem
from api.call.rendering import JSON_TYPE
from api.schemas.fields import EXAMPLE_DAY

_TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
#: The files of the bundle that the page needs; no others are served.
ASSETS = ("favicon-32x32.png", "index.css", "swagger-ui-bundle.js", "swagger-ui.css")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
_DAY = {"Cache-Control": "public, max-age=86400"}


@cache
def _assets_folder() -> Path:
    """The package's folder of Swagger UI, named for its version; found without importing the package. Blocks."""
    spec = importlib.util.find_spec("swagger_ui_bundle")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("swagger-ui-bundle-v2 is not installed: it has the files of the documentation page")
    (folder,) = (Path(spec.origin).parent / "vendor").glob("swagger-ui-*")
    return folder


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>carpool-matcher</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/index.css">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout"
});
"""


async def openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI 3.1 document. Its examples lie a week ahead, so that they can be tried."""
    day = (request.app[CLOCK]() + timedelta(days=7)).date().isoformat()
    return web.Response(
        body=request.app[OPENAPI].replace(EXAMPLE_DAY.encode(), day.encode()),
        content_type=JSON_TYPE,
        headers={"Cache-Control": "public, max-age=60"},
    )


async def docs(_request: web.Request) -> web.Response:
    """Show the interactive documentation."""
    return web.Response(text=_PAGE, content_type="text/html", charset="utf-8", headers=_HEADERS)


async def asset(request: web.Request) -> web.StreamResponse:
    """A file of the page."""
    name = request.match_info["asset"]
    if name == "start.js":
        return web.Response(text=_START, content_type="text/javascript", charset="utf-8", headers=_HEADERS)
    if name not in ASSETS:
        raise RouteNotFound("there is no such file")
    file = await asyncio.to_thread(_assets_folder) / name
    return web.FileResponse(file, headers={**_HEADERS, **_DAY, "Content-Type": _TYPES[file.suffix]})


async def problems(_request: web.Request) -> web.Response:
    """List every kind of problem with its code, status and meaning."""
    return web.Response(text=_problems_page(), content_type="text/html", charset="utf-8", headers=_HEADERS)


@cache
def _problems_page() -> str:
    rows = "\n".join(
        f'<tr id="{kind.code}"><td><code>{kind.code}</code></td><td>{status.value}</td>'
        f"<td>{html.escape(kind.title)}</td><td>{html.escape(inspect.getdoc(kind) or '')}</td></tr>"
        for kind, status in kinds_of_problem().items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Problems</title>'
        "<style>body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem;"
        "border-bottom:1px solid #ddd}"
        "tr:target{background:#fff3c4}</style>"
        "</head><body><h1>Problems</h1>\n"
        f"<table><tr><th>code</th><th>status</th><th>title</th><th>meaning</th></tr>\n{rows}\n</table></body></html>\n"
    )
