"""Reading items in one go: what it finds is what looking member by member finds, and it says what is faultless."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import catalog
from assistants.faults import Refused, find_fault
from assistants.items import ItemReader
from assistants.messages import Message, to_json

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HANDLED = catalog.find("track", "Message Handled")
assert HANDLED is not None
PROPERTIES: dict[str, Any] = dict(HANDLED.examples[0]["properties"])


def track(event: str | None = "Message Handled", properties: Any = PROPERTIES, **members: Any) -> dict[str, Any]:
    item = {"type": "track", "userId": "u", "messageId": "m-1", "timestamp": "2026-11-22T09:59:00.000Z", **members}
    return {**item, "event": event, "properties": properties}


def read_all(*items: Any) -> ItemReader:
    reader = ItemReader(received_at=NOW)
    for item in items:
        assert isinstance(reader.read(json.dumps(item).encode()), Message)
    return reader


class CarefulReader(ItemReader):
    """Looks at every item member by member."""

    def _read_usual(self, item: bytes) -> Message | None:
        return None


def outcome(reader: ItemReader, item: bytes) -> object:
    result = reader.read(item)
    return result if isinstance(result, Refused) else json.loads(to_json(result))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
changed_properties = st.dictionaries(st.sampled_from([*PROPERTIES, "own"]), values, max_size=3).map(
    lambda changes: {**PROPERTIES, **changes}
)
changed_items = st.builds(
    lambda event, properties, changes: {**track(event, properties), **changes},
    st.sampled_from(["Message Handled", "Session Started", "Conversation Ended", "Order Placed", "", None]),
    changed_properties | values,
    st.dictionaries(
        st.sampled_from(["userId", "anonymousId", "context", "integrations", "traits", "name", "type", "timestamp"]),
        values | st.sampled_from(["identify", "page", "2026-11-22T10:00:00Z", "20261122T100000Z", "2026-11-22x10:00"]),
        max_size=3,
    ),
)


@settings(max_examples=600, deadline=None)
@given(item=changed_items, as_ascii=st.booleans())
def test_the_short_way_finds_what_the_long_way_finds(item: dict[str, Any], as_ascii: bool) -> None:
    raw = json.dumps(item, ensure_ascii=as_ascii).encode(errors="surrogatepass")

    assert outcome(ItemReader(received_at=NOW), raw) == outcome(CarefulReader(received_at=NOW), raw)


@settings(max_examples=300, deadline=None)
@given(items=st.lists(changed_items, min_size=2, max_size=5))
def test_what_was_read_before_does_not_change_what_is_found(items: list[dict[str, Any]]) -> None:
    reader = ItemReader(received_at=NOW)
    for item in items:
        raw = json.dumps(item).encode()
        assert outcome(reader, raw) == outcome(ItemReader(received_at=NOW), raw)


@pytest.mark.parametrize(
    "item",
    [
        track(),
        track("Order Placed", {"anything": {"goes": [1]}}),
        track("Order Placed", {}),
        {"type": "identify", "userId": "u", "messageId": "m", "timestamp": "2026-11-22T09:59:00Z", "traits": {"a": 1}},
        {"type": "page", "userId": "u", "messageId": "m", "timestamp": "2026-11-22T09:59:00Z", "name": "Home"},
    ],
)
def test_what_is_as_the_catalog_says_or_unknown_to_it_is_faultless(item: dict[str, Any]) -> None:
    assert read_all(track(), item).is_faultless


@pytest.mark.parametrize(
    "item",
    [
        track(properties={**PROPERTIES, "language": 5}),
        track(properties={name: value for name, value in PROPERTIES.items() if name != "language"}),
        track(properties={**PROPERTIES, "own": 1}),
        track("Session Started", {}),
        track(properties=[]),
        track(properties=None),
        track(userId=17),
    ],
)
def test_what_has_to_be_looked_at_is_not_faultless(item: dict[str, Any]) -> None:
    assert not read_all(item, track()).is_faultless


def test_a_refused_item_says_nothing_about_its_neighbours() -> None:
    reader = read_all(track())

    assert isinstance(reader.read(b'{"type":"track","a":1e400}'), Refused)
    assert reader.is_faultless


@pytest.mark.parametrize("name", ["context", "integrations", "traits"])
def test_objects_beside_the_properties_are_looked_into(name: str) -> None:
    reader = ItemReader(received_at=NOW)
    deep = track(**{name: json.loads("[" * 40 + "]" * 40)})

    assert isinstance(reader.read(json.dumps(track(**{name: {"a": 1}})).encode()), Message)
    refused = reader.read(json.dumps(track(**{name: {"a": deep[name]}})).encode())

    assert refused == find_fault(json.dumps({"a": {"a": deep[name]}}).encode())
    assert isinstance(refused, Refused)
