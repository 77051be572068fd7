"""A broker that is full, frozen, cut off, away, or full of rubbish: it carries wake-ups and nothing else."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.faults.invariants import check
from tests.faults.length import IS_LONG
from tests.faults.senders import PatientSender, load
from tests.faults.site import Site
from tests.services import HOST, wait_until
from tests.system.recorder import Recorder
from tests.system.stack import HASTE, Connected, Stack, embedded, running

OUTAGE_SECONDS = 600.0 if IS_LONG else 6.0
RESETS = 20
SECONDS_BETWEEN_RESETS = 2.5 if IS_LONG else 0.3
QUEUE = "celery"


@contextlib.contextmanager
def client(site: Site) -> Iterator["redis.Redis"]:
    with contextlib.closing(redis.Redis(host=HOST, port=site.redis.port)) as client:
        yield client


def assert_a_worker_takes_wake_ups(site: Site) -> None:
    """Wait for the sign of life that a worker gives when it takes a task from the broker."""
    with site.postgresql.connect("sluice") as rows:
        rows.execute("DELETE FROM integrations_heartbeat WHERE name = 'worker'")
        site.stack.wait_until(
            lambda: bool(rows.execute("SELECT 1 FROM integrations_heartbeat WHERE name = 'worker'").fetchone()),
            "a sign of life of a worker",
            120,
        )


def test_a_broker_without_memory_left_delays_and_loses_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """B1, out of memory."""
    with client(site) as broker:
        broker.config_set("maxmemory", "1")
        try:
            with load(sender) as sending:
                sending.go_on_for(20)
            check(site.stack, recorder, connected, sender)
        finally:
            broker.config_set("maxmemory", "0")
    sender.send_numbered("afterwards", 10)

    check(site.stack, recorder, connected, sender)
    assert sender.refusals == 0


def test_a_frozen_broker_holds_up_neither_intake_nor_delivery(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """B2."""
    assert site.redis.process
    with load(sender) as sending:
        sending.go_on_for(3)
        site.redis.process.send_signal(signal.SIGSTOP)
        try:
            sending.go_on_for(20)
            arrived = len(recorder.first_ids())
            wait_until(lambda: len(recorder.first_ids()) > arrived + 100, "deliveries meanwhile", 120)
        finally:
            site.redis.process.send_signal(signal.SIGCONT)

    check(site.stack, recorder, connected, sender)
    assert sender.refusals == 0
    assert_a_worker_takes_wake_ups(site)


def test_a_broker_that_comes_back_empty_loses_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """B3, restarted; B8 at the length of the matrix where the tests are the long ones."""
    with load(sender) as sending:
        sending.go_on_for(3)
        site.redis.stop()
        time.sleep(OUTAGE_SECONDS)
        site.redis.start()
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)
    assert_a_worker_takes_wake_ups(site)


def test_connections_to_the_broker_that_are_reset_again_and_again_are_made_again(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """B4."""
    with load(sender):
        for _ in range(RESETS):
            site.broker.reset()
            time.sleep(SECONDS_BETWEEN_RESETS)

    check(site.stack, recorder, connected, sender)
    assert_a_worker_takes_wake_ups(site)


def test_wake_ups_too_many_and_rubbish_in_the_queue_send_nothing_twice(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """B7."""
    sender.send_numbered("before", 10)
    check(site.stack, recorder, connected, sender)
    with site.postgresql.connect("sluice") as rows, client(site) as broker:
        [(lane_id,)] = rows.execute(
            "SELECT id FROM integrations_lane WHERE connection_id = %s", [connected.connection_id]
        ).fetchall()
        for rubbish in (
            b"\xff\x00",
            b"{}",
            b"[]",
            b'"x"',
            message("sluice.unknown", []),
            message("sluice.run_lane", []),
        ):
            broker.lpush(QUEUE, rubbish)
        for number in (lane_id, -1, 2**70, "x", None):
            broker.lpush(QUEUE, *[message("sluice.run_lane", [number])] * 100)
        with load(sender) as sending:
            sending.go_on_for(10)

        def is_worked_off() -> bool:
            return int(broker.llen(QUEUE)) == 0

        wait_until(is_worked_off, "a queue that is worked off", 120)

    check(site.stack, recorder, connected, sender)
    assert recorder.message_ids() == recorder.first_ids()
    # The worker is the one that it was.
    assert site.stack.processes["worker"].poll() is None
    assert_a_worker_takes_wake_ups(site)


def message(task: str, arguments: list[object]) -> bytes:
    """Write a task as Celery's own protocol does."""
    number = os.urandom(16).hex()
    return json.dumps(
        {
            "body": json.dumps([arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": task, "id": number, "root_id": number, "retries": 0},
            "properties": {
                "correlation_id": number,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": QUEUE},
                "priority": 0,
                "body_encoding": "utf-8",
                "delivery_tag": number,
            },
        }
    ).encode()


@pytest.fixture
def embedded_stack(tmp_path: Path) -> Iterator[Stack]:
    with running(tmp_path, embedded() | HASTE) as stack:
        yield stack


def test_an_embedded_broker_may_be_broken_or_gone(embedded_stack: Stack, recorder: Recorder) -> None:
    """B6: filled with rubbish, then deleted, while events come."""
    stack = embedded_stack
    connected = stack.connect(recorder.url)
    file = stack.folder / "broker.sqlite3"
    with contextlib.closing(PatientSender(stack.port, connected.key)) as sender:
        with load(sender) as sending:
            sending.go_on_for(3)
            file.write_bytes(os.urandom(20_000))
            sending.go_on_for(3)
            for each in stack.folder.glob("broker.sqlite3*"):
                each.unlink()
            sending.go_on_for(3)
        check(stack, recorder, connected, sender)
        # With new processes there is a new broker.
        stack.kill("web", "worker", "sweep")
        stack.start("web", "worker", "sweep")
        sender.close()
        sender.send_numbered("afterwards", 10)
        check(stack, recorder, connected, sender)
        assert file.exists()
