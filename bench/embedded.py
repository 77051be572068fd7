"""Sluice as `make run` starts it, on SQLite with a broker in a file: how long an event takes at a modest pace."""

import statistics
import uuid

from bench.events import message_ids
from bench.recorder import RemoteRecorder
from bench.results import Latency, Row, hundredths, spread
from bench.stage import run_program
from tests.services import temporary_folder
from tests.system.stack import Stack, embedded

EVENTS, PER_SECOND, CONNECTIONS = 600, 20, 4
ARRIVAL_SECONDS = 60.0
P95_SECONDS = 1.2
OWN_URLS = {"SLUICE_ALLOW_CUSTOM_ENDPOINTS": "on", "SLUICE_ALLOW_PRIVATE_ENDPOINTS": "on"}


def rows(recorder: RemoteRecorder, rounds: int) -> list[Row]:
    with temporary_folder() as folder:
        stack = Stack(folder, embedded() | OWN_URLS)
        stack.manage("migrate", "--verbosity", "0")
        stack.supervise()
        try:
            seconds = [measure(stack, recorder).p95 / 1000 for _ in range(rounds)]
        finally:
            stack.kill()
    return [
        Row(
            f"embedded mode, seconds to arrival at {PER_SECOND} events a second, 95th percentile",
            f"≤ {P95_SECONDS}",
            spread(seconds, hundredths),
            statistics.median(seconds) <= P95_SECONDS,
        )
    ]


def measure(stack: Stack, recorder: RemoteRecorder) -> Latency:
    connected = stack.connect(recorder.url, ["Message Handled"])
    run = uuid.uuid4().hex[:5]
    timing = run_program("bench.load", stack.port, connected.key, run, EVENTS, 1, CONNECTIONS, PER_SECOND)
    recorder.wait_for(EVENTS, ARRIVAL_SECONDS)
    received = recorder.take()
    arrived = dict(zip(received.ids, received.times, strict=True))
    ids = [connected.derived(each) for each in message_ids(run, EVENTS)]
    assert sorted(received.ids) == sorted(ids)
    waits = [(arrived[each] - answered) * 1000 for each, answered in zip(ids, timing["answered"], strict=True)]
    return Latency.of(waits, per_second=PER_SECOND)
