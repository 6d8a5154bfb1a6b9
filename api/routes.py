"""The whole URL table."""

from __future__ import annotations

from typing import Any

from api.call.auth import DRIVERS, DRIVERS_AND_OPS, EVERYBODY, OPERATORS, RIDERS, RIDERS_AND_OPS
from api.call.endpoint import Endpoint, Header, Page
from api.call.errors import InvalidHeader
from api.call.idempotency import IDEMPOTENCY_KEY_PATTERN
from api.call.rate_limits import Calls
from api.call.reading import MERGE_PATCH
from api.handlers import (
    bookings,
    docs,
    events,
    health,
    matches,
    offers,
    people,
    places,
    requests,
    series,
    stats,
    webhooks,
)
from api.schemas.bookings import BookingIn, BookingListQuery, BookingOut, BookingPageOut, BookingPatch
from api.schemas.events import (
    DeliveriesOut,
    DeliveryListQuery,
    DeliveryOut,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhookSecretOut,
    WebhooksOut,
)
from api.schemas.matches import MatchesOut, MatchIn
from api.schemas.offers import OfferIn, OfferListQuery, OfferOut, OfferPageOut, OfferPatch
from api.schemas.people import BlockIn, BlockOut, BlocksOut, ProfileOut, ProfilePatch
from api.schemas.places import GeocodeQuery, PlacesOut, ReverseQuery
from api.schemas.plans.replays import ReplayIn, ReplayOut
from api.schemas.plans.would_match import DryRunQuery, OfferPlanOut, SeriesPlanOut
from api.schemas.requests import (
    FittingQuery,
    FittingRequestsOut,
    KeptRequestOut,
    MatchesQuery,
    RequestDetailOut,
    RequestListQuery,
    RequestsOut,
)
from api.schemas.series import FromQuery, SeriesIn, SeriesListQuery, SeriesPatch
from api.schemas.series_out import SeriesOut, SeriesPageOut
from api.schemas.service import AliveOut, EntranceOut, ReadyOut
from api.schemas.stats import (
    DemandOut,
    DemandQuery,
    MatchStatsOut,
    StatsQuery,
    SupplyQuery,
    SupplyStatsOut,
    WantedOut,
    WantedQuery,
)
from matcher.domain.errors import bookings as b
from matcher.domain.errors import events as ev
from matcher.domain.errors import requests as rq
from matcher.domain.errors import series as sr
from matcher.domain.errors import tree as e

_PLACES = (
    e.PlaceTooFarFromRoad,
    e.PlaceUnreachable,
    e.PlacesTooClose,
    e.AddressNotFound,
    e.AddressAmbiguous,
    e.GeocoderUnavailable,
)
_TRIP = (
    e.InvalidField,
    e.DepartureInPast,
    e.DepartureTooFar,
    e.PriceTooHigh,
    e.PriceNotSupported,
    e.SharingRequired,
    *_PLACES,
)
_CHANGE = (e.OfferNotFound, e.OfferNotOpen, e.StaleVersion, InvalidHeader)

_SEAT = (e.OfferNotOpen, e.SeatsExhausted, b.DetourExceeded, b.OfferChanged)

_ONCE = Header("Idempotency-Key", "makes the call safe to repeat for a day", pattern=IDEMPOTENCY_KEY_PATTERN)
_IF_MATCH = Header("If-Match", "the ETag that was read, or *", required=True)
_MAY_MATCH = Header("If-Match", "cancel only if this is the current ETag")
_MAY_CHANGE = Header("If-Match", "change only if this is the current ETag")
_LAST_EVENT = Header("Last-Event-ID", "the id of the last event received: the events since then come first")
_IF_NONE_MATCH = Header("If-None-Match", "the ETag of the copy that you have")

ROUTES: tuple[Endpoint[Any, Any] | Page, ...] = (
    Endpoint("POST", "/v1/offers", offers.publish_offer, DRIVERS, {201: OfferOut, 200: OfferPlanOut}, query=DryRunQuery,
             body=OfferIn, headers=(_ONCE,),
             raises=(*_TRIP, e.IdempotencyKeyReused, e.IdempotencyInProgress, InvalidHeader)),
    Endpoint("GET", "/v1/offers", offers.list_offers, DRIVERS_AND_OPS, {200: OfferPageOut}, query=OfferListQuery,
             raises=(e.InvalidCursor,)),
    Endpoint("GET", "/v1/offers/{offer_id}", offers.read_offer, DRIVERS_AND_OPS, {200: OfferOut, 304: None},
             headers=(_IF_NONE_MATCH,), raises=(e.OfferNotFound, InvalidHeader)),
    Endpoint("PATCH", "/v1/offers/{offer_id}", offers.change_offer, DRIVERS, {200: OfferOut}, body=OfferPatch,
             media_types=MERGE_PATCH, headers=(_IF_MATCH,),
             raises=(*_CHANGE, *_TRIP, b.PromisedToRiders, e.Overloaded, e.PreconditionRequired)),
    Endpoint("DELETE", "/v1/offers/{offer_id}", offers.cancel_offer, DRIVERS, {200: OfferOut}, headers=(_MAY_MATCH,),
             raises=_CHANGE),
    Endpoint("POST", "/v1/series", series.publish_series, DRIVERS, {201: SeriesOut, 200: SeriesPlanOut},
             query=DryRunQuery, body=SeriesIn, headers=(_ONCE,),
             raises=(*_TRIP, sr.TooManySeries, e.IdempotencyKeyReused, e.IdempotencyInProgress, InvalidHeader)),
    Endpoint("GET", "/v1/series", series.list_series, DRIVERS_AND_OPS, {200: SeriesPageOut}, query=SeriesListQuery,
             raises=(e.InvalidCursor,)),
    Endpoint("GET", "/v1/series/{series_id}", series.read_series, DRIVERS_AND_OPS, {200: SeriesOut},
             raises=(sr.SeriesNotFound,)),
    Endpoint("PATCH", "/v1/series/{series_id}", series.change_series, DRIVERS, {200: SeriesOut}, query=FromQuery,
             body=SeriesPatch, media_types=MERGE_PATCH, headers=(_IF_MATCH,),
             raises=(sr.SeriesNotFound, sr.SeriesNotOpen, e.StaleVersion, e.PreconditionRequired,
                     *_TRIP, InvalidHeader)),
    Endpoint("DELETE", "/v1/series/{series_id}", series.withdraw_series, DRIVERS, {200: SeriesOut}, query=FromQuery,
             headers=(_MAY_MATCH,), raises=(sr.SeriesNotFound, e.StaleVersion, InvalidHeader)),
    Endpoint("POST", "/v1/match", matches.find_matches, RIDERS, {200: MatchesOut}, body=MatchIn, calls=Calls.SEARCH,
             raises=(e.InvalidWindow, e.InvalidField, e.SharingRequired, *_PLACES)),
    Endpoint("POST", "/v1/requests", requests.keep_request, RIDERS, {201: KeptRequestOut}, body=MatchIn,
             headers=(_ONCE,),
             raises=(e.InvalidWindow, e.InvalidField, e.DepartureInPast, e.DepartureTooFar, e.SharingRequired,
                     rq.TooManyKeptRequests,
                     *_PLACES, e.IdempotencyKeyReused, e.IdempotencyInProgress, InvalidHeader)),
    Endpoint("GET", "/v1/requests", requests.list_requests, RIDERS, {200: RequestsOut}, query=RequestListQuery,
             raises=(e.InvalidCursor,)),
    Endpoint("GET", "/v1/requests/{request_id}", requests.read_request, RIDERS_AND_OPS, {200: RequestDetailOut},
             raises=(rq.RequestNotFound,)),
    Endpoint("DELETE", "/v1/requests/{request_id}", requests.take_request_back, RIDERS, {204: None},
             raises=(rq.RequestNotFound,)),
    Endpoint("GET", "/v1/requests/{request_id}/matches", requests.match_request, RIDERS, {200: MatchesOut},
             query=MatchesQuery,
             calls=Calls.SEARCH, raises=(rq.RequestNotFound, e.DepartureInPast, e.SharingRequired, *_PLACES)),
    Endpoint("GET", "/v1/offers/{offer_id}/requests", requests.requests_of_offer, DRIVERS_AND_OPS,
             {200: FittingRequestsOut},
             query=FittingQuery, calls=Calls.SEARCH, raises=(e.OfferNotFound,)),
    Endpoint("POST", "/v1/bookings", bookings.book_seats, RIDERS, {201: BookingOut}, body=BookingIn, headers=(_ONCE,),
             raises=(e.MatchTokenInvalid, e.InvalidField, b.OwnOffer, b.BookingExists, b.AskedTooOften, *_SEAT,
                     e.IdempotencyKeyReused, e.IdempotencyInProgress, InvalidHeader)),
    Endpoint("GET", "/v1/bookings", bookings.list_bookings, EVERYBODY, {200: BookingPageOut}, query=BookingListQuery,
             raises=(e.InvalidCursor,)),
    Endpoint("GET", "/v1/bookings/{booking_id}", bookings.read_booking, EVERYBODY, {200: BookingOut, 304: None},
             headers=(_IF_NONE_MATCH,), raises=(b.BookingNotFound, InvalidHeader)),
    Endpoint("PATCH", "/v1/bookings/{booking_id}", bookings.change_booking, EVERYBODY, {200: BookingOut},
             body=BookingPatch, media_types=MERGE_PATCH, headers=(_IF_MATCH,),
             raises=(b.BookingNotFound, b.MoveNotAllowed, e.InvalidField, *_SEAT, e.StaleVersion,
                     e.PreconditionRequired, InvalidHeader)),
    Endpoint("GET", "/v1/events", events.stream_events, EVERYBODY, {200: events.EVENT_STREAM}, headers=(_LAST_EVENT,),
             streams=True,
             raises=(ev.TooManyStreams, InvalidHeader)),
    Endpoint("POST", "/v1/webhooks", webhooks.create_webhook, EVERYBODY, {201: WebhookSecretOut}, body=WebhookIn,
             headers=(_ONCE,),
             raises=(ev.WebhookUrlRefused, ev.TooManyWebhooks, e.InvalidField, e.IdempotencyKeyReused,
                     e.IdempotencyInProgress,
                     InvalidHeader)),
    Endpoint("GET", "/v1/webhooks", webhooks.list_webhooks, EVERYBODY, {200: WebhooksOut}),
    Endpoint("GET", "/v1/webhooks/deliveries", webhooks.list_deliveries, EVERYBODY, {200: DeliveriesOut},
             query=DeliveryListQuery, raises=(e.InvalidCursor,)),
    Endpoint("POST", "/v1/webhooks/deliveries/{delivery_number}/replay", webhooks.replay_delivery, EVERYBODY,
             {202: DeliveryOut},
             raises=(ev.DeliveryNotFound,)),
    Endpoint("GET", "/v1/webhooks/{webhook_id}", webhooks.read_webhook, EVERYBODY, {200: WebhookOut},
             raises=(ev.WebhookNotFound,)),
    Endpoint("PATCH", "/v1/webhooks/{webhook_id}", webhooks.change_webhook, EVERYBODY, {200: WebhookOut},
             body=WebhookPatch,
             media_types=MERGE_PATCH, headers=(_IF_MATCH,),
             raises=(ev.WebhookNotFound, ev.WebhookUrlRefused, e.StaleVersion, e.PreconditionRequired, InvalidHeader)),
    Endpoint("DELETE", "/v1/webhooks/{webhook_id}", webhooks.delete_webhook, EVERYBODY, {204: None},
             raises=(ev.WebhookNotFound,)),
    Endpoint("POST", "/v1/webhooks/{webhook_id}/secret", webhooks.rotate_webhook_secret, EVERYBODY,
             {200: WebhookSecretOut},
             raises=(ev.WebhookNotFound, e.StaleVersion)),
    Endpoint("GET", "/v1/geocode", places.geocode, EVERYBODY, {200: PlacesOut}, query=GeocodeQuery,
             raises=(e.InvalidField, e.GeocoderUnavailable)),
    Endpoint("GET", "/v1/reverse", places.reverse, EVERYBODY, {200: PlacesOut}, query=ReverseQuery,
             raises=(e.GeocoderUnavailable,)),
    Endpoint("GET", "/v1/stats/matches", stats.match_statistics, OPERATORS, {200: MatchStatsOut}, query=StatsQuery,
             answer_types=stats.JSON_OR_CSV, raises=(e.InvalidWindow, e.InvalidField)),
    Endpoint("GET", "/v1/stats/demand", stats.demand_statistics, OPERATORS, {200: DemandOut}, query=DemandQuery,
             answer_types=stats.GEOJSON_OR_CSV, raises=(e.InvalidWindow, e.InvalidField)),
    Endpoint("GET", "/v1/stats/wanted", stats.wanted_statistics, OPERATORS, {200: WantedOut}, query=WantedQuery,
             answer_types=stats.JSON_OR_CSV, raises=(e.InvalidWindow, e.InvalidField)),
    Endpoint("GET", "/v1/stats/offers", stats.offer_statistics, OPERATORS, {200: SupplyStatsOut}, query=SupplyQuery,
             answer_types=stats.JSON_OR_CSV, raises=(e.InvalidWindow, e.InvalidField)),
    Endpoint("POST", "/v1/stats/replays", stats.replay_search, OPERATORS, {200: ReplayOut}, body=ReplayIn,
             calls=Calls.SEARCH, raises=(rq.SearchNotFound, e.InvalidWindow, e.InvalidField, *_PLACES)),
    Endpoint("GET", "/v1/me", people.read_profile, EVERYBODY, {200: ProfileOut, 304: None}, headers=(_IF_NONE_MATCH,),
             raises=(InvalidHeader,)),
    Endpoint("PATCH", "/v1/me", people.change_profile, EVERYBODY, {200: ProfileOut}, body=ProfilePatch,
             media_types=MERGE_PATCH, headers=(_MAY_CHANGE,),
             raises=(e.SharingInUse, e.StaleVersion, e.GenderClaimRequired, InvalidHeader)),
    Endpoint("DELETE", "/v1/me", people.erase_me, EVERYBODY, {204: None}, raises=(e.TripsStillOpen, e.StrongerKeyHeld)),
    Endpoint("GET", "/v1/me/export", people.export_me, EVERYBODY, {200: "application/json"},
             raises=(e.ExportRunning,)),
    Endpoint("GET", "/v1/me/blocks", people.list_blocks, EVERYBODY, {200: BlocksOut}),
    Endpoint("POST", "/v1/me/blocks", people.block_unnamed, EVERYBODY, {201: BlockOut}, body=BlockIn,
             raises=(e.InvalidField, e.OfferNotFound, b.BookingNotFound)),
    Endpoint("PUT", "/v1/me/blocks/{user}", people.block_user, EVERYBODY, {200: BlockOut}, raises=(e.InvalidField,)),
    Endpoint("DELETE", "/v1/me/blocks/{user}", people.unblock, EVERYBODY, {204: None}, raises=(e.InvalidField,)),
    Endpoint("GET", "/metrics", health.metrics, OPERATORS, {200: "text/plain"}),
    Page("/healthz", health.healthz, {200: AliveOut}),
    Page("/readyz", health.readyz, {200: ReadyOut, 503: ReadyOut}),
    Page("/", health.entrance, {200: EntranceOut}),
    Page("/openapi.json", docs.openapi, {200: "application/json"}),
    Page("/docs", docs.docs, {200: "text/html"}),
    Page("/docs/problems", docs.problems, {200: "text/html"}),
    Page("/docs/{asset}", docs.asset, {}),
)  # fmt: skip
