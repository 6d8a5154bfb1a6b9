"""Which published keys are taken for checking tokens."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric import rsa

from matcher.people.credentials.key_set import parse_key_set
from tests.issuer import EC_KEY, RSA_KEY, public_jwk


def test_only_keys_that_sign_are_taken() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # that is what is refused
    listed = [
        public_jwk(RSA_KEY, kid="good", alg="RS256"),
        public_jwk(RSA_KEY, kid="for-encryption", use="enc"),
        public_jwk(RSA_KEY, kid="signs-only", key_ops=["sign"]),
        public_jwk(RSA_KEY, kid="foreign", alg="HS256"),
        public_jwk(RSA_KEY, kid=7),
        public_jwk(small, kid="small"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "broken"},
        public_jwk(EC_KEY, kid="ec") | {"crv": "P-999"},
    ]
    assert [(key.id, key.algorithm) for key in parse_key_set(json.dumps({"keys": listed}).encode())] == [
        ("good", "RS256")
    ]
    every = parse_key_set(json.dumps({"keys": [public_jwk(RSA_KEY, kid="any")]}).encode())
    assert {key.algorithm for key in every} == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
