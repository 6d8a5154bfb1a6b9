"""Secrets: those of the settings, or private files of the data folder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.people.credentials.secret_file import find_secret, read_or_make_secret
from matcher.settings.all import Settings


@dataclass(frozen=True, repr=False)
class SecretPair:
    """A secret in use, and those accepted beside it while it is being changed."""

    own: bytes
    others: tuple[bytes, ...]


@dataclass(frozen=True, repr=False)
class Secrets:
    """Every secret of the service."""

    key_pepper: SecretPair
    match: SecretPair
    webhooks: WebhookSecrets


async def read_secrets(settings: Settings) -> Secrets:
    """The secrets that are set, or those of private files, which are made when missing. Raises SecretUnusable."""
    matching, events = settings.matching, settings.events
    webhooks = await read_secret(
        settings, "webhook_secret_key", events.webhook_secret_key, events.webhook_secret_key_other
    )
    return Secrets(
        key_pepper=await read_key_pepper(settings),
        match=await read_secret(settings, "match_secret", matching.match_secret, matching.match_secret_other),
        webhooks=WebhookSecrets(webhooks.own, webhooks.others),
    )


async def read_key_pepper(settings: Settings) -> SecretPair:
    """The secret under which API keys are stored. Raises SecretUnusable."""
    return await read_secret(settings, "key_pepper", settings.keys.key_pepper, settings.keys.key_pepper_other)


async def read_secret(settings: Settings, name: str, given: SecretStr | None, other: SecretStr | None) -> SecretPair:
    """The secret that was given, else the one in the data folder, made when there is none. Raises SecretUnusable.

    The other one counts as its text, and as the bytes that its hexadecimal digits stand for: a secret that was a file
    until now can be named by what the file holds.
    """
    if given is not None:
        own = given.get_secret_value().encode("utf-8")
    else:
        own = await asyncio.to_thread(read_or_make_secret, settings.storage.data_dir / "secrets" / name)
    text = None if other is None else other.get_secret_value()
    accepted = () if text is None else (text.encode("utf-8"), find_secret(text))
    return SecretPair(own, tuple(secret for secret in accepted if secret is not None))
