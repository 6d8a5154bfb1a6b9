"""The documentation page works without the outside world."""

from __future__ import annotations

import re

from api.call.errors import kinds_of_problem
from tests.api.live import Live


async def test_the_page_loads_everything_from_here(live: Live) -> None:
    page = await live.call("GET", "/docs")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "://" not in page.body.decode()
    needed = set(re.findall(r'(?:src|href)="([^"]+)"', page.body.decode()))
    assert {"/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js"} <= needed
    for url in needed:
        answer = await live.call("GET", url)
        assert answer.status == 200, url
        assert len(answer.body) > 50
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    script = await live.call("GET", "/docs/start.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "://" not in script.body.decode()
    assert (await live.call("GET", "/docs/swagger-ui.css")).headers["Content-Type"] == "text/css"


async def test_the_page_may_load_nothing_else(live: Live) -> None:
    policy = (await live.call("GET", "/docs")).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy


async def test_only_the_page_s_files_are_served(live: Live) -> None:
    for name in ("swagger-ui.js", "..%2f__init__.py", "README.md", "oauth2-redirect.html"):
        answer = await live.call("GET", f"/docs/{name}")
        assert (answer.status, answer.problem()["code"]) == (404, "route_not_found")


async def test_the_bundle_can_show_openapi_3_1(live: Live) -> None:
    bundle = (await live.call("GET", "/docs/swagger-ui-bundle.js")).body
    assert b"openapi" in bundle
    assert b"3.1." in bundle


async def test_every_kind_of_problem_is_explained_where_its_type_points(live: Live) -> None:
    problem = (await live.call("GET", "/nowhere")).problem()
    page, _, anchor = problem["type"].partition("#")
    explained = (await live.call("GET", page)).body.decode()
    assert set(re.findall(r'<tr id="([^"]+)">', explained)) == {kind.code for kind in kinds_of_problem()}
    assert anchor in {kind.code for kind in kinds_of_problem()}


async def test_the_way_in(live: Live) -> None:
    answer = (await live.call("GET", "/")).json
    assert (answer["docs"], answer["openapi"]) == ("/docs", "/openapi.json")
    for url in (answer["docs"], answer["openapi"]):
        assert (await live.call("GET", url)).status == 200
