"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.events.webhooks.webhook import JITTER, LONGEST_ASKED, STANDARD_PAUSES, SendingResult, pause_before_next

SECOND = timedelta(seconds=1)


def test_the_standard_schedule_is_ten_attempts_over_three_days() -> None:
    pauses = [pause_before_next(attempts, STANDARD_PAUSES, 0.0) for attempts in range(1, 12)]
    assert [None if pause is None else pause // SECOND for pause in pauses] == [
        5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, None, None,
    ]  # fmt: skip
    total = sum((pause for pause in pauses if pause is not None), timedelta())
    assert timedelta(days=3) < total < timedelta(days=3, hours=4)


@given(
    attempts=st.integers(1, 9),
    dice=st.floats(0, 1),
    asked=st.none() | st.timedeltas(min_value=timedelta(), max_value=timedelta(days=400)),
)
def test_a_pause_is_never_shorter_than_planned_nor_longer_than_jitter_or_what_was_asked(
    attempts: int, dice: float, asked: timedelta | None
) -> None:
    planned = STANDARD_PAUSES[attempts - 1]
    pause = pause_before_next(attempts, STANDARD_PAUSES, dice, asked)
    assert pause is not None
    assert pause >= planned
    assert pause >= min(asked or timedelta(), LONGEST_ASKED)
    assert pause <= max(planned * (1 + JITTER), min(asked or timedelta(), LONGEST_ASKED))


def test_jitter_spreads_receivers_that_come_back_together() -> None:
    assert pause_before_next(1, STANDARD_PAUSES, 0.0) == 5 * SECOND
    assert pause_before_next(1, STANDARD_PAUSES, 1.0) == 6 * SECOND


@pytest.mark.parametrize(("status", "taken", "gone"), [
    (200, True, False), (204, True, False), (299, True, False), (301, False, False), (400, False, False), (410, False,
     True),
    (500, False, False), (None, False, False),
])  # fmt: skip
def test_only_an_answer_of_2xx_is_taken(status: int | None, taken: bool, gone: bool) -> None:
    answer = SendingResult(status)
    assert (answer.is_taken, answer.is_gone) == (taken, gone)
