"""Where everything is measured: a Sluice as it is run, servers of its own, a recorder, and a library beside it."""

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.events import message_ids
from bench.processes import cpu_seconds
from bench.recorder import Received, RemoteRecorder, remote_recorder
from bench.results import Latency, Throughput
from bench.servers import Postgresql, durable_postgresql
from tests.services import require_programs, running_redis, temporary_folder
from tests.system.stack import Connected, Stack, Unconnected, on_servers, running

ROOT = Path(__file__).resolve().parent.parent
EVENTS, PER_REQUEST, CONNECTIONS = 200_000, 100, 64
SDK_EVENTS = 50_000
# What the library sends in one request if nobody tells it otherwise, and with which it is fastest.
SDK_PER_REQUEST, SDK_PER_REQUEST_TUNED = 100, 400
SINGLE_EVENTS = 20_000
PACED_EVENTS, PACED_PER_SECOND, PACED_CONNECTIONS = 2_000, 200, 8
ARRIVAL_SECONDS = 300.0


@dataclass(frozen=True)
class Bench:
    """What is measured: a running Sluice, its processes, the recorder that it sends to, and an environment's key."""

    stack: Stack
    roots: list[int]
    recorder: RemoteRecorder
    connected: Connected
    # The key of an environment that nothing is connected to; and the server that the databases are on.
    unconnected: Unconnected
    postgresql: Postgresql

    def batches(self) -> Throughput:
        """Send batches as fast as they are acknowledged, until the last event is at the recorder."""
        return self.throughput(EVENTS, PER_REQUEST, CONNECTIONS)

    def single_events(self) -> Throughput:
        """The same with one event in each request."""
        return self.throughput(SINGLE_EVENTS, 1, CONNECTIONS)

    def single_events_alone(self) -> float:
        """Return how many single events a second an environment takes that nothing is connected to."""
        timing = self.load(uuid.uuid4().hex[:5], SINGLE_EVENTS, 1, CONNECTIONS, keys=[self.unconnected.key])
        self.stack.check_ledger()
        return SINGLE_EVENTS / (max(timing["answered"]) - min(timing["sent"]))

    def delivered(self, connected: Connected) -> Throughput:
        """The same as `batches`, from another environment."""
        return self.throughput(EVENTS, PER_REQUEST, CONNECTIONS, connected)

    def throughput(
        self, events: int, per_request: int, connections: int, connected: Connected | None = None
    ) -> Throughput:
        target, run = connected or self.connected, uuid.uuid4().hex[:5]
        before = cpu_seconds(self.roots)
        timing = self.load(run, events, per_request, connections, keys=[target.key])
        self.recorder.wait_for(events, ARRIVAL_SECONDS)
        # What is left to do after the last arrival, such as to write it down, is part of the work.
        self.stack.check_ledger()
        used = cpu_seconds(self.roots) - before
        received = self.recorder.take()
        self.check(received, [run], events, target)
        begin = min(timing["sent"])
        return Throughput(
            events=events,
            seconds=max(received.times) - begin,
            accepted_seconds=max(timing["answered"]) - begin,
            cpu_seconds=used,
            requests=received.requests,
        )

    def latency(
        self, connected: Sequence[Connected] = (), events: int = PACED_EVENTS, per_second: int = PACED_PER_SECOND
    ) -> Latency:
        """Send single events at a steady pace, to environments in turns; see how long after its 2xx each arrives."""
        run, targets = uuid.uuid4().hex[:5], list(connected) or [self.connected]
        keys = [target.key for target in targets]
        timing = self.load(run, events, 1, PACED_CONNECTIONS, per_second, keys=keys)
        self.recorder.wait_for(events, ARRIVAL_SECONDS)
        received = self.recorder.take()
        arrived = dict(zip(received.ids, received.times, strict=True))
        ids = [target.derived(each) for target, each in zip(cycle(targets), message_ids(run, events), strict=False)]
        assert len(received.ids) == events
        assert set(arrived) == set(ids)
        waits = [(arrived[each] - answered) * 1000 for each, answered in zip(ids, timing["answered"], strict=True)]
        return Latency.of(waits, per_second=per_second)

    def library(self, per_request: int) -> Throughput:
        """Let the official library send straight to the recorder."""
        said = run_program("bench.sdk", self.recorder.url, SDK_EVENTS, per_request)
        self.recorder.wait_for(SDK_EVENTS, ARRIVAL_SECONDS)
        received = self.recorder.take()
        assert len(set(received.ids)) == len(received.ids) == SDK_EVENTS
        seconds = max(received.times) - said["sent"][0]
        return Throughput(SDK_EVENTS, seconds, seconds, said["cpu_seconds"], received.requests)

    def load(
        self,
        run: str,
        events: int,
        per_request: int,
        connections: int,
        per_second: int = 0,
        keys: Sequence[str] = (),
    ) -> dict[str, list[float]]:
        keys = keys or [self.connected.key]
        arguments = (self.stack.port, ",".join(keys), run, events, per_request, connections, per_second)
        return run_program("bench.load", *arguments)

    def check(self, received: Received, runs: Sequence[str], events: int, connected: Connected | None = None) -> None:
        """Each event of these runs arrived exactly once, and nothing else did."""
        by = connected or self.connected
        expected = {by.derived(message_id) for run in runs for message_id in message_ids(run, events)}
        assert len(received.ids) == len(expected)
        assert set(received.ids) == expected


def run_program(module: str, *arguments: object) -> dict[str, Any]:
    """Run a program of this package in a process of its own; return what it says in the end."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        # It makes its requests first, which is not what is measured.
        assert program.stdout.readline() == "ready\n"
        said = program.communicate("go\n")[0]
    assert program.returncode == 0, f"{module} ended with {program.returncode}"
    result: dict[str, Any] = json.loads(said)
    return result


@contextlib.contextmanager
def prepared() -> Iterator[Bench]:
    """Run everything that a measurement needs, in folders and on ports of its own."""
    require_programs("postgres", "redis-server")
    with contextlib.ExitStack() as block:
        postgresql = block.enter_context(durable_postgresql(block.enter_context(temporary_folder())))
        redis = block.enter_context(running_redis())
        environment = block.enter_context(on_servers(f"{postgresql.url}/bench", redis.url))
        stack = block.enter_context(running(block.enter_context(temporary_folder()), environment))
        recorder = block.enter_context(remote_recorder())
        assert redis.process is not None
        roots = [process.pid for process in stack.processes.values()] + [postgresql.process, redis.process.pid]
        connected = stack.connect(recorder.url, ["Message Handled"])
        yield Bench(stack, roots, recorder, connected, unconnected(stack), postgresql)


def unconnected(stack: Stack) -> Unconnected:
    """Make an environment that nothing is connected to."""
    name = f"Assistant {uuid.uuid4().hex[:8]}"
    stack.apply(name, {})
    return Unconnected(stack.create_key(name), name)
