"""The table of background jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from matcher.events.bell import PostgresEventBell
from matcher.events.departures import PostgresDepartures
from matcher.events.store import PostgresEvents
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.geocoding.network.cache_store import PostgresGeocodeCache
from matcher.operation.jobs.loop import Job, ListeningJob, WakeUp, forgetting
from matcher.operation.rate_store import PostgresRateLimits
from matcher.postgres.change_feed import PostgresChangeFeed
from matcher.privacy.store import PostgresPersonalData
from matcher.search.live.follow import FollowChanges
from matcher.search.live.renew import RenewRegion
from matcher.search.requests.store import PostgresRequests
from matcher.statistics.search_store import PostgresSearchStore
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.bookings.tend import TendBookings
from matcher.trips.offers.expire import ExpireOffers
from matcher.wiring.events import EventServices
from matcher.wiring.ground import Ground

#: How long the answer to an Idempotency-Key is kept.
ANSWERS_KEPT = timedelta(hours=24)
#: Changes and events are read this often even without a notice: notices and connections can be lost.
_WITHOUT_NOTICE_S = 0.5
_TIDY_S = 300.0


@dataclass(frozen=True)
class Following:
    """Keeps the offers in memory and the region up to date; `look_now` makes it look at the region at once."""

    follow: FollowChanges
    renew: RenewRegion
    look_now: WakeUp


def background_jobs(
    ground: Ground,
    following: Following,
    events: EventServices,
    *,
    tend_series: Callable[[datetime], Awaitable[int]],
    match_requests: Callable[[datetime], Awaitable[bool]],
) -> list[Job | ListeningJob[Any]]:
    """Every job. `tend_series` and `match_requests` use the roads that are served at the time."""
    clock, database, chosen = ground.clock, ground.database, ground.settings
    feed, bell = PostgresChangeFeed(database.direct_url, ground.region), PostgresEventBell(database.direct_url)
    searches, search_log = ground.get(PostgresSearchStore), ground.search_log
    trips, data, log = ground.get(PostgresTrips), ground.get(PostgresPersonalData), ground.get(PostgresEvents)
    cache, rate_limits = ground.get(PostgresGeocodeCache), ground.get(PostgresRateLimits)
    rows_kept = _days(chosen.statistics.stats_rows_kept_days)
    departures, ahead = ground.get(PostgresDepartures), timedelta(minutes=chosen.events.departure_notice_min)

    async def match_all(_listener: object) -> None:
        while await match_requests(clock()):
            pass

    jobs: list[Job | ListeningJob[Any]] = [
        Job("the watch on the region", chosen.roads.region_watch_s, following.renew, following.look_now.wait),
        ListeningJob("following the changes of offers", _WITHOUT_NOTICE_S, following.follow.catch_up, feed.listening),
        ListeningJob("matching offers with requests", chosen.requests.requests_interval_s, match_all, feed.listening),
        ListeningJob("handing out events", _WITHOUT_NOTICE_S, lambda _: events.feed.catch_up(clock()), bell.listening),
        Job("looking for deliveries", 1.0, lambda _: events.deliver.send_due(), events.deliver.wait),
        Job("reminding of departures", 30.0, lambda now: departures.write_departures_soon(now, ahead)),
        Job("settling of offers", 1.0, lambda _: ground.writer.settle()),
        Job("expiry of offers", chosen.offers.expiry_interval_s, ExpireOffers(ground.offers, ground.live)),
        Job(
            "tending of bookings",
            chosen.bookings.booking_interval_s,
            TendBookings(trips, chosen.bookings.terms),
        ),
        Job("tending of series", chosen.series.series_interval_s, tend_series),
        Job("writing of searches", chosen.statistics.stats_write_interval_s, search_log.flush, search_log.wait),
        Job(
            "adding up of searches",
            chosen.statistics.stats_rollup_interval_s,
            lambda now: searches.add_up(now, rows_kept),
        ),
        Job(
            "housekeeping",
            _TIDY_S,
            forgetting(
                (ground.offers.forget_answers, ANSWERS_KEPT),
                (ground.offers.forget_changes, timedelta(seconds=chosen.storage.changes_kept_s)),
                (lambda now, _: cache.forget_expired(now), timedelta()),
                (lambda _now, limit: rate_limits.forget(limit), timedelta()),
            ),
        ),
        Job(
            "housekeeping of events",
            _TIDY_S,
            forgetting(
                (ground.get(PostgresDeliveries).forget_delivered, _days(chosen.events.deliveries_kept_days)),
                (log.forget_events, _days(chosen.events.events_kept_days)),
            ),
        ),
        Job(
            "retention",
            chosen.retention.retention_interval_s,
            forgetting(
                (trips.forget_bookings, _days(chosen.retention.bookings_kept_days)),
                (data.forget_offers, _days(chosen.retention.offers_kept_days)),
                (data.forget_series, _days(chosen.retention.offers_kept_days)),
                (ground.get(PostgresRequests).forget_requests, _days(chosen.retention.requests_kept_days)),
                (data.forget_keys, _days(chosen.retention.keys_kept_days)),
                (data.veil_erased, timedelta()),
            ),
        ),
    ]
    if database.start_again is not None:
        jobs.append(Job("the embedded database", 2.0, database.revive))
    return jobs


def _days(count: float) -> timedelta:
    return timedelta(days=count)
