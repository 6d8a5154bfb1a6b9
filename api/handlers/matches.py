"""Searches."""

from __future__ import annotations

from aiohttp import web

from api.app_keys import METRICS, TRACING
from api.call.endpoint import Call
from api.call.rendering import json_response
from api.schemas.matches import BasisOut, MatchesOut, MatchIn
from api.schemas.service import Nothing
from api.watching.metrics import note_search


async def find_matches(call: Call[Nothing, MatchIn]) -> web.Response:
    """Search all active offers for those that can carry a rider, ranked.

    The answer accounts for every offer: matches, further feasible offers, and reasons that ruled out the others. When
    it is empty, hints say what would have helped. With `explain` it includes the measurements of each score part and
    stage times.
    """
    answer = await call.carpool.find_matches(call.body.to_domain(), call.principal, call.now)
    note_search(call.request.app[METRICS], answer)
    if (tracing := call.request.app[TRACING]) is not None:
        tracing.stages(answer.stages_ms)
    basis = BasisOut.from_domain(call.carpool.carbon, call.carpool.cost_sharing.rate)
    return json_response(MatchesOut.from_domain(answer, basis, explain=call.body.explain))
