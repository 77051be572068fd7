"""The sweep: wakes what was missed, delivers itself where no worker comes, and stops at nothing that is not its own."""

import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.db.models.functions import Now
from pytest_django import Settings

from integrations import delivery, wake
from integrations.clients import segment_client
from integrations.models import Connection, EventCount, Heartbeat, Lane
from integrations.sweep import Sweep
from integrations.wake import HEARTBEAT, RUN_LANE
from tests.fakes import FakeSegment, Reply, running_segment
from tests.integrations.elsewhere import manage
from tests.integrations.listener import listening
from tests.integrations.turns import append_new, check_ledger, outcomes
from tests.integrations.wakeups import take_all
from tests.make import live_lane, make_connection, make_environment

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def broker_that_works() -> None:
    take_all()
    wake.breaker.open_until = 0.0


def index_lane(connection: Connection) -> Lane:
    return connection.environment.lanes.get(kind=Lane.Kind.INDEX)


def woken() -> list[int]:
    """The lanes that workers were woken for since the last time."""
    tasks = take_all()
    for _, arguments in tasks:
        for lane_id in arguments:
            wake.clear(lane_id)
    return sorted(lane_id for name, arguments in tasks if name == RUN_LANE for lane_id in arguments)


def broker_fails() -> None:
    wake.breaker.open_until = time.monotonic() + 60


def test_every_lane_with_something_to_read_is_woken_and_no_other() -> None:
    behind, idle, paused, waiting, held, gone = (make_connection() for _ in range(6))
    for connection in (behind, paused, waiting, held, gone):
        append_new(connection.environment, 1)
    Lane.objects.filter(kind=Lane.Kind.INDEX).exclude(environment=behind.environment).update(stopped_at=Now())
    Connection.objects.filter(pk=paused.pk).update(status=Connection.Status.PAUSED)
    Lane.objects.filter(connection=waiting).update(next_attempt_at=Now() + 30 * SECOND)
    Lane.objects.filter(connection=held).update(lease_until=Now() + 30 * SECOND)
    gone.environment.assistant.deleted_at = NOW
    gone.environment.assistant.save()

    Sweep().run_once(NOW)

    assert woken() == sorted([live_lane(behind).pk, index_lane(behind).pk])
    assert live_lane(idle).lease_token == 0


def test_a_lane_whose_holder_died_is_woken() -> None:
    connection = make_connection()
    append_new(connection.environment, 1)
    Lane.objects.filter(connection=connection).update(lease_until=Now() - SECOND, lease_holder="dead", in_flight_to=1)

    Sweep().run_once(NOW)

    assert live_lane(connection).pk in woken()


def test_a_lane_that_no_worker_comes_for_is_moved_by_the_sweep_itself() -> None:
    connection = make_connection()
    append_new(connection.environment, 3)
    sweep = Sweep()

    sweep.run_once(NOW)
    assert outcomes(connection) == {}
    sweep.run_once(NOW + 9.9 * SECOND)
    assert outcomes(connection) == {}
    sweep.run_once(NOW + 10 * SECOND)

    assert outcomes(connection) == {"accepted": 3}
    assert index_lane(connection).cursor == 3
    check_ledger()


def test_patience_begins_anew_with_each_backlog() -> None:
    connection = make_connection()
    sweep = Sweep()
    append_new(connection.environment, 1)
    sweep.run_once(NOW)
    delivery.run_lane(live_lane(connection).pk, segment_client())
    sweep.run_once(NOW + 5 * SECOND)
    append_new(connection.environment, 1)

    sweep.run_once(NOW + 10 * SECOND)

    assert outcomes(connection) == {"accepted": 1}


def test_while_the_broker_is_away_the_sweep_delivers() -> None:
    first, second = make_connection(), make_connection()
    for connection in (first, second):
        append_new(connection.environment, 2)
    broker_fails()

    Sweep().run_once(NOW)

    assert (outcomes(first), outcomes(second)) == ({"accepted": 2}, {"accepted": 2})
    assert take_all() == []


def test_a_connection_that_fails_does_not_keep_the_sweep_from_the_next(segment: FakeSegment) -> None:
    failing, healthy = make_connection(endpoint=segment.url), make_connection()
    segment.judge = lambda received: Reply(503)
    for connection in (failing, healthy):
        append_new(connection.environment, 2)
    broker_fails()

    Sweep().run_once(NOW)

    assert (outcomes(failing), outcomes(healthy)) == ({}, {"accepted": 2})


def test_a_lane_at_which_sluice_itself_fails_does_not_keep_the_sweep_from_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, healthy = make_connection(), make_connection()
    for connection in (broken, healthy):
        append_new(connection.environment, 2)
    live_lane(broken).lane_versions.all().delete()
    broker_fails()

    Sweep().run_once(NOW)

    assert outcomes(healthy) == {"accepted": 2}
    lane = live_lane(broken)
    assert (lane.cursor, lane.last_error) == (0, "Sluice itself failed: ValueError.")
    assert f"Lane {lane.pk} cannot be moved." in caplog.messages
    assert not Lane.objects.due().filter(pk=lane.pk).exists()


def test_an_environment_without_a_connection_is_counted_too() -> None:
    environment = make_environment()
    append_new(environment, 3)
    broker_fails()

    Sweep().run_once(NOW)

    assert environment.lanes.get(kind=Lane.Kind.INDEX).cursor == 3


def test_a_sweep_shows_that_it_works_and_asks_workers_to_do_so() -> None:
    sweep = Sweep()

    sweep.run_once(NOW)
    assert Heartbeat.objects.get(name="sweep").at == NOW
    assert [name for name, _ in take_all()].count(HEARTBEAT) == 1
    sweep.run_once(NOW + 14 * SECOND)
    assert [name for name, _ in take_all()].count(HEARTBEAT) == 0
    sweep.run_once(NOW + 15 * SECOND)
    assert [name for name, _ in take_all()].count(HEARTBEAT) == 1


def test_two_sweeps_do_no_harm() -> None:
    connection = make_connection()
    append_new(connection.environment, 3)
    broker_fails()

    for sweep in (Sweep(), Sweep()):
        sweep.run_once(NOW)

    assert outcomes(connection) == {"accepted": 3}
    assert live_lane(connection).deliveries.count() == 1


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(1_000):
        pass


@pytest.mark.django_db(transaction=True)
def test_with_a_redis_that_refuses_connections_a_sweep_delivers() -> None:
    with running_segment() as segment:
        connection = make_connection(endpoint=segment.url)
        append_new(connection.environment, 3)

        ended = manage("sweep", "--once", CELERY_BROKER_URL="redis://127.0.0.1:1/0", CACHE_URL="redis://127.0.0.1:1/0")

        assert ended.returncode == 0, ended.stderr
        assert outcomes(connection) == {"accepted": 3}
    assert "Traceback" not in ended.stderr
    assert "The broker did not take a wake-up" in ended.stderr


@pytest.mark.django_db(transaction=True)
def test_with_a_redis_that_is_frozen_a_sweep_delivers_within_moments() -> None:
    with running_segment() as segment, listening("127.0.0.1", say_nothing) as frozen:
        connection = make_connection(endpoint=segment.url)
        append_new(connection.environment, 3)
        url = f"redis://127.0.0.1:{frozen.port}/0"

        ended = manage("sweep", "--once", seconds=30, CELERY_BROKER_URL=url, CACHE_URL=url)

        assert ended.returncode == 0, ended.stderr
        assert outcomes(connection) == {"accepted": 3}
        assert frozen.connections > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["rubbish", "a folder", "read-only rubbish", "gone"])
def test_with_a_broken_embedded_broker_a_sweep_delivers(tmp_path: Path, state: str) -> None:
    file = tmp_path / "broker.sqlite3"
    if state == "a folder":
        file.mkdir()
    elif state != "gone":
        file.write_bytes(b"this is no database" * 1_000)
    if state == "read-only rubbish":
        file.chmod(0o400)
    connection = make_connection()
    append_new(connection.environment, 3)

    ended = manage("sweep", "--once", CELERY_BROKER_URL=f"sqla+sqlite:///{file}", CACHE_URL="locmemcache://")

    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    # A broker that is only gone is made anew, and a worker woken by it.
    assert outcomes(connection) == ({} if state == "gone" else {"accepted": 3})


def test_a_sweep_tells_of_what_it_finds(settings: Settings) -> None:
    settings.SLUICE_NOTICE_EMAILS, settings.EMAIL_URL = ["ops@example.com"], "smtp://mail.example.com"
    connection = make_connection()
    Lane.objects.filter(connection=connection).update(failing_since=NOW - timedelta(minutes=15), last_error="503: away")
    index = index_lane(connection)
    EventCount.objects.bulk_create(
        EventCount(lane=index, minute=NOW - timedelta(hours=hours), outcome="received", name="Session Started", count=1)
        for hours in range(7, 100)
    )
    sweep = Sweep()

    for seconds in range(3):
        sweep.run_once(NOW + seconds * SECOND)

    assert [message.subject.partition(" of ")[0] for message in mail.outbox] == [
        "Sluice: Segment does not take the events",
        "Sluice: an event",
    ]
