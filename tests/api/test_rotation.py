"""Secrets are changed as docs/operations.md says: nobody is refused meanwhile, and afterwards the old one is worth
nothing.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import WebhookVerificationError

from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.settings.all import Settings
from tests.api.live import Answer, Live, a_search, around, live_service, quiet_morning, settings_for
from tests.api.streams import until
from tests.receivers import Receiver, receiving

NAMES = ("key_pepper", "match_secret", "webhook_secret_key")


@pytest.fixture
def files(service_folder: Path, tmp_path: Path, fresh_database: str) -> Settings:
    """A service that has made its secrets itself: they are files."""
    (tmp_path / "regions").symlink_to(service_folder / "regions")
    return settings_for(tmp_path, fresh_database)


def _with(settings: Settings, new: dict[str, str], other: dict[str, str]) -> Settings:
    """The three secrets, and those that are believed beside them, as settings."""

    def chosen(*names: str) -> dict[str, SecretStr]:
        given = {name: new[name] for name in names if name in new}
        given |= {f"{name}_other": other[name] for name in names if name in other}
        return {name: SecretStr(text) for name, text in given.items()}

    return replace(
        settings,
        keys=settings.keys.model_copy(update=chosen("key_pepper")),
        matching=settings.matching.model_copy(update=chosen("match_secret")),
        events=settings.events.model_copy(update=chosen("webhook_secret_key")),
    )


async def _found(live: Live, rider: str, day: datetime) -> str:
    """The id of the match that a search on this day finds."""
    answer = await live.call("POST", "/v1/match", rider, json=a_search(departure=around(day)))
    assert answer.status == 200, answer.body
    match_id: str = answer.json["matches"][0]["match_id"]
    return match_id


async def _booked(live: Live, rider: str, match_id: str) -> Answer:
    return await live.call("POST", "/v1/bookings", rider, json={"match_id": match_id})


def _verifies(receiver: Receiver, secret: str) -> bool:
    try:
        return bool(receiver.verified(secret))
    except WebhookVerificationError:
        return False


async def test_secrets_are_changed_from_files_to_settings_without_a_refused_call(files: Settings) -> None:
    first_day, second_day, third_day = (quiet_morning() for _ in range(3))
    new = {name: secrets.token_hex(32) for name in NAMES}
    async with receiving() as receiver:
        async with live_service(files) as live:
            driver, rider = await live.key("driver", "dora"), await live.key("rider", "rosa")
            for day in (first_day, second_day, third_day):
                await live.published(driver, departure=day.isoformat())
            early = [await _found(live, rider, day) for day in (first_day, third_day)]
            hook = (await live.call("POST", "/v1/webhooks", driver, json={"url": receiver.url})).json
        old = {name: (files.storage.data_dir / "secrets" / name).read_text(encoding="ascii") for name in NAMES}

        # First all instances learn the new ones, so that they believe each other while they are restarted one by one.
        async with live_service(_with(files, {}, new)) as not_yet, live_service(_with(files, new, old)) as already:
            for one, other in ((not_yet, already), (already, not_yet)):
                key = await one.key("rider")
                answer = await _booked(other, key, await _found(one, key, second_day))
                assert answer.status == 201, answer.body
            answer = await _booked(already, rider, early[0])
            assert answer.status == 201, answer.body
            await until(lambda: len(receiver.got) >= 3)
            # Whichever instance sends: signed under the old key and the new.
            under_new = WebhookSecrets(new["webhook_secret_key"].encode()).secret(UUID(hook["id"]), 1)
            assert _verifies(receiver, hook["secret"])
            assert _verifies(receiver, under_new)
            changed = (await already.call("POST", f"/v1/webhooks/{hook['id']}/secret", driver)).json["secret"]
            rider_after, late = await already.key("rider", "rosa"), await _found(already, rider, third_day)

        receiver.got.clear()
        async with live_service(_with(files, new, {})) as live:
            assert (await live.call("GET", "/v1/offers", driver)).status == 401
            assert (await live.call("GET", "/v1/bookings", rider_after)).status == 200
            assert (await _booked(live, rider_after, early[1])).problem()["code"] == "match_id_invalid"
            assert (await _booked(live, rider_after, late)).status == 201
            await until(lambda: bool(receiver.got))
            assert _verifies(receiver, changed)
            assert not _verifies(receiver, hook["secret"])


async def test_the_database_password_is_changed_by_a_second_role(files: Settings) -> None:
    """The two statements are those of the runbook."""
    assert files.storage.database_url is not None
    url = files.storage.database_url.get_secret_value()
    owner, second, password = urlsplit(url).username, f"second_{uuid4().hex}", secrets.token_hex(32)
    runbook = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    statements = re.findall(r"^((?:CREATE|ALTER) ROLE carpool_b .*;)", runbook, re.MULTILINE)
    assert len(statements) == 2
    administration = await asyncpg.connect(url)
    try:
        for statement in statements:
            made = statement.replace("carpool_b", second).replace("NEW", password)
            await administration.execute(re.sub(r"\bcarpool\b", str(owner), made))
        host = urlsplit(url).netloc.rpartition("@")[2]
        by_second = urlunsplit(urlsplit(url)._replace(netloc=f"{second}:{password}@{host}"))
        storage = files.storage.model_copy(update={"database_url": SecretStr(by_second)})
        async with live_service(replace(files, storage=storage)) as live:
            offer = await live.published(await live.key("driver"))
        # What the one makes, in a migration for instance, belongs to both.
        connection = await asyncpg.connect(by_second)
        await connection.execute("CREATE TABLE made_by_second ()")
        await connection.close()
        owners = await administration.fetch("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert [row["tableowner"] for row in owners] == [owner]
        assert await administration.fetchval("SELECT count(*) FROM offers WHERE id = $1", offer["id"]) == 1
        assert await administration.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", second) == 0
    finally:
        await administration.execute(f"DROP OWNED BY {second}; DROP ROLE {second}")
        await administration.close()
