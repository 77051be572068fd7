"""The broker stopped, and emptied, while events flow."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.services import HOST, RedisServer, running_redis
from tests.system.conftest import POSTGRESQL
from tests.system.recorder import Recorder
from tests.system.sender import Sender
from tests.system.stack import HASTE, Connected, Stack, on_servers, running

pytestmark = pytest.mark.skipif(not POSTGRESQL, reason="SQLite's broker is a file: there is nothing to stop")

# SLUICE_TEST_OUTAGE_SECONDS: how long the broker is away; longer than all patience of those who ask it.
OUTAGE_SECONDS = float(os.environ.get("SLUICE_TEST_OUTAGE_SECONDS", "5"))
PAUSE_SECONDS = 0.05


@pytest.fixture(scope="module")
def broker() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def stack(broker: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a Sluice whose broker is this module's to stop."""
    folder: Path = tmp_path_factory.mktemp("sluice")
    with on_servers(POSTGRESQL, broker.url) as environment, running(folder, environment | HASTE) as stack:
        yield stack


@pytest.fixture
def connected(stack: Stack, recorder: Recorder) -> Connected:
    return stack.connect(recorder.url)


@pytest.fixture
def sender(stack: Stack, connected: Connected) -> Iterator[Sender]:
    with stack.sender(connected) as sender:
        yield sender


def send_for(seconds: float, sender: Sender, name: str) -> None:
    """Send a small batch some twenty times a second."""
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        number += 1
        sender.send_numbered(f"{name}-{number}", 10)
        time.sleep(PAUSE_SECONDS)


def assert_everything_arrives(stack: Stack, recorder: Recorder, connected: Connected, sender: Sender) -> None:
    expected = [connected.derived(message_id) for message_id in sender.acknowledged]
    stack.wait_until(lambda: len(recorder.first_ids()) >= len(expected), "the arrival of all events", 20)
    assert recorder.message_ids() == expected


def test_intake_and_delivery_go_on_while_the_broker_is_away(
    stack: Stack, recorder: Recorder, connected: Connected, sender: Sender, broker: RedisServer
) -> None:
    send_for(1.0, sender, "before")
    broker.stop()
    try:
        send_for(OUTAGE_SECONDS, sender, "meanwhile")
        # The sweep delivers what nobody can be woken for.
        assert_everything_arrives(stack, recorder, connected, sender)
    finally:
        broker.start()
    send_for(1.0, sender, "afterwards")
    assert_everything_arrives(stack, recorder, connected, sender)
    stack.check_ledger()
    assert sender.slowest_seconds < 1.0


def test_a_broker_that_lost_everything_costs_a_moment(
    stack: Stack, recorder: Recorder, connected: Connected, sender: Sender, broker: RedisServer
) -> None:
    with contextlib.closing(redis.Redis(host=HOST, port=broker.port)) as client:
        for number in range(20):
            sender.send_numbered(f"event-{number}", 100)
            client.flushall()
    assert_everything_arrives(stack, recorder, connected, sender)
    stack.check_ledger()
