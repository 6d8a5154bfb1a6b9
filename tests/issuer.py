"""An issuer of signed tokens on this machine: it publishes its keys over HTTP, changes them, goes away, and signs
what it is asked to.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NAME = "https://login.example.org/"
AUDIENCE = "carpool"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

#: Made once: RSA keys take a while.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def public_jwk(key: PrivateKey, **members: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    match key:
        case rsa.RSAPrivateKey():
            made = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case ec.EllipticCurvePrivateKey():
            made = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            made = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in made.items() if name != "key_ops"} | members


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@dataclass
class Issuer:
    """What it publishes, and how it behaves."""

    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [
            public_jwk(RSA_KEY, kid="rsa", use="sig", alg="RS256"),
            public_jwk(EC_KEY, kid="ec"),
            public_jwk(ED_KEY, kid="ed"),
        ]
    )
    url: str = ""
    asked: int = 0
    status: int = 200
    body: bytes | None = None
    pause_s: float = 0.0

    async def answer(self, _request: web.Request) -> web.Response:
        """The key set."""
        self.asked += 1
        await asyncio.sleep(self.pause_s)
        if 300 <= self.status < 400:
            return web.Response(status=self.status, headers={"Location": self.url})
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        return web.Response(status=self.status, body=body, content_type="application/json")


@asynccontextmanager
async def publishing(issuer: Issuer) -> AsyncIterator[Issuer]:
    """The issuer's keys at `issuer.url` while the block runs."""
    app = web.Application()
    app.router.add_get("/keys", issuer.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    try:
        yield issuer
    finally:
        await runner.cleanup()


def a_token(
    now_s: float,
    *,
    key: PrivateKey | bytes = RSA_KEY,
    algorithm: str = "RS256",
    kid: str | None = "rsa",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """A token for the rider Rosa, good for five minutes; a change to None leaves the claim out."""
    claims: dict[str, Any] = {
        "iss": NAME,
        "aud": AUDIENCE,
        "sub": "rosa",
        "role": "rider",
        "iat": now_s,
        "exp": now_s + 300,
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    more = ({} if kid is None else {"kid": kid}) | (headers or {})
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm=algorithm, headers=more)
