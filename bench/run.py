"""Measure Sluice as it is run, beside the official library sending straight to the same recorder: `make bench`.

Writes docs/performance.md. The machine should have nothing else to do: trust the ratio within a run.
"""

import argparse

from bench.report import write_report
from bench.results import Results
from bench.sources import costs
from bench.stage import ROOT, SDK_PER_REQUEST, SDK_PER_REQUEST_TUNED, Bench, prepared

ROUNDS = 3


def measure(bench: Bench, rounds: int) -> Results:
    batches, library, tuned = [], [], []
    for number in range(1, rounds + 1):
        batches.append(bench.batches())
        library.append(bench.library(SDK_PER_REQUEST))
        tuned.append(bench.library(SDK_PER_REQUEST_TUNED))
        say(f"round {number}: Sluice {batches[-1]}; the library {library[-1]}; tuned {tuned[-1]}")
    singles = [bench.single_events() for _ in range(rounds)]
    say(f"single events: {', '.join(map(str, singles))}")
    latency = bench.latency()
    say(f"at {latency.per_second}/s: p50 {latency.p50:.1f} ms, p95 {latency.p95:.1f} ms")
    return Results(batches, library, tuned, singles, latency, costs(bench, 1))


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured; default: %(default)s")
    parser.add_argument("--no-report", action="store_true", help="leave docs/performance.md as it is")
    chosen = parser.parse_args()
    with prepared() as bench:
        results = measure(bench, chosen.rounds)
    if not chosen.no_report:
        write_report(results, ROOT / "docs" / "performance.md")


if __name__ == "__main__":
    main()
