"""Can this instance answer now?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from matcher.domain.errors.tree import CarpoolError

OK = "ok"


@dataclass(frozen=True, slots=True)
class Health:
    """`checks` maps each part to "ok…" or to what is wrong; `ready` when nothing is. `offers` can be matched right now.

    `worker` numbers the processes of one service from 1.
    """

    ready: bool
    checks: Mapping[str, str]
    region: str
    offers: int
    version: str
    worker: int


class CheckHealth:
    """Runs every probe, each for at most `timeout_s`.

    A probe returns when its part works, perhaps with a word on how, and raises when it does not.
    """

    def __init__(
        self,
        probes: Mapping[str, Callable[[], Awaitable[str | None]]],
        *,
        region: str,
        offers: Callable[[], int],
        version: str,
        worker: int = 1,
        timeout_s: float = 2.0,
    ) -> None:
        self._probes = dict(probes)
        self._region = region
        self._offers = offers
        self._version = version
        self._worker = worker
        self._timeout_s = timeout_s

    async def __call__(self) -> Health:
        """Never raises for a part that is away: it says so."""
        results = await asyncio.gather(*(self._probe(probe) for probe in self._probes.values()))
        checks = {name: said for name, (_, said) in zip(self._probes, results, strict=True)}
        # Roads and index are loaded before the service takes calls.
        checks = checks | {"roads": checks.get("roads", OK), "index": OK}
        return Health(
            ready=all(works for works, _ in results),
            checks=checks,
            region=self._region,
            offers=self._offers(),
            version=self._version,
            worker=self._worker,
        )

    async def _probe(self, probe: Callable[[], Awaitable[str | None]]) -> tuple[bool, str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return True, await probe() or OK
        except TimeoutError:
            return False, f"no answer within {self._timeout_s:g} s"
        except CarpoolError as error:
            return False, error.detail
