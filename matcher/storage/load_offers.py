"""All OPEN offers of a region, read as fast as the wire allows: columns of a binary COPY for the many, rows for the few."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from matcher.domain.errors import DatabaseUnavailable
from matcher.domain.offer import PREFERENCE_KEYS, Offer
from matcher.matching.bulk_load import DirectOffers
from matcher.matching.plan import NO_LIMIT
from matcher.matching.positions import FRACTION_ONE
from matcher.services.ports import FeedPosition
from matcher.storage.change_feed import position_of
from matcher.storage.offer_rows import to_offer
from matcher.storage.statements import Statements

if TYPE_CHECKING:
    from matcher.storage.statements import Connection

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
}  # fmt: skip
#: These columns are the second part of the one before them, so no length stands in front of them.
_CONTINUED = {"id_low", "driver_rest"}
#: A row: how many columns it has, and before each its length.
_ROW = np.dtype(
    [("fields", ">i2")]
    + [
        field
        for name, kind in _COLUMNS.items()
        for field in ([] if name in _CONTINUED else [(f"{name}_length", ">i4")]) + [(name, kind)]
    ]
)
_FIELDS = len(_COLUMNS) - len(_CONTINUED)
#: timestamptz counts microseconds from the year 2000.
_EPOCH_US = 946_684_800_000_000


class OpenOffersInTransaction:
    """The OpenOffers of `matcher.services.ports`, in a transaction that reads from one snapshot."""

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
        """Hand over, some ten thousand at a time, the trips without stops whose road positions hold for the fingerprint asked for.

        While `take` has not returned nothing is read; what it raises ends the reading.
        """
        received = bytearray()
        expected = len(_HEADER)  # of the header, until it has been read

        async def sink(data: bytes) -> None:
            nonlocal expected
            received.extend(data)
            if expected and len(received) >= expected:
                _check(bytes(received[:expected]) == _HEADER)
                del received[:expected]
                expected = 0
            while not expected and len(received) >= _ROWS_A_CHUNK * _ROW.itemsize:
                await take(_to_columns(_cut(received, _ROWS_A_CHUNK)))

        await _LOAD.copy(
            self._connection,
            "copy_direct_offers",
            sink,
            timeout_s=_TIMEOUT_S,
            region=self._region,
            fingerprint=self._fingerprint,
            preferences=list(PREFERENCE_KEYS),
        )
        rest, left = divmod(len(received), _ROW.itemsize)
        _check(not expected and left == len(_TRAILER) and received.endswith(_TRAILER))
        if rest:
            await take(_to_columns(_cut(received, rest)))

    async def others(self) -> AsyncIterator[Sequence[Offer]]:
        """The rest of them, in chunks."""
        cursor = await _LOAD.cursor(
            self._connection, "stream_other_offers", region=self._region, fingerprint=self._fingerprint
        )
        while rows := await cursor.fetch(_STREAM_CHUNK, timeout=_TIMEOUT_S):
            yield [to_offer(row) for row in rows]


def _cut(received: bytearray, rows: int) -> npt.NDArray[np.void]:
    """The first rows, taken out of what was received."""
    size = rows * _ROW.itemsize
    table = np.frombuffer(bytes(received[:size]), dtype=_ROW)
    del received[:size]
    return table


def _to_columns(table: npt.NDArray[np.void]) -> DirectOffers:
    _check(bool((table["fields"] == _FIELDS).all()))
    # As `plan.to_ms` does it, to the last bit.
    published = np.rint((table["depart_at"] + _EPOCH_US) / 1e6 * 1000).astype(np.int64)
    limit_m = table["max_detour_m"].astype(np.int32)
    return DirectOffers(
        id_high=table["id_high"].astype(np.uint64),
        id_low=table["id_low"].astype(np.uint64),
        version=table["version"].astype(np.int32),
        driver=table["driver"].astype(np.uint64),
        origin_edge=table["origin_edge"].astype(np.int32),
        origin_at=np.rint(table["origin_fraction"] * FRACTION_ONE).astype(np.int32),
        destination_edge=table["destination_edge"].astype(np.int32),
        destination_at=np.rint(table["destination_fraction"] * FRACTION_ONE).astype(np.int32),
        published_ms=published,
        departure_ms=published + table["departure_shift_ms"],
        flexibility_s=table["flexibility_s"].astype(np.int32),
        seats=table["seats_left"].astype(np.uint8),
        max_detour_ms=table["max_detour_s"].astype(np.int32) * np.int32(1000),
        max_detour_cm=np.where(limit_m < 0, np.int32(NO_LIMIT), limit_m * np.int32(100)),
        stated=table["stated"].astype(np.uint8),
        welcome=table["welcome"].astype(np.uint8),
        women=table["women"].astype(np.uint8),
    )


def _check(as_expected: bool) -> None:
    if not as_expected:
        raise DatabaseUnavailable("the database sends offers in a form that this version does not know")
