"""Half an hour at half the peak: whether memory, connections and tables stay as they are.

`python -m bench.soak [--minutes 30] [--per-second 35000]` writes docs/soak.md, and fails where something grows.
Retention works as in production, with five minutes in place of thirty days.
"""

import argparse
import contextlib
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Thread
from typing import overload

import psycopg

from bench.backlog import resident_megabytes
from bench.events import whole_request
from bench.load import Load
from bench.processes import family
from bench.results import thousands
from bench.stage import PER_REQUEST, ROOT, Bench, prepared

MINUTES, PER_SECOND = 30.0, 35_000
CONNECTIONS = 32
SAMPLE_SECONDS, PRUNE_SECONDS = 10.0, 60.0
ROWS = 12
HEAD = ("connections", "disk, MB", "events kept", "bytes each", "waiting")
# A clock so far ahead leaves five minutes of thirty days.
PRUNE = """
from datetime import UTC, datetime, timedelta
from integrations import prune
prune.run(datetime.now(UTC) + timedelta(days=30) - timedelta(minutes=5))
"""
# Up to here caches and the log fill; what comes later is held against what comes then.
WARM_UP = 0.4
MEMORY_TIMES, MEMORY_MB, DISK_TIMES, MORE_CONNECTIONS = 1.1, 30.0, 1.3, 4
STANDING = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace),
       (SELECT coalesce(sum(last_position - first_position + 1), 0) FROM assistants_block),
       (SELECT coalesce(sum(head.position - lane.cursor), 0) FROM integrations_lane AS lane
        JOIN assistants_loghead AS head USING (environment_id) WHERE lane.kind <> 'index')
"""


@dataclass(frozen=True)
class Sample:
    """How things stand: minutes since the start, MB of each kind of process, and what the database says."""

    minutes: float
    megabytes: dict[str, float]
    connections: int
    disk_bytes: int
    kept: int
    waiting: int

    @property
    def bytes_per_event(self) -> float:
        return self.disk_bytes / max(self.kept, 1)


class Requests(Sequence[bytes]):
    """Requests that are written when they are sent: half an hour of them would fill the memory."""

    def __init__(self, key: str, count: int) -> None:
        self.key, self.count, self.run = key, count, uuid.uuid4().hex[:5]

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        assert isinstance(index, int)
        ids = [f"{self.run}-{number:030d}" for number in range(index * PER_REQUEST, (index + 1) * PER_REQUEST)]
        return whole_request("/v1/batch", self.key, ids)


def soak(bench: Bench, *, minutes: float, per_second: int) -> list[Sample]:
    rate = per_second / PER_REQUEST
    load = Load(bench.stack.port, Requests(bench.connected.key, int(minutes * 60 * rate)), rate)
    samples: list[Sample] = []
    began = time.monotonic()

    def look() -> None:
        samples.append(sample(bench, (time.monotonic() - began) / 60))
        bench.recorder.drop()

    with repeatedly(SAMPLE_SECONDS, look), repeatedly(PRUNE_SECONDS, lambda: prune(bench)):
        load.run(CONNECTIONS)
    assert load.failures == []
    bench.stack.check_ledger()
    return samples


def prune(bench: Bench) -> None:
    bench.stack.manage("shell", "--no-imports", "-c", PRUNE)


@contextlib.contextmanager
def repeatedly(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Do something every so often, in a thread, as long as the block lasts."""
    is_over = Event()

    def run() -> None:
        while not is_over.wait(seconds):
            action()

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def sample(bench: Bench, minutes: float) -> Sample:
    megabytes = {
        name: sum(map(resident_megabytes, family(process.pid))) for name, process in bench.stack.processes.items()
    }
    with psycopg.connect(bench.stack.environment["DATABASE_URL"]) as database:
        row = database.execute(STANDING).fetchone()
    assert row
    connections, disk_bytes, kept, waiting = map(int, row)
    return Sample(minutes, megabytes, connections, disk_bytes, kept, waiting)


def problems(samples: Sequence[Sample]) -> list[str]:
    """Say what is not flat: the last fifth is held against the one behind the warm-up."""
    fifth = max(len(samples) // 5, 1)
    start = int(len(samples) * WARM_UP)
    early, late = samples[start : start + fifth], samples[-fifth:]
    found = []
    for name in samples[0].megabytes:
        before, after = (statistics.median(each.megabytes[name] for each in part) for part in (early, late))
        if after > before * MEMORY_TIMES + MEMORY_MB:
            found.append(f"{name} grew from {before:.0f} to {after:.0f} MB")
    before, after = (max(each.connections for each in part) for part in (early, late))
    if after > before + MORE_CONNECTIONS:
        found.append(f"connections to the database grew from {before} to {after}")
    before, after = (statistics.median(each.bytes_per_event for each in part) for part in (early, late))
    if after > before * DISK_TIMES:
        found.append(f"bytes on disk for each event kept grew from {before:.0f} to {after:.0f}")
    return found


def report(samples: Sequence[Sample], per_second: int, found: Sequence[str]) -> str:
    names = list(samples[0].megabytes)
    head = ["minute", *(f"{name}, MB" for name in names), *HEAD]
    chosen = samples[:: max(len(samples) // ROWS, 1)]
    rows = [
        [
            f"{each.minutes:.1f}",
            *(f"{each.megabytes[name]:.0f}" for name in names),
            str(each.connections),
            thousands(each.disk_bytes / 1e6),
            thousands(each.kept),
            f"{each.bytes_per_event:.0f}",
            thousands(each.waiting),
        ]
        for each in chosen
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
    said = "; ".join(found) or "Nothing grew"
    return f"""# Soak

Written by `python -m bench.soak` on {datetime.now(UTC).date().isoformat()}: {thousands(per_second)} events a second for
{samples[-1].minutes:.0f} minutes through intake, log and delivery, with what is older than five minutes pruned every
minute. {said}: the last fifth of the time held against the one behind the warm-up.

{table}

Memory is that of all processes of a kind together, as the system counts it for each: pages that they share count in
each of them.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--per-second", type=int, default=PER_SECOND)
    chosen = parser.parse_args()
    with prepared() as bench:
        samples = soak(bench, minutes=chosen.minutes, per_second=chosen.per_second)
    found = problems(samples)
    (ROOT / "docs" / "soak.md").write_text(report(samples, chosen.per_second, found))
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main()
