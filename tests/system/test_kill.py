"""Processes killed without a chance to say goodbye, while events flow."""

import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.system.recorder import Recorder
from tests.system.sender import Sender
from tests.system.stack import Connected, Stack

KILLS = 10
# How many of them end the whole worker; the others end one of its children, which it replaces itself.
WHOLE_WORKER_KILLS = 3
REQUESTS_PER_KILL, EVENTS_PER_REQUEST = 20, 100
EVENTS = KILLS * REQUESTS_PER_KILL * EVENTS_PER_REQUEST
LONGEST_DELAY_SECONDS = 0.05
WEB_KILLS = 3


@pytest.fixture
def connected(stack: Stack, recorder: Recorder) -> Connected:
    return stack.connect(recorder.url)


@pytest.fixture
def sender(stack: Stack, connected: Connected) -> Iterator[Sender]:
    with stack.sender(connected) as sender:
        yield sender


def kill_children(stack: Stack) -> None:
    for child in stack.children("worker"):
        os.kill(child, signal.SIGKILL)


def wait_for_delivery(stack: Stack, recorder: Recorder, portion: threading.Semaphore) -> None:
    """Let the next portion be sent, and return as soon as some of it, or of what waits before it, arrives."""
    posts = len(recorder.posts)
    portion.release()
    stack.wait_until(lambda: len(recorder.posts) > posts, "a delivery between two kills")


def restart_worker(stack: Stack) -> None:
    stack.kill("worker")
    stack.start("worker")


def test_nothing_is_lost_or_out_of_order_when_workers_are_killed_at_random(
    stack: Stack, recorder: Recorder, connected: Connected, sender: Sender
) -> None:
    chance = random.Random(4)
    kills = [restart_worker] * WHOLE_WORKER_KILLS + [kill_children] * (KILLS - WHOLE_WORKER_KILLS)
    chance.shuffle(kills)
    portion = threading.Semaphore(0)

    def send() -> None:
        for request in range(KILLS * REQUESTS_PER_KILL):
            if request % REQUESTS_PER_KILL == 0:
                portion.acquire()
            sender.send_numbered(f"request-{request}", EVENTS_PER_REQUEST)

    sending = threading.Thread(target=send)
    sending.start()
    for kill in kills:
        # Each kill meets a worker that has begun to deliver this portion, somewhere on its way through it.
        wait_for_delivery(stack, recorder, portion)
        time.sleep(chance.uniform(0, LONGEST_DELAY_SECONDS))
        kill(stack)
    sending.join()
    stack.wait_until(lambda: len(recorder.first_ids()) >= EVENTS, "the arrival of all events")
    stack.check_ledger()

    assert len(sender.acknowledged) == EVENTS
    # Nothing lost, nothing made up, in order; what came again came under the same IDs.
    assert recorder.first_ids() == [connected.derived(message_id) for message_id in sender.acknowledged]
    assert_resent_in_order(recorder, connected, sender)


def test_a_batch_whose_acceptance_nobody_wrote_down_is_sent_again_under_the_same_ids(
    stack: Stack, recorder: Recorder, connected: Connected, sender: Sender
) -> None:
    recorder.before_answer = lambda number: kill_children(stack) if number == 1 else None
    sender.send_numbered("event", 100)
    stack.wait_until(lambda: len(recorder.posts) >= 2, "the second attempt")
    stack.check_ledger()

    expected = [connected.derived(message_id) for message_id in sender.acknowledged]
    assert recorder.message_ids() == expected * 2
    assert [b"\r\nx-retry-count: 1\r\n" in post.head for post in recorder.posts] == [False, True]


def send_until_it_fails(sender: Sender, number: int) -> int:
    """Send one request after the other; return the number of the one that got no answer."""
    while True:
        try:
            sender.send_numbered(f"request-{number}", EVENTS_PER_REQUEST)
        except (OSError, http.client.HTTPException):
            return number
        number += 1


def test_what_was_acknowledged_survives_the_death_of_the_web_server(
    stack: Stack, recorder: Recorder, connected: Connected, sender: Sender
) -> None:
    chance = random.Random(2)
    number = 0
    for _ in range(WEB_KILLS):
        death = threading.Timer(chance.uniform(0, 1.0), stack.kill, ["web"])
        death.start()
        number = send_until_it_fails(sender, number + 1)
        death.join()
        stack.start("web")
        # As each client does: the same request again, of which nobody knows whether it was stored.
        sender.close()
        sender.send_numbered(f"request-{number}", EVENTS_PER_REQUEST)
    expected = [connected.derived(message_id) for message_id in sender.acknowledged]
    stack.wait_until(lambda: len(recorder.arrivals()) >= len(expected), "the arrival of all events")
    stack.check_ledger()

    assert recorder.message_ids() == expected


def assert_resent_in_order(recorder: Recorder, connected: Connected, sender: Sender) -> None:
    """Each request carries events that follow one another, and begins at the latest behind all that came before."""
    place = {connected.derived(message_id): number for number, message_id in enumerate(sender.acknowledged)}
    places = [place[message_id] for message_id in recorder.message_ids()]
    newest = -1
    for before, now in zip([-1, *places], places, strict=False):
        assert now == before + 1 or now <= newest
        newest = max(newest, now)
