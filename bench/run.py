"""Measure Sluice as it is run, beside the official library and a bare loop on the same machine: `make bench`.

Writes docs/performance.md. The machine should have nothing else to do: trust the ratios within a run.
"""

import argparse
import statistics

from bench import backlog, bare, dead_segment, embedded, far, growth
from bench.report import write_report
from bench.results import Results, Row, Throughput
from bench.sources import costs
from bench.stage import ROOT, SDK_PER_REQUEST, SDK_PER_REQUEST_TUNED, Bench, prepared

ROUNDS = 3
LONG = ("backlog", "dead", "far", "embedded", "growth")


def measure(bench: Bench, rounds: int, parts: list[str]) -> Results:
    batches, library, tuned, loops = [], [], [], []
    with bare.running(bench) as loop:
        for number in range(1, rounds + 1):
            batches.append(bench.batches())
            library.append(bench.library(SDK_PER_REQUEST))
            tuned.append(bench.library(SDK_PER_REQUEST_TUNED))
            loops.append(loop.batches())
            say(f"round {number}: Sluice {batches[-1]}; library {library[-1]}; tuned {tuned[-1]}; bare {loops[-1]}")
    singles = [bench.single_events() for _ in range(rounds)]
    alone = [bench.single_events_alone() for _ in range(rounds)]
    say(f"single events: {', '.join(map(str, singles))}; alone: {', '.join(f'{rate:,.0f}' for rate in alone)}")
    latencies = [bench.latency() for _ in range(rounds)]
    say("; ".join(f"at {each.per_second}/s: p50 {each.p50:.1f} ms, p95 {each.p95:.1f} ms" for each in latencies))
    rows = further(bench, rounds, parts, batches)
    return Results(batches, library, tuned, loops, singles, alone, latencies, costs(bench, 1), rows)


def further(bench: Bench, rounds: int, parts: list[str], batches: list[Throughput]) -> list[Row]:
    """Measure what takes minutes each; the log that grows comes last, as all else would be measured beside it."""
    steady, rows = statistics.median(each.rate for each in batches), []
    for part in parts:
        match part:
            case "backlog":
                found = backlog.rows(bench, steady, rounds)
            case "dead":
                found = dead_segment.rows(bench, rounds)
            case "far":
                found = far.rows(bench, rounds)
            case "embedded":
                found = embedded.rows(bench.recorder, rounds)
            case _:
                found = growth.rows(bench, steady)
        say("\n".join(map(str, found)))
        rows += found
    return rows


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured; default: %(default)s")
    parser.add_argument("--only", nargs="*", choices=LONG, default=LONG, help="of what takes minutes; default: all")
    parser.add_argument("--no-report", action="store_true", help="leave docs/performance.md as it is")
    chosen = parser.parse_args()
    with prepared() as bench:
        results = measure(bench, chosen.rounds, chosen.only)
    if not chosen.no_report:
        write_report(results, ROOT / "docs" / "performance.md")


if __name__ == "__main__":
    main()
