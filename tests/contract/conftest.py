"""Stored offers, by PostgreSQL and in memory."""

from __future__ import annotations

import pytest

from matcher.postgres.pool import Connections
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.offers.store import PostgresOffers
from tests.fakes import OffersInMemory


@pytest.fixture(params=["memory", "postgres"])
def offers(request: pytest.FixtureRequest) -> OfferRepository:
    if request.param == "memory":
        return OffersInMemory()
    connections: Connections = request.getfixturevalue("db")
    return PostgresOffers(connections)
