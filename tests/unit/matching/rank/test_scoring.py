"""The score: a weighted sum of shares, whatever the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.match import ScorePartName
from matcher.domain.offer import PREFERENCE_KEYS
from matcher.matching.index.index import OfferIndex
from matcher.matching.rank.scoring import PARTS, Offered, ScoreWeights, agreement, part_value
from matcher.matching.scan.feasible import FOUND
from matcher.matching.scan.query import Query
from matcher.settings.matching import MatchingSettings
from tests.builders import NOW, a_request, a_ring, an_engine, an_offer

shares = st.floats(0, 1)
amounts = st.floats(0, 100)


def measured_of(values: Sequence[float]) -> tuple[float, ...]:
    """Amounts whose parts have these values."""
    return tuple(
        part.scaled(part.ceiling) * (value if part.more_is_better else 1 - value)
        for part, value in zip(PARTS, values, strict=True)
    )


def score(weights: ScoreWeights, amounts: Sequence[float]) -> float:
    return float(weights.score(np.array(amounts, dtype=np.float64)[:, None])[0])


@given(
    weights=st.lists(amounts, min_size=len(PARTS), max_size=len(PARTS)).filter(lambda w: sum(w) > 1e-6),
    parts=st.tuples(*[shares] * len(PARTS)),
)
def test_scores_and_weights_are_shares(weights: list[float], parts: tuple[float, ...]) -> None:
    chosen = ScoreWeights(**{part.name.value: weight for part, weight in zip(PARTS, weights, strict=True)})
    assert sum(chosen.shares) == pytest.approx(1.0)
    measured = measured_of(parts)
    total = score(chosen, measured)
    assert 0.0 <= total <= 1.0
    assert total == pytest.approx(sum(s * value for s, value in zip(chosen.shares, parts, strict=True)), abs=1e-6)
    told = chosen.describe(measured)
    assert sum(part.value * part.weight for part in told.values()) == pytest.approx(total, abs=3e-6)


def test_the_default_score_is_the_documented_sum() -> None:
    weights = ScoreWeights()
    for number, share in enumerate((0.4, 0.3, 0.1, 0.1, 0.05, 0.05)):
        only = [float(number == k) for k in range(len(PARTS))]
        assert score(weights, measured_of(only)) == share
        assert score(weights, measured_of([value / 2 for value in only])) == share / 2
    assert score(weights, measured_of([1.0] * len(PARTS))) == 1.0


def test_every_part_is_told_with_what_was_measured() -> None:
    parts = ScoreWeights().describe((180_000, 0.8, -60_000, 720_000, 0.5, 0.6))
    assert list(parts) == [part.name for part in PARTS]
    assert {name: part.value for name, part in parts.items()} == {
        "detour": 0.9, "overlap": 0.8, "time": 0.983333, "walk": 0.6, "preferences": 0.5, "price": 0.4,
    }  # fmt: skip
    detour = parts[ScorePartName.DETOUR]
    assert (detour.measured, detour.ceiling, detour.unit, detour.weight) == (180, 1800.0, "s", 0.4)
    assert parts[ScorePartName.TIME].measured == -60
    assert parts[ScorePartName.WALK].measured == 720
    assert parts[ScorePartName.OVERLAP].unit == "share"
    price = parts[ScorePartName.PRICE]
    assert (price.measured, price.ceiling, price.unit, price.weight) == (0.6, 1.0, "share", 0.05)


def test_every_part_of_an_answer_is_in_the_table_once_and_so_are_its_settings() -> None:
    assert sorted(part.name for part in PARTS) == sorted(ScorePartName)
    settings = MatchingSettings.model_fields
    told = {name: (field.default, field.description) for name, field in settings.items()}
    expected = {f"weight_{part.name}": (part.weight, f"weight of {part.counts}") for part in PARTS}
    expected |= {part.ceiling_name: (part.ceiling, part.ceiling_means) for part in PARTS if part.ceiling_means}
    assert {name: told[name] for name in told if name.startswith("weight_") or "_ceiling" in name} == expected


def test_a_part_falls_evenly_to_nothing_at_its_ceiling_early_or_late() -> None:
    amounts = (0, 900, -900, 1800, -1800, 5000)
    assert [part_value(amount, 1800.0, False) for amount in amounts] == [1.0, 0.5, 0.5, 0.0, 0.0, 0.0]
    assert [part_value(amount, 1800.0, True) for amount in amounts] == [0.0, 0.5, 0.0, 1.0, 0.0, 1.0]


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
    offer = an_offer(preferences=driver)
    index = OfferIndex(an_engine(a_ring()))
    index.put(offer)
    query = Query.of(replace(a_request(), preferences=rider), NOW)
    found = np.zeros(1, FOUND)
    offered = Offered(index.snapshot("nobody").rows, found, query, np.ones(1))
    assert agreement(offered).tolist() == [pytest.approx(agreed)]


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


def test_a_weight_of_no_part_is_refused() -> None:
    with pytest.raises(TypeError, match="beauty"):
        ScoreWeights(beauty=1.0)
    with pytest.raises(TypeError, match="overlap_ceiling_s"):
        ScoreWeights(overlap_ceiling_s=2.0)
