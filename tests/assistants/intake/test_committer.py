"""The committer: requests that wait go together, each has its own fate, and an outage is an answer, never a loss."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from assistants import log
from assistants.faults import Refused
from assistants.intake.committer import (
    GROUP_BYTES,
    GROUP_EVENTS,
    GROUP_REQUESTS,
    WAITING_BYTES,
    WAITING_REQUESTS,
    Committer,
    Intent,
    StorageDown,
)
from assistants.intake.refusals import RefusedItem
from assistants.keys import create_ingest_key
from assistants.log import Append, Appended, EnvironmentGone
from assistants.messages import Message
from assistants.models import Block, Environment, EventKey, IngestKey, Refusal
from tests.assistants.intake.conftest import TRACK, Sender, stored
from tests.assistants.intake.outages import (
    cut_a_waiting_connection,
    cut_other_connections,
    fresh_connections,
    hidden_table,
    stalled,
)
from tests.make import make_environment, make_message

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
UNAVAILABLE = "The database is not available. Nothing was stored; send it again."
NOT_STORED = "The request could not be stored. Nothing was stored; send it again."
TOO_MANY = "Too many requests are waiting for the database."
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server to lose")


@pytest.fixture
def committer(transactional_db: None) -> Iterator[Committer]:
    committer = Committer()
    yield committer
    committer.close()


def intent(environment: Environment, *messages: Message, **options: Any) -> Intent:
    return Intent(Append(environment.pk, "segment", AT, messages or [make_message()]), **options)


def outcomes(committer: Committer, *intents: Intent) -> list[Appended | Exception]:
    """Hand over all of the intents at once and return what became of each."""

    async def store() -> list[Any]:
        return await asyncio.gather(*[committer.store(each) for each in intents], return_exceptions=True)

    return asyncio.run(store())


def outcomes_behind_a_stall(
    environment: Environment, committer: Committer, *intents: Intent
) -> list[Appended | Exception]:
    """The same, but the database takes nothing until all of the intents have been handed over."""

    async def store() -> list[Any]:
        tasks = [asyncio.create_task(committer.store(each)) for each in intents]
        await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with stalled(environment) as release:
        return asyncio.run(store())


def block_sizes(environment: Environment) -> list[int]:
    ranges = Block.objects.filter(environment_id=environment.pk).values_list("first_position", "last_position")
    return [last - first + 1 for first, last in sorted(ranges)]


def test_requests_that_wait_for_the_database_go_together(committer: Committer) -> None:
    environment = make_environment()
    messages = [make_message() for _ in range(100)]

    results = outcomes_behind_a_stall(environment, committer, *[intent(environment, each) for each in messages])

    assert results == [Appended(stored=1, repeated=0)] * 100
    # The first may have been on its way when the others came.
    assert len(block_sizes(environment)) <= 2
    events = log.read(environment.pk, after=0, limit=200)
    assert [event.message for event in events] == messages


def test_a_group_ends_where_its_block_would_become_large(committer: Committer) -> None:
    environment = make_environment()
    third = GROUP_EVENTS // 3
    large = [intent(environment, *[make_message() for _ in range(third)]) for _ in range(5)]
    heavy = [intent(environment, size_bytes=GROUP_BYTES // 2) for _ in range(5)]

    outcomes_behind_a_stall(environment, committer, *large)
    assert max(block_sizes(environment)) <= GROUP_EVENTS
    before = len(block_sizes(environment))
    outcomes_behind_a_stall(environment, committer, *heavy)
    assert max(block_sizes(environment)[before:]) <= 2

    assert log.head(environment.pk) == 5 * third + 5


def test_one_request_larger_than_a_group_is_stored_alone(committer: Committer) -> None:
    environment = make_environment()

    results = outcomes(committer, intent(environment, size_bytes=GROUP_BYTES + 1), intent(environment))

    assert results == [Appended(1, 0), Appended(1, 0)]


def test_requests_of_several_environments_share_a_group_and_keep_apart(committer: Committer) -> None:
    one, other = make_environment(), make_environment()

    results = outcomes_behind_a_stall(one, committer, *[intent(e) for e in (one, other, one, other, other)])

    assert results == [Appended(1, 0)] * 5
    assert (log.head(one.pk), log.head(other.pk)) == (2, 3)


def test_a_request_repeated_within_a_group_is_stored_once(committer: Committer) -> None:
    environment = make_environment()
    message = make_message()

    results = outcomes_behind_a_stall(environment, committer, *[intent(environment, message) for _ in range(20)])

    assert sorted(result.stored for result in results) == [0] * 19 + [1]
    assert log.head(environment.pk) == 1


def refused_in(environment_id: int) -> RefusedItem:
    return RefusedItem(environment_id, "segment", AT, Refused("unknown_type", "No type."), b"{}")


def test_one_bad_request_of_a_group_does_not_fail_its_neighbours(
    committer: Committer, caplog: pytest.LogCaptureFixture
) -> None:
    environment = make_environment()
    good = [intent(environment) for _ in range(4)]
    gone = Intent(Append(0, "segment", AT, [make_message()]))
    breaks_a_constraint = intent(environment, refused=[refused_in(0)])
    no_text = intent(environment, make_message(message_id="\ud800"))

    results = outcomes_behind_a_stall(
        environment, committer, good[0], gone, good[1], breaks_a_constraint, good[2], no_text, good[3]
    )

    assert [type(result) for result in results] == [
        Appended,
        EnvironmentGone,
        Appended,
        StorageDown,
        Appended,
        StorageDown,
        Appended,
    ]
    events = log.read(environment.pk, after=0, limit=10)
    assert [event.message for event in events] == [each.append.messages[0] for each in good]
    assert EventKey.objects.count() == 4
    assert Refusal.objects.count() == 0
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "A request could not be stored: IntegrityError" in errors
    assert "A request could not be stored: UnicodeEncodeError" in errors


def test_the_thread_goes_on_after_a_fault_that_nobody_foresaw(committer: Committer) -> None:
    environment = make_environment()

    (failed,) = outcomes(committer, intent(environment, make_message(message_id="\ud800")))
    (stored_next,) = outcomes(committer, intent(environment))

    assert (type(failed), stored_next) == (StorageDown, Appended(1, 0))


def test_a_refusal_is_stored_with_its_request_or_not_at_all(committer: Committer) -> None:
    environment = make_environment()
    refused = intent(environment, refused=[refused_in(environment.pk)])

    with hidden_table("assistants_block"):
        outcomes(committer, refused)
    assert Refusal.objects.count() == 0
    outcomes(committer, refused)
    assert [(row.code, row.count) for row in Refusal.objects.all()] == [("unknown_type", 1)]


@pytest.mark.parametrize("table", ["assistants_loghead", "assistants_eventkey", "assistants_block"])
def test_an_outage_stores_nothing_and_ends_by_itself(committer: Committer, table: str) -> None:
    environment = make_environment()
    message = make_message()

    with hidden_table(table):
        results = outcomes(committer, *[intent(environment, message)] * 3)

    assert [type(result) for result in results] == [StorageDown] * 3
    assert log.head(environment.pk) == 0
    assert EventKey.objects.count() == 0
    assert outcomes(committer, intent(environment, message)) == [Appended(1, 0)]


def test_repeats_among_new_requests_are_stored_once_and_take_nothing_from_their_neighbours(
    committer: Committer,
) -> None:
    environment = make_environment()
    old, new = make_message(), make_message()
    assert outcomes(committer, intent(environment, old)) == [Appended(1, 0)]

    results = outcomes(committer, intent(environment, new), intent(environment, old), intent(environment, new, old))

    assert results == [Appended(1, 0), Appended(0, 1), Appended(0, 2)]
    assert [event.message and event.message.message_id for event in log.read(environment.pk, after=0, limit=9)] == [
        old.message_id,
        new.message_id,
    ]
    later = make_message()
    assert outcomes(committer, intent(environment, later)) == [Appended(1, 0)]
    assert outcomes(committer, intent(environment, later)) == [Appended(0, 1)]


def test_a_request_in_an_outage_is_answered_503_and_may_be_repeated(sender: Sender) -> None:
    sender.batch({**TRACK, "messageId": "before"})

    with hidden_table("assistants_block"):
        response = sender.batch({**TRACK, "messageId": "m"}, 5)

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    answer = response.json()
    assert (answer["success"], answer["code"]) == (False, "unavailable")
    assert answer["message"] in {UNAVAILABLE, NOT_STORED}
    assert Refusal.objects.count() == 0
    assert sender.batch({**TRACK, "messageId": "m"}, 5).status_code == 200
    assert [message["messageId"] for message in stored(sender)] == ["before", "m"]


@on_postgresql
def test_a_server_that_restarts_costs_503s_until_its_connections_are_new(sender: Sender) -> None:
    message = {**TRACK, "messageId": "m"}
    with fresh_connections():
        assert sender.batch({**TRACK, "messageId": "before"}).status_code == 200
        cut_other_connections()

        # One dead connection belongs to the committer, another waits in the pool for the next key to be looked up.
        responses = [sender.batch(message) for _ in range(4)]
        sender.intake.close()

    refused = [response for response in responses if response.status_code != 200]
    assert 1 <= len(refused) <= 2
    assert responses[: len(refused)] == refused
    assert {(response.status_code, response.json()["message"]) for response in refused} == {(503, UNAVAILABLE)}
    assert {response.headers["retry-after"] for response in refused} == {"1"}
    assert [found["messageId"] for found in stored(sender)] == ["before", "m"]


@on_postgresql
def test_a_connection_lost_in_the_middle_of_a_group_stores_nothing_of_it(committer: Committer) -> None:
    environment = make_environment()
    messages = [make_message() for _ in range(3)]
    outcomes(committer, intent(environment))

    async def store() -> list[Any]:
        task = asyncio.create_task(committer.store(intent(environment, *messages)))
        await asyncio.to_thread(cut_a_waiting_connection)
        return await asyncio.gather(task, return_exceptions=True)

    with stalled(environment):
        (lost,) = asyncio.run(store())

    assert (type(lost), str(lost)) == (StorageDown, "The database is not available.")
    assert log.head(environment.pk) == 1
    assert outcomes(committer, intent(environment, *messages)) == [Appended(3, 0)]


def test_more_requests_than_may_wait_are_turned_away(committer: Committer) -> None:
    environment = make_environment()
    count = WAITING_REQUESTS + GROUP_REQUESTS + 10
    intents = [intent(environment) for _ in range(count)]

    results = outcomes_behind_a_stall(environment, committer, *intents)

    turned_away = [result for result in results if isinstance(result, StorageDown)]
    assert 10 <= len(turned_away) <= GROUP_REQUESTS + 10
    assert {str(error) for error in turned_away} == {TOO_MANY}
    assert log.head(environment.pk) == count - len(turned_away)


def test_more_bytes_than_may_wait_are_turned_away(committer: Committer) -> None:
    environment = make_environment()
    # The second finds the first waiting, or else the third finds the second.
    intents = [intent(environment, size_bytes=WAITING_BYTES) for _ in range(3)]

    first, *others = outcomes_behind_a_stall(environment, committer, *intents)

    assert first == Appended(1, 0)
    turned_away = [str(other) for other in others if isinstance(other, StorageDown)]
    assert turned_away
    assert set(turned_away) == {TOO_MANY}
    assert outcomes(committer, intent(environment, size_bytes=WAITING_BYTES)) == [Appended(1, 0)]


def test_a_client_that_stops_waiting_disturbs_nobody(committer: Committer) -> None:
    environment = make_environment()

    async def store() -> Appended:
        leaves = asyncio.create_task(committer.store(intent(environment)))
        stays = asyncio.create_task(committer.store(intent(environment)))
        await asyncio.sleep(0)
        leaves.cancel()
        release.set()
        return await stays

    with stalled(environment) as release:
        assert asyncio.run(store()) == Appended(1, 0)
    committer.close()
    assert log.head(environment.pk) == 2


def test_several_event_loops_share_one_committer(committer: Committer) -> None:
    environment = make_environment()
    intents = [intent(environment) for _ in range(60)]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda start: outcomes(committer, *intents[start : start + 10]), range(0, 60, 10)))

    assert results == [[Appended(1, 0)] * 10] * 6
    assert [event.position for event in log.read(environment.pk, after=0, limit=100)] == list(range(1, 61))


def test_two_processes_take_turns_at_one_environment(committer: Committer) -> None:
    environment = make_environment()
    messages = [make_message() for _ in range(40)]
    other = Committer()

    def store(each: Committer) -> int:
        results = [outcomes(each, intent(environment, message))[0] for message in messages]
        return sum(result.stored for result in results)

    with ThreadPoolExecutor(2) as pool:
        stored_by_each = list(pool.map(store, [committer, other]))
    other.close()

    assert sum(stored_by_each) == 40
    events = log.read(environment.pk, after=0, limit=100)
    assert [event.position for event in events] == list(range(1, 41))
    assert [event.message for event in events] == messages


def test_the_use_of_a_key_is_written_once_a_minute(committer: Committer) -> None:
    environment = make_environment()
    create_ingest_key(environment, label="", by=None)
    key = IngestKey.objects.get()
    used = intent(environment, key_id=key.pk)

    outcomes(committer, used)
    # Answered only when everything of the group before is done.
    outcomes(committer, intent(environment))
    key.refresh_from_db()
    assert key.last_used_at is not None
    IngestKey.objects.update(last_used_at=None)
    outcomes(committer, used)
    committer.close()

    key.refresh_from_db()
    assert key.last_used_at is None


def test_a_key_whose_use_cannot_be_written_stores_all_the_same(committer: Committer) -> None:
    environment = make_environment()

    with hidden_table("assistants_ingestkey"):
        assert outcomes(committer, intent(environment, key_id=1)) == [Appended(1, 0)]
        assert outcomes(committer, intent(environment)) == [Appended(1, 0)]


def test_closing_stores_what_waits_and_takes_nothing_more(committer: Committer) -> None:
    environment = make_environment()

    async def store() -> list[Any]:
        tasks = [asyncio.create_task(committer.store(intent(environment))) for _ in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(committer.close))
        release.set()
        await closing
        return await asyncio.gather(*tasks)

    with stalled(environment) as release:
        assert asyncio.run(store()) == [Appended(1, 0)] * 3
    (late,) = outcomes(committer, intent(environment))

    assert (type(late), str(late)) == (StorageDown, "This process is shutting down.")
    assert log.head(environment.pk) == 3


def test_a_server_that_shuts_down_closes_intake_before_it_says_so(sender: Sender) -> None:
    sender.batch(TRACK)
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    said: list[str] = []

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(event: Any) -> None:
        said.append(event["type"])

    asyncio.run(sender.intake({"type": "lifespan"}, receive, send))

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    (late,) = outcomes(sender.intake.committer, intent(sender.environment))
    assert isinstance(late, StorageDown)
