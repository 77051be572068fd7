"""The record of first occurrences: which position of a connection holds which mark."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection

from integrations.leases import TermsChangedError
from integrations.models import FirstOccurrence

# SQLite takes at most 999 parameters in one statement.
CHUNK = 900


class ClaimedElsewhereError(TermsChangedError):
    """Another lane of the connection has claimed a mark since the batch was composed: compose it again."""


def load(connection_id: UUID, marks: Iterable[bytes]) -> dict[bytes, int]:
    """Return the positions that hold these marks; those that nobody holds are missing."""
    wanted = sorted(set(marks))
    held: dict[bytes, int] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = FirstOccurrence.objects.filter(connection_id=connection_id, digest__in=wanted[start : start + CHUNK])
        held.update((bytes(digest), position) for digest, position in rows.values_list("digest", "position"))
    return held


def claim(connection_id: UUID, claims: Mapping[bytes, int]) -> None:
    """Write who holds new marks, in the transaction that records the attempt.

    Raises ClaimedElsewhereError; then the transaction has to be rolled back.
    """
    if not claims:
        return
    # In one order everywhere: two lanes must not wait for each other.
    owner = connection_id if connection.features.has_native_uuid_field else connection_id.hex
    rows = [(owner, mark, claims[mark]) for mark in sorted(claims)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO integrations_firstoccurrence (connection_id, digest, position) VALUES (%s, %s, %s) "
            "ON CONFLICT (connection_id, digest) DO NOTHING",
            rows,
        )
        if cursor.rowcount != len(rows):
            raise ClaimedElsewhereError


def forget(connection_ids: Iterable[UUID]) -> None:
    """Delete the record of connections that are gone."""
    FirstOccurrence.objects.filter(connection_id__in=list(connection_ids)).delete()
