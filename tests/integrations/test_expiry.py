"""Expiry: what waits is kept until its retention ends and people were told in time; then it is counted, and no more."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.db.models.functions import Now

from assistants import lifecycle, log
from assistants.models import Environment
from integrations import connections, delivery, expiry, fates, leases, ledger, retention
from integrations.clients import segment_client
from integrations.health import lane_state
from integrations.keeping import notice_time
from integrations.leases import LostLeaseError
from integrations.models import Connection, ExpiredRange, Incident, Lane
from integrations.segment.client import SegmentClient
from tests.integrations.turns import check_ledger, outcomes, take_turn
from tests.make import append, live_lane, make_connection, make_message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def paused() -> Connection:
    connection = make_connection()
    connections.pause(connection, by=None)
    return connection


def receive(connection: Connection, *messages: object, at: datetime) -> None:
    """Store and count events; three without further words."""
    append(connection.environment, *(messages or [make_message() for _ in range(3)]), at=at)  # type: ignore[arg-type]
    index = Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)
    delivery.run_lane(index.pk, segment_client())


def positions(environment: Environment) -> list[int]:
    return [event.position for event in log.read(environment.pk, after=0, limit=100)]


def expiring() -> list[Incident]:
    return list(Incident.objects.filter(kind="expiring"))


@pytest.mark.parametrize(("retention_days", "notice_days"), [(1, 0.5), (10, 5), (14, 7), (30, 7), (365, 7)])
def test_people_are_told_a_week_before_or_half_of_a_short_retention(retention_days: int, notice_days: float) -> None:
    assert notice_time(retention_days) == timedelta(days=notice_days)


def test_what_waits_is_kept_until_seven_days_after_the_notice(paused: Connection) -> None:
    receive(paused, at=NOW)

    retention.run(NOW + 23 * DAY - timedelta(seconds=1))
    assert expiring() == []
    retention.run(NOW + 23 * DAY)
    (incident,) = expiring()
    assert (incident.key, incident.connection_id) == (str(live_lane(paused).pk), paused.pk)
    assert (incident.began_at, incident.opened_at, incident.ended_at) == (NOW, NOW + 23 * DAY, None)
    assert incident.cause == "Events that wait are kept for 30 days."

    retention.run(NOW + 30 * DAY)
    assert (live_lane(paused).cursor, positions(paused.environment)) == (0, [1, 2, 3])
    retention.run(NOW + 30 * DAY + timedelta(seconds=1))
    assert (live_lane(paused).cursor, positions(paused.environment)) == (3, [])
    assert outcomes(paused) == {"expired": 3}
    check_ledger()


def test_a_sweep_that_was_away_tells_people_first(paused: Connection) -> None:
    receive(paused, at=NOW)

    retention.run(NOW + 100 * DAY)
    retention.run(NOW + 107 * DAY - timedelta(seconds=1))
    assert outcomes(paused) == {}
    retention.run(NOW + 107 * DAY)

    assert outcomes(paused) == {"expired": 3}


def test_what_came_later_waits_its_own_time(paused: Connection) -> None:
    receive(paused, at=NOW)
    receive(paused, at=NOW + 2 * DAY)
    retention.run(NOW + 23 * DAY)

    retention.run(NOW + 31 * DAY)

    assert (live_lane(paused).cursor, positions(paused.environment)) == (3, [4, 5, 6])
    assert len(expiring()) == 1
    assert expiring()[0].ended_at is None


def test_a_lane_that_goes_on_ends_the_incident(paused: Connection, client: SegmentClient) -> None:
    receive(paused, at=NOW)
    retention.run(NOW + 23 * DAY)
    connections.resume(paused, by=None)
    take_turn(paused, client)

    retention.run(NOW + 40 * DAY)

    (incident,) = expiring()
    assert (incident.ended_at, incident.ending) == (NOW + 40 * DAY, expiry.OVER)
    assert outcomes(paused) == {"accepted": 3}


def test_half_read_blocks_and_other_lanes_stay_right(paused: Connection, client: SegmentClient) -> None:
    """Another lane waits for a holder: the block stays, and shows what became of its events on the first one."""
    receive(paused, at=NOW)
    receive(paused, make_message("Message Handled"), make_message(), at=NOW + DAY)
    Lane.objects.filter(pk=live_lane(paused).pk).update(start=1, cursor=1)
    other = Lane.objects.create(environment=paused.environment, connection=paused, kind="replay", start=0, cursor=0)
    retention.run(NOW + 25 * DAY)
    Lane.objects.filter(pk=other.pk).update(lease_until=Now() + timedelta(hours=1))

    retention.run(NOW + 32 * DAY)

    assert (live_lane(paused).cursor, Lane.objects.get(pk=other.pk).cursor) == (5, 0)
    assert outcomes(paused) == {"expired": 4}
    events = log.read(paused.environment_id, after=0, limit=10)
    assert [fate.code for fate in fates.fates(paused, events)] == ["before_start", *["expired"] * 4]
    check_ledger()


def test_what_was_settled_before_keeps_its_fate(client: SegmentClient) -> None:
    connection = make_connection()
    receive(connection, at=NOW)
    take_turn(connection, client)
    connections.pause(connection, by=None)
    receive(connection, make_message(), at=NOW + DAY)
    receive(connection, make_message(), at=NOW + 2 * DAY)
    events = log.read(connection.environment_id, after=0, limit=10)
    for days in (24, 31.5, 32.5):
        retention.run(NOW + days * DAY)

    assert [fate.code for fate in fates.fates(connection, events)] == [*["accepted"] * 3, *["expired"] * 2]
    (range_,) = ExpiredRange.objects.all()
    assert (range_.first_position, range_.last_position, range_.at) == (4, 5, NOW + 32.5 * DAY)
    assert outcomes(connection) == {"accepted": 3, "expired": 2}


def test_a_holder_is_left_alone_and_a_late_one_cannot_settle(paused: Connection) -> None:
    receive(paused, at=NOW)
    retention.run(NOW + 23 * DAY)
    lease = leases.take(live_lane(paused).pk)
    assert lease is not None

    retention.run(NOW + 31 * DAY)
    assert outcomes(paused) == {}
    Lane.objects.filter(pk=lease.lane_id).update(lease_until=Now() - timedelta(seconds=1))
    retention.run(NOW + 31 * DAY)

    assert outcomes(paused) == {"expired": 3}
    with pytest.raises(LostLeaseError):
        leases.move(lease, cursor=3, begun=True)
    check_ledger()


def test_a_shorter_retention_gives_notice_too(paused: Connection) -> None:
    receive(paused, at=NOW)
    lifecycle.change_retention(paused.environment, 4, by=None)

    retention.run(NOW + 10 * DAY)
    assert outcomes(paused) == {}
    retention.run(NOW + 12 * DAY)

    assert outcomes(paused) == {"expired": 3}


def test_a_disconnected_lane_keeps_nothing(paused: Connection) -> None:
    receive(paused, at=NOW)
    connections.disconnect(paused, by=None)

    retention.run(NOW + 31 * DAY)

    assert (positions(paused.environment), expiring()) == ([], [])
    assert outcomes(paused) == {}


def test_the_page_says_until_when_events_are_kept(paused: Connection) -> None:
    assert lane_state(paused, NOW).kept_until is None
    receive(paused, at=NOW)
    state = lane_state(paused, NOW)
    assert (state.oldest_waiting_at, state.kept_until, state.is_expiring) == (NOW, NOW + 30 * DAY, False)

    retention.run(NOW + 29 * DAY)
    state = lane_state(paused, NOW + 30 * DAY)
    assert (state.kept_until, state.is_expiring, state.expired) == (NOW + 36 * DAY, True, 0)

    retention.run(NOW + 36 * DAY)
    state = lane_state(paused, NOW + 36 * DAY)
    assert (state.backlog, state.kept_until, state.expired) == (0, None, 3)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_count_what_expires_once() -> None:
    connection = make_connection()
    connections.pause(connection, by=None)
    for hour in range(6):
        receive(connection, at=NOW + timedelta(hours=hour))
    retention.run(NOW + 25 * DAY)
    barrier = threading.Barrier(2, timeout=30)

    def sweep() -> None:
        try:
            barrier.wait()
            retention.run(NOW + 33 * DAY)
        finally:
            database.close()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes(connection) == {"expired": 18}
    assert [account.difference for account in ledger.accounts()] == [0, 0]
    assert len(expiring()) == 1
