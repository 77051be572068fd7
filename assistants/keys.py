"""Ingest keys: how they look, how one is recognised, and how they are made and revoked.

A key reads `slu_<kind>_<public id>_<secret><checksum>`. The kind (draft, live, env or browser) tells people what they
hold, the public id finds the row, 27 random base62 characters (160 bits) are the secret, and six characters of CRC-32
let a mistyped or invented key be turned away without asking the database. Stored is the SHA-256 of the whole text: with
160 random bits a slow hash would add nothing, and intake computes it at every request. Of a browser key, which any
visitor of a page can read, the text itself is kept as well.
"""

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Sequence
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
EVERYWHERE = "everywhere"
FURTHER_KIND = "env"
BROWSER_KIND = "browser"
KINDS = (Environment.Kind.DRAFT.value, Environment.Kind.LIVE.value, FURTHER_KIND, BROWSER_KIND)
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
    """Return a new key's text, its public id and its digest; `kind` is one of KINDS."""
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
    """Store a new server key of `environment` and return its text, which cannot be shown again.

    `by` None is the command line.
    """
    text, public_id, key_digest = mint(_kind_of(environment))
    _store(IngestKey(environment=environment, label=label, public_id=public_id, digest=key_digest, created_by=by))
    return text


def create_browser_key(environment: Environment, *, label: str, origins: Sequence[str], by: User | None) -> IngestKey:
    """Store a new browser key, whose text stays readable; without `origins` it may be used from everywhere.

    `origins` are as `assistants.origins` returns them. `by` None is the command line.
    """
    text, public_id, key_digest = mint(BROWSER_KIND)
    key = IngestKey(
        environment=environment,
        label=label,
        public_id=public_id,
        digest=key_digest,
        browser_text=text,
        origins=list(origins),
        created_by=by,
    )
    _store(key, kind="browser key", origins=key.origins or EVERYWHERE)
    return key


def change_origins(key: IngestKey, *, origins: Sequence[str], by: User | None) -> bool:
    """Let a browser key be used from these origins only (from everywhere without any).

    Returns whether that changed anything; an active browser key alone is changed, and audited.
    """
    with transaction.atomic():
        # Locked: of two people who change the origins at once, the second one's entry says what the first one wrote.
        keys = IngestKey.objects.select_for_update().filter(pk=key.pk, revoked_at__isnull=True).exclude(browser_text="")
        current = keys.first()
        if current is None or current.origins == list(origins):
            return False
        keys.update(origins=list(origins))
        audit.record(
            actor=by,
            action="ingest_key.origins_changed",
            target=key.public_id,
            environment=key.environment,
            details={"before": current.origins or EVERYWHERE, "now": list(origins) or EVERYWHERE},
        )
    return True


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


def _store(key: IngestKey, **details: str | list[str]) -> None:
    with transaction.atomic():
        key.save(force_insert=True)
        audit.record(
            actor=key.created_by,
            action="ingest_key.created",
            target=key.public_id,
            environment=key.environment,
            details={"label": key.label, **details},
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
