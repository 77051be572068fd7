"""Verify that a request is from whom it claims to be, in the ways in which webhooks prove it."""

import base64
import binascii
import re
from hmac import compare_digest

from assistants.sources.adapter import Denied, Request, Setup
from assistants.sources.generic.config import (
    BasicProof,
    HeaderProof,
    HmacProof,
    IngestKeyProof,
    JwtProof,
    NoProof,
    Proof,
    StandardWebhooksProof,
)
from assistants.sources.signatures import check_age, check_signature
from assistants.sources.tokens import read_token

_PLACEHOLDER = re.compile(rb"\{(body|ts|id)\}")


def verify(proof: Proof, request: Request, setup: Setup) -> None:
    """Return if the request proves itself; raise Denied if not. The clock is the request's time of receipt."""
    match proof:
        case IngestKeyProof():
            _check_key(setup)
        case HeaderProof():
            # Headers come as Latin-1, whatever they were written in.
            _check_secret(request.headers.get(proof.header.lower(), "").encode("latin-1", errors="replace"), setup)
        case BasicProof():
            _check_basic(proof, request, setup)
        case HmacProof():
            _check_hmac(proof, request, setup)
        case StandardWebhooksProof():
            _check_standard_webhook(proof, request, setup)
        case JwtProof():
            _check_token(proof, request, setup)
        case NoProof():
            pass


def _check_key(setup: Setup) -> None:
    if not setup.is_keyed:
        raise Denied("unknown_key", "The request brings no ingest key of this environment.")


def _check_secret(given: bytes, setup: Setup) -> None:
    if not setup.secret:
        raise Denied("no_secret", "This source has no secret yet, so no request can prove itself.")
    if not compare_digest(given, setup.secret.encode()):
        raise Denied("wrong_secret", "The request does not bring the secret of this source.")


def _check_basic(proof: BasicProof, request: Request, setup: Setup) -> None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    user, _, password = decoded.partition(b":")
    _check_secret(password if scheme.lower() == "basic" else b"", setup)
    if proof.user and not compare_digest(user, proof.user.encode()):
        raise Denied("wrong_secret", "The request names another user than this source expects.")


def _check_hmac(proof: HmacProof, request: Request, setup: Setup) -> None:
    header = request.headers.get(proof.header.lower(), "")
    given = _apart(header, proof.pattern) if proof.pattern else {"signature": [header]}
    parts = {
        b"body": request.body,
        b"ts": _first(given.get("ts")) or request.headers.get(proof.ts_header.lower(), "").encode(),
        b"id": _first(given.get("id")) or request.headers.get(proof.id_header.lower(), "").encode(),
    }
    check_signature(
        [text.removeprefix(proof.prefix) for text in given.get("signature", ()) if text.startswith(proof.prefix)],
        secret=setup.secret.encode(),
        signed=_PLACEHOLDER.sub(lambda name: parts[name[1]], proof.template.encode()),
        algorithm=proof.algorithm,
        encoding=proof.encoding,
    )
    if "{ts}" in proof.template:
        check_age(parts[b"ts"].decode(), at=request.received_at, tolerance_seconds=proof.tolerance_s)


def _check_standard_webhook(proof: StandardWebhooksProof, request: Request, setup: Setup) -> None:
    """Source: Standard Webhooks specification, “Verifying webhook authenticity”, symmetric signatures (v1)."""
    id_, timestamp = (request.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp"))
    given = [text.partition(",") for text in request.headers.get("webhook-signature", "").split()]
    check_signature(
        [signature for version, _, signature in given if version == "v1"],
        secret=_webhook_secret(setup.secret),
        signed=f"{id_}.{timestamp}.".encode() + request.body,
        encoding="base64",
    )
    check_age(timestamp, at=request.received_at, tolerance_seconds=proof.tolerance_s)


def _webhook_secret(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise Denied("no_secret", "The secret of this source is not base64, as Standard Webhooks has it.") from None


def _check_token(proof: JwtProof, request: Request, setup: Setup) -> None:
    if not setup.secret:
        raise Denied("no_secret", "This source has no secret yet, so no token can be verified.")
    given = request.headers.get(proof.header.lower(), "").strip()
    token = given[7:].strip() if given[:7].lower() == "bearer " else given
    if not token:
        raise Denied("no_signature", "The request brings no token.")
    read_token(token, secret=setup.secret, at=request.received_at, algorithms=proof.algorithms)


def _apart(header: str, pattern: str) -> dict[str, list[str]]:
    """Take a header such as t=1,v1=a,v1=b apart by a pattern such as t={ts},v1={signature}: values by placeholder."""
    names = {}
    for member in pattern.split(","):
        name, _, placeholder = member.strip().partition("=")
        names[name] = placeholder.strip("{}")
    found: dict[str, list[str]] = {}
    for member in header.split(","):
        name, _, value = member.strip().partition("=")
        if name in names:
            found.setdefault(names[name], []).append(value)
    return found


def _first(values: list[str] | None) -> bytes:
    return values[0].encode() if values else b""
