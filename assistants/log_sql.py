"""The log's own statements for each database: what must be locked, looked up and written in one append."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
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


class LogStore(Protocol):
    """What an append needs of a database, within the transaction that is open."""

    def lock(self, environment_id: int, digests: list[bytes]) -> tuple[int | None, set[bytes]]:
        """Lock the head until the commit; return it (None without one) and those of the keys that are known."""

    def reserve(self, environment_id: int, positions: int) -> int | None:
        """Lock the head until the commit and move it by so many positions; return where it was, None without one."""

    def write(
        self, environment_id: int, old_head: int, digests: list[bytes], blocks: list[Block], *, moves_head: bool
    ) -> None:
        """Insert keys at consecutive positions behind the old head, and blocks; `moves_head` unless it was reserved."""

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

    def lock(self, environment_id: int, digests: list[bytes]) -> tuple[int | None, set[bytes]]:
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
            head = heads.fetchone()
            known = {bytes(digest) for (digest,) in keys.fetchall()}
        return (head[0] if head else None), known

    def reserve(self, environment_id: int, positions: int) -> int | None:
        with self._pipeline(), psycopg.Cursor(self.raw) as heads:
            heads.execute(f"SET LOCAL lock_timeout = '{self.lock_timeout}'")
            heads.execute(
                "UPDATE assistants_loghead SET position = position + %b WHERE environment_id = %b RETURNING position",
                [positions, environment_id],
            )
            head = heads.fetchone()
        return head[0] - positions if head else None

    def write(
        self, environment_id: int, old_head: int, digests: list[bytes], blocks: list[Block], *, moves_head: bool
    ) -> None:
        with psycopg.Cursor(self.raw) as heads:
            with self._pipeline(), psycopg.Cursor(self.raw) as cursor:
                cursor.execute(
                    "INSERT INTO assistants_eventkey (environment_id, digest, position) "
                    "SELECT %b, digest, %b + ordinal "
                    "FROM unnest(%b::bytea[]) WITH ORDINALITY AS keys (digest, ordinal)",
                    [environment_id, old_head, digests],
                )
                cursor.executemany(
                    "INSERT INTO assistants_block "
                    "(environment_id, first_position, last_position, received_at, source, body, names, is_faultless) "
                    "VALUES (%b, %b, %b, %b, %b, %b, %b, %b)",
                    [_block_row(block) for block in blocks],
                )
                if moves_head:
                    heads.execute(
                        "UPDATE assistants_loghead SET position = %b WHERE environment_id = %b AND position = %b",
                        [blocks[-1].last_position, environment_id, old_head],
                    )
            # Within the pipeline the answers are not there yet.
            if moves_head:
                _must_have_moved(environment_id, heads.rowcount)

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

    def lock(self, environment_id: int, digests: list[bytes]) -> tuple[int | None, set[bytes]]:
        known: set[bytes] = set()
        with self.wrapper.cursor() as cursor:
            cursor.execute("SELECT position FROM assistants_loghead WHERE environment_id = %s", [environment_id])
            head = cursor.fetchone()
            for start in range(0, len(digests), SQLITE_CHUNK):
                chunk = digests[start : start + SQLITE_CHUNK]
                marks = ", ".join(["%s"] * len(chunk))
                cursor.execute(
                    f"SELECT digest FROM assistants_eventkey WHERE environment_id = %s AND digest IN ({marks})",  # noqa: S608  only placeholders are put in
                    [environment_id, *chunk],
                )
                known.update(bytes(digest) for (digest,) in cursor.fetchall())
        return (head[0] if head else None), known

    def reserve(self, environment_id: int, positions: int) -> int | None:
        with self.wrapper.cursor() as cursor:
            cursor.execute(
                "UPDATE assistants_loghead SET position = position + %s WHERE environment_id = %s RETURNING position",
                [positions, environment_id],
            )
            head = cursor.fetchone()
        return head[0] - positions if head else None

    def write(
        self, environment_id: int, old_head: int, digests: list[bytes], blocks: list[Block], *, moves_head: bool
    ) -> None:
        with self.wrapper.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO assistants_eventkey (environment_id, digest, position) VALUES (%s, %s, %s)",
                [(environment_id, digest, position) for position, digest in enumerate(digests, start=old_head + 1)],
            )
            Block.objects.bulk_create(blocks)
            if moves_head:
                cursor.execute(
                    "UPDATE assistants_loghead SET position = %s WHERE environment_id = %s AND position = %s",
                    [blocks[-1].last_position, environment_id, old_head],
                )
                _must_have_moved(environment_id, cursor.rowcount)

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


def _must_have_moved(environment_id: int, rows: int) -> None:
    if rows != 1:
        raise RuntimeError(f"The head of environment {environment_id} moved under its lock.")


def _block_row(block: Block) -> tuple[object, ...]:
    return (
        block.environment_id,
        block.first_position,
        block.last_position,
        block.received_at,
        block.source,
        block.body,
        block.names,
        block.is_faultless,
    )
