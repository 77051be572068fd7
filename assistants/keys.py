"""Ingest keys: how they look, how one is recognised, and how they are made and revoked.

A key reads `slu_<kind>_<public id>_<secret><checksum>`. The kind (draft, live or env) tells people what they hold, the
public id finds the row, 27 random base62 characters (160 bits) are the secret, and six characters of CRC-32 let a
mistyped or invented key be turned away without asking the database. Stored is the SHA-256 of the whole text: with 160
random bits a slow hash would add nothing, and intake computes it at every request.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from assistants import audit
from assistants.models import Environment, IngestKey

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PUBLIC_ID_LENGTH = 8
SECRET_LENGTH = 27
CHECKSUM_LENGTH = 6
FURTHER_KIND = "env"
KINDS = (Environment.Kind.DRAFT.value, Environment.Kind.LIVE.value, FURTHER_KIND)
KEY_PATTERN = re.compile(
    rf"slu_({'|'.join(KINDS)})_([0-9A-Za-z]{{{PUBLIC_ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True)
class ParsedKey:
    """A text of the right shape and checksum; whether such a key exists is for the database to say."""

    kind: str
    public_id: str
    digest: bytes


def mint(kind: str) -> tuple[str, str, bytes]:
    """Return a new key's text, its public id and its digest; `kind` is draft, live or env."""
    public_id = _random(PUBLIC_ID_LENGTH)
    body = f"slu_{kind}_{public_id}_{_random(SECRET_LENGTH)}"
    text = body + _checksum(body)
    return text, public_id, digest(text)


def parse(text: str) -> ParsedKey | None:
    """Return what `text` says of itself, or None where it cannot be a key of ours; asks no database."""
    match = KEY_PATTERN.fullmatch(text)
    if match is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return ParsedKey(kind=match[1], public_id=match[2], digest=digest(text))


def digest(text: str) -> bytes:
    """Return the 32 bytes under which a key is stored."""
    return hashlib.sha256(text.encode()).digest()


def create_ingest_key(environment: Environment, *, label: str, by: User | None) -> str:
    """Store a new key of `environment` and return its text, which cannot be shown again.

    `by` None is the command line.
    """
    text, public_id, key_digest = mint(_kind_of(environment))
    with transaction.atomic():
        IngestKey.objects.create(
            environment=environment, label=label, public_id=public_id, digest=key_digest, created_by=by
        )
        audit.record(
            actor=by,
            action="ingest_key.created",
            target=public_id,
            environment=environment,
            details={"label": label},
        )
    return text


def revoke_ingest_key(key: IngestKey, *, by: User | None, reason: str = "") -> None:
    """End a key for good; a key that is revoked already stays as it is and is not audited again."""
    with transaction.atomic():
        if not IngestKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            return
        audit.record(
            actor=by,
            action="ingest_key.revoked",
            target=key.public_id,
            environment=key.environment,
            reason=reason,
            details={"label": key.label},
        )


def _kind_of(environment: Environment) -> str:
    return FURTHER_KIND if environment.kind == Environment.Kind.OTHER else environment.kind


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, remainder = divmod(number, len(ALPHABET))
        digits = ALPHABET[remainder] + digits
    return digits
