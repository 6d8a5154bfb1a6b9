"""Whether distances come from a sweep or for some offers alone, and whether rows go through sieves, changes no
answer.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings

from matcher.matching.pipeline import Candidates
from matcher.matching.scan import door
from matcher.roads.engine import RoadEngine
from tests.examples import examples
from tests.property.scenarios import Scenario, scenarios
from tests.property.test_matcher_oracle import an_index, search

NEVER, ALWAYS = -1, 10**9


def answers(scenario: Scenario, few: int, sieves_from: int) -> Candidates:
    """The pipeline's answer when so many offers are few, and when sieves are used from so many on.

    Codes of the drive are left out.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RoadEngine, "few_offers", few)
        patch.setattr(door, "WORTH_SIEVES", sieves_from)
        found = search(an_index(scenario), scenario.request, limit=50)
    return replace(found, drives=())


@settings(max_examples=examples(50))
@given(scenario=scenarios(max_offers=8, booked=0.4))
def test_every_way_of_getting_distances_gives_the_same_answer(scenario: Scenario) -> None:
    by_sweep = answers(scenario, NEVER, ALWAYS)
    for few, sieves_from in itertools.product((ALWAYS, 2), (ALWAYS, 0)):
        assert answers(scenario, few, sieves_from) == by_sweep


@settings(max_examples=examples(25))
@given(scenario=scenarios(max_offers=8, booked=0.4))
def test_nothing_is_read_of_nodes_that_nobody_needs(scenario: Scenario) -> None:
    """What lies in memory there, as near or as far as can be, leaves the answer as it is."""
    expected = answers(scenario, NEVER, ALWAYS)
    settled = RoadEngine.some_drives

    for poison, sieves_from in itertools.product((0, 1 << 40, 1 << 61), (ALWAYS, 0)):

        def some_drives(self, pickup, dropoff, *, both, poison=poison):  # type: ignore[no-untyped-def]
            for work in self._scratch._some:
                work.flat[:] = poison
            return settled(self, pickup, dropoff, both=both)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RoadEngine, "few_offers", ALWAYS)
            patch.setattr(RoadEngine, "some_drives", some_drives)
            patch.setattr(door, "WORTH_SIEVES", sieves_from)
            index = an_index(scenario)
            search(index, scenario.request, limit=50)  # so that there are work arrays to spoil
            found = search(index, scenario.request, limit=50)
        assert replace(found, drives=()) == expected
