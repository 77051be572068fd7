"""Forms that specifications print: what becomes of them at intake, on whichever route, and what is left as it came."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from assistants import catalog
from assistants.intake import segment
from assistants.items import read_message
from assistants.messages import Message, to_json

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
COMMON = {"userId": "u-1", "messageId": "m-1", "timestamp": "2026-11-22T09:00:00.000Z"}


def read(item: dict[str, Any], *, fixed_type: str = "") -> dict[str, Any]:
    message = read_message(json.dumps({**COMMON, **item}).encode(), received_at=NOW, fixed_type=fixed_type)
    assert isinstance(message, Message), message
    stored: dict[str, Any] = json.loads(to_json(message))
    return {name: value for name, value in stored.items() if name not in COMMON}


def track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": properties}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"action": "track", "event": "Message Sent", "properties": {"conversationId": "c"}},
            track("Message Sent", conversationId="c"),
        ),
        ({"action": "identify", "traits": {"plan": "plus"}}, {"type": "identify", "traits": {"plan": "plus"}}),
        ({"action": "track", "type": None, "event": "A"}, {"type": "track", "event": "A"}),
        # A type counts before an action, and an action of another kind is the sender's own.
        ({"action": "track", "type": "page", "name": "Orders"}, {"action": "track", "type": "page", "name": "Orders"}),
        ({"action": "buy", "type": "track", "event": "A"}, {"action": "buy", "type": "track", "event": "A"}),
    ],
)
def test_an_action_is_a_type_where_there_is_none(item: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(item) == expected


@pytest.mark.parametrize("item", [{"action": "buy", "event": "A"}, {"action": 5, "event": "A"}, {"event": "A"}])
def test_without_a_type_or_an_action_that_is_one_an_item_is_refused(item: dict[str, Any]) -> None:
    refused = read_message(json.dumps({**COMMON, **item}).encode(), received_at=NOW)

    assert not isinstance(refused, Message)
    assert refused.code == "unknown_type"


@pytest.mark.parametrize("event", ["Message Sent", "Message Received", "Action Invoked", "Media Generated"])
def test_a_role_beside_the_properties_is_lifted_into_them(event: str) -> None:
    outside = {"type": "track", "event": event, "role": "ai_agent", "properties": {"conversationId": "c"}}

    assert read(outside) == track(event, conversationId="c", role="ai_agent")
    assert read({"type": "track", "event": event, "role": "ai_agent"}) == track(event, role="ai_agent")


@pytest.mark.parametrize(
    "item",
    [
        {**track("Message Sent", role="customer"), "role": "agent"},
        {**track("Order Placed"), "role": "buyer"},
        {**track("Message Sent"), "role": 5},
        {**track("Message Sent"), "role": ""},
        {"type": "track", "event": "Message Sent", "role": "agent", "properties": ["a"]},
        {"type": "identify", "role": "agent", "traits": {}},
    ],
)
def test_any_other_role_stays_where_it_is(item: dict[str, Any]) -> None:
    assert read(item) == item


@pytest.mark.parametrize(
    ("printed", "event"), [("Custom Component Loaded", "Component Loaded"), ("Tool Invoked", "Action Invoked")]
)
def test_other_names_of_an_event(printed: str, event: str) -> None:
    assert read(track(printed, conversationId="c", type="map")) == track(event, conversationId="c", type="map")
    assert read({"type": "track", "event": printed}) == {"type": "track", "event": event}
    assert read({"type": "page", "name": printed}) == {"type": "page", "name": printed}


def test_several_forms_at_once() -> None:
    item = {"action": "track", "event": "Tool Invoked", "role": "agent", "properties": {"type": "Search"}}

    assert read(item) == track("Action Invoked", type="Search", role="agent")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("9", 9),
        (" 12 ", 12),
        ("3.0", 3.0),
        ("-1", -1),
        (9, 9),
        ("nine", "nine"),
        ("", ""),
        ("1e3", "1e3"),
        ("\uff10", "\uff10"),
    ],
)
def test_a_count_that_is_a_number_in_words_becomes_one(given: Any, expected: Any) -> None:
    assert read(track("Conversation Ended", message_count=given)) == track("Conversation Ended", message_count=expected)


def test_a_count_may_be_absent_and_is_another_event_s_own_business() -> None:
    assert read(track("Conversation Ended", conversationId="c")) == track("Conversation Ended", conversationId="c")
    assert read(track("Order Placed", message_count="9")) == track("Order Placed", message_count="9")


def test_the_space_behind_nodes_visited_is_taken_off() -> None:
    misprinted = {"type": "track", "event": "Message Handled", "properties": {"nodesVisited ": ["n"], "a ": 1}}

    assert read(misprinted) == track("Message Handled", **{"nodesVisited": ["n"], "a ": 1})
    both = {"nodesVisited ": ["wrong"], "nodesVisited": ["right"]}
    assert read(track("Message Handled", **both)) == track("Message Handled", nodesVisited=["right"])
    assert read(track("Order Placed", **both)) == track("Order Placed", **both)


def test_values_keep_their_digits() -> None:
    raw = b'{"action":"track","event":"Tool Invoked","messageId":"m","role":"agent","properties":{"n":1.10,"e":1E2}}'
    message = read_message(raw, received_at=NOW)

    assert isinstance(message, Message)
    assert b'"properties":{"n":1.10,"e":1E2,"role":"agent"}' in to_json(message)


@pytest.mark.parametrize("entry", catalog.everything(), ids=lambda entry: entry.title)
def test_what_is_as_it_should_be_stays_so(entry: Any) -> None:
    for example in entry.examples:
        expected = {name: value for name, value in example.items() if name not in COMMON}
        assert read(dict(example)) == expected


@pytest.mark.parametrize(
    ("path", "wrap"),
    [
        ("/v1/track", False),
        ("/v1/t", False),
        ("/v1/batch", True),
        ("/v1/import", True),
        ("/v1/b", True),
    ],
)
def test_every_segment_route_understands_them(path: str, wrap: bool) -> None:
    item = {**COMMON, "action": "track", "event": "Tool Invoked", "role": "agent", "properties": {"type": "Search"}}
    body = {"batch": [item], "writeKey": "k"} if wrap else {**item, "writeKey": "k"}

    request = segment.take_apart(path, json.dumps(body).encode(), header_key="")
    result = segment.read_items(request, received_at=NOW)

    (message,) = result.messages
    assert (message.type, message.event, bytes(message.properties)) == (
        "track",
        "Action Invoked",
        b'{"type":"Search","role":"agent"}',
    )
    assert result.refused == []
