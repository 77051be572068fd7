"""Erasing a person: gone from the log and from all that lanes know, in stretches, while lanes are at work."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.utils import timezone

from assistants import erasure, log
from assistants.models import AuditEntry, Block, Environment, Erasure, EventKey
from integrations import delivery, erase, fates
from integrations.models import Connection, FirstOccurrence, Lane, Rejection, SandboxMessage
from integrations.options import IDENTIFY_VISITORS, ONCE
from integrations.segment.client import SegmentClient
from integrations.sweep import Sweep
from tests.fakes import FakeSegment
from tests.integrations.turns import Meanwhile, check_ledger, crash, outcomes, take_turn
from tests.make import append, live_lane, make_assistant, make_connection, make_environment, make_message

THEIRS = "user-with-a-name"

pytestmark = pytest.mark.django_db


def erase_now(environment: Environment, user_id: str = THEIRS) -> Erasure:
    return erase.run(erasure.request(environment, user_id, by=None), timezone.now())


def users(environment: Environment) -> list[str]:
    return [event.user or event.name for event in log.read(environment.pk, after=0, limit=100)]


def test_events_become_empty_places_and_their_keys_stay() -> None:
    environment = make_environment()
    messages = [make_message(user_id=user) for user in (THEIRS, "other", THEIRS)]
    append(environment, *messages)
    append(environment, make_message(user_id=None, anonymous_id=THEIRS))
    append(environment, make_message(user_id="other"))

    done = erase_now(environment)

    assert users(environment) == ["Erased", "other", "Erased", "Erased", "other"]
    assert (done.events, done.position, done.user_id, done.percent) == (3, 5, "", 100)
    assert done.finished_at is not None
    assert EventKey.objects.filter(environment=environment).count() == 5
    append(environment, messages[0])
    assert log.head(environment.pk) == 5
    assert all(THEIRS.encode() not in bytes(block.body) for block in Block.objects.all())


def test_what_comes_after_the_request_and_what_is_elsewhere_stays() -> None:
    environment, elsewhere = make_environment(), make_environment()
    for place in (environment, elsewhere):
        append(place, make_message(user_id=THEIRS))
    asked_for = erasure.request(environment, THEIRS, by=None)
    append(environment, make_message(user_id=THEIRS))

    erase.run(asked_for, timezone.now())

    assert users(environment) == ["Erased", THEIRS]
    assert users(elsewhere) == [THEIRS]


def test_it_goes_on_where_it_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "BLOCKS_PER_SLICE", 2)
    environment = make_environment()
    for _ in range(5):
        append(environment, make_message(user_id=THEIRS))
    asked_for = erasure.request(environment, THEIRS, by=None)

    assert erase.step(asked_for.pk, timezone.now()) is True
    assert users(environment) == ["Erased", "Erased", THEIRS, THEIRS, THEIRS]
    asked_for.refresh_from_db()
    assert (asked_for.position, asked_for.events, asked_for.percent) == (2, 2, 40)
    done = erase_now(environment)

    assert (done.pk, done.events) == (asked_for.pk, 5)
    assert users(environment) == ["Erased"] * 5
    assert erase.step(done.pk, timezone.now()) is False
    assert AuditEntry.objects.filter(action="environment.user_erased").count() == 1


def test_a_lane_leaves_out_what_was_erased_before_its_turn(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append(connection.environment, make_message(user_id=THEIRS), make_message(user_id="other"))

    erase_now(connection.environment)
    take_turn(connection, client)

    assert [message["userId"] for message in segment.accepted] == ["other"]
    assert outcomes(connection) == {"accepted": 1, "erased": 1}
    events = log.read(connection.environment_id, after=0, limit=10)
    assert [fate.code for fate in fates.fates(connection, events)] == ["erased", "accepted"]


def test_a_holder_that_has_read_them_reads_again_before_its_next_attempt(
    segment: FakeSegment, client: SegmentClient
) -> None:
    """Both batches were read at once; the person is erased while the first one is on its way."""
    connection = make_connection(endpoint=segment.url)
    filling = {"notes": "x" * 30_000}
    for user in ["other"] * 20 + [THEIRS]:
        append(connection.environment, make_message(user_id=user, properties=filling))
    asked_for = erasure.request(connection.environment, THEIRS, by=None)

    delivery.run_lane(live_lane(connection).pk, Meanwhile(client, lambda: erase.run(asked_for, timezone.now())))

    assert len(segment.requests) > 1
    assert {message["userId"] for message in segment.accepted} == {"other"}
    assert outcomes(connection) == {"accepted": 20, "erased": 1}
    check_ledger()


def test_a_batch_that_may_have_arrived_is_sent_again_without_them(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append(connection.environment, make_message(user_id=THEIRS), make_message(user_id="other"))
    assert crash(connection, client)

    erase_now(connection.environment)
    take_turn(connection, client)

    assert [[message["userId"] for message in request.batch] for request in segment.requests] == [
        [THEIRS, "other"],
        ["other"],
    ]
    assert outcomes(connection) == {"accepted": 1, "erased": 1}


def test_answers_of_segment_to_their_rejected_events_go(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append(connection.environment, make_message(user_id=THEIRS), make_message(), make_message(user_id="other"))
    lane = live_lane(connection)
    for position in (1, 3):
        Rejection.objects.create(lane=lane, position=position, reason="refused_by_segment", status=400, answer="bad")

    erase_now(connection.environment)

    assert list(Rejection.objects.order_by("position").values_list("answer", flat=True)) == ["", "bad"]


def test_first_occurrences_go_whatever_the_options_are_now(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(
        endpoint=segment.url, **{ONCE: [["track", "Session Started"]], IDENTIFY_VISITORS: True}
    )
    environment = connection.environment
    append(environment, make_message(user_id=THEIRS, anonymous_id="browser-1"), make_message(user_id="other"))
    take_turn(connection, client)
    assert FirstOccurrence.objects.filter(position=1).count() == 3
    kept = list(FirstOccurrence.objects.filter(position=2))
    assert len(kept) == 2

    erase_now(environment)

    assert list(FirstOccurrence.objects.all()) == kept


def test_a_visitors_mark_goes_though_the_events_are_pruned(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, **{IDENTIFY_VISITORS: True})
    append(connection.environment, make_message(user_id=THEIRS), make_message(user_id="other"))
    take_turn(connection, client)
    Block.objects.filter(environment=connection.environment).delete()

    done = erase_now(connection.environment)

    assert done.events == 0
    assert list(FirstOccurrence.objects.values_list("position", flat=True)) == [2]


def test_sandbox_messages_go_of_this_environment_only(client: SegmentClient) -> None:
    connection = make_connection()
    append(connection.environment, make_message(user_id=THEIRS), make_message(user_id="other"))
    take_turn(connection, client)
    SandboxMessage.objects.create(
        write_key_fingerprint="elsewhere", message_id="x", body=json.dumps({"userId": THEIRS})
    )

    erase_now(connection.environment)

    assert sorted(json.loads(row.body)["userId"] for row in SandboxMessage.objects.all()) == ["other", THEIRS]
    assert SandboxMessage.objects.filter(write_key_fingerprint="elsewhere").exists()


def test_the_index_counts_what_was_received(client: SegmentClient) -> None:
    connection = make_connection()
    append(connection.environment, make_message(user_id=THEIRS), make_message("Message Handled", user_id=THEIRS))
    erase_now(connection.environment)

    index = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    delivery.run_lane(index.pk, client)

    check_ledger()
    assert Lane.objects.get(pk=index.pk).cursor == 2


def test_the_sweep_does_what_was_asked_for() -> None:
    connection = make_connection()
    append(connection.environment, make_message(user_id=THEIRS))
    erasure.request(connection.environment, THEIRS, by=None)

    Sweep().run_once(timezone.now())

    assert users(connection.environment) == ["Erased"]
    assert Erasure.objects.get().finished_at is not None


def test_the_command_says_what_it_did_and_can_be_given_again() -> None:
    environment = make_environment(assistant=make_assistant(name="Care"))
    append(environment, make_message(user_id=THEIRS), make_message(user_id=THEIRS))
    name = erasure.fingerprint(THEIRS)
    out = StringIO()

    for _ in range(2):
        call_command("erase_user", "care", "draft", THEIRS, reason="Law", stdout=out)

    assert out.getvalue().splitlines() == [
        f"Erased 2 events of the user {name} from Care / draft.",
        f"Erased 0 events of the user {name} from Care / draft.",
    ]
    entries = AuditEntry.objects.filter(action__contains="eras").order_by("pk")
    assert [(entry.action, entry.details) for entry in entries[:2]] == [
        ("environment.erasure_requested", {"fingerprint": name}),
        ("environment.user_erased", {"fingerprint": name, "events": 2}),
    ]
    assert THEIRS not in str(list(AuditEntry.objects.values()))
    with pytest.raises(CommandError, match="No assistant is named"):
        call_command("erase_user", "nobody", "draft", THEIRS)


def test_nothing_in_the_database_names_them_afterwards(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection()
    append(connection.environment, make_message(user_id=THEIRS, properties={"email": f"{THEIRS}@example.com"}))
    take_turn(connection, client)

    erase_now(connection.environment)

    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608  no outsider names tables
            for row in cursor.fetchall():
                assert THEIRS not in str(row), table


def test_a_damaged_block_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    connection: Connection = make_connection()
    append(connection.environment, make_message(user_id=THEIRS))
    append(connection.environment, make_message(user_id=THEIRS))
    Block.objects.filter(environment=connection.environment, last_position=1).update(body=b"damaged")

    assert erase_now(connection.environment).events == 1
    assert users(connection.environment) == ["Unreadable", "Erased"]
