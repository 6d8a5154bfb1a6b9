"""When a provider is asked again, what a label is worth, and which questions are the same."""

from __future__ import annotations

import random

import pytest
from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderParseError,
    GeocoderQueryError,
    GeocoderQuotaExceeded,
    GeocoderRateLimited,
    GeocoderServiceError,
    GeocoderTimedOut,
)

from matcher.domain.place import BoundingBox, Coordinate
from matcher.geocoding.network.backoff import Backoff
from matcher.geocoding.network.cached import cache_key
from matcher.geocoding.words.likeness import likeness


def delays(error: GeocoderServiceError, failed: int, **settings: float) -> list[float | None]:
    backoff = Backoff(attempts=10, base_s=1.0, cap_s=6.0, patience_s=60.0, randomness=random.Random(1))
    return [backoff.delay_s(failed, error) for _ in range(300)]


@pytest.mark.parametrize(("failed", "ceiling"), [(0, 1.0), (1, 2.0), (2, 4.0), (3, 6.0), (8, 6.0)])
def test_delays_double_up_to_the_cap_and_fill_the_range(failed: int, ceiling: float) -> None:
    seen = [delay for delay in delays(GeocoderTimedOut("x"), failed) if delay is not None]
    assert len(seen) == 300
    assert 0.0 <= min(seen) < 0.1 * ceiling
    assert 0.9 * ceiling < max(seen) <= ceiling


def test_the_last_attempt_is_the_last() -> None:
    backoff = Backoff(attempts=3)
    assert backoff.delay_s(1, GeocoderTimedOut("x")) is not None
    assert backoff.delay_s(2, GeocoderTimedOut("x")) is None
    assert Backoff(attempts=1).delay_s(0, GeocoderTimedOut("x")) is None


@pytest.mark.parametrize(
    "error", [GeocoderQueryError, GeocoderAuthenticationFailure, GeocoderParseError, GeocoderQuotaExceeded]
)
def test_what_cannot_get_better_is_not_tried_again(error: type[GeocoderServiceError]) -> None:
    assert set(delays(error("x"), 0)) == {None}


def test_retry_after_is_obeyed_and_given_up_on_when_it_is_long() -> None:
    backoff = Backoff(attempts=3, base_s=0.0, patience_s=5.0)
    assert backoff.delay_s(0, GeocoderRateLimited("x", retry_after=4)) == 4.0
    assert backoff.delay_s(0, GeocoderRateLimited("x", retry_after=6)) is None
    assert backoff.delay_s(0, GeocoderRateLimited("x", retry_after=None)) == 0.0


@pytest.mark.parametrize(
    ("typed", "label", "low", "high"),
    [
        ("Av. Balmaceda, La Serena", "Avenida Balmaceda, La Serena, Elqui, Chile", 1.0, 1.0),
        ("Balmaseda", "Avenida Balmaceda", 0.85, 0.95),
        ("Los Carrera 450", "Los Carrera 452, La Serena", 0.5, 0.6),
        ("xyzzy", "Avenida Balmaceda", 0.0, 0.0),
        ("🚗", "anything", 1.0, 1.0),
    ],
)
def test_likeness_is_the_share_of_words_answered(typed: str, label: str, low: float, high: float) -> None:
    assert low - 1e-9 <= likeness(typed, label) <= high + 1e-9


def test_spellings_of_one_question_share_a_key() -> None:
    assert (
        cache_key("Av. Balmaceda,  LA SERENA")
        == cache_key("avenida balmaceda, la serena")
        == "avenida balmaceda, la serena"
    )
    assert cache_key("🚗") != cache_key("🚲")


@pytest.mark.parametrize(
    ("one", "other"), [("La Serena, Prat", "La Serena Prat"), ("Prat 1", "Prat 2"), ("Prat", "Calle Prat")]
)
def test_different_questions_have_different_keys(one: str, other: str) -> None:
    assert cache_key(one) != cache_key(other)


def test_a_bias_is_part_of_the_key_by_region() -> None:
    here, next_door, away = (Coordinate(lat=lat, lon=-71.25) for lat in (-29.911, -29.912, -29.5))
    assert cache_key("prat", here) == cache_key("prat", next_door)
    assert len({cache_key("prat"), cache_key("prat", here), cache_key("prat", away)}) == 3


def test_a_box_holds_its_border() -> None:
    box = BoundingBox(south=-30.0, west=-72.0, north=-29.0, east=-71.0)
    assert box.contains(Coordinate(lat=-30.0, lon=-71.0))
    assert not box.contains(Coordinate(lat=-30.001, lon=-71.0))
    assert box.contains(Coordinate(lat=-30.001, lon=-71.0), margin_deg=0.01)
