"""Which real clients a run of the tests has driven: its summary names them, and the others with the reason."""

from collections.abc import Iterable
from importlib import metadata

import pytest

MARK = "client"
# The versions of those in this folder; the others are packages of the test lock.
BUNDLED = {
    "@segment/analytics-node": "3.1.0",
    "@segment/analytics-next": "1.84.3",
    "@opentelemetry/exporter-trace-otlp-http": "0.223.1",
}
# What is said of a client several tests of which have ended differently.
WORST_FIRST = ("failed", "driven", "skipped")
OUTCOMES = {"failed": "failed", "error": "failed", "passed": "driven", "skipped": "skipped"}
COLLECTED = pytest.StashKey[set[str]]()


def drives(client: str) -> pytest.MarkDecorator:
    """Mark a test that drives this client, the real one, named as its package is."""
    return pytest.mark.client(f"{client} {BUNDLED.get(client) or metadata.version(client)}")


def note(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Remember the clients of all tests that were found, and write those of each test into its reports."""
    found = config.stash.setdefault(COLLECTED, set())
    for item in items:
        for mark in item.iter_markers(MARK):
            found.add(mark.args[0])
            item.user_properties.append((MARK, mark.args[0]))


def summary(config: pytest.Config, reports: dict[str, list[object]]) -> str:
    """Say which clients were driven; nothing where no test of a client was found. `reports` are by pytest's outcome."""
    outcomes: dict[str, set[str]] = {client: set() for client in config.stash.get(COLLECTED, set())}
    for outcome, told in OUTCOMES.items():
        for report in reports.get(outcome, []):
            if isinstance(report, pytest.TestReport) and (report.when == "call" or told != "driven"):
                for name, client in report.user_properties:
                    if name == MARK:
                        outcomes[str(client)].add(told)
    if not outcomes:
        return ""
    fates = {client: _fate(told) for client, told in sorted(outcomes.items())}
    driven = [client for client, fate in fates.items() if fate == "driven"]
    others = [f"{client} ({fate})" for client, fate in fates.items() if fate != "driven"]
    return f"Clients driven: {', '.join(driven) or 'none'}; not driven: {', '.join(others) or 'none'}."


def _fate(outcomes: set[str]) -> str:
    return next((fate for fate in WORST_FIRST if fate in outcomes), "not selected")
