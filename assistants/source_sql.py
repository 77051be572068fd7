"""The statements of sources that concern many rows at once, for each database."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import psycopg
from django.db import connection

from assistants.models import Conversation, HeldPart

# A vendor waits for its answer for a few seconds only: it may rather come again.
LOCK_TIMEOUT = "2500ms"
# SQLite takes at most 999 parameters in one statement.
SQLITE_CHUNK = 500
SQLITE_ROWS = 100
T = TypeVar("T")


class NewPart(NamedTuple):
    """A row of HeldPart that is to be written."""

    environment_id: int
    kind: str
    whole: bytes
    part: bytes
    body: bytes
    received_at: datetime
    due_at: datetime


class StoredPart(NamedTuple):
    """A row of HeldPart as far as deriving needs it."""

    pk: int
    whole: bytes
    received_at: datetime
    body: bytes


class PartTimes(NamedTuple):
    """A row of HeldPart as far as holding more of its whole needs it."""

    whole: bytes
    part: bytes
    received_at: datetime
    due_at: datetime


class Remembered(NamedTuple):
    """A row of Conversation."""

    environment_id: int
    digest: bytes
    state: bytes
    updated_at: datetime


class SourceStore(Protocol):
    """What deriving and holding need of a database, within the transaction that is open."""

    def lock_heads(self, environment_ids: Sequence[int]) -> None:
        """Lock the heads of these environments' logs to the commit, in their order."""

    def insert_parts(self, parts: Sequence[NewPart]) -> None:
        """Write parts, in their order."""

    def parts(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[StoredPart]:
        """Return the parts of wholes in the order in which they came."""

    def part_keys(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Return the primary keys of those of these parts that are not derived, and their wholes, in the same order."""

    def part_times(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[PartTimes]:
        """Return since when and until when these parts are held."""

    def keep_parts(self, times: Sequence[tuple[int, datetime]]) -> None:
        """Note that the parts with these primary keys are derived, and when each goes."""

    def conversations(self, environment_id: int, digests: Sequence[bytes]) -> list[Remembered]:
        """Return what is remembered of conversations, as far as anything is."""

    def write_conversations(self, rows: Sequence[Remembered]) -> None:
        """Write what is remembered of conversations, known or new."""


# Looks for the parts of one whole after the other: `whole = ANY(…)` reads every part of the environment as long as the
# table has no statistics. The offset keeps the planner from making one of the two.
_OF_WHOLES = (
    "FROM unnest(%b::bytea[]) AS given (whole) CROSS JOIN LATERAL ("
    "SELECT * FROM assistants_heldpart AS part "
    "WHERE part.environment_id = %b AND part.kind = %b AND part.whole = given.whole OFFSET 0) AS found"
)


class PostgresSources:
    """Each column goes as one binary array: a placeholder for each value costs five times as much."""

    def lock_heads(self, environment_ids: Sequence[int]) -> None:
        # Bound on the client, two statements can go as one.
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; "
                "SELECT FROM assistants_loghead WHERE environment_id = ANY(%s) ORDER BY environment_id FOR UPDATE",
                [list(environment_ids)],
            )

    def insert_parts(self, parts: Sequence[NewPart]) -> None:
        by_place: dict[tuple[int, str], list[NewPart]] = defaultdict(list)
        for part in parts:
            by_place[part.environment_id, part.kind].append(part)
        for (environment_id, kind), own in by_place.items():
            _, _, *columns = _columns(own)
            _execute(
                "INSERT INTO assistants_heldpart "
                "(environment_id, kind, whole, part, body, received_at, due_at, is_derived) "
                "SELECT %b, %b, given.*, FALSE "
                "FROM unnest(%b::bytea[], %b::bytea[], %b::bytea[], %b::timestamptz[], %b::timestamptz[]) AS given",
                [environment_id, kind, *columns],
            )

    def parts(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[StoredPart]:
        query = f"SELECT found.id, found.whole, found.received_at, found.body {_OF_WHOLES} ORDER BY found.id"
        return list(map(StoredPart._make, _rows(query, [list(wholes), environment_id, kind])))

    def part_keys(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[tuple[int, bytes]]:
        query = f"SELECT found.id, found.whole {_OF_WHOLES} WHERE NOT found.is_derived ORDER BY found.id"
        return _rows(query, [list(wholes), environment_id, kind])

    def part_times(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[PartTimes]:
        query = f"SELECT found.whole, found.part, found.received_at, found.due_at {_OF_WHOLES}"
        return list(map(PartTimes._make, _rows(query, [list(wholes), environment_id, kind])))

    def keep_parts(self, times: Sequence[tuple[int, datetime]]) -> None:
        if times:
            _execute(
                "UPDATE assistants_heldpart AS part SET due_at = given.due_at, is_derived = TRUE "
                "FROM unnest(%b::bigint[], %b::timestamptz[]) AS given (id, due_at) WHERE part.id = given.id",
                _columns(times),
            )

    def conversations(self, environment_id: int, digests: Sequence[bytes]) -> list[Remembered]:
        rows = _rows(
            "SELECT found.* FROM unnest(%b::bytea[]) AS given (digest) CROSS JOIN LATERAL ("
            "SELECT known.environment_id, known.digest, known.state, known.updated_at "
            "FROM assistants_conversation AS known "
            "WHERE known.environment_id = %b AND known.digest = given.digest LIMIT 1) AS found",
            [list(digests), environment_id],
        )
        return list(map(Remembered._make, rows))

    def write_conversations(self, rows: Sequence[Remembered]) -> None:
        if rows:
            _execute(
                "INSERT INTO assistants_conversation (environment_id, digest, state, updated_at) "
                "SELECT * FROM unnest(%b::bigint[], %b::bytea[], %b::bytea[], %b::timestamptz[]) "
                "ON CONFLICT (environment_id, digest) DO UPDATE SET "
                "state = excluded.state, updated_at = excluded.updated_at",
                _columns(rows),
            )


class SqliteSources:
    """A statement costs little here, so that there may be many."""

    def lock_heads(self, environment_ids: Sequence[int]) -> None:
        # SQLite has one writer: the transaction was begun IMMEDIATE, so the lock is held already.
        pass

    def insert_parts(self, parts: Sequence[NewPart]) -> None:
        HeldPart.objects.bulk_create([HeldPart(**part._asdict()) for part in parts], batch_size=SQLITE_ROWS)

    def parts(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[StoredPart]:
        found: list[StoredPart] = []
        for chunk in _chunks(wholes):
            rows = HeldPart.objects.filter(environment_id=environment_id, kind=kind, whole__in=chunk)
            for key, whole, received_at, body in rows.values_list("pk", "whole", "received_at", "body"):
                found.append(StoredPart(key, bytes(whole), received_at, bytes(body)))
        return sorted(found)

    def part_keys(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for chunk in _chunks(wholes):
            rows = HeldPart.objects.filter(environment_id=environment_id, kind=kind, whole__in=chunk, is_derived=False)
            found += [(key, bytes(whole)) for key, whole in rows.values_list("pk", "whole")]
        return sorted(found)

    def part_times(self, environment_id: int, kind: str, wholes: Sequence[bytes]) -> list[PartTimes]:
        found: list[PartTimes] = []
        for chunk in _chunks(wholes):
            rows = HeldPart.objects.filter(environment_id=environment_id, kind=kind, whole__in=chunk)
            for whole, part, received_at, due_at in rows.values_list("whole", "part", "received_at", "due_at"):
                found.append(PartTimes(bytes(whole), bytes(part), received_at, due_at))
        return found

    def keep_parts(self, times: Sequence[tuple[int, datetime]]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE assistants_heldpart SET due_at = %s, is_derived = %s WHERE id = %s",
                [(_adapt(due_at), True, key) for key, due_at in times],
            )

    def conversations(self, environment_id: int, digests: Sequence[bytes]) -> list[Remembered]:
        found: list[Remembered] = []
        for chunk in _chunks(digests):
            rows = Conversation.objects.filter(environment_id=environment_id, digest__in=chunk)
            for digest, state, updated_at in rows.values_list("digest", "state", "updated_at"):
                found.append(Remembered(environment_id, bytes(digest), bytes(state), updated_at))
        return found

    def write_conversations(self, rows: Sequence[Remembered]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO assistants_conversation (environment_id, digest, state, updated_at) "
                "VALUES (%s, %s, %s, %s) ON CONFLICT (environment_id, digest) DO UPDATE SET "
                "state = excluded.state, updated_at = excluded.updated_at",
                [(*row[:3], _adapt(row.updated_at)) for row in rows],
            )


def store() -> SourceStore:
    """Return the statements for the database that is below."""
    return PostgresSources() if connection.vendor == "postgresql" else SqliteSources()


def _execute(statement: str, parameters: Sequence[object]) -> None:
    # Not Django's cursor: that one binds parameters on the client, as text.
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters)


def _rows(query: str, parameters: Sequence[object]) -> list[Any]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, binary=True).fetchall()


def _columns(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), SQLITE_CHUNK):
        yield values[start : start + SQLITE_CHUNK]


def _adapt(moment: datetime) -> str | None:
    return connection.ops.adapt_datetimefield_value(moment)
