"""Appending to the log: dense positions, each message ID once, and nothing of an append that failed."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction

from assistants import log
from assistants.log import Append, Appended, EnvironmentGone
from assistants.messages import Event
from assistants.models import Block, EventKey
from tests.assistants.logs import (
    AT,
    add,
    block_ranges,
    everything,
    make_messages,
    message_ids,
    positions,
)
from tests.make import append, make_environment, make_message


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
def test_new_messages_are_stored_without_looking_them_up() -> None:
    environment = make_environment()
    first, second = make_messages(3), make_messages(2)

    assert log.append([add(environment, *first)], are_new=True) == [Appended(3, 0)]
    assert log.append([add(environment, *second, second[0]), add(environment)], are_new=True) == [
        Appended(2, 1),
        Appended(0, 0),
    ]

    assert message_ids(everything(environment)) == [message.message_id for message in (*first, *second)]
    assert positions(everything(environment)) == [1, 2, 3, 4, 5]
    assert log.head(environment.pk) == 5


@pytest.mark.django_db(transaction=True)
def test_nothing_is_stored_where_a_message_taken_for_new_is_known() -> None:
    environment = make_environment()
    old = make_message()
    log.append([add(environment, old)])

    with pytest.raises(log.RepeatedError):
        log.append([add(environment, make_message(), old)], are_new=True)

    assert message_ids(everything(environment)) == [old.message_id]
    assert log.head(environment.pk) == 1
    assert EventKey.objects.filter(environment_id=environment.pk).count() == 1


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
