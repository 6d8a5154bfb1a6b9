"""A search that nobody waits for gives its thread back at the next step, and one that has not begun never begins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from matcher.wiring.warm import exercise
from tests.builders import a_ring, an_engine, an_offer
from tests.unit.search.test_find import Town, a_town


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    exercise(an_engine(a_ring()))


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


class _Gate:
    """Holds the first step of a search until it is opened, and counts what comes after."""

    def __init__(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()
        self.begun = self.later_steps = 0
        engine: Any = town.engine
        pack_drive, sweep, some_drives = engine.pack_drive, engine.sweep, engine.some_drives

        def drive(*arguments: Any) -> Any:
            self.begun += 1
            self.entered.release()
            self.opened.wait()
            return pack_drive(*arguments)

        def counted(step: Any) -> Any:
            def later(*arguments: Any, **named: Any) -> Any:
                self.later_steps += 1
                return step(*arguments, **named)

            return later

        monkeypatch.setattr(engine, "pack_drive", drive)
        monkeypatch.setattr(engine, "sweep", counted(sweep))
        monkeypatch.setattr(engine, "some_drives", counted(some_drives))


async def test_a_search_that_is_cancelled_frees_its_thread(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = a_town()
    town.publish(an_offer((0, 0.5), (2, 0.5)))
    monkeypatch.setattr(town.find_matches, "_executor", executor)
    gate = _Gate(town, monkeypatch)
    under_way = asyncio.create_task(town.search())
    await asyncio.to_thread(gate.entered.acquire)
    queued = asyncio.create_task(town.search())
    await asyncio.sleep(0)
    for search in (under_way, queued):
        search.cancel()
    await asyncio.gather(under_way, queued, return_exceptions=True)
    assert under_way.cancelled()
    assert queued.cancelled()
    gate.opened.set()
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(executor, lambda: "free") == "free"
    assert gate.begun == 1, "what waited in the queue never began"
    assert gate.later_steps == 0, "the one under way stopped at its next step"
    assert len((await town.search()).matches) == 1
    assert gate.later_steps > 0
