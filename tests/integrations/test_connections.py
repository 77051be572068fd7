"""What people do to a connection, what is written about it, and that it gets along with workers doing their part."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db import connection as database

from assistants import encryption, lifecycle, log
from assistants.models import AuditEntry
from integrations import connections, delivery
from integrations.connections import StaleVersionError
from integrations.models import Connection, Lane
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import append_new, check_ledger, outcomes, take_turn
from tests.make import SELECTED, WRITE_KEY, live_lane, make_assistant, make_connection, make_environment

HANDLED = ("track", "Message Handled")
SANDBOX = {"region": "sandbox"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice@example.com")


def audited(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


def boundaries(connection: Connection) -> list[tuple[int, int]]:
    rows = live_lane(connection).lane_versions.order_by("from_position")
    return list(rows.values_list("from_position", "version__number"))


# --- Connect ---


def test_a_connection_begins_with_the_next_event(alice: User, client: SegmentClient) -> None:
    environment = make_environment()
    append_new(environment, 5)

    connection = connections.connect(
        environment,
        settings=SANDBOX,
        source_name="Care (draft)",
        write_key=WRITE_KEY,
        selection=[SELECTED, HANDLED, SELECTED],
        by=alice,
        reason="go live",
    )

    lane = live_lane(connection)
    assert (lane.start, lane.cursor, lane.end) == (5, 5, None)
    assert boundaries(connection) == [(6, 1)]
    version = connections.version_in_force(connection)
    assert version.selection == [["track", "Message Handled"], ["track", "Session Started"]]
    assert (version.number, version.created_by, version.reason) == (1, alice, "go live")
    entry = audited("connection.added")
    assert (entry.actor, entry.environment, entry.target) == (alice, environment, "Segment Extension")
    assert entry.details == {"events": 2, "region": "sandbox"}
    append_new(environment, 2)
    take_turn(connection, client)
    assert outcomes(connection) == {"accepted": 2}


def test_a_write_key_is_stored_encrypted_and_known_by_its_end() -> None:
    connection = make_connection()

    connection.refresh_from_db()
    assert WRITE_KEY not in connection.write_key
    assert encryption.decrypt(connection.write_key, context=connection.secret_context) == WRITE_KEY
    assert connection.write_key_last4 == "abcd"
    assert connection.write_key_fingerprint == "8d99704ee067"


def test_an_environment_has_one_connection_at_a_time() -> None:
    first = make_connection()

    with pytest.raises(IntegrityError), transaction.atomic():
        make_connection(first.environment)

    connections.disconnect(first, by=None)
    assert make_connection(first.environment).pk != first.pk


def test_an_environment_is_counted_from_its_first_event_on() -> None:
    environment = make_environment()
    append_new(environment, 5)
    connection = make_connection(environment)
    connections.disconnect(connection, by=None)
    make_connection(environment)

    (index,) = Lane.objects.filter(environment=environment, kind=Lane.Kind.INDEX)
    assert (index.start, index.cursor, index.connection) == (0, 0, None)


# --- Select events ---


def test_a_selection_makes_a_version_behind_the_cursor(alice: User, client: SegmentClient) -> None:
    connection = make_connection()
    append_new(connection.environment, 3)
    take_turn(connection, client)
    append_new(connection.environment, 4)

    version = connections.select_events(connection, [HANDLED], by=alice, reason="less noise")

    assert (version.number, version.selection, version.reason) == (2, [["track", "Message Handled"]], "less noise")
    assert boundaries(connection) == [(1, 1), (4, 2)]
    assert connections.selection_of(connection) == {HANDLED}
    assert audited("connection.events_selected").details == {
        "version": 2,
        "switched_on": ["track Message Handled"],
        "switched_off": ["track Session Started"],
    }


def test_a_selection_begins_behind_what_is_in_flight() -> None:
    connection = make_connection()
    append_new(connection.environment, 9)
    Lane.objects.filter(connection=connection).update(cursor=3, in_flight_to=7)

    connections.select_events(connection, [HANDLED], by=None)

    assert boundaries(connection) == [(1, 1), (8, 2)]


def test_the_last_of_several_selections_counts() -> None:
    connection = make_connection()
    append_new(connection.environment, 3)

    for selection in ([HANDLED], [], [SELECTED, HANDLED]):
        connections.select_events(connection, selection, by=None)

    assert boundaries(connection) == [(1, 4)]
    Lane.objects.filter(connection=connection).update(in_flight_to=2)
    connections.select_events(connection, [HANDLED], by=None)
    Lane.objects.filter(connection=connection).update(in_flight_to=None)
    connections.select_events(connection, [SELECTED], by=None)
    assert boundaries(connection) == [(1, 6)]


def test_the_same_selection_again_changes_nothing() -> None:
    connection = make_connection(selection=[SELECTED, HANDLED])

    version = connections.select_events(connection, [HANDLED, SELECTED, HANDLED], by=None)

    assert version.number == 1
    assert live_lane(connection).terms_seq == 0
    assert not AuditEntry.objects.filter(action="connection.events_selected").exists()


def test_options_are_part_of_a_version_and_stay_unless_they_are_given() -> None:
    connection = make_connection(anonymous_sessions=True)

    kept = connections.select_events(connection, [HANDLED], by=None)
    changed = connections.select_events(connection, [HANDLED], by=None, options={"anonymous_sessions": False})

    assert (kept.options, changed.options) == ({"anonymous_sessions": True}, {"anonymous_sessions": False})
    assert (kept.number, changed.number) == (2, 3)


def test_a_change_made_on_an_old_page_is_refused() -> None:
    connection = make_connection()
    connections.select_events(connection, [HANDLED], by=None, expected_number=1)

    with pytest.raises(StaleVersionError) as refusal:
        connections.select_events(connection, [SELECTED], by=None, expected_number=1)

    assert refusal.value.current.number == 2
    assert connections.selection_of(connection) == {HANDLED}
    assert boundaries(connection) == [(1, 2)]


# --- Change the destination ---


def confirm(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(
        test_accepted_at="2026-01-01T00:00Z", confirmed_at="2026-01-01T00:00Z"
    )


def test_another_region_has_to_be_confirmed_anew(alice: User) -> None:
    connection = make_connection()
    confirm(connection)

    connections.change_destination(
        connection, settings={"region": "eu"}, source_name="Care", write_key=None, by=alice, reason="moved"
    )

    connection.refresh_from_db()
    assert (connection.settings, connection.source_name) == ({"region": "eu"}, "Care")
    assert (connection.test_accepted_at, connection.confirmed_at) == (None, None)
    assert connection.write_key_last4 == "abcd"
    assert live_lane(connection).terms_seq == 1
    entry = audited("connection.destination_changed")
    assert (entry.details, entry.reason) == ({"changed": ["region", "source name"]}, "moved")


def test_another_key_has_to_be_confirmed_anew_and_is_not_in_the_audit() -> None:
    connection = make_connection()
    confirm(connection)

    connections.change_destination(connection, settings=SANDBOX, source_name="", write_key="other-key-9876", by=None)

    connection.refresh_from_db()
    assert encryption.decrypt(connection.write_key, context=connection.secret_context) == "other-key-9876"
    assert (connection.write_key_last4, connection.confirmed_at) == ("9876", None)
    assert audited("connection.destination_changed").details == {"changed": ["write key"]}


def test_another_name_of_the_source_leaves_the_rest_as_it_is() -> None:
    connection = make_connection()
    confirm(connection)

    connections.change_destination(connection, settings=SANDBOX, source_name="Renamed", write_key=None, by=None)

    connection.refresh_from_db()
    assert connection.confirmed_at is not None
    assert audited("connection.destination_changed").details == {"changed": ["source name"]}


@pytest.mark.parametrize(
    ("before", "settings", "write_key", "after"),
    [
        ("needs_attention", SANDBOX, "other-key", "active"),
        ("needs_attention", {"region": "us"}, None, "active"),
        ("needs_attention", SANDBOX, None, "needs_attention"),
        ("paused", SANDBOX, "other-key", "paused"),
        ("active", SANDBOX, "other-key", "active"),
    ],
)
def test_a_new_destination_ends_attention_and_no_pause(
    before: str, settings: dict[str, Any], write_key: str | None, after: str
) -> None:
    connection = make_connection()
    Connection.objects.filter(pk=connection.pk).update(status=before, attention="401")

    connections.change_destination(connection, settings=settings, source_name="", write_key=write_key, by=None)

    connection.refresh_from_db()
    assert (connection.status, connection.attention) == (
        after,
        "" if after == "active" and before != "active" else "401",
    )


def test_a_new_destination_forgets_the_failures_of_the_old_one(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append_new(connection.environment, 1)
    segment.replies.append(Reply(503, headers={"Retry-After": "300"}))
    take_turn(connection, client)

    connections.change_destination(connection, settings=SANDBOX, source_name="", write_key=None, by=None)

    lane = live_lane(connection)
    assert (lane.next_attempt_at, lane.failing_since, lane.last_error) == (None, None, "")


# --- Pause, resume, end ---


def test_pausing_and_resuming_are_audited_once(alice: User) -> None:
    connection = make_connection()

    for _ in range(2):
        connections.pause(connection, by=alice, reason="holiday")
    assert Connection.objects.get(pk=connection.pk).status == "paused"
    for _ in range(2):
        connections.resume(connection, by=alice, reason="back")

    assert Connection.objects.get(pk=connection.pk).status == "active"
    assert (audited("connection.paused").reason, audited("connection.resumed").reason) == ("holiday", "back")
    assert live_lane(connection).terms_seq == 2


def test_a_connection_that_needs_attention_cannot_be_paused_but_resumed() -> None:
    connection = make_connection()
    Connection.objects.filter(pk=connection.pk).update(
        status="needs_attention", attention="401", attention_at="2026-01-01T00:00Z"
    )

    connections.pause(connection, by=None)
    assert Connection.objects.get(pk=connection.pk).status == "needs_attention"

    connections.resume(connection, by=None)
    connection.refresh_from_db()
    assert (connection.status, connection.attention, connection.attention_at) == ("active", "", None)


def test_resuming_does_not_wait_for_a_retry_that_was_planned(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    append_new(connection.environment, 1)
    segment.replies.append(Reply(503, headers={"Retry-After": "300"}))
    take_turn(connection, client)

    connections.pause(connection, by=None)
    connections.resume(connection, by=None)
    take_turn(connection, client)

    assert outcomes(connection) == {"accepted": 1}


def test_disconnecting_ends_the_lane_and_keeps_its_history(alice: User, client: SegmentClient) -> None:
    connection = make_connection()
    append_new(connection.environment, 3)
    take_turn(connection, client)

    for _ in range(2):
        connections.disconnect(connection, by=alice, reason="unused")

    connection.refresh_from_db()
    assert connection.removed_at is not None
    assert connection.write_key == ""
    lane = live_lane(connection)
    assert lane.stopped_at == connection.removed_at
    assert outcomes(connection) == {"accepted": 3}
    assert list(Connection.objects.present()) == []
    assert audited("connection.removed").reason == "unused"


def test_removing_the_extension_ends_it_in_all_environments_of_one_assistant() -> None:
    assistant = make_assistant()
    ours = [make_connection(make_environment(kind, assistant)) for kind in ("draft", "live")]
    other = make_connection()

    connections.remove_extension(assistant, "segment", by=None)

    assert list(Connection.objects.present()) == [other]
    assert [live_lane(connection).stopped_at is None for connection in [*ours, other]] == [False, False, True]
    assert AuditEntry.objects.filter(action="connection.removed").count() == 2


def test_what_was_deleted_is_not_present() -> None:
    gone, kept = make_connection(), make_connection()

    lifecycle.delete_assistant(gone.environment.assistant, by=None)

    assert list(Connection.objects.present()) == [kept]


# --- Try and confirm ---


def test_a_test_event_is_appended_with_a_nonce(alice: User) -> None:
    connection = make_connection()
    confirm(connection)

    nonce = connections.send_test_event(connection, by=alice)

    (event,) = log.read(connection.environment_id, after=0, limit=10)
    assert (event.source, event.name, event.user) == ("test", "Sluice Connection Tested", f"sluice-test-{nonce}")
    connection.refresh_from_db()
    assert connection.test_nonce == nonce
    assert connection.test_sent_at is not None
    assert (connection.test_accepted_at, connection.confirmed_at) == (None, None)
    assert audited("connection.tested").details == {"nonce": nonce}


def test_who_saw_the_test_event_is_kept(alice: User) -> None:
    connection = make_connection()

    connections.confirm_seen(connection, by=alice)

    connection.refresh_from_db()
    assert connection.confirmed_by == alice
    assert connection.confirmed_at is not None
    assert audited("connection.confirmed").actor == alice


# --- At the same time ---


def together(*jobs: Callable[[], object]) -> list[BaseException]:
    """Run jobs in threads with database connections of their own; return what they raised."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> None:
        try:
            barrier.wait()
            job()
        except BaseException as error:
            raised.append(error)
            raise
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_two_selections_at_once_make_two_versions() -> None:
    connection = make_connection()

    raised = together(
        lambda: connections.select_events(connection, [HANDLED], by=None),
        lambda: connections.select_events(connection, [SELECTED, HANDLED], by=None),
    )

    assert raised == []
    assert sorted(connection.versions.values_list("number", flat=True)) == [1, 2, 3]
    assert boundaries(connection) == [(1, 3)]


@pytest.mark.django_db(transaction=True)
def test_people_and_workers_never_wait_for_each_other_in_a_circle(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url)
    lane_id = live_lane(connection).pk
    settings = connection.settings
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            delivery.run_lane(lane_id, client)

    def click() -> None:
        try:
            for number in range(15):
                append_new(connection.environment, 3)
                connections.select_events(connection, [SELECTED, HANDLED][: 1 + number % 2], by=None)
                connections.send_test_event(connection, by=None)
                connections.change_destination(
                    connection, settings=settings, source_name=str(number), write_key="k", by=None
                )
                segment.replies.append(Reply(401))
                connections.pause(connection, by=None)
                connections.resume(connection, by=None)
        finally:
            is_over.set()

    assert together(work, click, work) == []

    segment.replies.clear()
    connections.resume(connection, by=None)
    while delivery.run_lane(lane_id, client):
        pass
    check_ledger()
    assert live_lane(connection).cursor == log.head(connection.environment_id) == 60
