"""Reading the log: forward, back and at one position, over blocks of any size, erased and damaged ones too."""

import logging
from collections.abc import Callable
from random import Random

import pytest

from assistants import log
from assistants.log import Reader
from assistants.messages import Event, Message
from assistants.models import Block, Environment
from tests.assistants.logs import (
    everything,
    make_messages,
    message_ids,
    positions,
)
from tests.make import append, make_environment, make_message


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
