"""The whole URL table."""

from __future__ import annotations

from typing import Any

from api.auth import DRIVERS, DRIVERS_AND_OPS, EVERYBODY, RIDERS
from api.conditional import IDEMPOTENCY_KEY_PATTERN
from api.endpoint import Endpoint, Header, Page
from api.errors import InvalidHeader
from api.handlers import docs, health, matches, offers, places
from api.reading import MERGE_PATCH
from api.schemas.matches import MatchesOut, MatchIn
from api.schemas.offers import OfferIn, OfferListQuery, OfferOut, OfferPageOut, OfferPatch
from api.schemas.places import GeocodeQuery, PlacesOut, ReverseQuery
from api.schemas.service import AliveOut, EntranceOut, ReadyOut
from matcher.domain import errors as e

_PLACES = (
    e.PlaceTooFarFromRoad,
    e.PlaceUnreachable,
    e.PlacesTooClose,
    e.AddressNotFound,
    e.AddressAmbiguous,
    e.GeocoderUnavailable,
)
_TRIP = (e.InvalidField, e.DepartureInPast, e.DepartureTooFar, e.PriceTooHigh, e.PriceNotSupported, *_PLACES)
_CHANGE = (e.OfferNotFound, e.OfferNotOpen, e.StaleVersion, InvalidHeader)

_ONCE = Header("Idempotency-Key", "makes repeating the call safe for a day", pattern=IDEMPOTENCY_KEY_PATTERN)
_IF_MATCH = Header("If-Match", "the ETag that was read, or *", required=True)
_MAY_MATCH = Header("If-Match", "cancel only this version, by its ETag")
_IF_NONE_MATCH = Header("If-None-Match", "the ETag that is known already")

ROUTES: tuple[Endpoint[Any, Any] | Page, ...] = (
    Endpoint("POST", "/v1/offers", offers.publish_offer, DRIVERS, {201: OfferOut}, body=OfferIn, headers=(_ONCE,),
             raises=(*_TRIP, e.IdempotencyKeyReused, e.IdempotencyInProgress, InvalidHeader)),
    Endpoint("GET", "/v1/offers", offers.list_offers, DRIVERS_AND_OPS, {200: OfferPageOut}, query=OfferListQuery,
             raises=(e.InvalidCursor,)),
    Endpoint("GET", "/v1/offers/{offer_id}", offers.read_offer, DRIVERS_AND_OPS, {200: OfferOut, 304: None},
             headers=(_IF_NONE_MATCH,), raises=(e.OfferNotFound, InvalidHeader)),
    Endpoint("PATCH", "/v1/offers/{offer_id}", offers.change_offer, DRIVERS, {200: OfferOut}, body=OfferPatch,
             media_types=MERGE_PATCH, headers=(_IF_MATCH,),
             raises=(*_CHANGE, *_TRIP, e.SeatsExhausted, e.PreconditionRequired)),
    Endpoint("DELETE", "/v1/offers/{offer_id}", offers.cancel_offer, DRIVERS, {200: OfferOut}, headers=(_MAY_MATCH,),
             raises=_CHANGE),
    Endpoint("POST", "/v1/match", matches.find_matches, RIDERS, {200: MatchesOut}, body=MatchIn,
             raises=(e.InvalidWindow, e.InvalidField, *_PLACES)),
    Endpoint("GET", "/v1/geocode", places.geocode, EVERYBODY, {200: PlacesOut}, query=GeocodeQuery,
             raises=(e.InvalidField, e.GeocoderUnavailable)),
    Endpoint("GET", "/v1/reverse", places.reverse, EVERYBODY, {200: PlacesOut}, query=ReverseQuery,
             raises=(e.GeocoderUnavailable,)),
    Page("/healthz", health.healthz, {200: AliveOut}),
    Page("/readyz", health.readyz, {200: ReadyOut, 503: ReadyOut}),
    Page("/", health.entrance, {200: EntranceOut}),
    Page("/openapi.json", docs.openapi, {200: "application/json"}),
    Page("/docs", docs.docs, {200: "text/html"}),
    Page("/docs/problems", docs.problems, {200: "text/html"}),
    Page("/docs/{asset}", docs.asset, {}),
)  # fmt: skip
