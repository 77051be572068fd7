"""Clocks that are wrong, clocks that jump, and times that no clock shows."""

import contextlib
import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.invariants import check, facts
from tests.faults.senders import PatientSender, load
from tests.faults.site import Site
from tests.services import require_programs
from tests.system.recorder import Recorder
from tests.system.sender import session_started
from tests.system.stack import Connected

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
TIMES: list[Any] = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "294277-01-09T04:00:54Z",
    1e18,
    -1,
    "NaN",
    "2026-11-22T24:00:00Z",
    "2026-11-22T12:00:00",
    "2026-11-22T12:00:00+99:99",
    "2036-11-22T12:00:00Z",
    "",
    None,
    {},
]


@contextlib.contextmanager
def wrong_clock(site: Site, *names: str, offset: str) -> Iterator[Path]:
    """Run these processes by a clock that is off; what is written into the yielded file moves it from then on."""
    require_programs("faketime")
    file = site.points.folder.parent / "clock"
    file.write_text(offset)
    variables = {
        "LD_PRELOAD": glob.glob(LIBRARY)[0],
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        # Only the clock that people read: what measures durations does not jump.
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    site.stack.environment |= variables
    try:
        site.restart(*names)
    finally:
        for name in variables:
            del site.stack.environment[name]
    try:
        yield file
    finally:
        site.restart(*names)


@pytest.mark.parametrize("offset", ["-1h", "+1h"])
def test_a_worker_whose_clock_is_an_hour_off_takes_over_nobody_and_holds_up_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, offset: str
) -> None:
    """E1: what decides who may deliver, and when, is the clock of the database."""
    with wrong_clock(site, "worker", offset=offset), load(sender) as sending:
        sending.go_on_for(20)

    check(site.stack, recorder, connected, sender)


def test_a_clock_that_jumps_changes_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """E2, in all processes at once: two hours back, then forth."""
    with wrong_clock(site, "web", "worker", "sweep", offset="+0") as clock, load(sender) as sending:
        sending.go_on_for(5)
        for offset in ("-2h", "+0", "+1h", "+0"):
            clock.write_text(offset)
            sending.go_on_for(5)

    check(site.stack, recorder, connected, sender)


def test_times_that_no_clock_shows_are_answered_and_stored(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """E3: each of them in an event of its own, between neighbours that are well."""
    for number, moment in enumerate(TIMES):
        sender.send([session_started(f"before-{number}"), {**session_started(f"odd-{number}"), "timestamp": moment}])
    sender.send_numbered("last", 1)

    check(site.stack, recorder, connected, sender)
    sent = {arrival.message["messageId"]: arrival.message for arrival in recorder.arrivals()}
    found = facts(site.stack, connected)
    assert len(sent) == len(found.stored)
    assert all(isinstance(message["timestamp"], str) for message in sent.values())
