"""Ways in which a database really fails, on each of the databases."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from assistants.models import Environment, LogHead
from tests.services import wait_until

WAIT_SECONDS = 30.0


@contextmanager
def hidden_table(name: str) -> Iterator[None]:
    """Let every statement that needs the table fail for as long as the block runs."""
    _rename(name, f"{name}_hidden")
    try:
        yield
    finally:
        _rename(f"{name}_hidden", name)


@contextmanager
def stalled(environment: Environment) -> Iterator[threading.Event]:
    """Hold the lock that an append to the environment needs, until the block ends or the yielded event is set."""
    has_lock, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            # SQLite has no row locks: its transaction has the only writer's lock from its beginning.
            LogHead.objects.select_for_update().get(environment=environment)
            has_lock.set()
            release.wait(WAIT_SECONDS)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert has_lock.wait(WAIT_SECONDS)
        yield release
    finally:
        release.set()
        thread.join()


def cut_other_connections() -> None:
    """Let the PostgreSQL server end every connection to the tests' database but this one."""
    _cut(only_waiting=False)


def cut_a_waiting_connection() -> None:
    """Let the PostgreSQL server end the next connection that waits for a lock, from a thread of its own."""
    try:
        wait_until(lambda: _cut(only_waiting=True) == 1, "a connection that waits for a lock")
    finally:
        connection.close()


@contextmanager
def fresh_connections() -> Iterator[None]:
    """Begin and end without connections in the pool, which may be cut in between."""
    _close_connections()
    yield
    _close_connections()


def _cut(*, only_waiting: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND (wait_event_type = 'Lock' OR NOT %s)",
            [only_waiting],
        )
        return len(cursor.fetchall())


def _close_connections() -> None:
    connection.close()
    connection.close_pool()


def _rename(name: str, new_name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} RENAME TO {new_name}")
