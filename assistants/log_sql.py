"""The log's own statements for each database: what must be locked, looked up and written in one append."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import psycopg
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg.rows import RowMaker

from assistants.models import Block

# SQLite takes at most 999 parameters in one statement.
SQLITE_CHUNK = 900
MAX_POSITION = 2**63 - 1
# An append behind one that hangs gives up rather than hang with it; SQLite's connections have a limit of their own.
LOCK_TIMEOUT = "10s"


class PackedBlock(NamedTuple):
    """What reading needs of a block."""

    environment_id: int
    first_position: int
    last_position: int
    received_at: datetime
    source: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.environment_id}: {self.first_position}–{self.last_position}"


@dataclass(frozen=True)
class Addition:
    """What is added to one environment's log: new keys in order, and their blocks, whose positions count from 1."""

    environment_id: int
    digests: list[bytes]
    blocks: list[Block]


class LogStore(Protocol):
    """What an append needs of a database."""

    def lock(self, environment_id: int, digests: list[bytes]) -> set[bytes] | None:
        """Lock the head until the commit; return those of the keys that are known, or None where there is no head.

        A transaction must be open.
        """

    def append(self, additions: Sequence[Addition]) -> dict[int, int | None]:
        """Move the heads, and write keys and blocks behind where they were; return the new heads, None without one.

        Commits, unless a transaction is open. Raises IntegrityError where a key is known.
        """

    def blocks(self, environment_id: int, *, after: int, events: int, limit: int) -> list[PackedBlock]:
        """Return so many blocks behind a position that they hold `events` events, `limit` at most."""


class PostgresLog:
    """Statements in psycopg's pipeline with binary parameters: text arrays cost twenty times as much."""

    def __init__(self, wrapper: BaseDatabaseWrapper, *, lock_timeout: str = LOCK_TIMEOUT) -> None:
        wrapper.ensure_connection()
        self.wrapper = wrapper
        self.lock_timeout = lock_timeout
        # Not Django's cursor: that one binds parameters on the client, as text.
        self.raw: psycopg.Connection = wrapper.connection

    def lock(self, environment_id: int, digests: list[bytes]) -> set[bytes] | None:
        # Two statements, not one: the look-up needs a snapshot taken after the lock was obtained.
        with self._pipeline(), psycopg.Cursor(self.raw) as heads, psycopg.Cursor(self.raw) as keys:
            heads.execute(f"SET LOCAL lock_timeout = '{self.lock_timeout}'")
            heads.execute(
                "SELECT position FROM assistants_loghead WHERE environment_id = %b FOR UPDATE", [environment_id]
            )
            # Key by key: `digest = ANY(…)` reads every key of the environment as long as the table has no statistics.
            keys.execute(
                "SELECT given.digest FROM unnest(%b::bytea[]) AS given (digest) CROSS JOIN LATERAL ("
                "SELECT FROM assistants_eventkey AS known "
                "WHERE known.environment_id = %b AND known.digest = given.digest LIMIT 1) AS found",
                [digests, environment_id],
            )
            return {bytes(digest) for (digest,) in keys.fetchall()} if heads.fetchone() else None

    def append(self, additions: Sequence[Addition]) -> dict[int, int | None]:
        # All at once, begin and commit included: an answer that is waited for costs more than most of the statements.
        is_alone = not self.wrapper.in_atomic_block
        heads = {addition.environment_id: psycopg.Cursor(self.raw) for addition in additions}
        try:
            with self._pipeline(), psycopg.Cursor(self.raw) as cursor:
                if is_alone:
                    cursor.execute("BEGIN")
                cursor.execute(f"SET LOCAL lock_timeout = '{self.lock_timeout}'")
                for addition in additions:
                    self._add(addition, heads[addition.environment_id], cursor)
                if is_alone:
                    cursor.execute("COMMIT")
        except DatabaseError:
            if is_alone and not self.raw.closed:
                self.raw.rollback()
            raise
        # Within the pipeline the answers are not there yet.
        return {environment_id: _first(head) for environment_id, head in heads.items()}

    def _add(self, addition: Addition, head: psycopg.Cursor, cursor: psycopg.Cursor) -> None:
        environment_id, count = addition.environment_id, len(addition.digests)
        head.execute(
            "UPDATE assistants_loghead SET position = position + %b WHERE environment_id = %b RETURNING position",
            [count, environment_id],
        )
        if not count:
            return
        cursor.execute(
            "INSERT INTO assistants_eventkey (environment_id, digest, position) SELECT %b, digest, "
            "(SELECT position FROM assistants_loghead WHERE environment_id = %b) - %b + ordinal "
            "FROM unnest(%b::bytea[]) WITH ORDINALITY AS keys (digest, ordinal)",
            [environment_id, environment_id, count, addition.digests],
        )
        for block in addition.blocks:
            cursor.execute(
                "INSERT INTO assistants_block "
                "(environment_id, first_position, last_position, received_at, source, body, names, is_faultless) "
                "SELECT environment_id, position - %b, position - %b, %b, %b, %b, %b, %b "
                "FROM assistants_loghead WHERE environment_id = %b",
                [
                    count - block.first_position,
                    count - block.last_position,
                    block.received_at,
                    block.source,
                    block.body,
                    block.names,
                    block.is_faultless,
                    environment_id,
                ],
            )

    def blocks(self, environment_id: int, *, after: int, events: int, limit: int) -> list[PackedBlock]:
        # In binary, which is half as long as text for bytes. Positions are dense, so the block that ends behind the
        # last of the events is where to stop.
        with self.wrapper.wrap_database_errors, psycopg.Cursor(self.raw, row_factory=_packed) as cursor:
            cursor.execute(
                "SELECT environment_id, first_position, last_position, received_at, source, body FROM assistants_block "
                "WHERE environment_id = %b AND last_position > %b AND last_position <= COALESCE(("
                "SELECT last_position FROM assistants_block WHERE environment_id = %b AND last_position >= %b "
                "ORDER BY last_position LIMIT 1), %b) ORDER BY last_position LIMIT %b",
                [environment_id, after, environment_id, after + events, MAX_POSITION, limit],
                binary=True,
            )
            return cursor.fetchall()

    @contextlib.contextmanager
    def _pipeline(self) -> Iterator[None]:
        """Send statements without waiting for each answer; errors are raised as Django's, as from its own cursors."""
        with self.wrapper.wrap_database_errors, self.raw.pipeline():
            yield


class SqliteLog:
    """SQLite has one writer: the transaction was begun IMMEDIATE, so the lock is held already."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.wrapper = wrapper

    def lock(self, environment_id: int, digests: list[bytes]) -> set[bytes] | None:
        known: set[bytes] = set()
        with self.wrapper.cursor() as cursor:
            cursor.execute("SELECT position FROM assistants_loghead WHERE environment_id = %s", [environment_id])
            if cursor.fetchone() is None:
                return None
            for start in range(0, len(digests), SQLITE_CHUNK):
                chunk = digests[start : start + SQLITE_CHUNK]
                marks = ", ".join(["%s"] * len(chunk))
                cursor.execute(
                    f"SELECT digest FROM assistants_eventkey WHERE environment_id = %s AND digest IN ({marks})",  # noqa: S608  only placeholders are put in
                    [environment_id, *chunk],
                )
                known.update(bytes(digest) for (digest,) in cursor.fetchall())
        return known

    def append(self, additions: Sequence[Addition]) -> dict[int, int | None]:
        with transaction.atomic(), self.wrapper.cursor() as cursor:
            return {addition.environment_id: self._add(addition, cursor) for addition in additions}

    def _add(self, addition: Addition, cursor: CursorWrapper) -> int | None:
        environment_id, count = addition.environment_id, len(addition.digests)
        cursor.execute(
            "UPDATE assistants_loghead SET position = position + %s WHERE environment_id = %s RETURNING position",
            [count, environment_id],
        )
        row = cursor.fetchone()
        if row is None:
            return None
        head: int = row[0]
        cursor.executemany(
            "INSERT INTO assistants_eventkey (environment_id, digest, position) VALUES (%s, %s, %s)",
            [(environment_id, digest, head - count + index) for index, digest in enumerate(addition.digests, start=1)],
        )
        for block in addition.blocks:
            block.first_position += head - count
            block.last_position += head - count
        Block.objects.bulk_create(addition.blocks)
        return head

    def blocks(self, environment_id: int, *, after: int, events: int, limit: int) -> list[PackedBlock]:
        behind = Block.objects.filter(environment_id=environment_id, last_position__gt=after).order_by("last_position")
        end = behind.filter(last_position__gte=after + events).values_list("last_position", flat=True).first()
        if end is not None:
            behind = behind.filter(last_position__lte=end)
        return [PackedBlock(*row) for row in behind.values_list(*PackedBlock._fields)[:limit]]


def open_log() -> LogStore:
    """Return the statements for the database that is in use."""
    return PostgresLog(connection) if connection.vendor == "postgresql" else SqliteLog(connection)


def _packed(cursor: psycopg.Cursor[PackedBlock]) -> RowMaker[PackedBlock]:
    return PackedBlock._make


def _first(cursor: psycopg.Cursor) -> int | None:
    row = cursor.fetchone()
    return row[0] if row else None
