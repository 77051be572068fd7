"""The log under several hands at once: positions stay dense, and no reader runs ahead of a commit."""

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from assistants import log
from assistants.log import Append, Appended, Reader
from assistants.log_sql import PostgresLog
from assistants.messages import Message
from assistants.models import Environment
from tests.assistants.logs import (
    WAIT_SECONDS,
    add,
    everything,
    in_threads,
    make_messages,
    message_ids,
    positions,
)
from tests.make import append, make_environment, make_message

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer, and no row locks")


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_share_the_positions_without_gap_or_repeat() -> None:
    environments = [make_environment(), make_environment()]
    random = Random(11)
    plans = [
        [[(environment, make_messages(random.randint(1, 3))) for environment in order] for order in orders]
        for orders in [[random.sample(environments, random.randint(1, 2)) for _ in range(15)] for _ in range(6)]
    ]

    def write(plan: list[list[tuple[Environment, list[Message]]]], *, are_new: bool) -> None:
        for parts in plan:
            log.append([add(environment, *messages) for environment, messages in parts], are_new=are_new)

    in_threads(*[lambda plan=plan, odd=bool(n % 2): write(plan, are_new=odd) for n, plan in enumerate(plans)])

    for environment in environments:
        given = [m for plan in plans for parts in plan for e, messages in parts if e == environment for m in messages]
        events = everything(environment)
        assert positions(events) == list(range(1, len(given) + 1))
        assert sorted(message_ids(events)) == sorted(message.message_id for message in given)
        assert log.head(environment.pk) == len(given)
        for plan in plans:
            in_order = [m.message_id for parts in plan for e, messages in parts if e == environment for m in messages]
            assert [found for found in message_ids(events) if found in set(in_order)] == in_order


def append_first_as_new(append: Append) -> list[Appended]:
    try:
        return log.append([append], are_new=True)
    except log.RepeatedError:
        return log.append([append])


@pytest.mark.django_db(transaction=True)
def test_the_same_messages_sent_by_several_at_once_are_stored_once() -> None:
    environment = make_environment()
    messages = make_messages(60)
    parts = [messages[start : start + 5] for start in range(0, 60, 5)]

    def write(seed: int) -> list[Appended]:
        order = Random(seed).sample(parts, len(parts))
        return list(chain.from_iterable(append_first_as_new(add(environment, *part)) for part in order))

    results = in_threads(*[lambda seed=seed: write(seed) for seed in range(6)])

    assert sum(appended.stored for appended in chain.from_iterable(results)) == 60
    assert sum(appended.repeated for appended in chain.from_iterable(results)) == 300
    assert positions(everything(environment)) == list(range(1, 61))
    assert sorted(message_ids(everything(environment))) == sorted(message.message_id for message in messages)


@pytest.mark.django_db(transaction=True)
def test_rollbacks_between_writers_leave_no_hole() -> None:
    environment = make_environment()

    def write(seed: int) -> int:
        random, stored = Random(seed), 0
        for _ in range(15):
            messages = make_messages(random.randint(1, 3))
            try:
                with transaction.atomic():
                    append(environment, *messages)
                    if random.random() < 0.4:
                        raise IntegrityError
                stored += len(messages)
            except IntegrityError:
                continue
        return stored

    stored = sum(in_threads(*[lambda seed=seed: write(seed) for seed in range(5)]))

    assert log.head(environment.pk) == stored
    assert positions(everything(environment)) == list(range(1, stored + 1))


@pytest.mark.django_db(transaction=True)
def test_a_reader_beside_writers_never_passes_over_an_event() -> None:
    environment = make_environment()
    parts = [make_messages(2) for _ in range(60)]

    def write(own: list[list[Message]]) -> None:
        for messages in own:
            append(environment, *messages)

    def follow() -> list[int]:
        reader, seen = Reader(environment.pk, after=0), []
        until = datetime.now(UTC) + timedelta(seconds=WAIT_SECONDS)
        while len(seen) < 120 and datetime.now(UTC) < until:
            window = positions(reader.window(7))
            seen += window
            reader.pass_to(seen[-1] if seen else 0)
            # Readers that never rest leave SQLite's writers no moment.
            time.sleep(0.001)
        return seen

    *_, seen, also_seen = in_threads(*[lambda n=n: write(parts[n::3]) for n in range(3)], follow, follow)

    assert seen == also_seen == list(range(1, 121))


@pytest.mark.django_db(transaction=True)
def test_a_stalled_append_holds_up_the_next_one_and_no_reader_runs_ahead_of_it() -> None:
    environment = make_environment()
    append(environment, make_message())
    first, second = make_message(), make_message()
    has_positions, may_commit, has_second = threading.Event(), threading.Event(), threading.Event()

    def stall() -> None:
        with transaction.atomic():
            append(environment, first)
            has_positions.set()
            assert may_commit.wait(WAIT_SECONDS)

    def follow() -> None:
        assert has_positions.wait(WAIT_SECONDS)
        append(environment, second)
        has_second.set()

    def look() -> list[int]:
        assert has_positions.wait(WAIT_SECONDS)
        try:
            assert not has_second.wait(0.3)
            seen = positions(everything(environment))
            return [*seen, log.head(environment.pk)]
        finally:
            may_commit.set()

    _, _, seen = in_threads(stall, follow, look)

    assert seen == [1, 1]
    assert [event.message for event in everything(environment)][1:] == [first, second]
    assert positions(everything(environment)) == [1, 2, 3]


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_an_append_behind_one_that_hangs_gives_up_after_a_while() -> None:
    environment = make_environment()

    def give_up() -> None:
        with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():  # noqa: PT012  one transaction
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '5s'")
            PostgresLog(connection, lock_timeout="50ms").lock(environment.pk, [])

    with transaction.atomic():
        append(environment, make_message())
        in_threads(give_up)

    append(environment, make_message())
    assert positions(everything(environment)) == [1, 2]


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_the_databases_error_and_nothing_is_stored() -> None:
    environment = make_environment()
    append(environment, make_message())

    def cut(pid: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(OperationalError), transaction.atomic():  # noqa: PT012  the cut has to come in between
        append(environment, make_message())
        in_threads(lambda pid=connection.connection.info.backend_pid: cut(pid))
        append(environment, make_message())

    connection.close()
    assert log.head(environment.pk) == 1
    append(environment, make_message())
    assert positions(everything(environment)) == [1, 2]
