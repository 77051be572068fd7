"""Any order of events, answers, deaths, replays and changes of mind: what was promised about delivery holds in the end.

What is acknowledged arrives, under one message ID and in the order of the log; each event read is accounted for; a
cursor never goes back; and a duplicate is explained by an answer that did not arrive or a worker that did not live.
"""

import contextlib
import itertools
from collections import Counter
from functools import partial

import pytest
from django.db import transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from assistants import log
from assistants.messages import Message
from integrations import connections, delivery, fates, replay, turn
from integrations.compose import compose, derived_message_id
from integrations.fates import Fate
from integrations.models import Connection, Delivery, Lane, LaneQuerySet, Rejection, Replay
from integrations.replay import ReplayError, Scope
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Received, Reply
from tests.integrations.turns import check_ledger, crash, crash_in_flight, make_due, sent_ids
from tests.make import append, live_lane, make_connection, make_message

# Without shrinking: a failure is told within the time of the test, and its steps are printed.
EXAMPLES = settings(max_examples=25, stateful_step_count=20, phases=[Phase.generate])
STARTED, HANDLED = "Session Started", "Message Handled"
SELECTIONS = [[STARTED], [HANDLED], [STARTED, HANDLED]]
WAITS = [Reply(500), Reply(503, headers={"Retry-After": "2"}), Reply(429), Reply(is_lost=True)]


class Machine(RuleBasedStateMachine):
    """One connection, a log that grows, and a Segment that answers as it likes."""

    segment: FakeSegment
    client: SegmentClient
    is_any_order = False

    @initialize()
    def connect(self) -> None:
        self.database = transaction.atomic()
        self.database.__enter__()
        for kept in (self.segment.requests, self.segment.accepted, self.segment.lost, self.segment.replies):
            kept.clear()
        self.segment.judge = self.judge
        self.connection = make_connection(
            endpoint=self.segment.url, selection=[("track", STARTED)], any_order=self.is_any_order
        )
        self.messages: list[Message] = []
        self.refused: set[str] = set()
        # Message IDs whose acceptance a worker did not live to note.
        self.orphaned: Counter[str] = Counter()
        self.cursor = self.token = 0

    def judge(self, received: Received) -> Reply | None:
        return Reply(400) if any(message["messageId"] in self.refused for message in received.batch) else None

    @rule(names=st.lists(st.sampled_from([STARTED, STARTED, HANDLED]), min_size=1, max_size=12), bad=st.integers(0, 30))
    def events_come(self, names: list[str], bad: int) -> None:
        messages = [make_message(name) for name in names]
        append(self.connection.environment, *messages)
        self.messages += messages
        if bad < len(messages):
            self.refused |= set(sent_ids(self.connection, [messages[bad]]))

    @rule(replies=st.lists(st.sampled_from([None, None, *WAITS]), max_size=3))
    def a_worker_takes_a_turn(self, replies: list[Reply | None]) -> None:
        self.with_answers(replies)
        make_due(self.connection)
        delivery.run_lane(self.lane.pk, self.client)
        self.segment.replies.clear()

    @rule(replies=st.lists(st.sampled_from([None, *WAITS]), max_size=2), requests=st.integers(1, 4))
    def a_worker_is_killed(self, replies: list[Reply | None], requests: int) -> None:
        self.with_answers(replies)
        make_due(self.connection)
        before = Counter(self.segment.message_ids)
        if self.dies(after=requests):
            unsettled = set(self.ids[self.lane.cursor :])
            arrived = Counter(self.segment.message_ids) - before
            self.orphaned.update({id_: count for id_, count in arrived.items() if id_ in unsettled})
        self.segment.replies.clear()

    @rule()
    def segment_refuses_the_key(self) -> None:
        self.segment.replies.append(Reply(401))
        make_due(self.connection)
        delivery.run_lane(self.lane.pk, self.client)
        self.segment.replies.clear()

    @rule(names=st.sampled_from(SELECTIONS))
    def somebody_selects(self, names: list[str]) -> None:
        connections.select_events(self.connection, [("track", name) for name in names], by=None)

    @rule()
    def somebody_pauses(self) -> None:
        connections.pause(self.connection, by=None)

    @rule(first=st.integers(1, 20), count=st.integers(0, 12))
    def somebody_replays(self, first: int, count: int) -> None:
        with contextlib.suppress(ReplayError):
            replay.start(self.connection, Scope(first, first + count), has_new_ids=True, by=None)

    @rule(replies=st.lists(st.sampled_from([None, *WAITS]), max_size=2))
    def a_worker_takes_a_turn_at_each_replay(self, replies: list[Reply | None]) -> None:
        self.with_answers(replies)
        make_due(self.connection)
        for lane in self.replays.unfinished():
            delivery.run_lane(lane.pk, self.client)
        self.segment.replies.clear()

    @rule()
    def somebody_stops_the_latest_replay(self) -> None:
        if started := Replay.objects.filter(lane__in=self.replays).order_by("-lane_id").first():
            replay.stop(started, by=None)

    @precondition(lambda self: self.state.status != Connection.Status.ACTIVE)
    @rule()
    def somebody_resumes(self) -> None:
        connections.resume(self.connection, by=None)

    def dies(self, *, after: int) -> bool:
        return crash(self.connection, self.client, after_requests=after)

    def with_answers(self, replies: list[Reply | None]) -> None:
        """Script the first answers; None lets Segment judge the batch."""
        self.segment.replies.extend(reply or Reply() for reply in replies)

    @property
    def lane(self) -> Lane:
        return live_lane(self.connection)

    @property
    def replays(self) -> LaneQuerySet:
        return Lane.objects.filter(connection=self.connection, kind=Lane.Kind.REPLAY)

    @property
    def state(self) -> Connection:
        return Connection.objects.get(pk=self.connection.pk)

    @invariant()
    def each_event_read_is_accounted_for(self) -> None:
        check_ledger()

    @invariant()
    def a_cursor_only_moves_forward_and_a_token_only_grows(self) -> None:
        lane = self.lane
        assert (lane.cursor, lane.lease_token) >= (self.cursor, self.token)
        assert lane.cursor >= self.cursor
        self.cursor, self.token = lane.cursor, lane.lease_token

    @invariant()
    def what_arrives_is_known_and_in_order(self) -> None:
        place = {message_id: number for number, message_id in enumerate(self.ids)}
        live = [message_id for message_id in self.segment.message_ids if message_id in place]
        first_arrivals = [place[message_id] for message_id in dict.fromkeys(live)]
        assert first_arrivals == sorted(first_arrivals)

    @invariant()
    def what_arrives_again_had_no_answer(self) -> None:
        unanswered = Counter(message["messageId"] for message in self.segment.lost) + self.orphaned + self.overtaken
        arrivals = Counter(self.segment.message_ids)
        assert {id_: count for id_, count in arrivals.items() if count > 1 + unanswered[id_]} == {}

    @invariant()
    def fates_tell_what_arrived(self) -> None:
        arrived = set(self.segment.message_ids)
        namespaces = Replay.objects.filter(lane__in=self.replays).values_list("pk", flat=True)
        for message, (message_id, fate) in zip(self.messages, self.fates(), strict=True):
            if fate.code == fates.ACCEPTED:
                replayed = {derived_message_id(namespace, message.message_id) for namespace in namespaces}
                assert arrived & {message_id, *replayed}
            if fate.code == fates.REJECTED:
                assert message_id in self.refused - arrived

    @invariant()
    def an_event_is_undecided_once_at_most(self) -> None:
        positions = Counter(Rejection.objects.of(self.connection).unresolved().values_list("position", flat=True))
        assert all(count == 1 for count in positions.values())

    @property
    def overtaken(self) -> Counter[str]:
        """How often an event was accepted behind one that was not, which is on record as an attempt to be repeated."""
        rows = self.lane.deliveries.filter(outcome=Delivery.Outcome.RETRY, status=200)
        ranges = rows.values_list("first_position", "last_position")
        return Counter(id_ for first, last in ranges for id_ in self.ids[first - 1 : last])

    @property
    def ids(self) -> list[str]:
        return sent_ids(self.connection, self.messages)

    def fates(self) -> list[tuple[str, Fate]]:
        events = log.read(self.connection.environment_id, after=0, limit=len(self.messages) + 1)
        return list(zip(self.ids, fates.fates(self.state, events), strict=True))

    def teardown(self) -> None:
        if not hasattr(self, "connection"):
            return
        try:
            self.drain()
            self.check_the_end()
        finally:
            transaction.set_rollback(True)
            self.database.__exit__(None, None, None)

    def drain(self) -> None:
        """The faults end: somebody resumes, a good event comes last, and workers have the time they need."""
        last = make_message()
        append(self.connection.environment, last)
        self.messages.append(last)
        connections.select_events(self.connection, [("track", STARTED), ("track", HANDLED)], by=None)
        for _ in range(100):
            connections.resume(self.connection, by=None)
            make_due(self.connection)
            for lane in Lane.objects.filter(connection=self.connection).unfinished():
                delivery.run_lane(lane.pk, self.client)
            if self.lane.cursor == len(self.messages) and not self.replays.unfinished().exists():
                return
        raise AssertionError(f"The backlog does not drain: {self.lane.last_error}")

    def check_the_end(self) -> None:
        check_ledger()
        self.what_arrives_is_known_and_in_order()
        self.what_arrives_again_had_no_answer()
        self.fates_tell_what_arrived()
        assert {fate.code for _, fate in self.fates()} <= {fates.ACCEPTED, fates.REJECTED, "event_not_selected"}
        versions = self.lane.lane_versions.values_list("from_position", flat=True)
        assert all(later > earlier for earlier, later in itertools.pairwise(versions))


class MachineInAnyOrder(Machine):
    """The same with several requests under way at once."""

    is_any_order = True

    def dies(self, *, after: int) -> bool:
        return crash_in_flight(self.connection, self.client, after_answers=after)

    @invariant()
    def what_arrives_is_known_and_in_order(self) -> None:
        """In order is only what is settled; of what arrives, nothing is unknown."""
        replays = Replay.objects.filter(lane__in=self.replays).values_list("pk", flat=True)
        namespaces = [self.connection.pk, *replays]
        known = {derived_message_id(each, message.message_id) for each in namespaces for message in self.messages}
        assert set(self.segment.message_ids) <= known


@pytest.mark.django_db
def test_whatever_happens_nothing_is_lost(segment: FakeSegment, client: SegmentClient) -> None:
    Machine.segment, Machine.client = segment, client

    run_state_machine_as_test(Machine, settings=EXAMPLES)


@pytest.mark.django_db
def test_whatever_happens_nothing_is_lost_with_several_requests_under_way(
    segment: FakeSegment, client: SegmentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    MachineInAnyOrder.segment, MachineInAnyOrder.client = segment, client
    # So few fill a request that there are several.
    monkeypatch.setattr(turn, "compose", partial(compose, max_messages=2))

    run_state_machine_as_test(MachineInAnyOrder, settings=EXAMPLES)
