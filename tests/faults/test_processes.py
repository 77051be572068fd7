"""Processes that die, freeze or are told to stop, at the worst of moments."""

import os
import random
import signal
import time

import pytest

from tests.faults.invariants import check, facts
from tests.faults.length import IS_LONG
from tests.faults.senders import PatientSender, load
from tests.faults.site import Site, thaw, through_proxy
from tests.services import wait_until
from tests.system.recorder import Recorder, Reply, running_recorder
from tests.system.stack import Connected, Stack

KILLS = 30 if IS_LONG else 6
SECONDS_BETWEEN_KILLS = 2.0
COLD_STOPS = 200 if IS_LONG else 6
STOP_SECONDS = 60.0


@pytest.mark.quick_faults
def test_an_event_that_was_stored_and_not_acknowledged_is_stored_once(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A1."""
    sender.send_numbered("before", 10)
    site.points.arm("store.after", "kill")
    # The client sees a connection that breaks, and sends the same again to the server that follows.
    with load(sender) as sending:
        site.points.struck("store.after")
        site.restart("web")
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)
    assert sender.broken >= 1


@pytest.mark.quick_faults
def test_an_event_whose_commit_was_never_made_leaves_no_hole(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A2."""
    sender.send_numbered("before", 10)
    site.points.arm("append.before", "kill")
    with load(sender) as sending:
        site.points.struck("append.before")
        assert facts(site.stack, connected).head == 10
        site.restart("web")
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)


@pytest.mark.quick_faults
def test_a_batch_that_was_accepted_and_not_settled_is_sent_again_with_the_same_ids(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A3."""
    site.points.arm("post.after", "kill")
    sender.send_numbered("event", 100)
    site.points.struck("post.after")

    found = check(site.stack, recorder, connected, sender)
    assert len(recorder.message_ids()) > len(recorder.first_ids())
    # Counted once, and the second attempt tells of the first.
    assert [each["outcome"] for each in found.deliveries] == ["accepted"]
    assert found.deliveries[0]["attempt"] >= 2


@pytest.mark.quick_faults
def test_a_worker_that_dies_before_it_sends_leaves_nothing_half_done(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A4, before the request."""
    site.points.arm("post.before", "kill")
    sender.send_numbered("event", 100)
    site.points.struck("post.before")

    found = check(site.stack, recorder, connected, sender)
    # The first attempt is on record, and nothing came of it.
    assert len(recorder.posts) < found.deliveries[0]["attempt"]


def test_a_worker_that_dies_while_it_sends_is_followed_by_one_that_sends_the_whole(
    site: Site, recorder: Recorder
) -> None:
    """A4, in the middle of the body."""
    with through_proxy(recorder) as (slow, proxy):
        connected = site.stack.connect(slow.url)
        proxy.faults.bytes_per_second = 2_000
        with site.sender(connected) as sender:
            sender.send_numbered("event", 200)
            wait_until(lambda: proxy.bytes_sent > 500, "the beginning of a body")
            for worker in site.stack.children("worker"):
                os.kill(worker, signal.SIGKILL)
            proxy.mend()
            check(site.stack, recorder, connected, sender)


def test_workers_that_are_killed_again_and_again_lose_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A5."""
    with load(sender, events=50):
        for _ in range(KILLS):
            site.restart("worker")
            time.sleep(SECONDS_BETWEEN_KILLS)

    check(site.stack, recorder, connected, sender)


@pytest.mark.parametrize("point", ["post.before", "post.after", "settle.before"])
def test_a_worker_that_froze_for_longer_than_its_lease_changes_nothing_when_it_wakes(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, point: str
) -> None:
    """A6."""
    site.points.arm(point, "freeze")
    sender.send_numbered("event", 100)
    frozen = site.points.struck(point)
    try:
        # Somebody else takes the lane over and delivers.
        check(site.stack, recorder, connected, sender)
        sender.send_numbered("later", 100)
        check(site.stack, recorder, connected, sender)
    finally:
        thaw(frozen)
    sender.send_numbered("last", 100)

    check(site.stack, recorder, connected, sender)


def test_an_event_that_kills_each_worker_is_found_and_left_behind(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A7: sent together, and then alone, until it is the only one that no worker survives."""
    site.points.arm("post.before", f"kill when {connected.derived('event-3')}")
    sender.send_numbered("event", 10)

    def is_found() -> bool:
        # The sweep takes its turn as well.
        site.supervise()
        return bool(facts(site.stack, connected).rejections)

    site.stack.wait_until(is_found, "the event that is at fault", 180)
    found = check(site.stack, recorder, connected, sender, kept_back=["event-3"])
    assert found.rejections == [4]


def test_a_batch_that_kills_each_worker_holds_up_no_other_connection(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A7, the neighbours."""
    site.points.arm("post.before", f"kill when {connected.derived('event-3')}")
    sender.send_numbered("event", 10)
    with running_recorder() as elsewhere:
        other = site.stack.connect(elsewhere.url)
        with site.sender(other) as neighbour:
            neighbour.send_numbered("neighbour", 10)
            site.supervise()
            check(site.stack, elsewhere, other, neighbour)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
def test_a_deployment_under_load_loses_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, how: signal.Signals
) -> None:
    """A8."""
    with load(sender, events=50) as sending:
        sending.go_on_for(3)
        # Granian knows no cold stop.
        for name, sent in {"web": signal.SIGTERM, "worker": how, "sweep": signal.SIGTERM}.items():
            process = site.stack.processes[name]
            process.send_signal(sent)
            process.wait(STOP_SECONDS)
            site.restart(name)
            sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)


def test_cold_stops_at_random_moments_lose_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A9."""
    chance = random.Random(9)
    with load(sender, events=50):
        for _ in range(COLD_STOPS):
            time.sleep(chance.uniform(0, 1.0))
            process = site.stack.processes["worker"]
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)
            site.restart("worker")

    check(site.stack, recorder, connected, sender)


def test_new_events_are_delivered_without_a_sweep(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A10, no sweep for a while: what is new, and what has to be tried again."""
    site.stack.kill("sweep")
    sender.send_numbered("without", 100)
    site.stack.wait_until(lambda: len(recorder.accepted_ids()) == 100, "the arrival of all events", 120)

    recorder.replies.append(Reply(503))
    sender.send_numbered("later", 100)
    site.stack.wait_until(lambda: len(recorder.accepted_ids()) == 200, "a second try", 180)
    site.stack.start("sweep")

    check(site.stack, recorder, connected, sender)


def test_two_workers_and_two_sweeps_do_no_harm(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A10, two at once."""
    others = Stack(site.stack.folder, site.stack.environment)
    others.start("worker", "sweep")
    try:
        with load(sender) as sending:
            sending.go_on_for(50)
        check(site.stack, recorder, connected, sender)
        assert [process.poll() for process in others.processes.values()] == [None, None]
    finally:
        others.kill()


def test_an_event_at_which_sluice_fails_is_left_out_and_delays_no_other(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """A11: a fault that nobody foresaw, in composing one event."""
    site.points.arm("compose_one.before", "raise when event-3'")
    sender.send_numbered("event", 10)

    check(site.stack, recorder, connected, sender, kept_back=["event-3"])
    assert "own_fault 1" in site.stack.manage("check_ledger")
    assert "StruckError" in site.stack.log_file("worker").read_text()
