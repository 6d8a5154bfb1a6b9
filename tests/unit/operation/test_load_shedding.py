"""Which searches are let in: what a queue does under load, in simulated time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from matcher.domain.errors.tree import Overloaded
from matcher.operation.compute_threads import NOBODY
from matcher.operation.load_shedding import CALM_S, RUSH_S, ControlledDelay, SearchGate

TARGET_S, LIMIT_S = 0.02, 0.25


def stands(delay: ControlledDelay) -> bool:
    return delay.standing


def test_what_is_within_the_target_is_always_let_in() -> None:
    delay = ControlledDelay(TARGET_S, LIMIT_S)
    assert all(delay.admits(TARGET_S, now_s) for now_s in range(100))
    assert not stands(delay)


def test_a_rush_may_queue_and_what_stands_may_not() -> None:
    delay = ControlledDelay(TARGET_S, LIMIT_S)
    assert delay.admits(0.2, 0.0)
    assert delay.admits(LIMIT_S, RUSH_S / 2)
    assert not delay.admits(LIMIT_S + 0.01, RUSH_S / 2)
    assert not delay.admits(0.05, RUSH_S)
    assert stands(delay)
    assert delay.admits(0.0, RUSH_S + 0.01)
    assert stands(delay), "one that finds nobody may be lucky"
    assert not delay.admits(0.05, RUSH_S + 0.02)
    assert delay.admits(TARGET_S, RUSH_S + 0.02 + CALM_S)
    assert not stands(delay)
    assert delay.admits(0.2, 10.0), "another rush"


def test_two_rushes_with_a_pause_between_them_are_not_a_standing_queue() -> None:
    delay = ControlledDelay(TARGET_S, LIMIT_S)
    for second in range(10):
        assert delay.admits(0.2, float(second))
        assert delay.admits(0.01, second + RUSH_S / 2)
    assert not stands(delay)


def test_what_takes_long_by_nature_may_wait_for_one_of_its_kind() -> None:
    delay = ControlledDelay(TARGET_S, LIMIT_S)
    assert all(delay.admits(0.5, now_s / 10, at_least_s=0.5) for now_s in range(20))
    assert not stands(delay)


class Machine:
    """Threads that compute, in simulated time: each search takes them in turn."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.busy_s = 0.0
        self.pending = 0
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def pending_of(self, who: str) -> int:
        return 0 if who else self.pending


def simulate(
    rate: float, mean_s: float, seconds: float, threads: int = 2, *, elsewhere_s: float = 0.0
) -> tuple[list[float], int, float]:
    """(time of each admitted search, number refused, share of time that threads were busy), first come first served."""
    draw = random.Random(7)
    machine = Machine(threads)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    free_at = [0.0] * threads
    took: list[float] = []
    refused = 0
    leaving: list[tuple[float, float, ExitStack]] = []

    def arrivals() -> Iterator[float]:
        at_s = 0.0
        while (at_s := at_s + draw.expovariate(rate)) < seconds:
            yield at_s

    for at_s in arrivals():
        leaving.sort(key=lambda one: one[0])
        while leaving and leaving[0][0] <= at_s:
            machine.now_s, work_s, search = leaving.pop(0)
            machine.busy_s += work_s
            search.close()
        machine.now_s = at_s
        search = ExitStack()
        try:
            meter = search.enter_context(gate.one_more())
        except Overloaded:
            refused += 1
            continue
        work_s = draw.expovariate(1 / mean_s)
        thread = min(range(threads), key=free_at.__getitem__)
        meter.waited_s = max(0.0, free_at[thread] - at_s)
        free_at[thread] = max(free_at[thread], at_s) + work_s
        took.append(free_at[thread] + elsewhere_s - at_s)
        meter.cpu_s = work_s
        leaving.append((free_at[thread] + elsewhere_s, work_s, search))
    for _, _, search in leaving:
        search.close()
    assert gate.wait_of(NOBODY) == 0.0
    return took, refused, (machine.busy_s / threads) / seconds


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def test_below_capacity_next_to_nobody_is_refused() -> None:
    took, refused, _ = simulate(rate=240, mean_s=0.005, seconds=60)
    assert refused < 0.002 * len(took)


@pytest.mark.parametrize("times", [1.5, 3.0, 10.0])
def test_above_capacity_those_let_in_stay_fast_and_the_threads_busy(times: float) -> None:
    """Alone, a search takes 5 ms on average and 23 ms at the 99th percentile."""
    took, refused, busy = simulate(rate=400 * times, mean_s=0.005, seconds=90 / times)
    settled = took[len(took) // 20 :]
    assert percentile(settled, 0.5) < 0.035
    assert percentile(settled, 0.99) < 0.065
    assert busy > 0.93
    assert refused > 0.8 * (1 - 1 / times) * (len(took) + refused)


def test_searches_that_are_slow_by_nature_are_served_too() -> None:
    took, refused, busy = simulate(rate=20, mean_s=0.2, seconds=120)
    assert busy > 0.85
    assert percentile(took, 0.5) < 0.6
    assert refused


def test_answers_that_come_slowly_make_others_wait_though_the_processors_are_idle() -> None:
    machine = Machine(1)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)

    def begin() -> ExitStack:
        search = ExitStack()
        meter = search.enter_context(gate.one_more())
        meter.cpu_s, meter.waited_s = 0.002, 0.05
        return search

    searches = [begin(), begin()]

    def again_and_again() -> None:
        for _ in range(50):
            machine.now_s += 0.05
            searches.pop(0).close()
            searches.append(begin())

    with pytest.raises(Overloaded):
        again_and_again()
    assert len(searches) == 1
    assert gate.wait_of(NOBODY) > TARGET_S
    searches.pop().close()
    for _ in range(100):
        search = begin()
        machine.now_s += 0.003
        search.close()
    with gate.one_more():
        assert gate.wait_of(NOBODY) < 0.003, "it is over"


def test_what_takes_long_elsewhere_without_anybody_waiting_is_no_queue() -> None:
    """A database 50 ms away. At three quarters of what the processors can do many calls are under way."""
    took, refused, _ = simulate(rate=300, mean_s=0.005, seconds=30, elsewhere_s=0.05)
    assert refused < 0.005 * len(took)
    took, refused, busy = simulate(rate=1200, mean_s=0.005, seconds=30, elsewhere_s=0.05)
    settled = took[len(took) // 20 :]
    assert busy > 0.9
    assert percentile(settled, 0.5) < 2.2 * 0.055
    assert percentile(settled, 0.95) < 3 * 0.055


def test_changes_are_refused_when_the_processors_are_behind_by_more_than_a_rush() -> None:
    machine = Machine(2)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    for _ in range(100):
        with gate.one_more() as meter:
            meter.cpu_s = 0.01
    machine.pending = 1
    assert gate.wait_of(NOBODY) == 0.0
    machine.pending = 50
    assert gate.wait_of(NOBODY) == pytest.approx(0.245, rel=0.01)
    gate.check_change()
    gate.check()
    machine.now_s += RUSH_S
    with pytest.raises(Overloaded, match="searches"):
        gate.check()
    gate.check_change()
    machine.pending = 103
    with pytest.raises(Overloaded, match="changes"):
        gate.check_change()


def test_searches_wait_for_changes_as_well() -> None:
    machine = Machine(1)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    for _ in range(100):
        with gate.one_more() as meter:
            meter.cpu_s = 0.01
    with ExitStack() as changes:
        for _ in range(5):
            changes.enter_context(gate.one_change())
        assert gate.wait_of(NOBODY) == pytest.approx(0.05, rel=0.01)
    assert gate.wait_of(NOBODY) == 0.0


def test_what_changes_take_of_the_processors_is_not_what_a_search_takes() -> None:
    machine = Machine(1)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    for _ in range(100):
        machine.busy_s += 1.0
        with gate.one_more() as meter:
            meter.cpu_s = 0.01
    with gate.one_more():
        assert gate.wait_of(NOBODY) == pytest.approx(0.01, rel=0.01)


def test_a_search_that_fails_is_no_longer_under_way() -> None:
    machine = Machine(1)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    search = gate.one_more()
    search.__enter__()
    assert gate.wait_of(NOBODY) > 0
    assert not search.__exit__(ValueError, ValueError("x"), None), "the error goes on"
    assert gate.wait_of(NOBODY) == 0.0


def enter(stack: ExitStack, searches: Iterable[AbstractContextManager[object]]) -> None:
    for search in searches:
        stack.enter_context(search)


def test_who_asks_for_much_waits_for_themselves_and_others_do_not() -> None:
    machine = Machine(2)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    for who, cpu_s in (("greedy", 0.1), ("modest", 0.005)):
        for _ in range(100):
            with gate.one_more(who) as meter:
                meter.cpu_s = cpu_s
    with ExitStack() as searches:
        with pytest.raises(Overloaded, match="you have too many"):
            enter(searches, (gate.one_more("greedy") for _ in range(16)))
        assert gate.wait_of("greedy") > 0.1
        assert gate.wait_of("modest") == 0.0
        machine.now_s += RUSH_S
        with pytest.raises(Overloaded, match="you have too many"):
            gate.check("greedy")
        gate.check("modest")
        searches.enter_context(gate.one_more("modest"))
        assert gate.wait_of("modest") < 0.01
    gate.check("greedy")


def test_many_who_ask_for_little_share_what_there_is_and_the_last_to_come_are_refused() -> None:
    machine = Machine(2)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    with ExitStack() as searches:
        with pytest.raises(Overloaded, match="at the moment"):
            enter(searches, (gate.one_more(f"user {number}") for number in range(1000)))
        assert TARGET_S < gate.expected_wait_s < LIMIT_S + 0.01


def test_calls_that_compute_next_to_nothing_do_not_make_the_processors_look_slow() -> None:
    machine = Machine(2)
    gate = SearchGate(machine, target_s=TARGET_S, limit_s=LIMIT_S, clock=machine.clock)
    for _ in range(100):
        with gate.one_more("modest") as meter:
            meter.cpu_s = 0.01
    cheap = [ExitStack() for _ in range(3)]
    for search in cheap:
        search.enter_context(gate.one_more("greedy"))
    for _ in range(100):
        machine.now_s += 0.004
        cheap.pop(0).close()
        cheap.append(ExitStack())
        cheap[-1].enter_context(gate.one_more("greedy"))
    with gate.one_more("modest"):
        assert gate.wait_of("modest") < TARGET_S
    for search in cheap:
        search.close()
