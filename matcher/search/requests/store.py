"""Kept requests in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from matcher.domain.errors.requests import RequestNotFound, TooManyKeptRequests
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer
from matcher.domain.match import DEFAULT_LIMIT, WISHES, MatchRequest, TimeWindow, WindowKind
from matcher.events.event import Event, EventKind
from matcher.events.store import announce_events, write_events
from matcher.postgres.idempotency import find_answer, keep_answer
from matcher.postgres.statements import Statements
from matcher.postgres.store import KeysetPage, PostgresStore, from_row
from matcher.search.requests.kept_request import FoundOffer, KeptRequest
from matcher.trips.offers.rows import place_to_json, to_local, to_place

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection, Record

_REQUESTS = Statements("requests")
#: The snapshot before everything. Beside a request: it must be searched for.
NOTHING_SEEN = "1:1:"
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class FoundPair:
    """A request and the version of an offer that fits it."""

    request_id: UUID
    offer_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class ChangedOffers:
    """The offers that changed after a snapshot, each once, and the snapshot after them.

    `missed`: some changes cannot be told any more. `more`: there are further ones, which come after `seen`.
    """

    offer_ids: tuple[UUID, ...]
    seen: str
    missed: bool
    more: bool


class PostgresRequests(PostgresStore):
    """Kept requests, and whose turn it is to match them."""

    _statements = _REQUESTS

    async def insert(
        self,
        kept: KeptRequest,
        *,
        searched: str,
        shown: Sequence[UUID],
        most: int,
        answer: KeptAnswer | None = None,
    ) -> None:
        """Store a request, the offers its rider was shown, and the answer to the call.

        searched: the snapshot of the offers that were searched. Raises TooManyKeptRequests, AnsweredBefore,
        IdempotencyKeyReused.
        """
        async with self._connections.transaction() as connection:
            if answer is not None:
                await keep_answer(connection, answer, kept.created_at)
            await _REQUESTS.value(connection, "lock_rider", rider_id=kept.rider_id)
            waiting = await _REQUESTS.value(connection, "count_waiting", rider_id=kept.rider_id, now=kept.created_at)
            if waiting >= most:
                raise TooManyKeptRequests(f"{most} requests wait already: delete one you no longer need")
            await _REQUESTS.run(connection, "insert_request", searched=searched, **to_row(kept))
            if shown:
                await _REQUESTS.run(
                    connection, "note_shown", request_id=kept.id, offer_ids=list(shown), now=kept.created_at
                )

    async def require_new(self, request: IdempotencyRequest) -> None:
        """Raises AnsweredBefore, or IdempotencyKeyReused when the key was used for another call."""
        async with self._connections.connection() as connection:
            earlier = await find_answer(connection, request)
        if earlier is not None:
            raise AnsweredBefore(earlier)

    async def get(self, request_id: UUID) -> KeptRequest:
        """Raises RequestNotFound."""
        row = await self._row("get_request", id=request_id)
        if row is None:
            raise RequestNotFound("you have no request with this id")
        return to_kept(row)

    async def list_page(
        self, rider_id: str, limit: int, after: tuple[datetime, UUID] | None
    ) -> KeysetPage[KeptRequest]:
        """One rider's requests, oldest first."""
        rows = await self._rows(
            "list_requests", rider_id=rider_id, after_id=None if after is None else after[1], row_limit=limit + 1
        )
        return KeysetPage.of(map(to_kept, rows), limit, lambda kept: (kept.created_at, kept.id))

    async def found(self, request_id: UUID, limit: int) -> list[FoundOffer]:
        """The offers its rider was notified of, newest first."""
        rows = await self._rows("found_offers", id=request_id, row_limit=limit)
        return [FoundOffer(row["offer_id"], row["found_at"]) for row in rows]

    async def delete(self, request_id: UUID) -> None:
        """Raises RequestNotFound."""
        if not await self._run("delete_request", id=request_id):
            raise RequestNotFound("you have no request with this id")

    async def forget_requests(self, before: datetime, limit: int = _AT_ONCE) -> int:
        """Delete at most `limit` requests whose window ended before a moment; returns how many."""
        return await self._run("forget_requests", before=before, row_limit=limit)

    async def waiting(self, region: str, seen: str | None, now: datetime) -> tuple[list[KeptRequest], str]:
        """(waiting requests stored after the snapshot `seen`, all without one; the snapshot to continue from).

        A request stored between the two statements is returned twice.
        """
        async with self._connections.connection() as connection:
            after = str(await _REQUESTS.value(connection, "snapshot"))
            rows = await _REQUESTS.rows(
                connection, "waiting_requests", region=region, seen=seen or NOTHING_SEEN, now=now
            )
        return [to_kept(row) for row in rows], after

    async def present(self, request_ids: Sequence[UUID], now: datetime) -> dict[UUID, bool]:
        """The requests that still wait, and whether their riders share being women."""
        rows = await self._rows("present_requests", ids=list(request_ids), now=now)
        return {row["id"]: row["rider_is_woman"] for row in rows}

    @asynccontextmanager
    async def turn(self, region: str) -> AsyncIterator[PostgresTurn | None]:
        """A turn, all or nothing; None while another process has it. Raises DatabaseUnavailable."""
        told = False
        async with self._connections.transaction() as connection:
            if await _REQUESTS.value(connection, "take_turn", region=region):
                turn = PostgresTurn(connection, region)
                yield turn
                told = turn.told > 0
            else:
                yield None
        if told:
            async with self._connections.connection() as connection:
                await announce_events(connection)


class PostgresTurn:
    """One process matches: a transaction that holds the region's lock, so that all it notes is committed together."""

    def __init__(self, connection: Connection, region: str) -> None:
        self._connection = connection
        self._region = region
        self.told = 0

    async def progress(self) -> str | None:
        """The snapshot up to which all changes have been matched; None at the very first time."""
        seen: str | None = await _REQUESTS.value(self._connection, "progress", region=self._region)
        return seen

    async def changed(self, seen: str, most: int | None = None) -> ChangedOffers:
        """All offers that changed after a snapshot, or about the earliest `most`."""
        row = await _REQUESTS.row(self._connection, "changed_offers", seen=seen, region=self._region, most=most)
        assert row is not None
        if most is not None and row["is_too_much"]:
            return await self.changed(seen)
        return ChangedOffers(
            tuple(row["offer_ids"] or ()), row["seen"], missed=bool(row["is_missed"]), more=bool(row["is_more"])
        )

    async def unsettled(self, now: datetime, limit: int) -> list[tuple[UUID, str | None]]:
        """(id, snapshot that was searched for it, None when it must be searched for) of unsettled requests."""
        rows = await _REQUESTS.rows(
            self._connection, "unsettled_requests", region=self._region, now=now, row_limit=limit
        )
        return [(row["id"], None if row["searched"] == NOTHING_SEEN else row["searched"]) for row in rows]

    async def unsettle(self, now: datetime) -> int:
        """Have every waiting request searched for again; returns how many."""
        return await _REQUESTS.run(
            self._connection, "unsettle_requests", region=self._region, now=now, searched=NOTHING_SEEN
        )

    async def known(self, offer_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
        """By offer, the requests whose riders were notified of it."""
        known: dict[UUID, set[UUID]] = defaultdict(set)
        for row in await _REQUESTS.rows(self._connection, "known_pairs", offer_ids=list(offer_ids)):
            known[row["offer_id"]].add(row["request_id"])
        return known

    async def settle(self, request_ids: Sequence[UUID]) -> None:
        """Changes since their own searches have been matched with these requests."""
        await _REQUESTS.run(self._connection, "settle_requests", ids=list(request_ids))

    async def note_progress(self, seen: str) -> None:
        """All changes up to a snapshot have been matched."""
        await _REQUESTS.run(self._connection, "note_progress", region=self._region, seen=seen)

    async def tell(self, pairs: Sequence[FoundPair], riders: dict[UUID, str], now: datetime) -> int:
        """Notify riders of the pairs that still hold and are new to them; returns how many."""
        if not pairs:
            return 0
        rows = await _REQUESTS.rows(
            self._connection,
            "note_found",
            request_ids=[pair.request_id for pair in pairs],
            offer_ids=[pair.offer_id for pair in pairs],
            versions=[pair.version for pair in pairs],
            now=now,
        )
        events = [
            Event.of(
                EventKind.MATCH_FOUND,
                riders[row["request_id"]],
                row["offer_id"],
                f"match_found:{row['request_id']}:{row['offer_id']}",
                request_id=str(row["request_id"]),
                offer_id=str(row["offer_id"]),
            )
            for row in rows
        ]
        await write_events(self._connection, events, now)
        self.told += len(events)
        return len(events)


def to_kept(row: Record | Mapping[str, Any]) -> KeptRequest:
    """The request of a row; its window in the zone, else the UTC offset, it was given in."""
    earliest, latest = (
        to_local(row[column], row["window_offset_s"], row["window_zone"]) for column in ("earliest_at", "latest_at")
    )
    request = MatchRequest(
        rider_id=row["rider_id"],
        origin=to_place(row["origin"], ""),
        destination=to_place(row["destination"], ""),
        window=TimeWindow(earliest, latest),
        window_kind=WindowKind(row["window_kind"]),
        limit=DEFAULT_LIMIT,
        rider_is_woman=row["rider_is_woman"],
        **{name: row[name] for name in WISHES},
    )
    return from_row(KeptRequest, row, request=request)


def to_row(kept: KeptRequest) -> dict[str, object]:
    """The columns of a request, by name."""
    request = kept.request
    earliest = request.window.earliest
    offset = earliest.utcoffset()
    if offset is None:
        raise ValueError("a window needs an offset")
    return {
        "id": kept.id,
        "rider_id": request.rider_id,
        "region": kept.region,
        "region_fingerprint": kept.region_fingerprint,
        "origin": place_to_json(request.origin),
        "destination": place_to_json(request.destination),
        "window_kind": request.window_kind.value,
        "earliest_at": earliest,
        "latest_at": request.window.latest,
        "window_offset_s": round(offset.total_seconds()),
        "window_zone": earliest.tzinfo.key if isinstance(earliest.tzinfo, ZoneInfo) else None,
        **{name: getattr(request, name) for name in WISHES},
        "preferences": dict(request.preferences),
        "created_at": kept.created_at,
    }
