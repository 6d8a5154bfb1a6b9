"""Opens the ground, and keeps what it holds in memory in line with the disk and the database."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from matcher.operation.jobs.loop import WakeUp
from matcher.operation.telemetry import Telemetry
from matcher.progress import Progress
from matcher.search.live.follow import FollowChanges
from matcher.search.live.region import LiveOffers
from matcher.search.live.renew import RenewRegion
from matcher.settings.all import Settings
from matcher.wiring.database import opened_database
from matcher.wiring.ground import Ground, compute_threads
from matcher.wiring.region import RegionOpener
from matcher.wiring.secrets import read_secrets


@dataclass(frozen=True)
class Following:
    """Keeps the offers in memory and the region up to date; `look_now` makes it look at the region at once."""

    follow: FollowChanges
    renew: RenewRegion
    look_now: WakeUp


async def open_ground(
    settings: Settings, stack: AsyncExitStack, progress: Progress, telemetry: Telemetry
) -> tuple[Ground, Following]:
    """The ground, with all offers loaded; it is closed with the stack. Raises what `running` raises."""
    database = await stack.enter_async_context(opened_database(settings, progress=progress))
    executor = compute_threads(stack, settings.matching.threads)
    opener = RegionOpener(settings, stack, database.pool, executor, telemetry)
    first, on_disk = await opener.first(progress)
    live, secrets = LiveOffers(first, executor), await read_secrets(settings)
    loaded = await live.replace(first, progress)
    ground = Ground(settings, telemetry, database, executor, secrets, live, opener.cost_sharing)
    stack.push_async_callback(ground.writer.drain)
    stack.push_async_callback(ground.drain_searches)
    follow = FollowChanges(ground.offers, live, executor, loaded=loaded)
    return ground, Following(follow, RenewRegion(opener.look, opener.again, live, in_use=on_disk), WakeUp())
