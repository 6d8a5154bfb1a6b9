"""Wires the use cases of series and the job that makes occurrences."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import Sharing
from matcher.places.resolve import ResolvePlaces
from matcher.postgres.pool import Connections
from matcher.roads.asked import RoadsByTime
from matcher.roads.region.slot_clock import zone_at
from matcher.settings.series import SeriesSettings
from matcher.trips.offers.cancel import CancelOffer
from matcher.trips.offers.change import ChangeOffer
from matcher.trips.series.change import ChangeSeries, ReadSeries
from matcher.trips.series.job import run_series
from matcher.trips.series.occurrences import MakeOccurrences
from matcher.trips.series.publish import PublishSeries, SeriesTerms
from matcher.trips.series.store import PostgresSeries
from matcher.trips.series.tend import TendSeries
from matcher.trips.writer import TripWriter


@dataclass(frozen=True)
class SeriesOfTrips:
    """What can be asked of series."""

    publish: PublishSeries
    change: ChangeSeries
    read: ReadSeries
    tend: TendSeries


def make_series(
    terms: SeriesTerms,
    connections: Connections,
    writer: TripWriter,
    roads: RoadsByTime,
    resolve_places: ResolvePlaces,
    change_offer: ChangeOffer,
    cancel_offer: CancelOffer,
    *,
    make_id: Callable[[], UUID],
    cost_sharing: CostSharing,
    sharing: Sharing,
) -> SeriesOfTrips:
    """The use cases of series on the roads of one version of a region."""
    series = PostgresSeries(connections, roads.name)
    make = MakeOccurrences(roads, resolve_places, make_id=make_id, cost_sharing=cost_sharing, sharing=sharing)
    tend = TendSeries(series, writer, make, terms, change_offer, cancel_offer)
    return SeriesOfTrips(
        publish=PublishSeries(series, writer, make, terms, make_id=make_id, zone_of=zone_at),
        change=ChangeSeries(series, tend, make, roads, resolve_places, horizon=terms.horizon),
        read=ReadSeries(series),
        tend=tend,
    )


def series_terms(settings: SeriesSettings, horizon: timedelta) -> SeriesTerms:
    """The terms of the settings; `horizon` is how far ahead a trip may be published."""
    ahead = min(timedelta(days=settings.series_ahead_days), horizon)
    return SeriesTerms(ahead, horizon, timedelta(seconds=settings.series_retry_s))


def series_loop(
    settings: SeriesSettings, present: Callable[[], SeriesOfTrips], *, clock: Callable[[], datetime]
) -> Coroutine[Any, Any, None]:
    """The loop of the clock; `present` is asked at each turn, as the roads may have been replaced."""
    return run_series(lambda: present().tend, every_s=settings.series_interval_s, clock=clock)
