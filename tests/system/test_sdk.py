"""The official Segment library for Python, pointed at Sluice by its `host` and otherwise as it is."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from segment.analytics.client import Client

from tests.system.recorder import Recorder
from tests.system.stack import WRITE_KEY, Connected, Stack

EVENTS = 10_000
# The library drops what its queue has no room for; how fast it empties its queue is not what is tested.
QUEUE = 2 * EVENTS
# It tries again for twelve hours where nobody says otherwise; a test that fails has to end.
PATIENCE_SECONDS = 20
SELECTED = ("Session Started", "Message Handled", "Page")
# Source: Segment's limits for one message, one body and the messages in it.
MAX_MESSAGE_BYTES, MAX_BODY_BYTES, MAX_BATCH_MESSAGES = 32_768, 475_000, 2_500

Sdk = Any
Call = Callable[[Sdk], tuple[bool, dict[str, Any]]]

# What a runtime may say, with whether the connection of these tests sends it on.
CALLS: list[tuple[bool, Call]] = [
    (True, lambda sdk: sdk.track("customer-1", "Session Started", {"sessionId": "7d0a", "channel": "web"})),
    (True, lambda sdk: sdk.track("customer-2", "Message Handled", {"text": "Où est 🚚?", "scores": [1.5e-7, None]})),
    (False, lambda sdk: sdk.track("customer-2", "Action Started", {"actionId": "order"})),
    (False, lambda sdk: sdk.track("customer-3", "Order Placed", {"total": 18.4})),
    # An assistant's events need a user ID, pages do not.
    (False, lambda sdk: sdk.track(None, "Message Handled", {"text": "Hello"}, anonymous_id="visitor-4")),
    (True, lambda sdk: sdk.page(name="Orders", properties={"path": "/orders"}, anonymous_id="visitor-4")),
    (False, lambda sdk: sdk.identify("customer-6", {"plan": "plus"})),
    (False, lambda sdk: sdk.group("customer-6", "team-9", {"name": "Nine"})),
    (False, lambda sdk: sdk.alias("visitor-4", "customer-6")),
    (True, lambda sdk: sdk.track("customer-7", "Message Handled", {"text": "a" * 20_000}, {"locale": "de-DE"})),
]


@contextlib.contextmanager
def pointed_at(stack: Stack, connected: Connected, **options: Any) -> Iterator[Sdk]:
    """Yield a client of the library; on leaving, everything was sent and nothing failed."""
    failures: list[object] = []
    sdk = Client(
        connected.key,
        host=stack.url,
        max_queue_size=QUEUE,
        max_total_backoff_duration=PATIENCE_SECONDS,
        on_error=lambda error, batch: failures.append((error, len(batch))),
        **options,
    )
    yield sdk
    sdk.shutdown()
    assert failures == []


def as_it_must_arrive(connected: Connected, message: dict[str, Any]) -> dict[str, Any]:
    """Take what the library queued, without the IDs that it gives as null, under the connection's own message ID."""
    given = {name: value for name, value in message.items() if value is not None}
    return {**given, "messageId": connected.derived(message["messageId"])}


def without_signature(message: dict[str, Any]) -> dict[str, Any]:
    """Take off what Sluice adds to a context, which has to be there."""
    context = dict(message["context"])
    assert context.pop("integration")["name"] == "sluice"
    return {**message, "context": context}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_exactly_the_selected_events_arrive_in_order(stack: Stack, recorder: Recorder, gzip: bool) -> None:
    connected = stack.connect(recorder.url, SELECTED)
    expected = []
    with pointed_at(stack, connected, gzip=gzip) as sdk:
        for number in range(EVENTS):
            # Mostly small ones: a tenth of the large calls is enough to fill bodies by bytes.
            is_selected, call = CALLS[number % 10 if number % 100 == 99 else number % 9]
            was_queued, message = call(sdk)
            assert was_queued
            if is_selected:
                expected.append(as_it_must_arrive(connected, message))

    stack.wait_until(lambda: len(recorder.arrivals()) >= len(expected), "the arrival of all events")
    stack.check_ledger()

    assert [without_signature(arrival.message) for arrival in recorder.arrivals()] == expected
    assert max(len(arrival.raw) for arrival in recorder.arrivals()) <= MAX_MESSAGE_BYTES
    assert max(len(post.body) for post in recorder.posts) <= MAX_BODY_BYTES
    assert max(len(json.loads(post.body)["batch"]) for post in recorder.posts) <= MAX_BATCH_MESSAGES
    user = base64.b64encode(f"{WRITE_KEY}:".encode())
    assert all(b"\r\nauthorization: Basic " + user + b"\r\n" in post.head for post in recorder.posts)


def test_a_message_of_the_largest_size_that_the_library_sends_arrives(stack: Stack, recorder: Recorder) -> None:
    connected = stack.connect(recorder.url, SELECTED)
    with pointed_at(stack, connected) as sdk:
        _, message = sdk.track("customer-1", "Message Handled", {"text": ""})
        room = MAX_MESSAGE_BYTES - len(json.dumps(message))
        sdk.track("customer-1", "Message Handled", {"text": "a" * room})
    stack.wait_until(lambda: bool(recorder.posts), "the arrival of the small event")
    stack.check_ledger()

    assert [len(arrival.message["properties"]["text"]) for arrival in recorder.arrivals()] == [0, room]
    assert max(len(arrival.raw) for arrival in recorder.arrivals()) <= MAX_MESSAGE_BYTES
