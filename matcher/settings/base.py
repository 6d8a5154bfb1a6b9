"""How a setting is read: an environment variable with a prefix, or a line of `.env`; the environment wins."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "CARPOOL_"


class SettingsInvalid(ValueError):
    """A setting has a value that cannot be used; the text names the variable, what is wrong, and what to do."""


class Concern(BaseSettings):
    """Settings that belong together. Errors never quote the value."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def default(cls) -> Self:
        """As if nothing were set: neither the environment nor a file is read."""
        return cls.model_construct()  # type: ignore[return-value]  # the plugin names the base class


def words(value: str) -> list[str]:
    """The items of a comma-separated list."""
    return [word for word in (part.strip() for part in value.split(",")) if word]


def _networks(value: str) -> str:
    for word in words(value):
        try:
            ipaddress.ip_network(word)
        except ValueError:
            raise ValueError(f"{word!r} is not an address or network: write 10.0.0.0/8 or 192.0.2.7") from None
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("must have at least 32 characters: make one with `openssl rand -hex 32`")
    return value


#: Addresses and networks, comma-separated.
Networks = Annotated[str, NoDecode, AfterValidator(_networks)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
