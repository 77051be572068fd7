"""An outage of Segment: a million events wait, then it is back. How fast they go, and what that takes of memory."""

import statistics
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from bench.results import Row, hundredths, spread, thousands
from bench.stage import Bench

EVENTS = 1_000_000
AT_ONCE = 200_000
# The worker's back-off has come to a minute by then.
DRAIN_SECONDS = 300.0
SAMPLE_SECONDS = 0.25
PAGE_MB = 4096 / 1e6
SLOWER = 0.8
FLAT_MB = 30.0


def rows(bench: Bench, steady: float, rounds: int) -> list[Row]:
    """Measure outages; `steady` is the rate from end to end without one, in the same minutes."""
    outages = [outage(bench) for _ in range(rounds)]
    ratios = [rate / steady for rate, _ in outages]
    growths = [growth for _, growth in outages]
    return [
        Row(
            "backlog of 1,000,000 after an outage, drained at a part of the steady rate",
            f"≥ {SLOWER}",
            f"{spread(ratios, hundredths)}: {spread([rate for rate, _ in outages], thousands)} events/s",
            statistics.median(ratios) >= SLOWER,
        ),
        Row(
            "MB by which a worker's memory grows from the beginning to the end of that",
            f"± {FLAT_MB:.0f}",
            spread(growths, "{:+.0f}".format),
            max(map(abs, growths)) <= FLAT_MB,
        ),
    ]


def outage(bench: Bench) -> tuple[float, float]:
    """Return how many events a second a drain moved, and by how many MB a worker grew in it."""
    bench.recorder.refuse()
    runs = [uuid.uuid4().hex[:5] for _ in range(EVENTS // AT_ONCE)]
    for run in runs:
        bench.load(run, AT_ONCE, 100, 64)
    bench.recorder.accept()
    bench.recorder.wait_for(AT_ONCE // 20, DRAIN_SECONDS)
    with sampled_memory(bench.stack.children("worker")) as samples:
        bench.recorder.wait_for(EVENTS, DRAIN_SECONDS)
    bench.stack.check_ledger()
    received = bench.recorder.take()
    bench.check(received, runs, AT_ONCE)
    tenth = max(len(samples) // 10, 1)
    growth = statistics.median(samples[-tenth:]) - statistics.median(samples[:tenth])
    return len(received.ids) / (max(received.times) - min(received.times)), growth


@contextmanager
def sampled_memory(processes: list[int]) -> Iterator[list[float]]:
    """Note the largest resident size among some processes (MB), several times a second, as long as the block lasts."""
    samples: list[float] = []
    is_over = Event()

    def sample() -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            samples.append(max(map(resident_megabytes, processes)))

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def resident_megabytes(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_MB
