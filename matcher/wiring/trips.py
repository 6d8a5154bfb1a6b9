"""Wires the use cases of offers, bookings and series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from matcher.people.store import PostgresPeople
from matcher.roads.region.slot_clock import zone_at
from matcher.search.live.region import ServedRegion
from matcher.settings.trips import SeriesSettings
from matcher.trips.bookings.book import BookSeats
from matcher.trips.bookings.change import ChangeBooking
from matcher.trips.bookings.read import ReadBookings
from matcher.trips.bookings.repository import TripRepository
from matcher.trips.offers.cancel import CancelOffer
from matcher.trips.offers.change import ChangeOffer
from matcher.trips.offers.publish import PublishOffer
from matcher.trips.offers.read import ReadOffers
from matcher.trips.planner import TripPlanner
from matcher.trips.planning import Planning
from matcher.trips.series.change import ChangeSeries, ReadSeries
from matcher.trips.series.occurrences import MakeOccurrences
from matcher.trips.series.publish import PublishSeries, SeriesTerms
from matcher.trips.series.store import PostgresSeries
from matcher.trips.series.tend import TendSeries
from matcher.wiring.ground import Ground


@dataclass(frozen=True)
class OfferServices:
    """The use cases of offers."""

    publish: PublishOffer
    change: ChangeOffer
    cancel: CancelOffer
    read: ReadOffers


@dataclass(frozen=True)
class BookingServices:
    """The use cases of bookings."""

    book_seats: BookSeats
    change_booking: ChangeBooking
    read_bookings: ReadBookings
    trips: TripRepository


@dataclass(frozen=True)
class SeriesServices:
    """The use cases of series."""

    publish: PublishSeries
    change: ChangeSeries
    read: ReadSeries
    tend: TendSeries


def make_trips(ground: Ground, region: ServedRegion) -> tuple[OfferServices, BookingServices, SeriesServices]:
    """Everything that changes a trip, on the roads of one version of the region."""
    roads, places, writer, make_id = region.roads, region.resolve_places, ground.writer, ground.make_id
    sharing, cost_sharing, horizon = ground.get(PostgresPeople), ground.cost_sharing, ground.horizon
    snap_limit_m = ground.settings.roads.snap_limit_m
    planner = TripPlanner(roads, region.fitted, snap_limit_m=snap_limit_m, public=places.public)
    planning, terms = Planning(planner, ground.executor), ground.settings.bookings.terms
    offers = OfferServices(
        publish=PublishOffer(
            writer, roads, places, make_id=make_id, horizon=horizon, cost_sharing=cost_sharing, sharing=sharing
        ),
        change=ChangeOffer(writer, planning, roads, places, horizon=horizon, cost_sharing=cost_sharing),
        cancel=CancelOffer(writer, terms),
        read=ReadOffers(ground.offers),
    )
    bookings = BookingServices(
        book_seats=BookSeats(
            writer,
            planning,
            tokens=ground.tokens,
            terms=terms,
            make_id=make_id,
            cost_sharing=cost_sharing,
            carbon=ground.carbon,
            blocks=ground.blocks,
            note_booked=ground.search_log.booked,
        ),
        change_booking=ChangeBooking(writer, planning, terms=terms, carbon=ground.carbon),
        read_bookings=ReadBookings(writer.bookings),
        trips=writer.bookings,
    )
    ahead = series_terms(ground.settings.series, horizon)
    series = PostgresSeries(ground.database.pool, ground.region)
    make = MakeOccurrences(roads, places, make_id=make_id, cost_sharing=cost_sharing, sharing=sharing)
    tend = TendSeries(series, writer, make, ahead, offers.change, offers.cancel)
    repeated = SeriesServices(
        publish=PublishSeries(series, writer, make, ahead, make_id=make_id, zone_of=zone_at),
        change=ChangeSeries(series, tend, make, roads, places, horizon=horizon),
        read=ReadSeries(series, places),
        tend=tend,
    )
    return offers, bookings, repeated


def series_terms(settings: SeriesSettings, horizon: timedelta) -> SeriesTerms:
    """The terms of the settings; `horizon` is how far ahead a trip may be published."""
    ahead = min(timedelta(days=settings.series_ahead_days), horizon)
    return SeriesTerms(ahead, horizon, timedelta(seconds=settings.series_retry_s))
