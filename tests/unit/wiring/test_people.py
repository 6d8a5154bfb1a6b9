"""Settings of tokens that contradict each other, or let a token pass for the user of an API key, stop the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from matcher.domain.principal import ApiKey, Role
from matcher.people.credentials.store import PostgresApiKeys
from matcher.settings.base import SettingsInvalid
from matcher.settings.people import TokenSettings
from matcher.wiring.people import make_key_set, require_apart
from tests.world import NOW

ISSUER: dict[str, Any] = {
    "jwt_issuer": "https://login.example.org/", "jwt_audience": "carpool", "jwt_jwks_file": Path("keys.json")
}  # fmt: skip


class Keys:
    """Stored keys of these users."""

    def __init__(self, *users: str, revoked: bool = False) -> None:
        self.users, self.revoked_at = users, NOW if revoked else None

    async def list_keys(self) -> list[ApiKey]:
        return [ApiKey(user, b"", Role.RIDER, user, NOW, revoked_at=self.revoked_at) for user in self.users]


def test_tokens_need_a_prefix_unless_names_are_to_be_shared() -> None:
    with pytest.raises(SettingsInvalid, match="CARPOOL_JWT_USER_PREFIX"):
        make_key_set(TokenSettings.model_construct(**ISSUER))
    for apart in ({"jwt_user_prefix": "t:"}, {"jwt_shared_names": True}):
        assert make_key_set(TokenSettings.model_construct(**ISSUER, **apart)) is not None
    assert make_key_set(TokenSettings.model_construct()) is None


@pytest.mark.parametrize("prefix", ["erased", "erased:", "erased:x"])
def test_a_prefix_is_not_that_of_the_erased(prefix: str) -> None:
    with pytest.raises(ValidationError):
        TokenSettings(jwt_user_prefix=prefix)


def test_a_claim_without_tokens_is_a_mistake() -> None:
    with pytest.raises(SettingsInvalid, match="CARPOOL_JWT_GENDER_CLAIM"):
        make_key_set(TokenSettings.model_construct(jwt_gender_claim="gender"))


@pytest.mark.parametrize(
    ("prefix", "user", "apart"),
    [("t:", "t:boss", False), ("t:", "t", False), ("t:", "tom", True), ("app-", "app-boss", False), ("", "boss", True)],
)
async def test_a_key_whose_user_a_token_could_name_stops_the_start(prefix: str, user: str, apart: bool) -> None:
    await require_apart(cast("PostgresApiKeys", Keys(user, revoked=True)), prefix, NOW)
    if apart:
        await require_apart(cast("PostgresApiKeys", Keys(user)), prefix, NOW)
    else:
        with pytest.raises(SettingsInvalid, match=f"user '{user}'"):
            await require_apart(cast("PostgresApiKeys", Keys("tom", user)), prefix, NOW)
