"""Small functions for the tests of the log: what to append, what is read, and calls at the same moment."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import connection

from assistants import log
from assistants.log import Append
from assistants.messages import Event, Message
from assistants.models import Block, Environment
from tests.make import make_message

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
WAIT_SECONDS = 30.0


def add(environment: Environment, *messages: Message, source: str = "segment") -> Append:
    return Append(environment.pk, source, AT, messages)


def make_messages(count: int) -> list[Message]:
    return [make_message() for _ in range(count)]


def positions(events: Sequence[Event]) -> list[int]:
    return [event.position for event in events]


def message_ids(events: Sequence[Event]) -> list[str]:
    return [event.message.message_id for event in events if event.message]


def everything(environment: Environment) -> list[Event]:
    return log.read(environment.pk, after=0, limit=1_000_000)


def block_ranges(environment: Environment) -> list[tuple[int, int]]:
    return list(
        Block.objects.filter(environment_id=environment.pk)
        .order_by("last_position")
        .values_list("first_position", "last_position")
    )


def in_threads(*calls: Callable[[], object]) -> list[object]:
    """Start all of the calls at the same moment, each in a thread with a database connection of its own."""
    barrier = threading.Barrier(len(calls), timeout=WAIT_SECONDS)

    def run(call: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
