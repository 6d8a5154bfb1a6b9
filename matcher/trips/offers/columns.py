"""Reads all OPEN offers of a region fast: most as columns of a binary COPY, the others as rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.offer import PREFERENCE_KEYS, FeedPosition, Offer
from matcher.matching.base.positions import FRACTION_ONE
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import NO_PROMISE, OffersWithStops
from matcher.postgres.change_feed import position_of
from matcher.postgres.statements import Statements
from matcher.trips.offers.rows import to_offer

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_LOAD = Statements("load_offers")
_ROWS_A_CHUNK = 16_384
_STREAM_CHUNK = 2_000
#: A country's offers take half a minute; a statement's usual limit is for people who wait.
_TIMEOUT_S = 600.0

# PostgreSQL manual, COPY, "Binary Format": a signature, flags, and the length of a header extension that nobody uses.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_COLUMNS = {
    "id_high": ">u8", "id_low": ">u8", "version": ">i4", "driver": ">u8", "driver_rest": "V24",
    "origin_edge": ">i4", "origin_fraction": ">f8", "destination_edge": ">i4", "destination_fraction": ">f8",
    "depart_at": ">i8", "departure_shift_ms": ">i4", "flexibility_s": ">i4", "seats_left": ">i2", "max_detour_s": ">i4",
    "max_detour_m": ">i4", "stated": ">i8", "welcome": ">i8", "women": ">i4",
    "seats_offered": ">i2", "length_cm": ">i8", "price_minor": ">i4", "price_currency": "S3",
}  # fmt: skip
_COLUMNS_WITH_STOPS = _COLUMNS | {"duration_ms": ">i8", "booked": ">i4"}
_STOP_COLUMNS = {
    "id_high": ">u8", "id_low": ">u8", "edge": ">i4", "fraction": ">f8", "boarding": ">i4", "earliest_at": ">i8",
    "latest_at": ">i8",
}  # fmt: skip
#: These columns are the second part of the one before them, so no length stands in front of them.
_CONTINUED = {"id_low", "driver_rest"}


def _row_of(columns: Mapping[str, str]) -> np.dtype[np.void]:
    """A row on the wire: how many columns it has, and before each its length."""
    lengths = {name: [] if name in _CONTINUED else [(f"{name}_length", ">i4")] for name in columns}
    return np.dtype(
        [("fields", ">i2"), *(field for name, kind in columns.items() for field in (*lengths[name], (name, kind)))]
    )


_DIRECT, _WITH_STOPS, _STOP = _row_of(_COLUMNS), _row_of(_COLUMNS_WITH_STOPS), _row_of(_STOP_COLUMNS)
#: timestamptz counts microseconds from the year 2000.
_EPOCH_US = 946_684_800_000_000
_INFINITY_US = np.iinfo(np.int64).max


class OpenOffersInTransaction:
    """OpenOffers in a transaction that reads from one snapshot."""

    def __init__(
        self, connection: Connection, region: str, fingerprint: str, position: FeedPosition, count: int
    ) -> None:
        self._connection = connection
        self._region = region
        self._fingerprint = fingerprint
        self.position = position
        self.count = count

    @classmethod
    async def begin(cls, connection: Connection, region: str, fingerprint: str) -> OpenOffersInTransaction:
        """At the beginning of the transaction."""
        position = await position_of(connection)
        count = await _LOAD.value(connection, "count_open_offers", region=region)
        return cls(connection, region, fingerprint, position, count)

    async def direct(self, take: Callable[[DirectOffers], Awaitable[None]]) -> None:
        """Hand over, some ten thousand at a time, the trips without stops whose positions hold for the fingerprint.

        While `take` has not returned nothing is read; what it raises ends the reading.
        """

        async def as_columns(table: npt.NDArray[np.void]) -> None:
            await take(_to_columns(table))

        await self._copy("copy_direct_offers", _DIRECT, as_columns, preferences=list(PREFERENCE_KEYS))

    async def with_stops(self, take: Callable[[OffersWithStops], Awaitable[None]]) -> None:
        """The same for the trips with stops. What is read of all their stops is held meanwhile."""
        tables: list[npt.NDArray[np.void]] = []

        async def keep(table: npt.NDArray[np.void]) -> None:
            tables.append(table)

        await self._copy("copy_stops", _STOP, keep)
        stops = np.concatenate(tables) if tables else np.empty(0, _STOP)
        of_stops = _ids(stops)
        used = 0

        async def with_their_stops(table: npt.NDArray[np.void]) -> None:
            nonlocal used
            here, left = _ids(table), of_stops[used:]
            count = np.searchsorted(left, here, side="right") - np.searchsorted(left, here, side="left")
            mine = stops[used : used + int(count.sum())]
            _check(bool((left[: len(mine)] == np.repeat(here, count)).all()))
            used += len(mine)
            await take(_to_columns_with_stops(table, count, mine))

        await self._copy("copy_offers_with_stops", _WITH_STOPS, with_their_stops, preferences=list(PREFERENCE_KEYS))
        _check(used == len(stops))

    async def _copy(
        self,
        name: str,
        row: np.dtype[np.void],
        take: Callable[[npt.NDArray[np.void]], Awaitable[None]],
        **values: object,
    ) -> None:
        """Hand over what a query says, some ten thousand rows at a time.

        Raises DatabaseUnavailable when it comes in another form.
        """
        received = bytearray()
        expected = len(_HEADER)  # of the header, until it has been read
        fields = len([field for field in row.names or () if field.endswith("_length")])

        async def cut(rows: int) -> None:
            size = rows * row.itemsize
            table = np.frombuffer(bytes(received[:size]), dtype=row)
            del received[:size]
            _check(bool((table["fields"] == fields).all()))
            await take(table)

        async def sink(data: bytes) -> None:
            nonlocal expected
            received.extend(data)
            if expected and len(received) >= expected:
                _check(bytes(received[:expected]) == _HEADER)
                del received[:expected]
                expected = 0
            while not expected and len(received) >= _ROWS_A_CHUNK * row.itemsize + len(_TRAILER):
                await cut(_ROWS_A_CHUNK)

        await _LOAD.copy(
            self._connection,
            name,
            sink,
            timeout_s=_TIMEOUT_S,
            region=self._region,
            fingerprint=self._fingerprint,
            **values,
        )
        rest, left = divmod(len(received), row.itemsize)
        _check(not expected and left == len(_TRAILER) and received.endswith(_TRAILER))
        if rest:
            await cut(rest)

    async def others(self) -> AsyncIterator[Sequence[Offer]]:
        """The rest of them, in chunks."""
        cursor = await _LOAD.cursor(
            self._connection, "stream_other_offers", region=self._region, fingerprint=self._fingerprint
        )
        while rows := await cursor.fetch(_STREAM_CHUNK, timeout=_TIMEOUT_S):
            yield [to_offer(row) for row in rows]


def _ids(table: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """(k,) ids as 16 bytes, which compare as PostgreSQL orders them."""
    halves = np.stack([table["id_high"], table["id_low"]], axis=1).astype(">u8")
    return np.ascontiguousarray(halves).view("S16")[:, 0]


def _moment_ms(moment_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Milliseconds since the epoch, as `plan.to_ms` does it, to the last bit."""
    return np.rint((moment_us + _EPOCH_US) / 1e6 * 1000).astype(np.int64)


def _promise_ms(moment_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same; infinity, which is the largest number on the wire, for no promise."""
    never = moment_us == _INFINITY_US
    return np.where(never, NO_PROMISE, _moment_ms(np.where(never, 0, moment_us)))


def _to_columns_with_stops(
    table: npt.NDArray[np.void], count: npt.NDArray[np.int64], stops: npt.NDArray[np.void]
) -> OffersWithStops:
    return OffersWithStops(
        offers=_to_columns(table),
        duration_ms=table["duration_ms"].astype(np.int64),
        booked=table["booked"] != 0,
        stop_count=count.astype(np.int64),
        edge=stops["edge"].astype(np.int32),
        at=np.rint(stops["fraction"] * FRACTION_ONE).astype(np.int32),
        boarding=stops["boarding"].astype(np.int32),
        earliest_ms=_promise_ms(stops["earliest_at"].astype(np.int64)),
        latest_ms=_promise_ms(stops["latest_at"].astype(np.int64)),
    )


def _to_columns(table: npt.NDArray[np.void]) -> DirectOffers:
    columns = {name: table[name] for name in _COLUMNS}
    return DirectOffers.of_stored(columns | {"depart_ms": _moment_ms(table["depart_at"].astype(np.int64))})


def _check(as_expected: bool) -> None:
    if not as_expected:
        raise DatabaseUnavailable("the database returned offers in a format that this version does not support")
