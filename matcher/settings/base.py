"""How a setting is read: an environment variable with a prefix, or a line of `.env`; the environment wins."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CARPOOL_"


class Concern(BaseSettings):
    """Settings that belong together. What is wrong with one is said without quoting its value."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )
