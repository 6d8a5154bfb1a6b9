"""Whose job runs next."""

from __future__ import annotations

from collections import defaultdict

from matcher.operation.fair_line import SLICE_S, FairLine


def served(line: FairLine[str], count: int, took: dict[str, float]) -> list[str]:
    """Whose jobs run, one after the other."""
    order = []
    for _ in range(count):
        taken = line.take(1)
        assert taken is not None
        order.append(taken[0])
        line.done(taken[0], took[taken[0]])
    return order


def test_callers_take_turns_by_the_time_they_are_given_and_not_by_how_much_they_ask_for() -> None:
    line: FairLine[str] = FairLine()
    for number in range(40):
        line.put("greedy", f"{number}")
    for number in range(8):
        line.put("modest", f"{number}")
    order = served(line, 20, {"greedy": 0.1, "modest": 0.02})
    first = order[: max(at for at, who in enumerate(order) if who == "modest") + 1]
    assert first.count("greedy") <= 3
    assert order.count("greedy") == 12, "what the other does not want is lent"


def test_the_jobs_of_one_caller_run_in_their_order() -> None:
    line: FairLine[int] = FairLine()
    for number in range(5):
        line.put("a", number)
    taken = [line.take(9) for _ in range(6)]
    assert taken == [*(("a", number) for number in range(5)), None]
    assert (len(line), line.running) == (0, 5)


def test_a_rest_saves_nothing_up() -> None:
    line: FairLine[str] = FairLine()
    line.put("late", "")
    assert line.take(1) == ("late", "")
    for number in range(100):
        line.put("busy", f"{number}")
    line.done("late", 0.01)
    served(line, 50, {"busy": 0.1})
    for number in range(20):
        line.put("late", f"{number}")
    assert served(line, 20, {"busy": 0.1, "late": 0.1}).count("late") <= 11


def test_nobody_waits_for_the_end_of_a_long_job_of_somebody_who_has_had_much() -> None:
    line: FairLine[str] = FairLine()
    for number in range(5):
        line.put("greedy", f"{number}")
    assert served(line, 2, {"greedy": 10 * SLICE_S}) == ["greedy"] * 2
    assert line.take(1) == ("greedy", "2")
    assert line.take(1) is None, "nobody else wants anything, and no processor is free"
    line.put("modest", "a")
    line.put("modest", "b")
    assert line.take(1) == ("modest", "a")
    assert line.take(1) is None, "one beyond the slots, not two"
    line.done("modest", 0.001)
    assert line.take(1) == ("modest", "b")


def test_nothing_is_remembered_of_callers_when_nobody_wants_anything() -> None:
    line: FairLine[str] = FairLine()
    line.put("a", "")
    assert served(line, 1, {"a": 100.0}) == ["a"]
    line.put("b", "")
    line.put("a", "")
    assert served(line, 2, {"a": 0.1, "b": 0.1}) == ["b", "a"], "who came first"


def test_no_more_is_remembered_than_is_needed_while_the_line_never_ends() -> None:
    line: FairLine[str] = FairLine()
    line.put("always there", "")
    for number in range(1000):
        line.put("always there", "")
        line.put(f"{number}", "")
        served(line, 2, defaultdict(lambda: 0.001))
    assert len(line) > 0
    assert line.remembered < 200
