"""Leases: one holder at a time, by the database's clock, and nothing written by a holder that lost its lane."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection as database
from django.db.models import F
from django.db.models.functions import Now

from assistants import lifecycle
from integrations import leases
from integrations.leases import Lease, LostLeaseError, TermsChangedError
from integrations.models import Lane
from tests.make import live_lane, make_connection

pytestmark = pytest.mark.django_db


def make_lane() -> Lane:
    return live_lane(make_connection())


def take(lane: Lane) -> Lease:
    lease = leases.take(lane.pk)
    assert lease is not None
    return lease


def expire(lane: Lane) -> None:
    """Let a lease run out, as if its holder had been frozen for longer than that."""
    Lane.objects.filter(pk=lane.pk).update(lease_until=Now() - timedelta(milliseconds=1))


def seconds_from_now(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - datetime.now(UTC)).total_seconds()


def state(lane: Lane) -> dict[str, object]:
    return Lane.objects.filter(pk=lane.pk).values().get()


def test_a_lease_is_what_its_holder_needs_to_know() -> None:
    lane = make_lane()

    lease = take(lane)

    assert lease == Lease(
        lane_id=lane.pk,
        environment_id=lane.environment_id,
        kind="live",
        token=1,
        cursor=0,
        end=None,
        attempts=0,
        terms_seq=0,
        may_have_arrived_to=None,
    )
    lane.refresh_from_db()
    assert 29 < seconds_from_now(lane.lease_until) < 31


def test_nobody_takes_a_lane_that_is_held() -> None:
    lane = make_lane()
    take(lane)

    assert leases.take(lane.pk) is None
    assert live_lane(lane.connection).lease_token == 1


def test_a_lane_that_was_released_can_be_taken_at_once() -> None:
    lane = make_lane()
    leases.release(take(lane))

    assert take(lane).token == 2


def test_a_lease_that_ran_out_can_be_taken_over() -> None:
    lane = make_lane()
    take(lane)
    expire(lane)

    assert take(lane).token == 2


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(microseconds=1), timedelta(seconds=-1), timedelta(days=-1)])
def test_a_lane_is_due_once_its_time_has_come(delay: timedelta) -> None:
    lane = make_lane()
    Lane.objects.filter(pk=lane.pk).update(next_attempt_at=Now() - timedelta(milliseconds=2) + delay)

    assert take(lane).token == 1


def test_nobody_takes_a_lane_that_waits() -> None:
    lane = make_lane()
    Lane.objects.filter(pk=lane.pk).update(next_attempt_at=Now() + timedelta(seconds=5))

    assert leases.take(lane.pk) is None


def test_nobody_takes_a_lane_that_is_stopped() -> None:
    lane = make_lane()
    Lane.objects.filter(pk=lane.pk).update(stopped_at=Now())

    assert leases.take(lane.pk) is None


def test_nobody_takes_a_lane_that_is_gone() -> None:
    assert leases.take(987_654_321) is None


@pytest.mark.parametrize("wrong_by", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400)])
def test_a_worker_whose_clock_is_wrong_takes_and_leaves_as_the_others_do(wrong_by: timedelta) -> None:
    lane = make_lane()
    with time_machine.travel(datetime.now(UTC) + wrong_by):
        lease = take(lane)
        assert leases.take(lane.pk) is None
        leases.postpone(lease, delay=timedelta(seconds=30), error="busy")
        leases.release(lease)
        assert leases.take(lane.pk) is None

    lane.refresh_from_db()
    assert 28 < seconds_from_now(lane.next_attempt_at) < 31
    assert -2 < seconds_from_now(lane.failing_since) <= 0


@pytest.mark.parametrize("milliseconds", [0, 1, 999])
def test_moments_that_the_database_computes_are_compared_exactly(milliseconds: int) -> None:
    """On SQLite moments are text: a whole second has no fraction, `Now()` has three digits, Python writes six."""
    lane = make_lane()
    whole = datetime(2026, 1, 1, 12, 0, 0, milliseconds * 1_000, tzinfo=UTC)
    Lane.objects.filter(pk=lane.pk).update(lease_until=whole)
    Lane.objects.filter(pk=lane.pk).update(next_attempt_at=F("lease_until") + timedelta(seconds=1))

    (later,) = Lane.objects.filter(pk=lane.pk).values_list("next_attempt_at", flat=True)
    assert later == whole + timedelta(seconds=1)
    assert Lane.objects.filter(pk=lane.pk, lease_until__lt=F("next_attempt_at")).exists()
    assert not Lane.objects.filter(pk=lane.pk, next_attempt_at__gt=Now()).exists()


def test_an_attempt_is_counted_and_noted_before_it_is_made() -> None:
    lane = make_lane()
    lease = take(lane)
    Lane.objects.filter(pk=lane.pk).update(lease_until=Now() + timedelta(seconds=1))

    leases.begin_attempt(lease, to=7)

    lane.refresh_from_db()
    assert (lane.in_flight_to, lane.attempts, lease.attempts) == (7, 1, 1)
    assert 29 < seconds_from_now(lane.lease_until) < 31


def test_the_parts_of_a_search_belong_to_one_attempt() -> None:
    lane = make_lane()
    lease = take(lane)
    leases.begin_attempt(lease, to=8)
    leases.begin_attempt(lease, to=4, is_part=True)
    leases.begin_attempt(lease, to=2, is_part=True)
    assert lease.attempts == 1

    leases.move(lease, cursor=2, begun=True)
    lease.cursor, lease.attempts = 2, 0
    leases.begin_attempt(lease, to=4, is_part=True)
    assert (lease.attempts, live_lane(lane.connection).attempts) == (1, 1)


def test_attempts_outlive_the_worker_that_began_them() -> None:
    lane = make_lane()
    leases.begin_attempt(take(lane), to=7)
    expire(lane)

    lease = take(lane)
    assert lease.attempts == 1
    leases.begin_attempt(lease, to=7)
    assert live_lane(lane.connection).attempts == 2


def test_moving_clears_what_the_failures_left() -> None:
    lane = make_lane()
    lease = take(lane)
    leases.begin_attempt(lease, to=7)
    leases.postpone(lease, delay=timedelta(seconds=9), error="503: busy")

    leases.move(lease, cursor=7, begun=True)

    lane.refresh_from_db()
    assert (lane.cursor, lane.in_flight_to, lane.attempts, lane.next_attempt_at) == (7, None, 0, None)
    assert (lane.last_error, lane.failing_since) == ("", None)


def test_a_failure_says_since_when_it_lasts() -> None:
    lane = make_lane()
    lease = take(lane)
    leases.postpone(lease, delay=timedelta(seconds=9), error="x" * 900)
    lane.refresh_from_db()
    first = lane.failing_since

    leases.postpone(lease, delay=timedelta(seconds=9), error="y")

    lane.refresh_from_db()
    assert (lane.failing_since, lane.last_error) == (first, "y")


def test_an_overlong_error_is_cut() -> None:
    lane = make_lane()
    leases.postpone(take(lane), delay=timedelta(0), error="x" * 900)

    assert live_lane(lane.connection).last_error == "x" * 500


@pytest.mark.parametrize(("may_have_arrived", "in_flight_to"), [(True, 7), (False, None)])
def test_what_may_have_arrived_stays_in_flight(may_have_arrived: bool, in_flight_to: int | None) -> None:
    lane = make_lane()
    lease = take(lane)
    leases.begin_attempt(lease, to=7)

    leases.end_attempt(lease, to=7, may_have_arrived=may_have_arrived)
    leases.postpone(lease, delay=timedelta(seconds=1), error="no answer")
    leases.release(lease)

    lane.refresh_from_db()
    assert (lane.in_flight_to, lane.lease_until, lane.lease_holder) == (in_flight_to, None, "")


def test_an_answer_to_a_later_attempt_does_not_tell_of_the_one_that_had_none() -> None:
    lane = make_lane()
    leases.begin_attempt(take(lane), to=7)
    expire(lane)
    lease = take(lane)
    leases.begin_attempt(lease, to=7)

    leases.end_attempt(lease, to=7, may_have_arrived=False)
    assert live_lane(lane.connection).in_flight_to == 7
    leases.move(lease, cursor=4, begun=True)
    assert live_lane(lane.connection).in_flight_to == 7
    lease.cursor = 4
    leases.move(lease, cursor=7, begun=True)
    assert live_lane(lane.connection).in_flight_to is None


writes: list[Callable[[Lease], None]] = [
    lambda lease: leases.begin_attempt(lease, to=3),
    lambda lease: leases.begin_attempt(lease, to=3, is_part=True),
    lambda lease: leases.move(lease, cursor=3, begun=True),
    lambda lease: leases.move(lease, cursor=3, begun=False),
    lambda lease: leases.end_attempt(lease, to=3, may_have_arrived=False),
    lambda lease: leases.confirm(lease),
    lambda lease: leases.postpone(lease, delay=timedelta(seconds=1), error="no"),
]


@pytest.mark.parametrize("write", writes)
def test_who_lost_a_lease_writes_nothing(write: Callable[[Lease], None]) -> None:
    lane = make_lane()
    zombie = take(lane)
    expire(lane)
    leases.begin_attempt(take(lane), to=9)
    before = state(lane)

    with pytest.raises(LostLeaseError):
        write(zombie)
    leases.release(zombie)

    assert state(lane) == before


@pytest.mark.parametrize("write", writes[:2] + writes[3:4] + writes[5:6])
def test_changed_terms_are_noticed_before_anything_is_written(write: Callable[[Lease], None]) -> None:
    lane = make_lane()
    lease = take(lane)
    Lane.objects.filter(pk=lane.pk).update(terms_seq=F("terms_seq") + 1)
    before = state(lane)

    with pytest.raises(TermsChangedError):
        write(lease)

    assert state(lane) == before


def test_what_was_begun_is_settled_on_the_terms_of_then() -> None:
    lane = make_lane()
    lease = take(lane)
    leases.begin_attempt(lease, to=3)
    Lane.objects.filter(pk=lane.pk).update(terms_seq=F("terms_seq") + 1)

    leases.move(lease, cursor=3, begun=True)

    assert live_lane(lane.connection).cursor == 3


def test_a_cursor_that_is_not_where_the_holder_left_it_is_not_moved() -> None:
    lane = make_lane()
    lease = take(lane)
    Lane.objects.filter(pk=lane.pk).update(cursor=2)

    with pytest.raises(LostLeaseError):
        leases.move(lease, cursor=3, begun=True)

    assert live_lane(lane.connection).cursor == 2


def test_nothing_is_begun_for_an_assistant_that_was_deleted() -> None:
    lane = make_lane()
    lease = take(lane)
    lifecycle.delete_assistant(lane.environment.assistant, by=None)

    with pytest.raises(TermsChangedError):
        leases.begin_attempt(lease, to=3)

    assert live_lane(lane.connection).in_flight_to is None


def race(*contestants: Callable[[], object]) -> list[object]:
    """Let the contestants start at the same moment, each in a thread with a connection of its own."""
    barrier = threading.Barrier(len(contestants))
    results: list[object] = [None] * len(contestants)

    def run(number: int) -> None:
        try:
            database.ensure_connection()
            barrier.wait()
            results[number] = contestants[number]()
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(contestants))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_one_lane_one_wins_two_hundred_times() -> None:
    lane = make_lane()

    for round_number in range(1, 201):
        expire(lane)
        results = race(lambda: leases.take(lane.pk), lambda: leases.take(lane.pk))
        winners = [lease for lease in results if isinstance(lease, Lease)]
        assert [lease.token for lease in winners] == [round_number]
