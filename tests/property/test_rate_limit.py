"""GCRA against a simulation of what it promises: a bucket that holds a burst and is filled steadily."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from matcher.operation.rate_limits import RateLimit, room, take

LIMITS = st.builds(RateLimit, st.just("any"), st.sampled_from([1, 7, 60, 1000, 60_000]), st.integers(1, 50))
#: (microseconds since the call before, calls wanted)
CALLS = st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(1, 60)), max_size=60)


@given(LIMITS, CALLS)
def test_it_grants_what_a_bucket_holds(limit: RateLimit, calls: list[tuple[int, int]]) -> None:
    """A bucket of `burst` tokens, one more for each interval; never fuller than full. Exact, in fractions."""
    now_us, busy_until_us, tokens = 1_000_000_000, 0, Fraction(limit.burst)
    for pause_us, wanted in calls:
        now_us += pause_us
        tokens = min(Fraction(limit.burst), tokens + Fraction(pause_us, limit.interval_us))
        fits, wait_s = room(busy_until_us, now_us, limit)
        granted, busy_until_us = take(busy_until_us, now_us, limit, wanted)
        assert fits == int(tokens)
        assert granted == min(wanted, int(tokens))
        assert Fraction(round(wait_s * 1_000_000), 1) == (0 if fits else (1 - tokens) * limit.interval_us)
        tokens -= granted


@given(LIMITS, CALLS)
def test_never_more_than_the_limit_in_any_span(limit: RateLimit, calls: list[tuple[int, int]]) -> None:
    now_us, busy_until_us = 0, 0
    granted_at: list[tuple[int, int]] = []
    for pause_us, wanted in calls:
        now_us += pause_us
        granted, busy_until_us = take(busy_until_us, now_us, limit, wanted)
        granted_at.append((now_us, granted))
    for first, (begin_us, _) in enumerate(granted_at):
        total = 0
        for at_us, granted in granted_at[first:]:
            total += granted
            assert total <= limit.burst + (at_us - begin_us) // limit.interval_us + 1


@given(LIMITS, st.integers(0, 10**15), st.integers(0, 10**15))
def test_a_clock_that_jumps_keeps_nobody_out_for_longer_than_an_interval(
    limit: RateLimit, busy_until_us: int, now_us: int
) -> None:
    _, wait_s = room(busy_until_us, now_us, limit)
    assert 0 <= wait_s <= limit.interval_us / 1_000_000
    _, noted_us = take(busy_until_us, now_us, limit)  # whoever asks once has the moment put right
    granted, busy_again_us = take(noted_us, now_us + limit.interval_us, limit)
    assert granted == 1
    assert busy_again_us <= now_us + limit.interval_us * (limit.burst + 1)
