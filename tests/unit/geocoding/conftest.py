"""The two towns, built once."""

from __future__ import annotations

import pytest

from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from tests.unit.geocoding.town import a_gazetteer


@pytest.fixture(scope="session")
def towns() -> Gazetteer:
    return a_gazetteer()
