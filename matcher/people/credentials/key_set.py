"""An issuer's JSON Web Key Set (RFC 7517): read, kept, and read again when keys are changed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from matcher.domain.errors.tree import IssuerUnavailable

MAX_BYTES = 256 * 1024
MAX_KEYS = 100
_LEAST_RSA_BITS = 2048
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
#: What each kind of key may be used for (RFC 7518 section 3.4, RFC 8037 section 3.1).
_CURVES = {("EC", "P-256"): "ES256", ("EC", "P-384"): "ES384", ("EC", "P-521"): "ES512", ("OKP", "Ed25519"): "EdDSA"}
_log = logging.getLogger(__name__)

#: Reads a key set. Raises KeySetUnusable.
Source = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key of an issuer, good for one algorithm only. `id` is its `kid`, None when it has none."""

    id: str | None
    algorithm: str
    key: PyJWK


class KeySetUnusable(Exception):
    """The key set cannot be had, or is none."""


class KeySet:
    """The public keys that an issuer signs with, kept in memory.

    They are read again in the background once they are `max_age_s` old, and at once when a token names a key that is
    not there, but never more often than every `refresh_s`. While the issuer is away the keys that were read last stay
    good, as long as the process lives.
    """

    def __init__(
        self, source: Source, *, refresh_s: float, max_age_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._refresh_s = refresh_s
        self._max_age_s = max_age_s
        self._clock = clock
        self._keys: tuple[SigningKey, ...] | None = None
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._away = False

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        """The key of this id and algorithm; without an id the only key for the algorithm, or None.

        Raises IssuerUnavailable.
        """
        key = self._known(key_id, algorithm)
        if key is None and self._may_try():
            await self._read_again()
            key = self._known(key_id, algorithm)
        elif self._reading is not None and key is None:
            await asyncio.shield(self._reading)
            key = self._known(key_id, algorithm)
        elif self._clock() - self._read_at > self._max_age_s and self._may_try():
            self._reading = self._begin()
        if self._keys is None:
            raise IssuerUnavailable("tokens cannot be verified: the issuer's keys are temporarily unavailable")
        return key

    async def close(self) -> None:
        """Stop what is being read."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    def _known(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        fitting = [key for key in self._keys or () if key.algorithm == algorithm and key_id in {None, key.id}]
        return fitting[0] if len(fitting) == 1 else None

    def _may_try(self) -> bool:
        return self._reading is None and self._clock() - self._tried_at >= self._refresh_s

    async def _read_again(self) -> None:
        await asyncio.shield(self._begin())

    def _begin(self) -> asyncio.Task[None]:
        self._tried_at = self._clock()
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(self._ended)
        return self._reading

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read(self) -> None:
        try:
            keys = parse_key_set(await self._source())
        except KeySetUnusable as error:
            if not self._away:
                _log.warning("the issuer's keys cannot be had, the old ones stay good: %s", error)
            self._away = True
        else:
            if self._away:
                _log.info("the issuer's keys can be had again")
            self._keys, self._read_at, self._away = keys, self._clock(), False


def parse_key_set(text: bytes) -> tuple[SigningKey, ...]:
    """The keys that sign, a SigningKey for each algorithm that a key may be used with. Others are passed over: shared
    secrets, keys
    for encryption, RSA below 2048 bits, kinds and curves not known here. Raises KeySetUnusable when it is no key set,
    or has none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KeySetUnusable("it is not JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise KeySetUnusable(f"it is no key set of up to {MAX_KEYS} keys")
    keys = tuple(key for jwk in listed if isinstance(jwk, dict) for key in _signing_keys(jwk))
    if not keys:
        raise KeySetUnusable("it has no key that signs")
    return keys


def _signing_keys(jwk: dict[str, Any]) -> list[SigningKey]:
    operations, key_id = jwk.get("key_ops", ["verify"]), jwk.get("kid")
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return []
    if not (key_id is None or isinstance(key_id, str)):
        return []
    found = []
    for algorithm in _algorithms(jwk):
        try:
            key = PyJWK(jwk, algorithm)
        except (PyJWTError, ValueError, TypeError, KeyError):
            continue
        if getattr(key.key, "key_size", _LEAST_RSA_BITS) >= _LEAST_RSA_BITS or algorithm not in _RSA:
            found.append(SigningKey(key_id, algorithm, key))
    return found


def _algorithms(jwk: dict[str, Any]) -> Sequence[str]:
    """Those that this kind of key can be used with; one when the key names it."""
    curve = _CURVES.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    possible = _RSA if jwk.get("kty") == "RSA" else (curve,) if curve is not None else ()
    named = jwk.get("alg")
    return possible if named is None else [algorithm for algorithm in possible if algorithm == named]


def key_file(path: Path) -> Source:
    """A key set in a file, read again whenever it is asked for."""

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    async def source() -> bytes:
        try:
            return _bounded(await asyncio.to_thread(read))
        except OSError as error:
            raise KeySetUnusable(f"the file cannot be read: {error.strerror}") from error

    return source


def key_url(url: str, *, timeout_s: float) -> Source:
    """A key set at a URL, which is not left for another one it may point to."""

    async def source() -> bytes:
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response,
            ):
                if response.status != 200:
                    raise KeySetUnusable(f"the issuer answers with status {response.status}")
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        break
                return _bounded(bytes(body))
        except TimeoutError as error:
            raise KeySetUnusable(f"the issuer did not answer within {timeout_s:g} s") from error
        except aiohttp.ClientError as error:
            raise KeySetUnusable(f"the issuer cannot be reached: {type(error).__name__}") from error

    return source


def _bounded(body: bytes) -> bytes:
    if len(body) > MAX_BYTES:
        raise KeySetUnusable(f"it is longer than {MAX_BYTES} bytes")
    return body
