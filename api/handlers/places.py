"""Addresses to places and back."""

from __future__ import annotations

from aiohttp import web

from api.call.endpoint import Call
from api.call.rendering import json_response
from api.schemas.places import GeocodedPlaceOut, GeocodeQuery, PlacesOut, ReverseQuery
from api.schemas.service import Nothing


async def geocode(call: Call[GeocodeQuery, Nothing]) -> web.Response:
    """Find places by an address or the start of one, best first; suitable for autocompletion."""
    query = call.query
    places = await call.carpool.look_up_places.search(query.q, query.limit, query.near())
    return json_response(PlacesOut(places=[GeocodedPlaceOut.from_domain(place) for place in places]))


async def reverse(call: Call[ReverseQuery, Nothing]) -> web.Response:
    """Find the place at a coordinate; an empty list when no named place is near."""
    place = await call.carpool.look_up_places.reverse(call.query.to_domain())
    return json_response(PlacesOut(places=[] if place is None else [GeocodedPlaceOut.from_domain(place)]))
