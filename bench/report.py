"""docs/performance.md: what was measured, with what, where and when."""

import os
import platform
import re
import statistics
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.events import event_bytes
from bench.results import Cost, Results, spread
from bench.stage import CONNECTIONS
from tests.services import program

PACKAGES = ("Django", "granian", "celery", "psycopg", "httpx", "msgspec", "segment-analytics-python")

TEXT = """# Performance

Written by `make bench` on {date}. One run on one machine: the ratio to the library, measured in the same minutes,
says more than any single figure.

Machine: {machine}; its load average over the last quarter of an hour was {load:.1f}. {versions}.

| | events/s from first request to last arrival | CPU seconds per 10,000 events |
| --- | --- | --- |
| Sluice, 100 events a request | {batches} | {batches_cpu} |
| segment-analytics-python, straight to the recorder | {library} | {library_cpu} |
| Ratio to it | **{ratio}** | {cpu_ratio} |
| The same, tuned | {tuned} | {tuned_cpu} |
| Ratio to it | **{tuned_ratio}** | {tuned_cpu_ratio} |
| Sluice, one event a request | {singles} | {singles_cpu} |

Medians of {rounds} rounds, the range in brackets. Intake alone acknowledged {accepted} events/s while it shared the
processors with delivery. At {pace} single events a second, an event arrived {p50:.1f} ms (median) and {p95:.1f} ms
(95th percentile) after its 2xx.

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
"""


def write_report(results: Results, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(report(results))


def report(results: Results) -> str:
    return TEXT.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        versions=versions(),
        load=os.getloadavg()[2],
        batches=spread([each.rate for each in results.batches], thousands),
        batches_cpu=spread([each.cpu_per_10_000 for each in results.batches], hundredths),
        library=spread([each.rate for each in results.library], thousands),
        library_cpu=spread([each.cpu_per_10_000 for each in results.library], hundredths),
        ratio=spread(results.ratios(results.library), hundredths),
        cpu_ratio=spread(results.cpu_ratios(results.library), hundredths),
        tuned=spread([each.rate for each in results.tuned], thousands),
        tuned_cpu=spread([each.cpu_per_10_000 for each in results.tuned], hundredths),
        tuned_ratio=spread(results.ratios(results.tuned), hundredths),
        tuned_cpu_ratio=spread(results.cpu_ratios(results.tuned), hundredths),
        singles=spread([each.rate for each in results.singles], thousands),
        singles_cpu=spread([each.cpu_per_10_000 for each in results.singles], hundredths),
        rounds=len(results.batches),
        accepted=thousands(statistics.median(each.accepted_rate for each in results.batches)),
        pace=results.latency.per_second,
        p50=results.latency.p50,
        p95=results.latency.p95,
        connections=CONNECTIONS,
        size=event_bytes(),
        costs="\n".join(map(row, results.costs)),
    )


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


def thousands(figure: float) -> str:
    return f"{figure:,.0f}"


def hundredths(figure: float) -> str:
    return f"{figure:.2f}"
