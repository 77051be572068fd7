"""Segment, and the network on the way to it: answers that ask to wait, that refuse, that never come or never end."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.faults.invariants import check, facts
from tests.faults.length import IS_LONG
from tests.faults.senders import PatientSender
from tests.faults.site import Site, through_proxy
from tests.system.recorder import Manner, Recorder, Reply
from tests.system.stack import Connected

# Each failure doubles the wait, which begins with a second.
FAILURES = 10 if IS_LONG else 3
HEALTHY_SECONDS = 120.0
BACKLOG_REQUESTS = 100 if IS_LONG else 20


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_while_segment_is_away_everything_waits_and_the_lane_says_so(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, status: int
) -> None:
    """D1."""
    recorder.replies.extend([Reply(status, b"away")] * FAILURES)
    sender.send_numbered("event", 10)
    site.stack.wait_until(lambda: facts(site.stack, connected).lane["failing"], "the lane that says so")
    sender.send_numbered("meanwhile", 10)

    found = check(site.stack, recorder, connected, sender)
    # No hot loop: each wait is longer than the one before.
    first, *others = [post.at for post in recorder.posts[: FAILURES + 1]]
    waits = [after - before for before, after in zip([first, *others], others, strict=False)]
    assert all(wait >= 0.8 * min(2**number, 60) for number, wait in enumerate(waits))
    assert {each["status"] for each in found.deliveries if each["outcome"] == "retry"} == {status}


@pytest.mark.parametrize(
    ("retry_after", "at_least"),
    [
        (lambda: "3", 3.0),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True), 2.0),
        (lambda: "soon", 0.8),
        (lambda: "-5", 0.8),
        (lambda: "Fri, 31 Dec 1999 23:59:59 GMT", 0.8),
    ],
    ids=["seconds", "date", "rubbish", "negative", "past"],
)
def test_a_wait_that_segment_asks_for_is_kept_where_it_makes_sense(
    site: Site,
    recorder: Recorder,
    connected: Connected,
    sender: PatientSender,
    retry_after: Callable[[], str],
    at_least: float,
) -> None:
    """D2."""
    recorder.judge = lambda body: None if recorder.posts else Reply(429, b"slow down", {"Retry-After": retry_after()})
    sender.send_numbered("event", 10)

    check(site.stack, recorder, connected, sender)
    first, second = recorder.posts[:2]
    assert second.at - first.at >= at_least


def test_a_wait_of_ten_years_ends_within_minutes(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """D2, what is absurd: nobody waits here, the row says how long it would be."""
    recorder.replies.append(Reply(429, b"slow down", {"Retry-After": "315360000"}))
    sender.send_numbered("event", 10)
    site.stack.wait_until(lambda: facts(site.stack, connected).lane["failing"], "the lane that says so")
    with site.postgresql.connect("sluice") as rows:
        changed = rows.execute(
            "UPDATE integrations_lane SET next_attempt_at = now() WHERE connection_id = %s"
            " AND next_attempt_at BETWEEN now() AND now() + interval '5 minutes' RETURNING id",
            [connected.connection_id],
        ).fetchall()
    assert len(changed) == 1

    check(site.stack, recorder, connected, sender)


@pytest.mark.quick_faults
@pytest.mark.parametrize("status", [400, 413, 422])
def test_of_a_batch_that_is_refused_only_the_event_at_fault_is_left_behind(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, status: int
) -> None:
    """D3, and of D5 the answers that speak of the content."""
    bad = "event-37"
    refused = connected.derived(bad).encode()
    recorder.judge = lambda body: Reply(status, b'{"success": false}') if refused in body else None
    sender.send_numbered("event", 100)

    found = check(site.stack, recorder, connected, sender, kept_back=[bad])
    assert found.rejections == [38]
    # Two requests for each time that a hundred can be halved, and the first one; anew where a lease ran out meanwhile.
    assert len(recorder.posts) <= (2 * 7 + 1) * max(each["attempt"] for each in found.deliveries)


@pytest.mark.quick_faults
@pytest.mark.parametrize(
    "reply",
    [
        *[Reply(status, b"no") for status in (401, 403, 404, 405, 501)],
        *[Reply(status, b"", {"Location": "http://127.0.0.1:9/"}) for status in (301, 302, 308)],
        Reply(200, b'{"success": false}'),
        Reply(200, b""),
        Reply(200, b"<html>Sign in to this network</html>"),
        Reply(200, b"\xff\xfe\x00"),
        Reply(200, b"[" * 10_000_000),
        Reply(200, gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}),
    ],
    ids=lambda reply: f"{reply.status}-{len(reply.body)}",
)
def test_an_answer_about_the_connection_stops_it_until_somebody_has_seen_to_it(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, reply: Reply
) -> None:
    """D4, D5, D6."""
    recorder.judge = lambda body: reply
    sender.send_numbered("event", 10)
    site.stack.wait_until(
        lambda: facts(site.stack, connected).connection == "needs_attention", "a connection that asks for attention"
    )
    sender.send_numbered("meanwhile", 10)
    told = facts(site.stack, connected)
    assert told.lane["cursor"] == told.lane["start"]
    # One attempt, and no storm.
    assert [each["outcome"] for each in told.deliveries] == ["refused"]

    recorder.judge = None
    site.resume(connected)
    check(site.stack, recorder, connected, sender)


@pytest.mark.parametrize("manner", [Manner.SILENCE, Manner.DRIP, Manner.HANG_UP, Manner.RESET])
def test_an_answer_that_never_comes_or_never_ends_is_asked_for_again(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, manner: Manner
) -> None:
    """D7, D8, and of D9 the reset; the batch was taken each time, and nobody was told."""
    recorder.replies.extend([Reply(manner=manner)] * 2)
    sender.send_numbered("event", 10)

    found = check(site.stack, recorder, connected, sender)
    ambiguous = [each for each in found.deliveries if each["status"] is None and each["outcome"] == "retry"]
    assert len(ambiguous) >= 2
    assert all(each["answer"] for each in ambiguous)
    assert len(recorder.posts) >= 3


def test_a_body_that_is_cut_on_its_way_is_sent_again_whole(site: Site, recorder: Recorder) -> None:
    """D9, a reset in the middle of the body."""
    with through_proxy(recorder) as (cut, proxy):
        connected = site.stack.connect(cut.url)
        proxy.faults.cut_after_bytes = 3_000
        with site.sender(connected) as sender:
            sender.send_numbered("event", 100)
            site.stack.wait_until(lambda: proxy.connections >= 2, "a second try")
            proxy.mend()
            check(site.stack, recorder, connected, sender)


def test_a_host_that_vanishes_is_found_again(site: Site, recorder: Recorder) -> None:
    """D7, D11: connections that are kept open die in silence, and new ones are refused for a while."""
    with through_proxy(recorder) as (far, proxy):
        connected = site.stack.connect(far.url)
        with site.sender(connected) as sender:
            sender.send_numbered("before", 10)
            site.stack.wait_until(lambda: bool(recorder.posts), "the first arrival")
            proxy.faults.is_swallowing = True
            sender.send_numbered("meanwhile", 10)
            site.stack.wait_until(lambda: facts(site.stack, connected).lane["failing"], "the lane that says so")
            proxy.reset()
            proxy.mend()
            proxy.faults.is_refusing = True
            sender.send_numbered("refused", 10)
            site.stack.wait_until(lambda: proxy.connections >= 3, "a try that was refused")
            proxy.mend()
            check(site.stack, recorder, connected, sender)


def test_connections_with_a_dead_end_do_not_hold_up_the_others(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """D12, D13: more dead ends than there are workers, each with a backlog, beside one that is well."""
    with through_proxy(recorder) as (dead, proxy):
        proxy.faults.is_swallowing = True
        dead_ends = [site.stack.connect(dead.url) for _ in range(4)]
        for each in dead_ends:
            with site.sender(each) as backlog:
                for number in range(BACKLOG_REQUESTS):
                    backlog.send_numbered(f"backlog-{number}", 100)
        for number in range(10):
            sender.send_numbered(f"healthy-{number}", 10)
            expected = {connected.derived(message_id) for message_id in sender.acknowledged}
            site.stack.wait_until(
                lambda arriving=expected: arriving <= set(recorder.accepted_ids()),  # type: ignore[misc]
                "the arrival of what is sent to the healthy one",
                HEALTHY_SECONDS,
            )
        for each in dead_ends:
            assert facts(site.stack, each).lane["cursor"] == 0
            site.disconnect(each)
    check(site.stack, recorder, connected, sender)
