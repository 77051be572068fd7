"""Statements that are sent to the database together: waiting for each answer costs more than what they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection


@dataclass(frozen=True)
class Statement:
    """SQL with `%s` for each parameter."""

    sql: str
    parameters: Sequence[Any]


def run_together(statements: Sequence[Statement]) -> list[int]:
    """Execute statements in order, within the transaction that is open; return how many rows each one changed.

    All are executed, so whether one changed too few is found out afterwards. Raises the database's errors.
    """
    if connection.vendor == "postgresql":
        return _run_in_pipeline(statements)
    changed = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.sql, statement.parameters)
            changed.append(cursor.rowcount)
    return changed


def _run_in_pipeline(statements: Sequence[Statement]) -> list[int]:
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        # Not Django's cursors: those bind parameters on the client, as text.
        cursors = [psycopg.Cursor(connection.connection) for _ in statements]
        for cursor, statement in zip(cursors, statements, strict=True):
            cursor.execute(statement.sql.encode(), statement.parameters)
    # Within the pipeline the answers are not there yet.
    return [cursor.rowcount for cursor in cursors]
