"""All encrypted columns of the database: whether they can be read, and their encryption anew under the newest key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from django.db import transaction
from django.utils import timezone

from assistants import audit
from assistants.encryption import DecryptionError, decrypt, encrypt, needs_rotation
from assistants.models import Environment, Source
from integrations.models import Connection, PendingSetup

ROWS_PER_TRANSACTION = 100
FORGOTTEN = "The write key could not be decrypted and was given up. Enter it again in the settings."

SecretRow: TypeAlias = Connection | PendingSetup | Source
# In which column each kind of row keeps its secret.
COLUMNS: dict[type[SecretRow], str] = {Connection: "write_key", PendingSetup: "write_key", Source: "secret"}


@dataclass
class Rotation:
    """What one run did: secrets encrypted anew, secrets that were current, and those that nobody can read."""

    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def unreadable() -> list[str]:
    """Say of each secret in use that does not decrypt with the present keys which it is, and why."""
    in_use: tuple[SecretRow, ...] = (
        *Connection.objects.present(),
        *PendingSetup.objects.all(),
        *Source.objects.filter(environment__in=Environment.objects.present()),
    )
    return [problem for row in in_use if _token(row) and (problem := _problem(row))]


def rotate() -> Rotation:
    """Encrypt every secret under the newest key, batch by batch, each audited in its own transaction.

    Interrupted, it can simply be run again: what is current is passed over. A secret that cannot be read, or that
    somebody replaces meanwhile, is not written.
    """
    rotation = Rotation()
    for rows in _all_rows():
        for batch in _batches([row for row in rows if _token(row)]):
            rotate_rows(batch, rotation)
    return rotation


def forget_unreadable() -> int:
    """Give up every secret that cannot be read, because its key is lost; return how many.

    Connections then need attention until somebody enters their write key anew; no event is lost meanwhile. Sources
    refuse what they cannot verify until somebody enters their secret anew.
    """
    unreadable = [row for rows in _all_rows() for row in rows if _token(row) and _problem(row)]
    for row in unreadable:
        with transaction.atomic():
            _replace(row, "")
            if isinstance(row, Connection):
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
            details = {"field": COLUMNS[type(rows[0])], "count": rotated}
            audit.record(actor=None, action="secrets.rotated", target=_kind(rows[0]), details=details)
    rotation.rotated += rotated


def _all_rows() -> tuple[Sequence[SecretRow], ...]:
    return (
        list(Connection.objects.order_by("pk")),
        list(PendingSetup.objects.order_by("pk")),
        list(Source.objects.order_by("pk")),
    )


def _batches(rows: Sequence[SecretRow]) -> Iterator[Sequence[SecretRow]]:
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        yield rows[start : start + ROWS_PER_TRANSACTION]


def _rotate_row(row: SecretRow, rotation: Rotation) -> bool:
    """Encrypt one secret anew; return whether that was needed, possible, and in time."""
    if problem := _problem(row):
        rotation.unreadable.append(problem)
        return False
    if not needs_rotation(_token(row)):
        rotation.current += 1
        return False
    token = encrypt(decrypt(_token(row), context=row.secret_context), context=row.secret_context)
    return _replace(row, token)


def _token(row: SecretRow) -> str:
    return str(getattr(row, COLUMNS[type(row)]))


def _replace(row: SecretRow, token: str) -> bool:
    """Write over the token that was read and no other: a secret that somebody replaced meanwhile is newer than ours."""
    column = COLUMNS[type(row)]
    return bool(type(row).objects.filter(pk=str(row.pk), **{column: _token(row)}).update(**{column: token}))


def _problem(row: SecretRow) -> str | None:
    try:
        decrypt(_token(row), context=row.secret_context)
    except DecryptionError as error:
        what = COLUMNS[type(row)].replace("_", " ").capitalize()
        return f"{what} of {_kind(row)} {row.pk}: {error}"
    return None


def _kind(row: SecretRow) -> str:
    return str(row._meta.verbose_name)
