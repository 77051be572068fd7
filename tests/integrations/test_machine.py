"""Any order of events, answers, deaths and changes of mind: what was promised about delivery holds in the end.

What is acknowledged arrives, under one message ID and in the order of the log; each event read is accounted for; a
cursor never goes back; and a duplicate is explained by an answer that did not arrive or a worker that did not live.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from assistants.messages import Message
from integrations import connections, delivery, fates, ledger
from integrations.models import Connection, Lane, LaneVersion
from integrations.sandbox import recorder
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Received, Reply, running_segment
from tests.integrations.turns import crash, make_due, sent_ids
from tests.make import append, live_lane, make_connection, make_message

STARTED, HANDLED = "Session Started", "Message Handled"
SELECTIONS = [[STARTED], [HANDLED], [STARTED, HANDLED]]
WAITS = [Reply(500), Reply(503, headers={"Retry-After": "2"}), Reply(429), Reply(is_lost=True)]


class Machine(RuleBasedStateMachine):
    """One connection, a log that grows, and a Segment that answers as it likes."""

    @initialize()
    def connect(self) -> None:
        self.open = ExitStack()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.segment: FakeSegment = self.open.enter_context(running_segment())
        self.segment.judge = self.judge
        transport = httpx.WSGITransport(app=recorder)
        client = SegmentClient(timeout_seconds=5, allow_private=True, sandbox=transport)
        self.client = self.open.enter_context(closing(client))
        self.connection = make_connection(endpoint=self.segment.url, selection=[("track", STARTED)])
        self.messages: list[Message] = []
        self.refused: set[str] = set()
        self.cursor = self.token = self.unexplained = 0

    def judge(self, received: Received) -> Reply | None:
        return Reply(400) if any(message["messageId"] in self.refused for message in received.batch) else None

    @rule(names=st.lists(st.sampled_from([STARTED, STARTED, HANDLED]), min_size=1, max_size=12), bad=st.integers(0, 40))
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
        crash(self.connection, self.client, after_requests=requests)
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

    @precondition(lambda self: self.state.status != Connection.Status.ACTIVE)
    @rule()
    def somebody_resumes(self) -> None:
        connections.resume(self.connection, by=None)

    def with_answers(self, replies: list[Reply | None]) -> None:
        """Script the first answers; None lets Segment judge the batch."""
        self.segment.replies.extend(reply or Reply() for reply in replies)

    @property
    def lane(self) -> Lane:
        return live_lane(self.connection)

    @property
    def state(self) -> Connection:
        return Connection.objects.get(pk=self.connection.pk)

    @invariant()
    def each_event_read_is_accounted_for(self) -> None:
        assert [account for account in ledger.accounts() if account.difference] == []

    @invariant()
    def a_cursor_only_moves_forward_and_a_token_only_grows(self) -> None:
        lane = self.lane
        assert (lane.cursor, lane.lease_token) >= (self.cursor, self.token)
        assert lane.cursor >= self.cursor
        self.cursor, self.token = lane.cursor, lane.lease_token

    @invariant()
    def what_arrives_is_known_and_in_order(self) -> None:
        place = {message_id: number for number, message_id in enumerate(sent_ids(self.connection, self.messages))}
        first_arrivals = [place[message_id] for message_id in dict.fromkeys(self.segment.message_ids)]
        assert first_arrivals == sorted(first_arrivals)

    @invariant()
    def fates_tell_what_arrived(self) -> None:
        events = self.events()
        arrived = set(self.segment.message_ids)
        for message_id, fate in zip(sent_ids(self.connection, self.messages), fates.fates(self.state, events), strict=True):
            if fate.code == fates.ACCEPTED:
                assert message_id in arrived
            if fate.code == fates.REJECTED:
                assert message_id in self.refused
                assert message_id not in arrived

    def events(self) -> list[Any]:
        return fates_of(self.connection, len(self.messages))

    def teardown(self) -> None:
        if not hasattr(self, "connection"):
            return
        try:
            self.drain()
            self.check_the_end()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            self.open.close()

    def drain(self) -> None:
        """The faults end: somebody resumes, one good event comes last, and workers have the time they need."""
        connections.select_events(self.connection, [("track", STARTED), ("track", HANDLED)], by=None)
        append(self.connection.environment, last := make_message())
        self.messages.append(last)
        for _ in range(200):
            connections.resume(self.connection, by=None)
            make_due(self.connection)
            delivery.run_lane(self.lane.pk, self.client)
            if self.lane.cursor == len(self.messages):
                return
            # Ten refused in a row are for a person to see to: here they decide to wait for one that is taken.
            if self.state.status == Connection.Status.NEEDS_ATTENTION:
                self.refused.clear()
        raise AssertionError(f"The backlog does not drain: {self.lane.last_error}")

    def check_the_end(self) -> None:
        self.each_event_read_is_accounted_for()
        self.what_arrives_is_known_and_in_order()
        self.fates_tell_what_arrived()
        arrived = set(self.segment.message_ids)
        found = fates.fates(self.state, self.events())
        for message_id, fate in zip(sent_ids(self.connection, self.messages), found, strict=True):
            # What is not refused or switched off has arrived, whatever happened on the way.
            assert fate.code in {fates.ACCEPTED, fates.REJECTED, "event_not_selected"}
            assert fate.code != fates.ACCEPTED or message_id in arrived
        attempts = sum(1 for request in self.segment.requests if request.batch)
        recorded = self.lane.deliveries.exclude(status=None, outcome="nothing").count()
        assert recorded <= attempts
        versions = LaneVersion.objects.filter(lane=self.lane).values_list("from_position", flat=True)
        assert all(later > earlier for earlier, later in itertools.pairwise(versions))


def fates_of(connection: Connection, count: int) -> list[Any]:
    from assistants import log

    return log.read(connection.environment_id, after=0, limit=max(count, 1))


@pytest.fixture
def rolled_back(db: None) -> Iterator[None]:
    yield


@pytest.mark.usefixtures("rolled_back")
def test_whatever_happens_nothing_is_lost() -> None:
    run_state_machine_as_test(Machine, settings=settings(max_examples=60, stateful_step_count=25, deadline=None))
