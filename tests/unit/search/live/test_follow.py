"""Changes of other instances: taken in, ignored when old, read anew when missed, and how far behind one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, NotReady
from matcher.domain.offer import FeedPosition, Offer, OfferChanges, OfferStatus
from matcher.search.live.follow import CheckLag, FollowChanges
from matcher.search.live.load import Loaded
from matcher.search.live.region import LiveOffers
from tests.fakes import IndexInMemory, SameThread
from tests.world import World, a_region


def _position(number: int) -> FeedPosition:
    return FeedPosition(str(number), 0, "memory")


class _Listener:
    """Tells of the ids it was given, once, and remembers from where it was asked."""

    def __init__(self) -> None:
        self.news: list[UUID] = []
        self.missed = False
        self.asked: list[FeedPosition] = []

    async def read(self, position: FeedPosition) -> OfferChanges:
        self.asked.append(position)
        news, self.news = self.news, []
        missed, self.missed = self.missed, False
        return OfferChanges(tuple(news), _position(len(self.asked)), 100 + len(self.asked), missed=missed)

    async def wait(self, at_most_s: float) -> None:
        raise AssertionError("nobody waits here")


class _Following:
    """An instance that holds the index, beside a world that writes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.listener = _Listener()
        self.seconds = 0.0
        self.live = LiveOffers(a_region(world), SameThread())
        self.follow = FollowChanges(
            world.offers,
            self.live,
            SameThread(),
            loaded=Loaded(0, 0, 0, _position(0)),
            clock=lambda: self.seconds,
        )

    @property
    def index(self) -> IndexInMemory:
        index = self.live.now.index
        assert isinstance(index, IndexInMemory)
        return index

    async def hear(self, offers: Sequence[UUID]) -> int:
        self.listener.news += offers
        return await self.follow.catch_up(self.listener)

    def stored(self, offer: Offer, **changes: object) -> Offer:
        changed = replace(offer, **changes)  # type: ignore[arg-type]
        self.world.offers.stored[offer.id] = changed
        return changed


@pytest.fixture
def following(world: World) -> _Following:
    return _Following(world)


async def test_what_others_publish_change_and_cancel_is_taken_in(following: _Following, world: World) -> None:
    offers = [await world.published() for _ in range(1_200)]
    assert await following.hear([offer.id for offer in offers]) == 1_200
    assert following.index.held == {offer.id: offer for offer in offers}
    changed = following.stored(offers[0], version=2, seats_left=1)
    following.stored(offers[1], version=2, status=OfferStatus.CANCELLED)
    del world.offers.stored[offers[2].id]
    await following.hear([offer.id for offer in offers[:3]])
    assert following.index.held == {offer.id: offer for offer in (changed, *offers[3:])}
    assert following.listener.asked == [_position(0), _position(1)]


async def test_an_offer_of_another_import_is_put_on_the_roads_that_are_here(
    following: _Following, world: World
) -> None:
    offer = await world.published()
    nowhere = replace(offer.origin, position=replace(offer.origin.position, edge=10**6))
    following.stored(offer, region_fingerprint="newer", origin=nowhere, length_cm=7)
    await following.hear([offer.id])
    assert following.index.held == {offer.id: offer}
    assert world.offers.stored[offer.id].region_fingerprint == "newer", "only this instance has these roads"


async def test_an_offer_that_left_the_region_or_fits_no_road_leaves_the_index(
    following: _Following, world: World
) -> None:
    gone, lost = await world.published(), await world.published()
    await following.hear([gone.id, lost.id])
    following.stored(gone, version=2, region="elsewhere")
    far = replace(lost.origin, coordinate=replace(lost.origin.coordinate, lat=50.0))
    following.stored(lost, version=2, region_fingerprint="newer", origin=far)
    await following.hear([gone.id, lost.id])
    assert following.index.held == {}


async def test_when_changes_were_missed_everything_is_read_again(following: _Following, world: World) -> None:
    kept, gone = await world.published(), await world.published()
    await following.hear([kept.id, gone.id])
    del world.offers.stored[gone.id]
    new = await world.published()
    following.listener.missed = True
    assert await following.follow.catch_up(following.listener) == 2
    assert following.index.held == {kept.id: kept, new.id: new}
    await following.hear([])
    assert following.listener.asked[-1] == FeedPosition("now", 0, "memory"), "the feed goes on from what was read"


async def test_a_change_that_could_not_be_read_is_asked_for_again(following: _Following, world: World) -> None:
    offer = await world.published()
    world.offers.away = True
    with pytest.raises(DatabaseUnavailable):
        await following.hear([offer.id])
    world.offers.away = False
    await following.hear([offer.id])
    assert following.listener.asked == [_position(0), _position(0)]
    assert following.index.held == {offer.id: offer}


async def test_being_behind_is_said_and_too_far_behind_is_not_ready(following: _Following) -> None:
    check = CheckLag(following.follow, limit_s=30)
    following.seconds = 2.0
    assert await check() == "ok, 2.0 s behind, change 0"
    await following.hear([uuid4()])
    following.seconds = 2.5
    assert await check() == "ok, 0.5 s behind, change 101"
    following.seconds = 32.1
    with pytest.raises(NotReady, match="30 s behind the database"):
        await check()
