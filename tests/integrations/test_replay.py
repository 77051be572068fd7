"""Replays: what they send, under which IDs, what they leave alone, and what people and accidents do to them."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database

from assistants import lifecycle, log
from assistants.messages import Message
from assistants.models import AuditEntry, LogTail
from integrations import connections, delivery, fates, ledger, rejections, replay, retention, turn
from integrations.compose import derived_message_id
from integrations.models import Connection, EventCount, FirstOccurrence, Lane, Rejection, Replay
from integrations.options import IDENTIFY_VISITORS, ONCE
from integrations.replay import ReplayError, Scope
from integrations.segment.client import SegmentClient
from integrations.sweep import Sweep
from integrations.terms import REJECTIONS_AT_ONCE
from tests.dashboard.people import make_bob
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import (
    Meanwhile,
    append_new,
    check_ledger,
    crash,
    make_due,
    run_replay,
    sent_ids,
    take_replay_turn,
    take_turn,
)
from tests.make import append, live_lane, make_connection, make_message

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STARTED, HANDLED = "Session Started", "Message Handled"


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


def start(connection: Connection, first: int, last: int, *names: str, has_new_ids: bool = False) -> Replay:
    return replay.start(connection, Scope(first, last, frozenset(names)), has_new_ids=has_new_ids, by=None)


def start_rejections(connection: Connection, *positions: int) -> Replay:
    chosen = Rejection.objects.all()
    scope = replay.of_rejections(connection, chosen.filter(position__in=positions) if positions else chosen)
    assert scope is not None
    return replay.start(connection, scope, has_new_ids=False, by=None)


def lane_of(started: Replay) -> Lane:
    return Lane.objects.get(pk=started.lane_id)


def outcomes(started: Replay) -> dict[str, int]:
    (account,) = [account for account in ledger.accounts() if account.lane_id == started.lane_id]
    return account.outcomes


def deliver(segment: FakeSegment, connection: Connection, client: SegmentClient, count: int) -> list[Message]:
    """Send some events by the live lane, and forget what arrived."""
    messages = append_new(connection.environment, count)
    take_turn(connection, client)
    forget(segment)
    return messages


def deliver_refused(
    segment: FakeSegment, connection: Connection, client: SegmentClient, count: int, refused: list[int]
) -> list[Message]:
    """Send events of which Segment refuses those with these indexes, and go on refusing them."""
    messages = append_new(connection.environment, count)
    segment.refuse(*sent_ids(connection, [messages[index] for index in refused]))
    take_turn(connection, client)
    assert Rejection.objects.count() == len(refused)
    forget(segment)
    return messages


def forget(segment: FakeSegment) -> None:
    segment.accepted.clear()
    segment.requests.clear()


def states() -> list[tuple[int, str, str]]:
    """Position, kind of lane and resolution of every rejection, the oldest first."""
    rows = Rejection.objects.order_by("pk")
    return list(rows.values_list("position", "lane__kind", "resolution"))


def fate_codes(connection: Connection) -> list[str]:
    events = log.read(connection.environment_id, after=0, limit=100)
    return [fate.code for fate in fates.fates(Connection.objects.get(pk=connection.pk), events)]


# --- What is sent ---


def test_a_range_is_sent_once_more_under_the_same_ids(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 5)

    started = start(connection, 2, 4)
    run_replay(started, client)

    assert segment.message_ids == sent_ids(connection, messages[1:4])
    lane = lane_of(started)
    assert (lane.start, lane.cursor, lane.end, lane.has_ended) == (1, 4, 4, True)
    assert outcomes(started) == {"accepted": 3}
    assert Replay.objects.get().ended_at is not None
    assert live_lane(connection).cursor == 5


def test_new_ids_are_of_the_replays_own_namespace(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 2)

    started = start(connection, 1, 2, has_new_ids=True)
    again = start(connection, 1, 2, has_new_ids=True)
    run_replay(started, client)
    run_replay(again, client)

    assert segment.message_ids == [
        derived_message_id(namespace, message.message_id)
        for namespace in (started.pk, again.pk)
        for message in messages
    ]
    assert len(set(segment.message_ids) | set(sent_ids(connection, messages))) == 6


def test_only_chosen_names_are_sent(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=[("track", STARTED), ("track", HANDLED)])
    for name in (STARTED, HANDLED, "Order Placed", HANDLED):
        append_new(connection.environment, 1, name)
    take_turn(connection, client)
    forget(segment)

    started = start(connection, 1, 4, HANDLED, "Order Placed")
    run_replay(started, client)

    assert segment.names == [HANDLED, HANDLED]
    assert outcomes(started) == {"accepted": 2, "not_in_replay": 1, "event_not_selected": 1}


def test_a_replay_sends_by_the_version_in_force(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    append_new(connection.environment, 2, HANDLED)
    deliver(segment, connection, client, 1)
    assert fate_codes(connection) == ["event_not_selected", "event_not_selected", "accepted"]
    connections.select_events(connection, [("track", HANDLED)], by=None)

    started = start(connection, 1, 3)
    run_replay(started, client)

    assert segment.names == [HANDLED, HANDLED]
    assert outcomes(started) == {"accepted": 2, "event_not_selected": 1}
    assert fate_codes(connection) == ["accepted", "accepted", "accepted"]


def test_what_came_before_the_connection_can_be_sent_too(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    environment = make_connection().environment
    messages = append_new(environment, 2)
    connections.disconnect(environment.connections.get(), by=None)
    late = make_connection(environment, endpoint=segment.url)
    assert fate_codes(late) == ["before_start", "before_start"]

    run_replay(start(late, 1, 2), client)

    assert segment.message_ids == sent_ids(late, messages)
    events = log.read(environment.pk, after=0, limit=10)
    moment = Replay.objects.get().moment
    assert [fate.detail for fate in fates.fates(late, events)] == [
        f"Before the connection at first, then sent by the replay of {moment}."
    ] * 2


def test_events_that_wait_for_their_first_turn_are_not_replayed(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver(segment, connection, client, 2)
    append_new(connection.environment, 3)

    assert lane_of(start(connection, 1, 5)).end == 2


def test_a_version_that_comes_meanwhile_holds_for_the_rest(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver(segment, connection, client, 3)
    started = start(connection, 1, 3)
    replay.pause(started, by=None)
    connections.select_events(connection, [("track", HANDLED)], by=None)
    replay.resume(started, by=None)

    run_replay(started, client)

    assert outcomes(started) == {"event_not_selected": 3}
    assert segment.requests == []


def test_a_test_event_that_is_replayed_proves_nothing(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    connections.send_test_event(connection, by=None)
    take_turn(connection, client)
    Connection.objects.update(test_accepted_at=None)

    run_replay(start(connection, 1, 1), client)

    assert len(segment.accepted) == 2
    assert Connection.objects.get().test_accepted_at is None


# --- First occurrences ---


def test_what_goes_once_goes_again_only_where_it_went_first(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, **{ONCE: [["track", STARTED]], IDENTIFY_VISITORS: True})
    messages = append_new(connection.environment, 3)
    take_turn(connection, client)
    held = set(FirstOccurrence.objects.values_list("digest", "position"))
    forget(segment)

    started = start(connection, 1, 3, has_new_ids=True)
    run_replay(started, client)

    first = messages[0].message_id
    assert segment.message_ids == [derived_message_id(started.pk, each) for each in (f"{first}:identify", first)]
    assert outcomes(started) == {"accepted": 1, "once_per_visitor": 2}
    assert set(FirstOccurrence.objects.values_list("digest", "position")) == held


def test_what_nobody_holds_is_claimed_by_what_is_sent_alone(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=[], **{ONCE: [["track", STARTED]]})
    append(
        connection.environment, make_message(user_id="u-1"), make_message(user_id="u-1"), make_message(user_id="u-2")
    )
    take_turn(connection, client)
    connections.select_events(connection, [("track", STARTED)], by=None)

    started = start(connection, 2, 2)
    run_replay(started, client)

    assert list(FirstOccurrence.objects.values_list("position", flat=True)) == [2]
    run_replay(start(connection, 1, 3), client)
    assert [message["userId"] for message in segment.accepted] == ["u-1", "u-1", "u-2"]
    assert sorted(FirstOccurrence.objects.values_list("position", flat=True)) == [2, 3]


# --- Rejections ---


def test_rejections_that_are_accepted_now_are_resolved_by_it(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver_refused(segment, connection, client, 6, [1, 3, 4])
    segment.judge = None

    started = start_rejections(connection, 2, 5)
    run_replay(started, client)

    assert segment.message_ids == sent_ids(connection, [messages[1], messages[4]])
    assert outcomes(started) == {"accepted": 2, "not_in_replay": 2}
    assert states() == [(2, "live", "accepted"), (4, "live", ""), (5, "live", "accepted")]
    assert set(Rejection.objects.filter(resolution="accepted").values_list("resolved_in", "resolved_by")) == {
        (started.pk, None)
    }
    assert fate_codes(connection) == ["accepted", "accepted", "accepted", "rejected", "accepted", "accepted"]


def test_rejections_that_are_refused_again_hold_up_nobody(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver_refused(segment, connection, client, 24, list(range(0, 24, 2)))

    started = start_rejections(connection)
    run_replay(started, client)

    assert outcomes(started) == {"rejected": 12, "not_in_replay": 11}
    assert lane_of(started).has_ended
    assert Rejection.objects.unresolved().filter(lane=started.lane_id).count() == 12
    assert Rejection.objects.filter(lane__kind="live", resolution="repeated", resolved_in=started).count() == 12
    connection.refresh_from_db()
    assert connection.status == Connection.Status.ACTIVE


def test_a_rejection_can_be_replayed_until_it_is_accepted(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver_refused(segment, connection, client, 2, [0])
    run_replay(start_rejections(connection), client)
    assert states() == [(1, "live", "repeated"), (1, "replay", "")]
    assert fate_codes(connection) == ["rejected", "accepted"]
    segment.judge = None

    run_replay(start_rejections(connection), client)

    assert states() == [(1, "live", "repeated"), (1, "replay", "accepted")]
    assert fate_codes(connection) == ["accepted", "accepted"]
    assert segment.message_ids == sent_ids(connection, messages[:1])


def test_a_range_resolves_the_rejections_in_it(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver_refused(segment, connection, client, 4, [0, 2])
    segment.judge = None

    run_replay(start(connection, 2, 4), client)

    assert states() == [(1, "live", ""), (3, "live", "accepted")]


def test_more_rejections_than_are_known_at_a_time(
    segment: FakeSegment, connection: Connection, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.terms.REJECTIONS_AT_ONCE", 2)
    assert REJECTIONS_AT_ONCE == 10_000
    messages = deliver_refused(segment, connection, client, 9, [1, 2, 4, 6, 7])
    segment.judge = None

    started = start_rejections(connection)
    run_replay(started, client)

    assert segment.message_ids == sent_ids(connection, [messages[index] for index in (1, 2, 4, 6, 7)])
    assert outcomes(started) == {"accepted": 5, "not_in_replay": 2}


def test_rejections_that_lie_far_apart_are_found_without_reading_what_is_between(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    assert turn.READ_EVENTS == 2_500
    first = append_new(connection.environment, 1)
    for _ in range(6):
        append_new(connection.environment, 1_000)
    last = append_new(connection.environment, 1)
    ids = sent_ids(connection, first + last)
    segment.refuse(*ids)
    take_turn(connection, client)
    forget(segment)
    segment.judge = None
    started = start_rejections(connection)
    assert take_replay_turn(started, client) is False

    assert segment.message_ids == ids
    assert outcomes(started) == {"accepted": 2, "not_in_replay": 6_000}
    counts = EventCount.objects.filter(lane=started.lane_id, outcome="not_in_replay").order_by("name")
    assert list(counts.values_list("name", "count")) == [("", 3_000), (STARTED, 3_000)]


def test_what_a_replay_is_to_send_can_neither_be_discarded_nor_replayed_twice(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver_refused(segment, connection, client, 4, [0, 1])
    scope = replay.of_rejections(connection, Rejection.objects.filter(position=1))
    assert scope is not None
    started = replay.start(connection, scope, has_new_ids=False, by=None)

    assert rejections.discard(connection, Rejection.objects.all(), by=None, reason="No") == 1
    assert states() == [(1, "live", ""), (2, "live", "discarded")]
    assert replay.of_rejections(connection, Rejection.objects.all()) is None
    with pytest.raises(ReplayError, match="Somebody has seen to these rejections in the meantime"):
        replay.start(connection, scope, has_new_ids=False, by=None)
    assert Replay.objects.count() == 1

    replay.stop(started, by=None)
    assert rejections.discard(connection, Rejection.objects.all(), by=None, reason="Now") == 1


# --- What Segment refuses ---


def test_ten_refused_in_a_row_pause_the_replay_and_nothing_else(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 12)
    segment.refuse(*sent_ids(connection, messages))

    started = start(connection, 1, 12)
    take_replay_turn(started, client)

    lane = lane_of(started)
    assert lane.paused_at is not None
    assert lane.last_error.startswith("Segment refused 10 events one after the other. Answer 400")
    assert lane.cursor == 0
    connection.refresh_from_db()
    assert connection.status == Connection.Status.ACTIVE
    segment.judge = None
    replay.resume(started, by=None)
    run_replay(started, client)
    assert outcomes(started) == {"accepted": 12}


def test_nothing_more_comes_to_the_end_of_a_replay(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 3)
    segment.refuse(*sent_ids(connection, messages[:2]))

    started = start(connection, 1, 2)
    run_replay(started, client)

    assert lane_of(started).has_ended
    assert outcomes(started) == {"rejected": 2}
    assert states() == [(1, "replay", ""), (2, "replay", "")]
    assert fate_codes(connection) == ["accepted"] * 3


def test_a_connection_that_segment_refuses_needs_attention_and_the_replay_waits(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 2)
    started = start(connection, 1, 2)
    segment.replies.append(Reply(401))

    assert take_replay_turn(started, client) is False

    connection.refresh_from_db()
    assert connection.status == Connection.Status.NEEDS_ATTENTION
    assert not Lane.objects.due().filter(pk=started.lane_id).exists()
    connections.resume(connection, by=None)
    run_replay(started, client)
    assert segment.message_ids == sent_ids(connection, messages)


def test_a_replay_waits_for_a_segment_that_is_away(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 2)
    started = start(connection, 1, 2)
    segment.replies.append(Reply(503))
    assert take_replay_turn(started, client) is False
    assert lane_of(started).failing_since is not None
    append_new(connection.environment, 1)
    take_turn(connection, client)
    forget(segment)

    make_due(connection)
    run_replay(started, client)

    assert segment.message_ids == sent_ids(connection, messages)


# --- What people do ---


def test_a_replay_is_paused_resumed_and_stopped(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    bob = make_bob()
    deliver(segment, connection, client, 2)
    started = start(connection, 1, 2)

    assert replay.pause(started, by=bob, reason="Too early") is True
    assert replay.pause(started, by=bob) is False
    assert take_replay_turn(started, client) is False
    assert not Lane.objects.due().filter(pk=started.lane_id).exists()
    assert replay.resume(started, by=bob) is True
    assert replay.resume(started, by=bob) is False
    assert Lane.objects.due().filter(pk=started.lane_id).exists()
    assert replay.stop(started, by=bob, reason="Not needed") is True
    for change in (replay.stop, replay.pause, replay.resume):
        assert change(started, by=bob) is False
    assert take_replay_turn(started, client) is False

    assert segment.requests == []
    entries = AuditEntry.objects.filter(action__startswith="replay.").order_by("pk")
    short = str(started.pk)[:8]
    assert list(entries.values_list("action", "actor_name", "reason")) == [
        ("replay.started", "command line", ""),
        ("replay.paused", "bob@example.com", "Too early"),
        ("replay.resumed", "bob@example.com", ""),
        ("replay.stopped", "bob@example.com", "Not needed"),
    ]
    assert entries[0].details == {
        "replay": short,
        "positions": "1–2",
        "names": [],
        "rejections": "",
        "message_ids": "the same",
    }


def test_what_is_done_cannot_be_stopped(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    deliver(segment, connection, client, 1)
    started = start(connection, 1, 1)
    run_replay(started, client)

    assert replay.stop(started, by=None) is False
    assert lane_of(started).stopped_at is None


@pytest.mark.parametrize("change", [replay.stop, replay.pause])
def test_a_change_while_a_batch_is_on_its_way_lets_that_batch_count(
    segment: FakeSegment, connection: Connection, client: SegmentClient, change: Callable[..., bool]
) -> None:
    messages = [make_message(properties={"text": "x" * 20_000}) for _ in range(60)]
    append(connection.environment, *messages)
    take_turn(connection, client)
    forget(segment)
    started = start(connection, 1, 60)

    assert take_replay_turn(started, Meanwhile(client, lambda: change(started, by=None))) is False

    assert len(segment.requests) == 1
    sent = len(segment.accepted)
    assert 0 < sent < 60
    assert lane_of(started).cursor == sent
    assert outcomes(started) == {"accepted": sent}
    assert take_replay_turn(started, client) is False
    assert len(segment.requests) == 1


def test_a_paused_connection_holds_its_replays(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver(segment, connection, client, 2)
    started = start(connection, 1, 2)
    connections.pause(connection, by=None)

    assert take_replay_turn(started, client) is False
    assert not Lane.objects.due().filter(pk=started.lane_id).exists()
    connections.resume(connection, by=None)
    run_replay(started, client)

    assert len(segment.accepted) == 2


def test_disconnecting_ends_replays(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    deliver(segment, connection, client, 2)
    started = start(connection, 1, 2)

    connections.disconnect(connection, by=None)

    assert take_replay_turn(started, client) is False
    assert lane_of(started).has_ended
    assert segment.requests == []
    with pytest.raises(ReplayError, match="not connected any more"):
        start(connection, 1, 2)


def test_so_many_at_once_and_no_more(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    deliver(segment, connection, client, 2)
    first = start(connection, 1, 2)
    start(connection, 1, 2)
    replay.pause(start(connection, 1, 2), by=None)

    with pytest.raises(ReplayError, match="3 replays of this connection are under way"):
        start(connection, 1, 2)
    assert Replay.objects.count() == 3

    run_replay(first, client)
    start(connection, 1, 2)
    assert Replay.objects.count() == 4


def test_nothing_to_replay_is_said(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    deliver(segment, connection, client, 3)
    LogTail.objects.update(blocks_gone_to=2)

    for first, last in ((1, 2), (4, 9), (3, 2)):
        with pytest.raises(ReplayError, match="There is nothing to replay"):
            start(connection, first, last)
    assert not Lane.objects.filter(kind=Lane.Kind.REPLAY).exists()
    assert not AuditEntry.objects.filter(action="replay.started").exists()
    assert lane_of(start(connection, 1, 9)).start == 2


# --- Workers, wake-ups, retention ---


def test_the_next_worker_sends_the_same_where_one_died(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    messages = deliver(segment, connection, client, 3)
    started = start(connection, 1, 3, has_new_ids=True)
    assert crash(connection, client, replay=started)
    assert lane_of(started).cursor == 0

    run_replay(started, client)

    ids = [derived_message_id(started.pk, message.message_id) for message in messages]
    assert segment.message_ids == ids + ids
    assert outcomes(started) == {"accepted": 3}


def test_a_worker_that_dies_among_refused_ones_leaves_nothing_half_done(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver_refused(segment, connection, client, 5, [0, 1, 3])
    for requests in (1, 2, 3):
        started = start_rejections(connection)
        crash(connection, client, replay=started, after_requests=requests)
        run_replay(started, client)
        check_ledger()
        assert outcomes(started) == {"rejected": 3, "not_in_replay": 1}

    assert Rejection.objects.unresolved().count() == 3
    assert Rejection.objects.filter(resolution="repeated").count() == 9


@pytest.mark.django_db(transaction=True)
def test_replay_and_live_lane_move_side_by_side(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    old = deliver(segment, connection, client, 40)
    started = start(connection, 1, 40, has_new_ids=True)
    live = live_lane(connection)
    new: list[Message] = []
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def work(step: Callable[[], object], times: int) -> None:
        try:
            barrier.wait()
            for _ in range(times):
                step()
        except BaseException as error:  # noqa: BLE001  told to the test
            failures.append(error)
        finally:
            database.close()

    def send_live() -> None:
        new.extend(append_new(connection.environment, 3))
        delivery.run_lane(live.pk, client)

    threads = [
        threading.Thread(target=work, args=(send_live, 20)),
        threading.Thread(target=work, args=(lambda: delivery.run_lane(started.lane_id, client), 5)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    check_ledger()
    replayed = {derived_message_id(started.pk, message.message_id) for message in old}
    arrived = segment.message_ids
    assert [each for each in arrived if each not in replayed] == sent_ids(connection, new)
    assert [each for each in arrived if each in replayed] == [
        derived_message_id(started.pk, message.message_id) for message in old
    ]


def test_the_sweep_moves_a_replay_that_nobody_was_woken_for(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver(segment, connection, client, 2)
    started = start(connection, 1, 2)
    sweep, now = Sweep(), datetime.now(UTC)
    sweep.run_once(now)

    sweep.run_once(now + timedelta(seconds=11))

    assert lane_of(started).has_ended
    assert len(segment.accepted) == 2


def test_retention_keeps_what_a_replay_has_not_read(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    for _ in range(3):
        append(connection.environment, make_message(), at=NOW - timedelta(days=31))
    take_turn(connection, client)
    delivery.run_lane(connection.environment.lanes.get(kind=Lane.Kind.INDEX).pk, client)
    started = start(connection, 2, 3)
    replay.pause(started, by=None)

    retention.run(NOW)
    assert [event.position for event in log.read(connection.environment_id, after=0, limit=9)] == [2, 3]

    replay.resume(started, by=None)
    run_replay(started, client)
    retention.run(NOW)
    assert log.read(connection.environment_id, after=0, limit=9) == []
    assert outcomes(started) == {"accepted": 2}


def test_a_stopped_replay_keeps_nothing(segment: FakeSegment, connection: Connection, client: SegmentClient) -> None:
    append(connection.environment, make_message(), at=NOW - timedelta(days=31))
    take_turn(connection, client)
    delivery.run_lane(connection.environment.lanes.get(kind=Lane.Kind.INDEX).pk, client)
    replay.stop(start(connection, 1, 1), by=None)

    retention.run(NOW)

    assert log.read(connection.environment_id, after=0, limit=9) == []


def test_a_deleted_assistant_takes_its_replays_along(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    deliver_refused(segment, connection, client, 3, [1])
    started = start_rejections(connection)
    lifecycle.delete_assistant(connection.environment.assistant, by=None)
    assert take_replay_turn(started, client) is False
    assert not Lane.objects.due().filter(pk=started.lane_id).exists()

    retention.run(datetime.now(UTC) + timedelta(days=2))

    assert (Replay.objects.count(), Rejection.objects.count(), Lane.objects.count()) == (0, 0, 0)


# --- Positions by time ---


def test_a_moment_leads_to_the_first_position_received_then_or_later(connection: Connection) -> None:
    environment = connection.environment
    assert replay.position_at(environment.pk, NOW) == 1
    for minute, count in ((0, 2), (1, 3), (5, 1), (9, 4)):
        append(environment, *(make_message() for _ in range(count)), at=NOW + timedelta(minutes=minute))

    found = [
        replay.position_at(environment.pk, NOW + timedelta(minutes=minute)) for minute in (-1, 0, 0.5, 1, 2, 9, 10)
    ]

    assert found == [1, 1, 3, 3, 6, 7, 11]
