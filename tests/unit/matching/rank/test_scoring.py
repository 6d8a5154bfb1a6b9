"""The score: a weighted sum of shares, whatever the weights."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.match import ScorePartName
from matcher.domain.offer import PREFERENCE_KEYS
from matcher.matching.index.encoding import preference_masks
from matcher.matching.rank.scoring import PartValues, ScoreWeights, agreement, describe_parts, falling

shares = st.floats(0, 1)
amounts = st.floats(0, 100)


def values(*parts: float) -> PartValues:
    return PartValues(*(np.array([part]) for part in parts))


@given(
    weights=st.lists(amounts, min_size=6, max_size=6).filter(lambda w: sum(w) > 1e-6), parts=st.tuples(*[shares] * 6)
)
def test_scores_and_weights_are_shares(weights: list[float], parts: tuple[float, ...]) -> None:
    chosen = ScoreWeights(*weights)
    assert sum(chosen.shares.values()) == pytest.approx(1.0)
    score = float(values(*parts).score(chosen)[0])
    assert 0.0 <= score <= 1.0
    told = describe_parts(parts, chosen, detour_s=1, overlap=2, shift_s=3, walk_s=4)
    assert sum(part.value * part.weight for part in told.values()) == pytest.approx(score, abs=3e-6)


def test_the_default_score_is_the_documented_sum() -> None:
    assert float(values(1, 1, 1, 1, 1, 1).score(ScoreWeights())[0]) == 1.0
    assert float(values(0.5, 0, 0, 0, 0, 0).score(ScoreWeights())[0]) == 0.2
    assert float(values(0, 0.5, 0, 0, 0, 0).score(ScoreWeights())[0]) == 0.15
    assert float(values(0, 0, 1, 0, 0, 0).score(ScoreWeights())[0]) == 0.1
    assert float(values(0, 0, 0, 1, 0, 0).score(ScoreWeights())[0]) == 0.1
    assert float(values(0, 0, 0, 0, 1, 0).score(ScoreWeights())[0]) == 0.05
    assert float(values(0, 0, 0, 0, 0, 1).score(ScoreWeights())[0]) == 0.05


def test_every_part_is_told_with_what_was_measured() -> None:
    parts = describe_parts(
        (0.9, 0.8, 0.7, 0.6, 0.5, 0.4), ScoreWeights(), detour_s=180, overlap=0.8, shift_s=-60, walk_s=720
    )
    assert list(parts) == [field.name for field in fields(PartValues)]
    assert {name: part.value for name, part in parts.items()} == {
        "detour": 0.9, "overlap": 0.8, "time": 0.7, "walk": 0.6, "preferences": 0.5, "price": 0.4,
    }  # fmt: skip
    detour = parts[ScorePartName.DETOUR]
    assert (detour.measured, detour.ceiling, detour.unit, detour.weight) == (180, 1800.0, "s", 0.4)
    assert parts[ScorePartName.TIME].measured == -60
    assert parts[ScorePartName.WALK].measured == 720
    assert parts[ScorePartName.OVERLAP].unit == "share"
    price = parts[ScorePartName.PRICE]
    assert (price.measured, price.ceiling, price.unit, price.weight) == (0.6, 1.0, "share", 0.05)


def test_a_part_falls_evenly_to_nothing_at_its_ceiling_early_or_late() -> None:
    amount = np.array([0, 900, -900, 1800, 5000])
    assert falling(amount, 1800.0).tolist() == [1.0, 0.5, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("rider", "driver", "agreed"),
    [
        ({}, {"smoking": True}, 1.0),
        ({"smoking": False}, {}, 1.0),
        ({"smoking": False}, {"smoking": False}, 1.0),
        ({"smoking": False}, {"smoking": True}, 0.0),
        ({"smoking": False, "pets": True}, {"smoking": True, "pets": True}, 0.5),
        ({"smoking": False, "pets": True, "music": True}, {"smoking": True, "talk": False}, 2 / 3),
        (dict.fromkeys(PREFERENCE_KEYS, True), dict.fromkeys(PREFERENCE_KEYS, False), 0.0),
    ],
)
def test_preferences_agree_where_nobody_is_contradicted(
    rider: dict[str, bool], driver: dict[str, bool], agreed: float
) -> None:
    stated, welcome = preference_masks(driver)
    found = agreement(*preference_masks(rider), np.array([stated], np.uint8), np.array([welcome], np.uint8))
    assert found.tolist() == [pytest.approx(agreed)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"detour": -0.1},
        {"walk": float("nan")},
        {"detour_ceiling_s": 0.0},
        {"time_ceiling_s": -1.0},
        {"walk_ceiling_s": float("nan")},
        dict.fromkeys(("detour", "overlap", "time", "walk", "preferences", "price"), 0.0),
    ],
)
def test_weights_that_make_no_score_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"weight|above 0"):
        ScoreWeights(**wrong)
