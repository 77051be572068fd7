"""Wake-ups: published at once, one per lane where a cache can tell, and missed by nobody when the broker is away."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.conf import settings
from redis import Redis

from integrations import connections, delivery, replay, tasks, wake
from integrations.clients import segment_client
from integrations.health import missing_processes
from integrations.models import Heartbeat, Lane
from integrations.replay import Scope
from integrations.wake import HEARTBEAT, RUN_LANE, Broken, Waker
from tests.integrations.turns import append_new, outcomes
from tests.integrations.wakeups import take_all, take_one
from tests.make import live_lane, make_connection

LANE = 987_654_321


@pytest.fixture(autouse=True)
def empty_broker() -> Iterator[None]:
    take_all()
    wake.clear(LANE)
    wake.breaker.open_until = 0.0
    yield
    take_all()


def test_a_wake_up_names_a_lane_and_nothing_else() -> None:
    wake.wake(LANE)

    assert take_all() == [(RUN_LANE, [LANE])]


def test_wake_ups_of_a_lane_are_one_until_it_is_cleared() -> None:
    for _ in range(3):
        wake.wake(LANE)
    # Without a shared cache nobody knows of the others' wake-ups; each of them costs a look at the lane.
    assert len(take_all()) == (1 if wake.IS_CACHE_SHARED else 3)

    wake.clear(LANE)
    wake.wake(LANE)
    assert take_all() == [(RUN_LANE, [LANE])]


@pytest.mark.skipif(not wake.IS_CACHE_SHARED, reason="flags live in a cache that processes share")
def test_a_wake_up_that_was_lost_is_published_again_soon() -> None:
    wake.wake(LANE)

    with closing(Redis.from_url(settings.CACHE_URL)) as cache:
        assert 4_000 < cache.pttl(wake.flags.make_key(f"wake:{LANE}")) <= 5_000


def test_a_broker_that_failed_is_left_alone_for_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    wake.breaker.trip(OSError("redis://user:secret@host"))

    with pytest.raises(Broken):
        wake.wake(LANE)
    with pytest.raises(Broken):
        wake.publish(HEARTBEAT)

    assert take_all() == []
    assert [record.getMessage() for record in caplog.records] == [
        "The broker did not take a wake-up (OSError); the sweep delivers meanwhile."
    ]
    wake.breaker.open_until = 0.0
    wake.wake(LANE)
    assert take_all() == [(RUN_LANE, [LANE])]


def test_a_wake_up_that_failed_is_not_taken_for_one_that_is_pending() -> None:
    for _ in range(2):
        with pytest.raises(Broken):
            wake.wake({LANE})  # type: ignore[arg-type]  what no message can carry fails as a broker does
        wake.breaker.open_until = 0.0


def test_the_broker_answers() -> None:
    assert wake.broker_answers() is True


@pytest.mark.django_db
def test_a_wake_up_moves_its_lane() -> None:
    connection = make_connection()
    append_new(connection.environment, 2)

    tasks.run_lane_task(live_lane(connection).pk)

    assert outcomes(connection) == {"accepted": 2}
    assert take_all() == []


@pytest.mark.django_db
def test_a_wake_up_that_comes_a_hundred_times_sends_once() -> None:
    connection = make_connection()
    append_new(connection.environment, 2)

    for _ in range(100):
        tasks.run_lane_task(live_lane(connection).pk)

    assert live_lane(connection).deliveries.count() == 1


@pytest.mark.django_db
def test_a_wake_up_for_a_lane_that_is_held_paused_or_gone_does_nothing() -> None:
    connection = make_connection()
    append_new(connection.environment, 2)
    connections.pause(connection, by=None)

    tasks.run_lane_task(live_lane(connection).pk)
    tasks.run_lane_task(LANE)

    assert outcomes(connection) == {}
    # Above all it does not ask for the next one: that would go on for ever.
    assert take_all() == []


@pytest.mark.django_db
def test_a_heartbeat_shows_that_a_worker_works() -> None:
    assert missing_processes() == ["worker", "sweep"]

    tasks.heartbeat_task()

    assert missing_processes() == ["sweep"]
    assert Heartbeat.objects.get().name == "worker"


@pytest.mark.django_db(transaction=True)
def test_an_append_wakes_the_lanes_of_its_environment() -> None:
    ours, theirs = make_connection(), make_connection()
    take_all()
    waker = Waker()

    waker.appended({ours.environment_id: 1})

    assert take_one() == (RUN_LANE, [live_lane(ours).pk])
    assert live_lane(theirs).pk != live_lane(ours).pk
    assert take_all() == []


@pytest.mark.django_db(transaction=True)
def test_lanes_that_may_not_move_are_not_woken() -> None:
    paused, running = make_connection(), make_connection()
    Lane.objects.filter(connection=paused).update(stopped_at="2026-01-01T00:00Z")
    take_all()
    waker = Waker()

    waker.appended({paused.environment_id: 1, running.environment_id: 1})

    assert take_one() == (RUN_LANE, [live_lane(running).pk])
    assert take_all() == []


@pytest.mark.django_db(transaction=True)
def test_a_waker_goes_on_after_a_failure() -> None:
    connection = make_connection()
    take_all()
    waker = Waker()
    wake.breaker.trip(OSError())
    waker.appended({connection.environment_id: 1})
    wake.breaker.open_until = 0.0

    waker.appended({connection.environment_id: 2})

    assert take_one() == (RUN_LANE, [live_lane(connection).pk])


@pytest.mark.django_db(transaction=True)
def test_a_replay_is_woken_by_people_and_not_by_events() -> None:
    connection = make_connection()
    live = live_lane(connection).pk
    append_new(connection.environment, 1)
    delivery.run_lane(live, segment_client())
    started = replay.start(connection, Scope(1, 1), has_new_ids=False, by=None)
    assert take_one() == (RUN_LANE, [live])
    assert take_one() == (RUN_LANE, [started.lane_id])
    for lane_id in (live, started.lane_id):
        wake.clear(lane_id)

    Waker().appended({connection.environment_id: 1})

    assert take_one() == (RUN_LANE, [live])
    assert take_all() == []
