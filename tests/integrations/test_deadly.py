"""An event at which each worker dies: it is found, rejected once another one goes through, and nobody else waits."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from integrations import delivery, leases
from integrations.models import Connection, Lane, Rejection
from integrations.segment.client import SegmentClient
from integrations.segment.verdicts import Answer
from tests.fakes import FakeSegment
from tests.integrations.turns import Killed, append_new, make_due, outcomes, sent_ids
from tests.make import live_lane, make_connection

TURNS = 60

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(endpoint=segment.url)


class Mortal:
    """A client whose worker is killed before a request that `is_deadly` says yes to."""

    def __init__(self, client: SegmentClient, lane: int, is_deadly: Callable[[bytes], bool]) -> None:
        self.client, self.lane, self.is_deadly = client, lane, is_deadly
        self.at_death: dict[str, Any] = {}

    def post_batch(self, base_url: str, write_key: str, body: bytes, **options: Any) -> Answer:
        if self.is_deadly(body):
            self.at_death = Lane.objects.filter(pk=self.lane).values().get()
            raise Killed
        return self.client.post_batch(base_url, write_key, body, **options)


def work(connection: Connection, client: SegmentClient, is_deadly: Callable[[bytes], bool], *, deaths: int = 0) -> int:
    """Take turns, one worker after the other, until nothing waits or so many died; return how many did."""
    died, lane = 0, live_lane(connection).pk
    for _ in range(TURNS):
        if died == deaths != 0 or not Lane.objects.behind().filter(pk=lane).exists():
            return died
        make_due(connection)
        mortal = Mortal(client, lane, is_deadly)
        with contextlib.suppress(Killed):
            delivery.run_lane(lane, mortal)
        if mortal.at_death:
            died += 1
            Lane.objects.filter(pk=lane).update(**mortal.at_death)
            Lane.objects.filter(pk=lane).update(lease_until=Now() - timedelta(seconds=1))
    raise AssertionError("The backlog does not drain.")


@pytest.mark.parametrize("position", [1, 4, 9])
def test_the_event_is_rejected_and_its_neighbours_are_accepted(
    segment: FakeSegment, connection: Connection, client: SegmentClient, position: int
) -> None:
    ids = sent_ids(connection, append_new(connection.environment, 10))
    fatal = ids[position - 1]

    died = work(connection, client, lambda body: fatal.encode() in body)

    assert died == leases.DEATHS_TOGETHER + leases.DEATHS_ALONE == 8
    assert segment.message_ids == [each for each in ids if each != fatal]
    assert outcomes(connection) == {"accepted": 9, "rejected": 1}
    rejection = Rejection.objects.get()
    assert (rejection.position, rejection.reason, rejection.status) == (position, "workers_died", None)
    lane = live_lane(connection)
    assert (lane.deaths, lane.attempts, lane.in_flight_to) == (0, 0, None)


def test_as_long_as_every_request_kills_its_worker_no_event_is_rejected(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = sent_ids(connection, append_new(connection.environment, 3))

    work(connection, client, lambda body: True, deaths=30)

    assert not Rejection.objects.exists()
    assert live_lane(connection).cursor == 0
    assert work(connection, client, lambda body: False) == 0
    # Then the first one looks like the one at fault, which no worker survived while the next one went through.
    assert segment.message_ids == ids[1:]
    assert outcomes(connection) == {"accepted": 2, "rejected": 1}


def test_a_deadly_event_at_the_end_waits_for_one_that_goes_through(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = sent_ids(connection, append_new(connection.environment, 2))
    fatal = ids[1].encode()
    work(connection, client, lambda body: fatal in body, deaths=8)
    make_due(connection)
    delivery.run_lane(live_lane(connection).pk, client)
    assert not Rejection.objects.exists()
    assert live_lane(connection).last_error.startswith("No event behind this one shows yet whether it is at fault.")

    later = sent_ids(connection, append_new(connection.environment, 1))
    work(connection, client, lambda body: fatal in body)

    assert segment.message_ids == [ids[0], *later]
    assert outcomes(connection) == {"accepted": 2, "rejected": 1}


def test_after_the_range_events_go_together_again(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    ids = sent_ids(connection, append_new(connection.environment, 5))
    work(connection, client, lambda body: ids[2].encode() in body)
    Lane.objects.filter(pk=live_lane(connection).pk).update(alone_to=5)
    before = len(segment.requests)

    later = sent_ids(connection, append_new(connection.environment, 50))
    work(connection, client, lambda body: False)

    assert len(segment.requests) == before + 1
    assert segment.message_ids[-50:] == later
