"""How many streams there may be, and that all of them end when the service stops."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from aiohttp import web

from api.event_streams import Streams
from matcher.domain.errors.events import TooManyStreams
from matcher.domain.errors.tree import Overloaded


class Ending:
    """A stream as far as a stop is concerned."""

    ended = False

    def end(self) -> None:
        """It is over."""
        self.ended = True


def test_streams_are_limited_in_all_and_for_each_user_and_room_comes_back() -> None:
    streams = Streams()
    with ExitStack() as stack:
        for user in ("a", "a", "b"):
            stack.enter_context(streams.one_more(user, most=4, most_per_user=2))
        with pytest.raises(TooManyStreams):
            stack.enter_context(streams.one_more("a", most=4, most_per_user=2))
        stack.enter_context(streams.one_more("c", most=4, most_per_user=2))
        with pytest.raises(Overloaded):
            stack.enter_context(streams.one_more("d", most=4, most_per_user=2))
        assert len(streams) == 4
    assert len(streams) == 0
    with streams.one_more("a", most=1, most_per_user=1):
        assert len(streams) == 1


async def test_a_stop_ends_what_is_open_and_what_would_be_opened() -> None:
    streams, early, gone, late = Streams(), Ending(), Ending(), Ending()
    with streams.ended_at_stop(gone):  # type: ignore[arg-type]
        pass
    with streams.ended_at_stop(early):  # type: ignore[arg-type]
        await streams.stop(web.Application())
        with streams.ended_at_stop(late):  # type: ignore[arg-type]
            pass
    assert (early.ended, late.ended, gone.ended) == (True, True, False)
    with pytest.raises(Overloaded), streams.one_more("a", most=9, most_per_user=9):
        pass
