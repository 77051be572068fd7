"""Verify signatures by HMAC: what is signed, where the signature stands, and how old it may be."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from assistants.sources.adapter import Denied

# Timestamps beyond this count milliseconds.
MILLISECONDS_FROM = 100_000_000_000


def check_signature(
    given: Sequence[str], *, secret: bytes, signed: bytes, algorithm: str = "sha256", encoding: str = "hex"
) -> None:
    """Return if one of the signatures given is the right one; a sender that changes its secret may send two.

    Raises Denied with `no_secret`, `no_signature` or `wrong_signature`.
    """
    if not secret:
        raise Denied("no_secret", "This source has no secret yet, so no signature can be verified.")
    if not any(given):
        raise Denied("no_signature", "The request is not signed.")
    right = hmac.new(secret, signed, getattr(hashlib, algorithm)).digest()
    # A list, so that how many are compared does not depend on which is right.
    if not any([hmac.compare_digest(_decoded(text, encoding), right) for text in given]):  # noqa: C419
        raise Denied("wrong_signature", "The signature is not made with the secret of this source.")


def check_age(timestamp: str, *, at: datetime, tolerance_seconds: float) -> None:
    """Return if a timestamp, in seconds or milliseconds since 1970, is near; else raise Denied, `stale_signature`."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise Denied("stale_signature", "The request does not say when it was signed.")
    seconds = int(timestamp) / 1000 if int(timestamp) >= MILLISECONDS_FROM else int(timestamp)
    if abs(at.timestamp() - seconds) > tolerance_seconds:
        raise Denied("stale_signature", f"The request was not signed within {tolerance_seconds:g} seconds of now.")


def _decoded(text: str, encoding: str) -> bytes:
    try:
        if encoding == "hex":
            return bytes.fromhex(text.strip())
        return base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        return b""
