"""Signatures as any implementation of Standard Webhooks verifies them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
import time_machine
from standardwebhooks.webhooks import Webhook as Signed
from standardwebhooks.webhooks import WebhookVerificationError

from matcher.events.event import Event, EventKind, NumberedEvent
from matcher.events.messages import body_of, find_number, id_of, message_of
from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.events.webhooks.webhook import Webhook

SECRETS = WebhookSecrets(b"k" * 32)
NOW = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
HOOK = Webhook(UUID(int=7), "alice", "https://a.example/", NOW, NOW)
EVENT = NumberedEvent(4711, Event(EventKind.MATCH_FOUND, "älice", UUID(int=1), {"offer_id": "x", "n": 1}), NOW)


@pytest.fixture(autouse=True)
def verified_when_sent() -> Iterator[None]:
    """Whoever verifies refuses what is older than five minutes, by their own clock."""
    with time_machine.travel(NOW, tick=False):
        yield


def test_what_is_signed_is_verified_in_any_zone() -> None:
    body = body_of(EVENT)
    for moment in (NOW, NOW.astimezone(timezone(timedelta(hours=-3)))):
        headers = SECRETS.signed(HOOK, "evt_4711", body.decode(), moment)
        assert Signed(SECRETS.secret(HOOK.id, 1)).verify(body, headers) == message_of(EVENT)
        assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))


def test_a_body_or_id_or_time_that_is_not_what_was_signed_is_refused() -> None:
    body, signed = body_of(EVENT), Signed(SECRETS.secret(HOOK.id, 1))
    headers = SECRETS.signed(HOOK, "evt_4711", body.decode(), NOW)
    for spoiled, changed in [
        (body.replace(b"4711", b"4712"), headers),
        (body, headers | {"webhook-id": "evt_4712"}),
        (body, headers | {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
    ]:
        with pytest.raises(WebhookVerificationError):
            signed.verify(spoiled, changed)


def test_the_old_secret_signs_until_its_time_is_over() -> None:
    rotated = replace(HOOK, secret_version=3, old_secret_until=NOW + timedelta(hours=1))
    body = body_of(EVENT).decode()
    during = SECRETS.signed(rotated, "evt_4711", body, NOW)
    for version in (2, 3):
        Signed(SECRETS.secret(HOOK.id, version)).verify(body, during)
    with pytest.raises(WebhookVerificationError):
        Signed(SECRETS.secret(HOOK.id, 1)).verify(body, during)
    over = replace(rotated, old_secret_until=NOW)
    with pytest.raises(WebhookVerificationError):
        Signed(SECRETS.secret(HOOK.id, 2)).verify(body, SECRETS.signed(over, "evt_4711", body, NOW))


def test_while_the_key_is_changed_deliveries_are_signed_under_both() -> None:
    old, new = WebhookSecrets(b"o" * 32), WebhookSecrets(b"n" * 32)
    body = body_of(EVENT).decode()
    headers = WebhookSecrets(b"n" * 32, [b"o" * 32]).signed(HOOK, "evt_4711", body, NOW)
    for secrets in (old, new):
        Signed(secrets.secret(HOOK.id, 1)).verify(body, headers)
    assert WebhookSecrets(b"n" * 32, [b"o" * 32]).secret(HOOK.id, 1) == new.secret(HOOK.id, 1), (
        "new ones are under the new key"
    )
    with pytest.raises(WebhookVerificationError):
        Signed(old.secret(HOOK.id, 1)).verify(body, new.signed(HOOK, "evt_4711", body, NOW))
    with pytest.raises(ValueError, match="32 bytes"):
        WebhookSecrets(b"n" * 32, [b"short"])


def test_secrets_are_of_their_webhook_their_number_and_the_service() -> None:
    one, other = uuid4(), uuid4()
    secrets = [
        SECRETS.secret(one, 1),
        SECRETS.secret(one, 2),
        SECRETS.secret(other, 1),
        WebhookSecrets(b"K" * 32).secret(one, 1),
    ]
    assert len(set(secrets)) == 4
    assert all(secret.startswith("whsec_") and len(base64.b64decode(secret[6:])) == 32 for secret in secrets)
    assert SECRETS.secret(one, 1) == secrets[0]
    with pytest.raises(ValueError, match="32 bytes"):
        WebhookSecrets(b"short")


def test_a_message_is_one_line_and_the_same_bytes_every_time() -> None:
    body = body_of(EVENT)
    assert body == body_of(EVENT)
    assert b"\n" not in body
    assert json.loads(body)["user"] == "älice"
    disabled = NumberedEvent(1, Event(EventKind.WEBHOOK_DISABLED, "a", UUID(int=9), {}), NOW)
    assert "trip_id" not in message_of(disabled)


def test_ids_are_read_back_and_nothing_else_is() -> None:
    assert [find_number(id_of(number)) for number in (0, 1, 10**17)] == [0, 1, 10**17]
    for stranger in (
        "",
        "evt_",
        "evt_01",
        "evt_-1",
        "evt_1 ",
        "EVT_1",
        "1",
        "evt_1e3",
        "evt_" + "9" * 19,
        "evt_\u0661",
    ):
        assert find_number(stranger) is None
