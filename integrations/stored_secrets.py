"""All encrypted columns of the database: whether they can be read, and their encryption anew under the newest key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from django.db import transaction
from django.utils import timezone

from assistants import audit
from assistants.encryption import DecryptionError, decrypt, encrypt, needs_rotation
from integrations.models import Connection, PendingSetup

ROWS_PER_TRANSACTION = 100
FORGOTTEN = "The write key could not be decrypted and was given up. Enter it again in the settings."

SecretRow: TypeAlias = Connection | PendingSetup


@dataclass
class Rotation:
    """What one run did: secrets encrypted anew, secrets that were current, and those that nobody can read."""

    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def unreadable() -> list[str]:
    """Say of each secret in use that does not decrypt with the present keys which it is, and why."""
    in_use = (*Connection.objects.present().only("write_key"), *PendingSetup.objects.only("write_key"))
    return [problem for row in in_use if row.write_key and (problem := _problem(row))]


def rotate() -> Rotation:
    """Encrypt every secret under the newest key, batch by batch, each audited in its own transaction.

    Interrupted, it can simply be run again: what is current is passed over. A secret that cannot be read, or that
    somebody replaces meanwhile, is not written.
    """
    rotation = Rotation()
    for rows in (Connection.objects.order_by("pk"), PendingSetup.objects.order_by("pk")):
        for batch in _batches([row for row in rows if row.write_key]):
            rotate_rows(batch, rotation)
    return rotation


def forget_unreadable() -> int:
    """Give up every secret that cannot be read, because its key is lost; return how many.

    Connections then need attention until somebody enters their write key anew; no event is lost meanwhile.
    """
    unreadable = [row for row in (*Connection.objects.all(), *PendingSetup.objects.all()) if _is_unreadable(row)]
    for row in unreadable:
        with transaction.atomic():
            type(row).objects.filter(pk=row.pk, write_key=row.write_key).update(write_key="")
            Connection.objects.filter(pk=row.pk, status=Connection.Status.ACTIVE).update(
                status=Connection.Status.NEEDS_ATTENTION, attention=FORGOTTEN, attention_at=timezone.now()
            )
            audit.record(actor=None, action="secret.forgotten", target=_kind(row), environment=row.environment)
    return len(unreadable)


def rotate_rows(rows: Sequence[SecretRow], rotation: Rotation) -> None:
    """Encrypt these rows anew in one transaction and add to `rotation` what became of them."""
    with transaction.atomic():
        rotated = sum(_rotate_row(row, rotation) for row in rows)
        if rotated:
            details = {"field": "write_key", "count": rotated}
            audit.record(actor=None, action="secrets.rotated", target=_kind(rows[0]), details=details)
    rotation.rotated += rotated


def _batches(rows: Sequence[SecretRow]) -> Iterator[Sequence[SecretRow]]:
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        yield rows[start : start + ROWS_PER_TRANSACTION]


def _rotate_row(row: SecretRow, rotation: Rotation) -> bool:
    """Encrypt one secret anew; return whether that was needed, possible, and in time."""
    if problem := _problem(row):
        rotation.unreadable.append(problem)
        return False
    if not needs_rotation(row.write_key):
        rotation.current += 1
        return False
    token = encrypt(decrypt(row.write_key, context=row.secret_context), context=row.secret_context)
    # Only over the token that was read: a key that somebody replaced meanwhile is newer than ours.
    return bool(type(row).objects.filter(pk=row.pk, write_key=row.write_key).update(write_key=token))


def _is_unreadable(row: SecretRow) -> bool:
    return bool(row.write_key) and _problem(row) is not None


def _problem(row: SecretRow) -> str | None:
    try:
        decrypt(row.write_key, context=row.secret_context)
    except DecryptionError as error:
        return f"Write key of {_kind(row)} {row.pk}: {error}"
    return None


def _kind(row: SecretRow) -> str:
    return str(row._meta.verbose_name)
