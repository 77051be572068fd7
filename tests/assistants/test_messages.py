"""Messages: what becomes of one JSON item, rule by rule, and that nothing a sender writes gets past the rules."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from assistants.faults import Refused, find_fault
from assistants.items import read_message
from assistants.log import pack
from assistants.messages import Event, Message, merge_defaults, pretty_json, to_json

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
NOW_TEXT = "2026-11-22T10:00:00.123+00:00"
STORED = msgspec.json.Decoder(list[Message])


def read(item: Any, *, fixed_type: str = "") -> Message | Refused:
    raw = item if isinstance(item, bytes) else msgspec.json.encode(item)
    return read_message(raw, received_at=NOW, fixed_type=fixed_type)


def sent(item: Any, *, fixed_type: str = "") -> dict[str, Any]:
    """What of an item is sent on, but for what every message has: the type, the message ID, the timestamp."""
    message = read(item, fixed_type=fixed_type)
    assert isinstance(message, Message), message
    members = json.loads(to_json(message))
    return {name: members[name] for name in members if name not in {"type", "messageId", "timestamp"}}


def track(**members: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": "m-1", "timestamp": "2026-11-22T10:00:00Z", **members}


def raw_track(member: bytes) -> bytes:
    return b'{"type":"track","messageId":"m-1","timestamp":"2026-11-22T10:00:00Z",' + member + b"}"


def test_an_item_of_the_usual_shape_becomes_a_message_member_by_member() -> None:
    item = track(
        event="Message Sent",
        userId="u",
        anonymousId="a",
        properties={"n": 1},
        context={"ip": "0.0.0.0"},
        integrations={"All": False},
    )

    assert read(item) == Message(
        type="track",
        event="Message Sent",
        user_id="u",
        anonymous_id="a",
        message_id="m-1",
        timestamp="2026-11-22T10:00:00Z",
        properties=Raw(b'{"n":1}'),
        context=Raw(b'{"ip":"0.0.0.0"}'),
        integrations=Raw(b'{"All":false}'),
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "identify", "userId": "u", "traits": {"plan": "pro"}}, {"userId": "u", "traits": {"plan": "pro"}}),
        ({"type": "page", "name": "Home", "category": "Docs"}, {"name": "Home", "category": "Docs"}),
        ({"type": "screen", "name": "Main"}, {"name": "Main"}),
        ({"type": "group", "groupId": "g"}, {"groupId": "g"}),
        ({"type": "alias", "previousId": "p", "userId": "u"}, {"previousId": "p", "userId": "u"}),
        ({"type": "track"}, {}),
    ],
)
def test_each_type_keeps_its_members(item: dict[str, Any], expected: dict[str, Any]) -> None:
    message = read(item)

    assert isinstance(message, Message)
    assert message.type == item["type"]
    assert sent(item) == expected


@pytest.mark.parametrize("fixed_type", ["track", "identify", "page", "screen", "group", "alias"])
def test_a_route_fixes_the_type_whatever_the_item_says(fixed_type: str) -> None:
    for given_type in ("track", "nonsense", 5, None):
        message = read({"type": given_type}, fixed_type=fixed_type)

        assert isinstance(message, Message)
        assert json.loads(to_json(message))["type"] == fixed_type


@pytest.mark.parametrize("member", [b"5", b"0", b"-7", b"9007199254740993", b"18446744073709551616", b"1.10", b"-0"])
@pytest.mark.parametrize("name", ["userId", "anonymousId", "groupId", "previousId"])
def test_a_numeric_id_becomes_a_text_digit_for_digit(name: str, member: bytes) -> None:
    assert sent(raw_track(b'"%s":%s' % (name.encode(), member))) == {name: member.decode()}


def test_a_numeric_message_id_is_the_id() -> None:
    message = read(b'{"type":"track","messageId":12345678901234567890123}')

    assert isinstance(message, Message)
    assert message.message_id == "12345678901234567890123"


@pytest.mark.parametrize("name", ["event", "userId", "anonymousId", "properties", "context", "unknown", "name"])
def test_a_member_that_is_null_is_as_if_it_were_not_there(name: str) -> None:
    assert read(track(**{name: None})) == read(track())


@pytest.mark.parametrize("name", ["event", "userId", "anonymousId", "groupId", "previousId", "name", "category"])
def test_an_empty_text_is_as_if_it_were_not_there(name: str) -> None:
    assert read(track(**{name: ""})) == read(track())


def test_unknown_members_are_kept_as_they_were_written() -> None:
    message = read(raw_track(b'"_metadata":{"nodeVersion" : "v20"},"version":2.0,"extra":[1, 2]'))

    assert isinstance(message, Message)
    assert message.extra == {
        "_metadata": Raw(b'{"nodeVersion" : "v20"}'),
        "version": Raw(b"2.0"),
        "extra": Raw(b"[1, 2]"),
    }
    assert b'"_metadata":{"nodeVersion" : "v20"},"version":2.0,"extra":[1, 2]' in to_json(message)


@pytest.mark.parametrize(
    ("name", "value"), [("event", ["x"]), ("userId", True), ("userId", {"$ne": 1}), ("name", 5), ("category", False)]
)
def test_a_known_member_of_an_unusable_type_is_kept_apart_and_sent_on_unchanged(name: str, value: Any) -> None:
    message = read(track(**{name: value}))

    assert isinstance(message, Message)
    assert message.extra == {name: Raw(msgspec.json.encode(value))}
    assert sent(track(**{name: value})) == {name: value}


@pytest.mark.parametrize("name", ["properties", "traits", "context", "integrations"])
@pytest.mark.parametrize("value", [5, "text", [1], True])
def test_an_object_of_another_type_is_kept_for_the_reader_to_judge(name: str, value: Any) -> None:
    assert sent(track(**{name: value})) == {name: value}


def test_the_key_and_the_time_of_sending_are_not_kept() -> None:
    plain, unusual = track(writeKey="k", sentAt="2026-11-22T10:00:00Z"), track(writeKey=1, sentAt=2, unknown=3)

    assert sent(plain) == {}
    assert sent(unusual) == {"unknown": 3}


@pytest.mark.parametrize("given", [UNSET, None, "", [1]])
def test_an_item_without_a_usable_message_id_gets_one_of_its_own(given: Any) -> None:
    item = {"type": "track"} if given is UNSET else {"type": "track", "messageId": given}
    first, second = read(item), read(item)

    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert first.message_id.startswith("sluice-")
    assert first.message_id != second.message_id


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00.123456789Z",
        "2026-11-22T10:00:00,5+0100",
        "2026-11-22 10:00:00-11:30",
        "2026-11-22",
        "20261122T100000Z",
        "1970-01-01T00:00:00Z",
        # A year and a day ahead, and not a second more.
        "2027-11-23T10:00:00Z",
    ],
)
def test_a_timestamp_in_iso_8601_is_kept_as_it_was_written(text: str) -> None:
    message = read(track(timestamp=text))

    assert isinstance(message, Message)
    assert message.timestamp == text
    assert message.extra is UNSET


@pytest.mark.parametrize(
    "given",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "294277-01-10T04:00:54Z",
        "1969-12-31T23:59:59Z",
        "2027-11-23T10:00:01Z",
        "2036-11-22T10:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:00:00+99:99",
        "2026-11-22x10:00:00",
        "2026-11-22\n10:00:00",
        "2026-13-01",
        "yesterday",
        "NaN",
        "1795303445123",
        1795303445123,
        1e18,
        -1,
        True,
        ["2026-11-22"],
    ],
)
def test_an_unusable_timestamp_is_kept_beside_the_time_of_receipt(given: Any) -> None:
    message = read(track(timestamp=given))

    assert isinstance(message, Message)
    assert message.timestamp == NOW_TEXT
    assert sent(track(timestamp=given)) == {"originalTimestamp": given}


@pytest.mark.parametrize("given", [UNSET, None, ""])
def test_an_item_without_a_timestamp_happened_when_it_was_received(given: Any) -> None:
    item = {"type": "track"} if given is UNSET else {"type": "track", "timestamp": given}
    message = read(item)

    assert isinstance(message, Message)
    assert message.timestamp == NOW_TEXT
    assert sent(item) == {}


def test_of_two_equal_members_the_last_is_the_one_that_counts() -> None:
    message = read(raw_track(b'"userId":"first","userId":"last","x":1,"x":2'))

    assert isinstance(message, Message)
    assert message.user_id == "last"
    assert message.extra == {"x": Raw(b"2")}


def test_what_a_batch_says_for_all_fills_in_what_an_item_leaves_out() -> None:
    context, integrations = Raw(b'{"ip": "1.2.3.4", "app":{"a":1}}'), Raw(b'{"All":false}')
    message = read(track(context={"app": {"b": 2}, "os": 3}))
    assert isinstance(message, Message)

    merged = merge_defaults(message, context=context, integrations=integrations)

    assert json.loads(bytes(merged.context)) == {"ip": "1.2.3.4", "app": {"b": 2}, "os": 3}
    assert bytes(merged.integrations) == b'{"All":false}'


def test_an_items_own_context_wins_even_where_it_is_no_object() -> None:
    message = read(track(context=5, integrations=[1]))
    assert isinstance(message, Message)

    merged = merge_defaults(message, context=Raw(b'{"a":1}'), integrations=None)

    assert bytes(merged.context) == b"5"
    assert bytes(merged.integrations) == b"[1]"


def test_what_was_stored_comes_back_byte_for_byte() -> None:
    properties = '{ "b" : 1.10, "a":1E5,"n":123456789012345678901234567890, "é":"\\u00e9", "a":[ ] }'.encode()
    message = read(raw_track(b'"properties":%s,"x": {"y" :1}' % properties))
    assert isinstance(message, Message)

    (stored,) = STORED.decode(msgspec.json.encode([message]))

    assert stored == message
    assert to_json(stored) == to_json(message)
    assert b'"properties":' + properties in to_json(stored)
    assert pack([stored]) == pack([message])


def test_a_message_is_shown_to_people_indented() -> None:
    message = read(track(event="A", x=[1]))
    assert isinstance(message, Message)

    assert json.loads(pretty_json(message)) == json.loads(to_json(message))
    assert '\n  "event": "A"' in pretty_json(message)


@pytest.mark.parametrize(
    ("item", "name", "user"),
    [
        ({"type": "track", "event": "Session Started", "userId": "u", "anonymousId": "a"}, "Session Started", "u"),
        ({"type": "page", "name": "Home", "anonymousId": "a"}, "Home", "a"),
        ({"type": "identify"}, "Identify", ""),
    ],
)
def test_an_event_is_called_by_what_people_call_it(item: dict[str, Any], name: str, user: str) -> None:
    message = read(item)
    assert isinstance(message, Message)
    event = Event(1, NOW, "segment", message)

    assert (event.name, event.user) == (name, user)


def test_an_event_without_its_message_says_why() -> None:
    assert (Event(1, NOW, "segment", None).name, Event(1, NOW, "segment", None).user) == ("Erased", "")
    assert Event(1, NOW, "segment", None, is_readable=False).name == "Unreadable"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
member_names = st.sampled_from(
    ["type", "event", "userId", "anonymousId", "messageId", "timestamp", "properties", "context", "writeKey", "x"]
)
items = st.dictionaries(member_names, json_values | st.sampled_from(["track", "page", "\ud800", "\0", 10**400]))


@settings(max_examples=400, deadline=None)
@given(value=json_values | items, as_ascii=st.booleans())
def test_any_json_value_becomes_a_message_or_is_refused(value: Any, as_ascii: bool) -> None:
    raw = json.dumps(value, ensure_ascii=as_ascii).encode(errors="surrogatepass")

    result = read(raw)

    if isinstance(result, Message):
        assert result.type in {"track", "page"}
        assert find_fault(to_json(result)) is None
        (back,) = STORED.decode(msgspec.json.encode([result]))
        assert to_json(back) == to_json(result)
    else:
        assert result.code
        assert result.message


@settings(max_examples=400, deadline=None)
@given(raw=st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0d8fe1-+.ntrl ', max_size=60).map(str.encode))
def test_any_bytes_become_a_message_or_are_refused(raw: bytes) -> None:
    for item in (raw, b"{" + raw, b'{"type":"track","a":"' + raw + b'"}'):
        result = read(item)

        assert isinstance(result, Message | Refused)


@settings(max_examples=200, deadline=None)
@given(properties=st.dictionaries(st.text(max_size=8), json_values, max_size=5), number=st.integers(0, 10**40))
def test_properties_and_numeric_ids_come_back_as_they_were_written(properties: dict[str, Any], number: int) -> None:
    raw = json.dumps(properties, ensure_ascii=False).encode(errors="surrogatepass")
    message = read(raw_track(b'"properties":%s,"userId":%d' % (raw, number)))

    if isinstance(message, Message):
        assert b'"properties":' + raw in to_json(message)
        assert message.user_id == str(number)
    else:
        assert find_fault(raw) is not None
