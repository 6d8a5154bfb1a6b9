"""Listens for notices that events were written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from matcher.postgres.change_feed import CHANNEL as CHANGES_OF_OFFERS
from matcher.postgres.listening import Notices, listening_on

EVENTS = "events"
_TIMEOUT_S = 3.0


class PostgresEventBell:
    """Listens on a connection of its own.

    A change of an offer rings as well: most events are written with one, and its notice comes after the commit of both.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Notices]:
        channels, name = (EVENTS, CHANGES_OF_OFFERS), "carpool-matcher events"
        async with listening_on(self._url, *channels, name=name, timeout_s=_TIMEOUT_S, make=Notices) as notices:
            yield notices
