"""What use cases about people need from the world, as Protocols: who signs tokens, who blocks whom, what is held on a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from jwt import PyJWK


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key of an issuer, good for one algorithm only. `id` is its `kid`, None when it has none."""

    id: str | None
    algorithm: str
    key: PyJWK


class SigningKeys(Protocol):
    """The public keys by which an issuer's tokens are known."""

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        """The key of this id and algorithm; without an id the only key for the algorithm, or None.

        An unknown id makes it look for new keys, though not often. Raises IssuerUnavailable when no keys were ever had.
        """
