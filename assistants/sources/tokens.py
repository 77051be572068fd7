"""Verify JSON Web Tokens that are signed with a shared secret of any length."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jwt import InvalidTokenError
from jwt.algorithms import HMACAlgorithm
from jwt.api_jws import PyJWS

from assistants.faults import read_json
from assistants.sources.adapter import Denied

ALGORITHMS = ("HS256", "HS384", "HS512")
LEEWAY_SECONDS = 60


class _AnyLength(HMACAlgorithm):
    """HMAC that takes the secret as it is: how long a secret is decides the vendor or whoever set it."""

    def prepare_key(self, key: str | bytes) -> bytes:
        # No look at whether the secret could be read as a public key: only HMAC is verified with it.
        return key.encode() if isinstance(key, str) else key

    def check_key_length(self, key: bytes) -> str | None:
        return None


def _verifier() -> PyJWS:
    verifier = PyJWS()
    for name, hash_ in zip(ALGORITHMS, (hashlib.sha256, hashlib.sha384, hashlib.sha512), strict=True):
        verifier.unregister_algorithm(name)
        verifier.register_algorithm(name, _AnyLength(hash_))
    return verifier


_jws = _verifier()


def read_token(token: str, *, secret: str, at: datetime, algorithms: Sequence[str] = ALGORITHMS) -> Mapping[str, Any]:
    """Return the claims of a token that is signed with the secret and valid at that time; no claim is required.

    Raises Denied: `wrong_signature`, or `expired_token` outside of its `nbf` and `exp`.
    """
    try:
        payload = _jws.decode(token, secret, algorithms=algorithms)
    except InvalidTokenError:
        raise Denied("wrong_signature", "The token is not signed with the secret of this source.") from None
    claims = read_json(payload)
    if not isinstance(claims, dict):
        raise Denied("wrong_signature", "The token holds no claims.")
    now = at.timestamp()
    if _seconds(claims.get("exp"), default=now) < now - LEEWAY_SECONDS:
        raise Denied("expired_token", "The token has expired.")
    if _seconds(claims.get("nbf"), default=now) > now + LEEWAY_SECONDS:
        raise Denied("expired_token", "The token is not valid yet.")
    return claims


def _seconds(claim: Any, *, default: float) -> float:
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return default
    return claim
