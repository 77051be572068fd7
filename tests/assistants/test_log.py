"""The log: dense positions, each message ID once, nothing of a failed append, and readers that miss nothing."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from assistants import log
from assistants.log import Append, Appended, EnvironmentGone, Reader
from assistants.log_sql import PostgresLog
from assistants.messages import Event, Message
from assistants.models import Block, Environment, EventKey
from tests.make import append, make_environment, make_message

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
WAIT_SECONDS = 30.0
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer, and no row locks")


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


@pytest.mark.django_db
def test_positions_begin_at_one_and_leave_no_gap() -> None:
    environment = make_environment()
    first, second = make_messages(3), make_messages(2)

    assert log.head(environment.pk) == 0
    assert log.append([add(environment, *first)]) == [Appended(stored=3, repeated=0)]
    assert log.append([add(environment, *second)]) == [Appended(stored=2, repeated=0)]

    assert log.head(environment.pk) == 5
    assert block_ranges(environment) == [(1, 3), (4, 5)]
    assert everything(environment) == [
        Event(position, AT, "segment", message) for position, message in enumerate(first + second, start=1)
    ]


@pytest.mark.django_db
def test_a_repeated_message_is_stored_once_whoever_repeats_it() -> None:
    environment = make_environment()
    old, new = make_messages(2)
    log.append([add(environment, old)])

    results = log.append([add(environment, old, new, new), add(environment, new, old)])

    assert results == [Appended(stored=1, repeated=2), Appended(stored=0, repeated=2)]
    assert everything(environment) == [Event(1, AT, "segment", old), Event(2, AT, "segment", new)]
    assert EventKey.objects.filter(environment=environment).count() == 2


@pytest.mark.django_db
def test_of_two_bodies_under_one_message_id_the_first_wins() -> None:
    environment = make_environment()
    first, other = make_message("First", message_id="same"), make_message("Other", message_id="same")

    log.append([add(environment, first, other)])
    assert log.append([add(environment, other)]) == [Appended(stored=0, repeated=1)]

    assert everything(environment) == [Event(1, AT, "segment", first)]


@pytest.mark.django_db
def test_an_append_of_repeats_alone_changes_nothing() -> None:
    environment = make_environment()
    message = make_message()
    log.append([add(environment, message)])

    assert log.append([add(environment, message), add(environment)]) == [Appended(0, 1), Appended(0, 0)]

    assert log.head(environment.pk) == 1
    assert block_ranges(environment) == [(1, 1)]


@pytest.mark.django_db
def test_the_same_message_id_in_two_environments_is_two_events() -> None:
    one, other = make_environment(), make_environment()
    message = make_message()

    assert log.append([add(one, message), add(other, message)]) == [Appended(1, 0), Appended(1, 0)]

    assert positions(everything(one)) == positions(everything(other)) == [1]


@pytest.mark.django_db
def test_one_append_carries_requests_of_several_environments_and_sources() -> None:
    one, other = make_environment(), make_environment()
    a, b, c, d, e = make_messages(5)

    results = log.append(
        [add(other, a), add(one, b), add(other, c, a), add(one, d, source="test"), add(one, e, source="test")]
    )

    assert results == [Appended(1, 0), Appended(1, 0), Appended(1, 1), Appended(1, 0), Appended(1, 0)]
    assert everything(other) == [Event(1, AT, "segment", a), Event(2, AT, "segment", c)]
    assert everything(one) == [Event(1, AT, "segment", b), Event(2, AT, "test", d), Event(3, AT, "test", e)]
    assert block_ranges(other) == [(1, 2)]
    assert block_ranges(one) == [(1, 1), (2, 3)]


@pytest.mark.django_db
def test_a_rolled_back_append_leaves_no_hole_and_no_key() -> None:
    environment = make_environment()
    append(environment, make_message())
    lost = make_message()

    with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012  the append has to be inside
        log.append([add(environment, lost)])
        raise IntegrityError

    assert log.head(environment.pk) == 1
    assert log.position_of(environment.pk, lost.message_id) is None
    assert log.append([add(environment, lost)]) == [Appended(stored=1, repeated=0)]
    assert positions(everything(environment)) == [1, 2]


@pytest.mark.django_db
def test_nothing_is_stored_for_anyone_where_one_environment_is_gone() -> None:
    environment = make_environment()
    message = make_message()

    with pytest.raises(EnvironmentGone):
        log.append([add(environment, message), Append(0, "segment", AT, [message])])

    assert log.head(environment.pk) == 0
    assert everything(environment) == []
    assert not EventKey.objects.filter(environment=environment).exists()


@pytest.mark.django_db
def test_a_block_that_stands_where_the_next_one_belongs_is_not_written_over() -> None:
    environment = make_environment()
    append(environment, make_message())
    # What only a mistake could do.
    Block.objects.filter(environment_id=environment.pk).update(last_position=2, first_position=2)

    with pytest.raises(IntegrityError), transaction.atomic():
        append(environment, make_message())

    assert log.head(environment.pk) == 1


@pytest.mark.django_db
def test_more_messages_than_one_statement_takes_are_still_one_append() -> None:
    environment = make_environment()
    messages = make_messages(2_500)

    assert log.append([add(environment, *messages)]) == [Appended(2500, 0)]
    assert log.append([add(environment, *messages)]) == [Appended(0, 2500)]

    assert log.head(environment.pk) == 2500
    assert log.position_of(environment.pk, messages[1234].message_id) == 1235


@pytest.fixture
def told() -> Iterator[list[dict[int, int]]]:
    """Subscribe to the log for one test; holds what it announced."""
    heads: list[dict[int, int]] = []
    log.on_appended(heads.append)
    yield heads
    log.listeners.remove(heads.append)


@pytest.mark.django_db(transaction=True)
def test_listeners_are_told_the_new_heads_after_the_commit(told: list[dict[int, int]]) -> None:
    one, other = make_environment(), make_environment()

    with transaction.atomic():
        log.append([add(other, *make_messages(2)), add(one, make_message())])
        assert told == []

    assert told == [{one.pk: 1, other.pk: 2}]


@pytest.mark.django_db(transaction=True)
def test_listeners_hear_nothing_of_an_append_that_is_rolled_back(told: list[dict[int, int]]) -> None:
    environment = make_environment()

    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012  the append has to be inside
        append(environment, make_message())
        raise RuntimeError
    with pytest.raises(EnvironmentGone):
        log.append([add(environment, make_message()), Append(0, "segment", AT, [])])

    assert told == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("told")
def test_a_listener_that_fails_does_not_fail_the_append(caplog: pytest.LogCaptureFixture) -> None:
    environment = make_environment()

    def fail(heads: dict[int, int]) -> None:
        raise RuntimeError(heads)

    log.on_appended(fail)
    try:
        append(environment, make_message())
    finally:
        log.listeners.remove(fail)

    assert log.head(environment.pk) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def make_uneven_log() -> tuple[Environment, list[Message]]:
    """Blocks of 1 to 5 events, ten of them: positions 1 to 28."""
    environment = make_environment()
    messages: list[Message] = []
    for size in (1, 2, 3, 4, 5, 1, 1, 4, 2, 5):
        block = make_messages(size)
        append(environment, *block)
        messages += block
    return environment, messages


@pytest.mark.django_db
def test_reading_forward_and_back_agrees_at_every_position() -> None:
    environment, messages = make_uneven_log()
    ids = [message.message_id for message in messages]

    for position in range(len(ids) + 2):
        for limit in (1, 3, 50):
            forward = log.read(environment.pk, after=position, limit=limit)
            back = log.read_back(environment.pk, before=position, limit=limit)
            assert message_ids(forward) == ids[position : position + limit]
            assert message_ids(back) == ids[: max(0, position - 1)][::-1][:limit]
            assert positions(back) == list(range(position - 1, 0, -1))[:limit]
    assert message_ids(log.read_back(environment.pk, limit=4)) == ids[:-5:-1]


@pytest.mark.django_db
def test_a_walk_back_reaches_the_beginning_over_any_number_of_blocks() -> None:
    environment = make_environment()
    for _ in range(45):
        append(environment, *make_messages(2))

    assert positions(list(log.walk_back(environment.pk))) == list(range(90, 0, -1))
    assert positions(list(log.walk_back(environment.pk, before=42))) == list(range(41, 0, -1))
    assert list(log.walk_back(environment.pk, before=1)) == []


@pytest.mark.django_db
def test_an_event_is_found_by_position_and_by_message_id() -> None:
    environment, messages = make_uneven_log()
    other = make_environment()
    append(other, make_message())

    for position, message in enumerate(messages, start=1):
        found = log.find(environment.pk, position)
        assert found is not None
        assert (found.position, found.message) == (position, message)
        assert log.position_of(environment.pk, message.message_id) == position
        assert log.position_of(other.pk, message.message_id) is None
    assert log.find(environment.pk, 0) is None
    assert log.find(environment.pk, len(messages) + 1) is None


@pytest.mark.django_db
def test_a_reader_passes_over_the_log_without_missing_or_repeating_an_event() -> None:
    environment, messages = make_uneven_log()
    random = Random(7)
    for _ in range(20):
        reader = Reader(environment.pk, after=0)
        seen: list[Event] = []
        while window := reader.window(random.randint(1, 12)):
            part = window[: random.randint(1, len(window))]
            seen += part
            reader.pass_to(part[-1].position)
        assert message_ids(seen) == [message.message_id for message in messages]
        assert positions(seen) == list(range(1, 29))


@pytest.mark.django_db
def test_a_reader_sees_what_was_appended_since_it_last_looked() -> None:
    environment = make_environment()
    reader = Reader(environment.pk, after=0)

    assert reader.window(5) == []
    append(environment, *make_messages(2))
    assert positions(reader.window(5)) == [1, 2]
    append(environment, make_message())
    assert positions(reader.window(5)) == [1, 2, 3]
    reader.pass_to(3)
    assert reader.window(5) == []


@pytest.mark.django_db
def test_a_reader_unpacks_only_the_blocks_it_needs() -> None:
    environment = make_environment()
    for _ in range(10):
        append(environment, *make_messages(10))

    assert len(Reader(environment.pk, after=0).window(25)) == 30
    assert len(Reader(environment.pk, after=5).window(5)) == 5
    assert len(Reader(environment.pk, after=95).window(50)) == 5


@pytest.mark.django_db
def test_a_window_reaches_over_more_blocks_than_are_read_at_once() -> None:
    environment = make_environment()
    for _ in range(log.BLOCKS_PER_READ + 50):
        append(environment, make_message())

    assert positions(Reader(environment.pk, after=10).window(log.BLOCKS_PER_READ + 20)) == list(range(11, 231))
    assert positions(everything(environment)) == list(range(1, log.BLOCKS_PER_READ + 51))


@pytest.mark.django_db
def test_a_reader_goes_on_behind_blocks_that_were_pruned() -> None:
    environment, messages = make_uneven_log()
    Block.objects.filter(environment_id=environment.pk, last_position__lte=15).delete()

    assert message_ids(log.read(environment.pk, after=3, limit=2)) == [m.message_id for m in messages[15:17]]
    assert log.find(environment.pk, 3) is None
    assert positions(list(log.walk_back(environment.pk)))[-1] == 16


@pytest.mark.django_db
def test_an_erased_slot_keeps_its_position_and_has_no_message() -> None:
    environment = make_environment()
    first, erased, last = make_messages(3)
    append(environment, first, erased, last)
    Block.objects.filter(environment_id=environment.pk).update(body=log.pack([first, None, last]))

    events = everything(environment)

    assert [event.message for event in events] == [first, None, last]
    assert positions(events) == [1, 2, 3]
    assert (events[1].name, events[1].user) == ("Erased", "")


def shorten(body: bytes) -> bytes:
    return body[:-10]


def flip_a_bit(body: bytes) -> bytes:
    return body[:20] + bytes([body[20] ^ 1]) + body[21:]


def lose_a_message(_body: bytes) -> bytes:
    return log.pack(make_messages(1))


def write_something_else(_body: bytes) -> bytes:
    return b"something else"


@pytest.mark.django_db
@pytest.mark.parametrize("damage", [shorten, flip_a_bit, lose_a_message, write_something_else])
def test_a_damaged_block_gives_unreadable_events_and_stops_no_reader(
    damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    environment = make_environment()
    for _ in range(3):
        append(environment, *make_messages(2))
    block = Block.objects.get(environment_id=environment.pk, last_position=4)
    body = damage(bytes(block.body))
    Block.objects.filter(environment_id=environment.pk, last_position=4).update(body=body)

    events = everything(environment)

    assert positions(events) == [1, 2, 3, 4, 5, 6]
    assert [event.is_readable for event in events] == [True, True, False, False, True, True]
    assert [event.message is None for event in events] == [False, False, True, True, False, False]
    assert events[2].name == "Unreadable"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, f"Block {environment.pk}: 3–4 of the log cannot be read.")
    ]


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_share_the_positions_without_gap_or_repeat() -> None:
    environments = [make_environment(), make_environment()]
    random = Random(11)
    plans = [
        [[(environment, make_messages(random.randint(1, 3))) for environment in order] for order in orders]
        for orders in [[random.sample(environments, random.randint(1, 2)) for _ in range(15)] for _ in range(6)]
    ]

    def write(plan: list[list[tuple[Environment, list[Message]]]]) -> None:
        for parts in plan:
            log.append([add(environment, *messages) for environment, messages in parts])

    in_threads(*[lambda plan=plan: write(plan) for plan in plans])

    for environment in environments:
        given = [m for plan in plans for parts in plan for e, messages in parts if e == environment for m in messages]
        events = everything(environment)
        assert positions(events) == list(range(1, len(given) + 1))
        assert sorted(message_ids(events)) == sorted(message.message_id for message in given)
        assert log.head(environment.pk) == len(given)
        for plan in plans:
            in_order = [m.message_id for parts in plan for e, messages in parts if e == environment for m in messages]
            assert [found for found in message_ids(events) if found in set(in_order)] == in_order


@pytest.mark.django_db(transaction=True)
def test_the_same_messages_sent_by_several_at_once_are_stored_once() -> None:
    environment = make_environment()
    messages = make_messages(60)
    parts = [messages[start : start + 5] for start in range(0, 60, 5)]

    def write(seed: int) -> list[Appended]:
        order = Random(seed).sample(parts, len(parts))
        return list(chain.from_iterable(log.append([add(environment, *part)]) for part in order))

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
