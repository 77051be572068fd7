"""200 connections, of which one sends to a host that never answers while a million events wait for it."""

import socket
import statistics
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from bench.results import Row, spread
from bench.stage import Bench
from tests.services import HOST
from tests.system.stack import Connected

CONNECTIONS = 200
WAITING, AT_ONCE = 1_000_000, 200_000
# Each event wakes a lane of its own. For half a minute: longer than a request to the dead host may take.
PER_SECOND, PACED_EVENTS = 50, 1_500
GROWTH = 0.2


def rows(bench: Bench, rounds: int) -> list[Row]:
    healthy = bench.stack.connect_many(CONNECTIONS - 1, bench.recorder.url, "Message Handled")
    before = latencies(bench, healthy, rounds)
    with silent_host() as url:
        dead = bench.stack.connect(url, ["Message Handled"])
        for _ in range(WAITING // AT_ONCE):
            bench.load(uuid.uuid4().hex[:5], AT_ONCE, 100, 64, keys=[dead.key])
        after = latencies(bench, healthy, rounds)
        bench.stack.disconnect(dead)
    growth = statistics.median(after) / statistics.median(before) - 1
    return [
        Row(
            f"{CONNECTIONS} connections, one of them dead with {WAITING:,} events waiting: "
            f"the others' 95th percentile at {PER_SECOND} events a second grows by",
            f"< {GROWTH:.0%}",
            f"{growth:+.0%}: {spread(before, whole)} to {spread(after, whole)} ms",
            growth < GROWTH,
        )
    ]


def whole(figure: float) -> str:
    return f"{figure:.0f}"


def latencies(bench: Bench, connected: list[Connected], rounds: int) -> list[float]:
    """Return the 95th percentile (ms) of each round."""
    return [bench.latency(connected, PACED_EVENTS, PER_SECOND).p95 for _ in range(rounds)]


@contextmanager
def silent_host() -> Iterator[str]:
    """Take connections and never say a word; yields the URL."""
    with socket.create_server((HOST, 0), backlog=100) as server:
        yield f"http://{HOST}:{server.getsockname()[1]}"
