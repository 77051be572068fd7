"""Sluice as `make run` starts it: everything from one command."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.recorder import Recorder
from tests.system.stack import HASTE, Stack, embedded
from tests.tooling.processes import group_exists, wait_for_child


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Run the supervisor in an empty folder."""
    stack = Stack(tmp_path, embedded() | HASTE)
    try:
        stack.supervise()
        yield stack
    finally:
        stack.kill()


def test_a_worker_that_is_killed_comes_back_and_goes_on(stack: Stack, recorder: Recorder) -> None:
    supervisor = stack.processes["run"]
    connected = stack.connect(recorder.url)
    with stack.sender(connected) as sender:
        sender.send_numbered("before", 500)
        stack.wait_until(lambda: len(recorder.arrivals()) == 500, "the arrival of the first events")
        worker = wait_for_child(supervisor.pid, "celery")
        os.kill(worker, signal.SIGKILL)
        sender.send_numbered("meanwhile", 500)
        wait_for_child(supervisor.pid, "celery", other_than=worker)
        sender.send_numbered("afterwards", 500)
        stack.wait_until(lambda: len(recorder.first_ids()) == 1500, "the arrival of all events")
        assert recorder.first_ids() == [connected.derived(message_id) for message_id in sender.acknowledged]
    stack.check_ledger()

    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(30) == 0
    assert not group_exists(supervisor.pid)
