"""Checks that what is stored, and what a search would answer now, holds.

Reads only. Nothing here takes a distance, a seat or a time from the index, the hierarchy or the pipeline: they are what
is checked.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from matcher.check.bookings import PostgresBookingLedger
from matcher.check.match import MeetingEnd, Rider, verify_match, verify_walk
from matcher.check.offer import DrivenOffer, Findings, Violation, drive_offer, verify_offer
from matcher.check.plain_dijkstra import PlainDijkstra
from matcher.check.roads import RoadPiece
from matcher.check.store import PostgresStoredOffers
from matcher.domain.clock import later
from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.domain.offer import NO_PREFERENCES, Offer
from matcher.domain.place import Place, RoadPosition
from matcher.matching.pipeline import Candidate
from matcher.places.where_to_meet import MeetingPlaces
from matcher.progress import Progress, no_progress
from matcher.trips.writer import OpenOfferIndex

T = TypeVar("T")

_PAGE = 400
_SHARES = 4
_MATCHES = 10
#: How far every third rider of a sample walks at each end.
_WALK_M = 800


class PlainRoadsByTime(Protocol):
    """The road graph at every hour of the week."""

    def at(self, departure: datetime) -> PlainDijkstra:
        """The roads for a trip that leaves at this moment; the same object for the same speeds."""


@dataclass(frozen=True, slots=True)
class Searches:
    """The searches that are checked, and the index that they run on; CPU work.

    find: the best first, so many at most. where_to_meet: for riders who walk; nobody walks without it.
    prices: `ScoreWeights.prices`, of a millisecond of detour and of walk.
    """

    index: OpenOfferIndex
    find: Callable[[MatchRequest, MeetingPlaces, datetime, int], Sequence[Candidate]]
    where_to_meet: Callable[[MatchRequest], MeetingPlaces] | None = None
    prices: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class CheckReport:
    """What was checked, and what does not hold. `outdated`: OPEN offers positioned on an older import, not checked."""

    offers: int = 0
    outdated: int = 0
    bookings: int = 0
    searches: int = 0
    matches: int = 0
    findings: Findings = field(default_factory=Findings)

    @property
    def violations(self) -> list[Violation]:
        """In the order in which they were found."""
        return self.findings.violations


class CheckPromises:
    """Recomputes the promises of every OPEN offer of a region, and those of the matches of a sample of searches."""

    def __init__(
        self,
        offers: PostgresStoredOffers,
        roads: PlainRoadsByTime,
        searches: Searches,
        executor: Executor,
        *,
        region: str,
        fingerprint: str,
        bookings: PostgresBookingLedger | None = None,
    ) -> None:
        self._offers = offers
        self._roads = roads
        self._searches = searches
        self._executor = executor
        self._region = region
        self._bookings = bookings
        self._fingerprint = fingerprint

    async def __call__(self, now: datetime, *, sample: int, seed: int, progress: Progress = no_progress) -> CheckReport:
        """The report. `sample` searches are made of offers that have not left yet, drawn by `seed`.

        Raises DatabaseUnavailable.
        """
        report = CheckReport()
        if self._bookings is not None:
            progress("checking bookings")
            report.bookings, found = await self._bookings.check(self._region)
            report.findings.add(found)
        random_ = random.Random(seed)  # noqa: S311  # a sample that can be drawn again, not a secret
        drawn: list[Offer] = []
        open_now = 0
        async for offer in self._sound_offers(report, progress):
            if later(offer.departure, timedelta(seconds=offer.flexibility_s)) <= now:
                continue
            # Every offer is as likely as any other to be in the sample, however many there are (reservoir sampling).
            open_now += 1
            if len(drawn) < sample:
                drawn.append(offer)
            elif (k := random_.randrange(open_now)) < sample:
                drawn[k] = offer
        for number in range(1, sample + 1 if drawn else 1):
            progress("checking matches", number - 1, sample)
            await self._check_search(report, number, drawn[(number - 1) % len(drawn)], random_, now)
        return report

    async def _sound_offers(self, report: CheckReport, progress: Progress) -> AsyncIterator[Offer]:
        """Check every offer; those that can be driven are put in the index, and come out."""
        progress("checking offers")
        count = await self._offers.count(self._region)
        after: tuple[datetime, UUID] | None = None
        while True:
            page = await self._offers.page(self._region, limit=_PAGE, after=after)
            for unreadable in page.unreadable:
                report.offers += 1
                report.findings.expect("can be read", False, unreadable.offer_id, "an offer", unreadable.reason)
            present = [offer for offer in page.offers if offer.region_fingerprint == self._fingerprint]
            report.outdated += len(page.offers) - len(present)
            shares = [present[k::_SHARES] for k in range(_SHARES)]
            for found, sound in await asyncio.gather(*(self._run(self._verify, share) for share in shares)):
                report.findings.add(found)
                for offer in sound:
                    yield offer
            report.offers += len(present)
            progress("checking offers", report.offers + report.outdated, count)
            after = page.next_cursor
            if after is None:
                return

    def _verify(self, offers: Sequence[Offer]) -> tuple[Findings, list[Offer]]:
        findings, sound = Findings(), []
        for offer in offers:
            found, driven = verify_offer(self._roads.at(offer.departure), offer)
            findings.add(found)
            if driven is not None:
                self._searches.index.put(offer)
                sound.append(offer)
        return findings, sound

    async def _check_search(
        self, report: CheckReport, number: int, offer: Offer, random_: random.Random, now: datetime
    ) -> None:
        here = self._roads.at(offer.departure)
        driven = await self._run(drive_offer, here, offer)
        request = None if driven is None else a_rider_along(here, driven, random_)
        rider = None if request is None else await self._run(Rider.of, here, number, request)
        if request is None or rider is None:
            return
        places, where_to_meet = MeetingPlaces(), self._searches.where_to_meet
        if where_to_meet is not None and number % 3 == 0:
            request = replace(request, max_walk_m=_WALK_M)
            places = await self._run(where_to_meet, request)
        claims = await self._run(self._searches.find, request, places, now, _MATCHES)
        riders = {here: rider}
        report.searches += 1
        for claim in claims:
            claimed = await self._offers.find(claim.offer_id)
            if claimed is None or claimed.version != claim.version:  # changed since: a search does not show it
                continue
            report.matches += 1
            roads = self._roads.at(claimed.departure)
            if roads not in riders:
                there = await self._run(Rider.of, roads, number, request)
                assert there is not None, "who has a way at one hour has it at every hour"
                riders[roads] = there
            matched = await self._run(drive_offer, roads, claimed)
            if report.findings.expect(
                "match: can be driven", matched is not None, claim.offer_id, "a way through all stops", "none", number
            ):
                verify = self._verify_claim
                report.findings.add(await self._run(verify, roads, matched, riders[roads], places, claim, now))

    def _verify_claim(
        self,
        roads: PlainDijkstra,
        driven: DrivenOffer,
        rider: Rider,
        places: MeetingPlaces,
        claim: Candidate,
        now: datetime,
    ) -> Findings:
        if not places.pickups:
            return verify_match(driven, rider, claim, now)
        pickups, dropoffs = (
            [MeetingEnd(stop.position, stop.walk_ms, roads.tree(stop.position)) for stop in side]
            for side in (places.pickups, places.dropoffs)
        )
        return verify_walk(driven, rider, (pickups, dropoffs), claim, now, self._searches.prices)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)


def a_rider_along(roads: PlainDijkstra, driven: DrivenOffer, random_: random.Random) -> MatchRequest | None:
    """A request for a random part of a driver's way, at about that time; None when the way is too short for that."""
    pieces: list[RoadPiece] = [piece for leg in driven.legs for piece in leg.pieces]
    length_cm = sum(leg.cm for leg in driven.legs)
    begin_cm, end_cm = sorted(random_.randint(0, length_cm) for _ in range(2))
    origin, destination = point_at(roads, pieces, begin_cm), point_at(roads, pieces, end_cm)
    if origin == destination:
        return None
    kind = random_.choice(list(WindowKind))
    share = (end_cm if kind is WindowKind.ARRIVAL else begin_cm) / max(1, length_cm)
    there = driven.planned[0] + share * (driven.planned[-1] - driven.planned[0])
    width = timedelta(minutes=random_.choice([5, 15, 30, 60]))
    places = [Place(roads.locate(position), "", position, 0.0) for position in (origin, destination)]
    return MatchRequest(
        rider_id="carpool check",
        origin=places[0],
        destination=places[1],
        window=TimeWindow(there - width, there + width),
        window_kind=kind,
        seats=1,
        max_walk_m=0,
        limit=_MATCHES,
        preferences=NO_PREFERENCES,
    )


def point_at(roads: PlainDijkstra, pieces: Iterable[RoadPiece], ahead_cm: int) -> RoadPosition:
    """The position that is reached after driving `ahead_cm` along the pieces; their end when they are shorter."""
    position: RoadPosition | None = None
    for piece in pieces:
        whole_cm = max(1, roads.length_cm(piece.edge))
        step_cm = piece.end_cm - piece.begin_cm
        at_cm = piece.begin_cm + min(ahead_cm, step_cm)
        share = min(1.0, at_cm / whole_cm)
        position = RoadPosition(piece.edge, share if piece.forward else 1.0 - share)
        if ahead_cm <= step_cm:
            return position
        ahead_cm -= step_cm
    if position is None:
        raise ValueError("a drive has at least one piece")
    return position
