"""docs/performance.md: what was measured, with what, where and when."""

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.events import event_bytes
from bench.results import Cost, Results, Row, Throughput, hundredths, spread, thousands
from bench.stage import CONNECTIONS
from tests.services import program

Form = Callable[[float], str]

PACKAGES = ("Django", "granian", "celery", "psycopg", "httpx", "msgspec", "segment-analytics-python")

TEXT = """# Performance

Written by `make bench` on {date}. One run on one machine: the ratios to the library and to the bare loop, measured in
the same minutes, say more than any single figure.

Machine: {machine}; its load average over the last quarter of an hour was {load:.1f}. {versions}.

| | events/s from first request to last arrival | CPU seconds per 10,000 events |
| --- | --- | --- |
| Sluice, 100 events a request | {batches} | {batches_cpu} |
| segment-analytics-python, straight to the recorder | {library} | {library_cpu} |
| Ratio to it | **{ratio}** | {cpu_ratio} |
| The same, tuned | {tuned} | {tuned_cpu} |
| Ratio to it | **{tuned_ratio}** | {tuned_cpu_ratio} |
| A bare loop on the same database | {bare} | {bare_cpu} |
| Ratio to it | **{bare_ratio}** | {bare_cpu_ratio} |
| Sluice, one event a request | {singles} | {singles_cpu} |

Medians of {rounds} rounds, the range in brackets. Intake alone acknowledged {accepted} events/s while it shared the
processors with delivery. The bare loop is {bare_to_tuned} times as fast as the tuned library.

## What was to be reached

| figure | to reach | reached | |
| --- | --- | --- | --- |
{targets}

## What a source costs

Events that intake stores a second, nothing connected, beside the Segment route with as many events a request in the
same minutes. Telemetry is held until a trace rests; that time is taken off.

| source | events a request | events/s | part of the Segment route |
| --- | --- | --- | --- |
{costs}

## What was measured

- Everything runs on this one machine over the loopback interface: the client that sends, Sluice (web server, Celery
  worker, sweep), PostgreSQL, Redis and the recorder that stands in for Segment.
- Sluice runs by its own commands with default settings in production mode, on a PostgreSQL with default settings that
  writes each commit to disk. A 2xx means that the events are on disk.
- The client sends over {connections} connections and waits for each answer. The event is a Message Handled as the
  catalog's examples have it, {size:,} bytes as sent, each under an ID of its own.
- The recorder keeps every message; after each run every message ID had arrived exactly once, and no other.
- CPU time is that of all processes of Sluice, PostgreSQL and Redis; of the library it is that of its own process.
- The library's queue holds all events, so that it drops none; it sends 100 events a request, as it does by itself, and
  400 where it is tuned. It keeps events in memory only.
- The bare loop (`bench/bare.py`) parses, keys, compresses and stores each request in one statement, reads behind a
  cursor and sends batches of the same size: no framework, no check of content, no selection, no message IDs of a
  connection's own, no leases, no counts.
- The outage: the recorder answers 503 until a million events wait. The dead connection sends to a host that takes
  connections and says nothing. The far host holds each answer back for 80 ms. The log grows by intake itself.
"""
TARGET_RATIO, TARGET_BARE, TARGET_CPU = 4.0, 0.6, 0.45
TARGET_ALONE, TARGET_SINGLES = 6_000, 3_500
TARGET_P50, TARGET_P95 = 10.0, 25.0


def write_report(results: Results, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(report(results))


def report(results: Results) -> str:
    pairs = zip(results.bare, results.tuned, strict=True)
    return TEXT.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        versions=versions(),
        load=os.getloadavg()[2],
        **throughput("batches", results.batches),
        **throughput("library", results.library),
        ratio=spread(results.ratios(results.library), hundredths),
        cpu_ratio=spread(results.cpu_ratios(results.library), hundredths),
        **throughput("tuned", results.tuned),
        tuned_ratio=spread(results.ratios(results.tuned), hundredths),
        tuned_cpu_ratio=spread(results.cpu_ratios(results.tuned), hundredths),
        **throughput("bare", results.bare),
        bare_ratio=spread(results.ratios(results.bare), hundredths),
        bare_cpu_ratio=spread(results.cpu_ratios(results.bare), hundredths),
        **throughput("singles", results.singles),
        rounds=len(results.batches),
        accepted=thousands(statistics.median(each.accepted_rate for each in results.batches)),
        bare_to_tuned=spread([bare.rate / tuned.rate for bare, tuned in pairs], hundredths),
        targets="\n".join(map(target, [*usual_rows(results), *results.rows])),
        connections=CONNECTIONS,
        size=event_bytes(),
        costs="\n".join(map(row, results.costs)),
    )


def throughput(name: str, runs: Sequence[Throughput]) -> dict[str, str]:
    return {
        name: spread([each.rate for each in runs], thousands),
        f"{name}_cpu": spread([each.cpu_per_10_000 for each in runs], hundredths),
    }


def usual_rows(results: Results) -> list[Row]:
    """Hold what is measured in every round against what was to be reached."""
    p50s, p95s = [each.p50 for each in results.latencies], [each.p95 for each in results.latencies]
    pace, singles = results.latencies[0].per_second, [each.rate for each in results.singles]
    return [
        at_least("events/s from end to end, times the tuned library's", results.ratios(results.tuned), TARGET_RATIO),
        at_least("the same, as a part of the bare loop's", results.ratios(results.bare), TARGET_BARE),
        at_most("CPU time an event, as a part of the tuned library's", results.cpu_ratios(results.tuned), TARGET_CPU),
        at_least("single events/s into one environment, intake alone", results.singles_alone, TARGET_ALONE, thousands),
        at_least("the same with delivery on the same cores", singles, TARGET_SINGLES, thousands),
        at_most(f"ms from 2xx to arrival at {pace} events a second, median", p50s, TARGET_P50, tenths),
        at_most("the same, 95th percentile", p95s, TARGET_P95, tenths),
    ]


def at_least(figure: str, reached: Sequence[float], least: float, form: Form = hundredths) -> Row:
    return Row(figure, f"≥ {least:,g}", spread(reached, form), statistics.median(reached) >= least)


def at_most(figure: str, reached: Sequence[float], most: float, form: Form = hundredths) -> Row:
    return Row(figure, f"≤ {most:g}", spread(reached, form), statistics.median(reached) <= most)


def target(found: Row) -> str:
    return f"| {found.figure} | {found.target} | {found.reached} | {'yes' if found.is_met else '**missed**'} |"


def row(cost: Cost) -> str:
    figures = (cost.kind, f"{cost.events_per_request:.1f}", thousands(cost.rate), hundredths(cost.ratio))
    return f"| {' | '.join(figures)} |"


def versions() -> str:
    """Name what Sluice and the library ran on."""
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    servers = [said_version("postgres"), said_version("redis-server")]
    return ", ".join([f"Python {platform.python_version()}", *servers, *packages])


def said_version(name: str) -> str:
    said = subprocess.run([program(name), "--version"], check=True, capture_output=True, text=True).stdout
    number = re.search(r"\d+(\.\d+)+", said)
    return f"{name} {number[0]}" if number else name


def machine() -> str:
    """Name processor, number of cores, memory and system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {gigabytes:.0f} GB, {platform.system()} {platform.release()}"


def tenths(figure: float) -> str:
    return f"{figure:.1f}"
