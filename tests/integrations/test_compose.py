"""Compose: what is sent of a range of the log, byte for byte, and the reason for each event that is left out."""

import copy
import itertools
import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from assistants import catalog, log
from assistants.items import read_message
from assistants.messages import Event, Message
from assistants.models import Block
from integrations.compose import TEST_SOURCE, Batch, Terms, compose, compose_one, derived_message_id
from integrations.segment.client import batch_body
from integrations.version import VERSION
from tests.make import make_message

NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
NOW = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)
MINUTE = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SIGNATURE = {"name": "sluice", "version": VERSION}
EVERYTHING = frozenset(entry.key for entry in (*catalog.entries(), *catalog.plain_calls().entries))
ALL = Terms(NAMESPACE, EVERYTHING)
ANONYMOUS = Terms(NAMESPACE, EVERYTHING, anonymous_sessions=True)
IBM_EVENT = "Session Started"
OTHER_EVENT = "Order Completed"
NOTHING = Terms(NAMESPACE, frozenset())


def received(item: dict[str, Any], *, position: int = 1) -> Event:
    """Make an event of what a sender posted, as intake would."""
    message = read_message(json.dumps(item).encode(), received_at=NOW)
    assert isinstance(message, Message), message
    return Event(position, NOW, "segment", message)


def event(position: int = 1, *, source: str = "segment", at: datetime = NOW, **members: Any) -> Event:
    return Event(position, at, source, make_message(**members))


def one(subject: Event, terms: Terms) -> tuple[str, bytes]:
    composed = compose_one(subject, terms)
    return composed.reason, b"".join(composed.messages)


def sent(subject: Event, terms: Terms = ALL) -> dict[str, Any]:
    reason, body = one(subject, terms)
    assert reason == ""
    message: dict[str, Any] = json.loads(body)
    return message


def reason_for(item: dict[str, Any], terms: Terms = ALL) -> str:
    return one(received(item), terms)[0]


def track(name: Any = OTHER_EVENT, **members: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "userId": "u-1", "messageId": "m-1", **members}


# --- Reasons ---


@pytest.mark.parametrize(
    ("reason", "item"),
    [
        ("event_not_defined", {"type": "track", "userId": "u-1"}),
        ("event_not_defined", track("")),
        ("event_not_string", track({"name": "Order Completed"})),
        ("event_not_string", track(5)),
        ("properties_not_object", track(properties=["a"])),
        ("properties_not_object", track(properties="a")),
        ("traits_not_object", {"type": "identify", "userId": "u-1", "traits": []}),
        ("id_required", {"type": "group", "userId": "u-1"}),
        ("id_required", {"type": "alias", "userId": "u-1"}),
        ("id_required", {"type": "alias", "previousId": "u-0"}),
        ("id_required", {"type": "alias", "previousId": "u-0", "anonymousId": "a-1"}),
        ("id_not_string", track(userId={"id": 1})),
        ("id_not_string", track(userId=True, anonymousId="a-1")),
        ("id_not_string", track(userId=None, anonymousId=["a-1"])),
        ("no_user_anon_id", track(userId=None)),
        ("no_user_anon_id", track(userId="")),
        ("no_user_anon_id", {"type": "page", "name": "Home"}),
        ("no_user_id", track(IBM_EVENT, userId=None)),
        ("no_user_id", track(IBM_EVENT, userId=None, anonymousId="a-1")),
        ("no_user_id", track(IBM_EVENT, userId=None, properties={"sessionId": "s-1"})),
    ],
)
def test_why_an_event_is_left_out(reason: str, item: dict[str, Any]) -> None:
    assert reason_for(item) == reason


@pytest.mark.parametrize(
    "item",
    [
        track(),
        track(userId=None, anonymousId="a-1"),
        track(userId=17),
        track(IBM_EVENT),
        track(properties={}),
        {"type": "identify", "userId": "u-1", "traits": {"plan": "pro"}},
        {"type": "identify", "anonymousId": "a-1"},
        {"type": "page", "userId": "u-1"},
        {"type": "screen", "userId": "u-1", "name": "Start"},
        {"type": "group", "userId": "u-1", "groupId": "g-1"},
        {"type": "alias", "userId": "u-1", "previousId": "a-1"},
    ],
)
def test_what_is_sent_where_everything_is_selected_and_nothing_where_nothing_is(item: dict[str, Any]) -> None:
    assert reason_for(item) == ""
    assert reason_for(item, NOTHING) == "event_not_selected"


def test_a_selection_goes_by_type_and_name() -> None:
    handled = Terms(NAMESPACE, frozenset({("track", "Message Handled")}))

    assert reason_for(track("Message Handled"), handled) == ""
    assert reason_for(track("message handled"), handled) == "event_not_selected"
    assert reason_for(track(IBM_EVENT), handled) == "event_not_selected"
    assert reason_for({"type": "page", "userId": "u-1", "name": "Message Handled"}, handled) == "event_not_selected"


def test_track_events_outside_the_catalog_are_selected_together() -> None:
    others = Terms(NAMESPACE, frozenset({("track", "*")}))

    assert [reason_for(track(name), others) for name in (OTHER_EVENT, "Anything", IBM_EVENT)] == [
        "",
        "",
        "event_not_selected",
    ]


def test_a_missing_name_is_told_even_where_nothing_is_selected() -> None:
    assert reason_for({"type": "track", "userId": "u-1"}, NOTHING) == "event_not_defined"


def test_an_erased_event_is_left_out() -> None:
    assert one(Event(1, NOW, "segment", None), ALL) == ("erased", b"")


def test_an_event_of_a_damaged_block_is_left_out() -> None:
    assert one(Event(1, NOW, "segment", None, is_readable=False), ALL) == ("unreadable", b"")


def of_size_when_signed(size: int) -> Event:
    filling = event(message_id="m", properties={"filling": "", "environment": "draft"})
    missing = size - len(one(filling, ALL)[1])
    return event(message_id="m", properties={"filling": "x" * missing, "environment": "draft"})


def test_a_message_is_signed_as_long_as_it_fits() -> None:
    assert len(one(of_size_when_signed(32_768), ALL)[1]) == 32_768

    reason, body = one(of_size_when_signed(32_769), ALL)

    assert reason == ""
    assert "context" not in json.loads(body)


def test_a_message_that_does_not_fit_even_unsigned_is_left_out() -> None:
    unsigned = len(one(of_size_when_signed(32_769), ALL)[1])

    assert len(one(of_size_when_signed(32_769 + 32_768 - unsigned), ALL)[1]) == 32_768
    assert one(of_size_when_signed(32_769 + 32_769 - unsigned), ALL) == ("message_too_large", b"")


@pytest.mark.parametrize("broken", [Raw(b'{"library":}'), Raw(b'{"library":1'), Raw(b'{"library"\xff}')])
def test_a_message_that_cannot_be_read_is_left_out_and_its_neighbours_are_sent(broken: Raw) -> None:
    damaged = Event(2, NOW, "segment", msgspec.structs.replace(make_message(), context=broken))

    batch = compose([event(1), damaged, event(3)], ALL)

    assert batch.left_out == [(2, "unreadable")]
    assert batch.positions == [1, 3]


# --- Anonymous sessions ---


def test_the_session_can_stand_in_for_the_visitor() -> None:
    item = track(IBM_EVENT, userId=None, properties={"sessionId": "s-1"})

    assert sent(received(item), ANONYMOUS)["anonymousId"] == "s-1"
    assert "userId" not in sent(received(item), ANONYMOUS)


def test_an_anonymous_id_of_its_own_is_kept() -> None:
    item = track(IBM_EVENT, userId=None, anonymousId="a-1", properties={"sessionId": "s-1"})

    assert sent(received(item), ANONYMOUS)["anonymousId"] == "a-1"


def test_a_user_id_needs_no_session() -> None:
    assert "anonymousId" not in sent(received(track(IBM_EVENT, properties={"sessionId": "s-1"})), ANONYMOUS)


@pytest.mark.parametrize(
    "properties", [None, {}, {"sessionId": ""}, {"sessionId": 5}, {"sessionId": None}, {"sessionID": "s"}]
)
def test_without_a_session_there_is_nobody_to_send_for(properties: dict[str, Any] | None) -> None:
    assert reason_for(track(IBM_EVENT, userId=None, properties=properties), ANONYMOUS) == "no_user_id"


def test_a_user_id_of_the_wrong_type_is_not_covered_up_by_a_session() -> None:
    assert reason_for(track(IBM_EVENT, userId={}, properties={"sessionId": "s-1"}), ANONYMOUS) == "id_not_string"


def test_the_session_stands_in_for_the_ibm_family_only() -> None:
    assert reason_for(track(userId=None, properties={"sessionId": "s-1"}), ANONYMOUS) == "no_user_anon_id"


# --- The message as it is sent ---


def test_a_message_is_sent_as_it_came_with_our_id_and_signature() -> None:
    item = {
        "type": "track",
        "event": OTHER_EVENT,
        "userId": "u-1",
        "anonymousId": "a-1",
        "messageId": "m-1",
        "timestamp": "2026-11-22T09:59:59.123+02:00",
        "properties": {"price": 1.10, "big": 12345678901234567890, "snow": "☃", "nested": {"a": [1, None, True]}},
        "context": {"ip": "203.0.113.5", "library": {"name": "analytics-python", "version": "2.4.0"}},
        "integrations": {"All": False, "Amplitude": {"session_id": 1}},
        "custom": {"kept": True},
        "_metadata": ["kept"],
    }

    assert sent(received(item)) == item | {
        "messageId": str(uuid.uuid5(NAMESPACE, "m-1")),
        "context": {**item["context"], "integration": SIGNATURE},  # type: ignore[dict-item]
    }


def test_numbers_keep_their_digits() -> None:
    raw = b'{"type":"track","event":"A","userId":1.50,"messageId":"m","properties":{"n":1.10,"e":1E2,"z":-0.0}}'
    message = read_message(raw, received_at=NOW)
    assert isinstance(message, Message)

    _, body = one(Event(1, NOW, "segment", message), ALL)

    assert b'"properties":{"n":1.10,"e":1E2,"z":-0.0}' in body
    assert json.loads(body)["userId"] == "1.50"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (None, {"integration": SIGNATURE, "library": SIGNATURE}),
        ({}, {"integration": SIGNATURE, "library": SIGNATURE}),
        ({"ip": "0"}, {"ip": "0", "integration": SIGNATURE, "library": SIGNATURE}),
        ({"library": {"name": "own"}}, {"library": {"name": "own"}, "integration": SIGNATURE}),
        ({"integration": {"name": "other"}}, {"integration": SIGNATURE, "library": SIGNATURE}),
        (
            {"page": {"library": 1, "integration": 2}},
            {"page": {"library": 1, "integration": 2}, "integration": SIGNATURE, "library": SIGNATURE},
        ),
        ({"path": "C:\\x"}, {"path": "C:\\x", "integration": SIGNATURE, "library": SIGNATURE}),
        ("text", {"integration": SIGNATURE, "library": SIGNATURE}),
        ([1], {"integration": SIGNATURE, "library": SIGNATURE}),
    ],
)
def test_the_context_names_the_integration_and_a_library(context: Any, expected: dict[str, Any]) -> None:
    assert sent(received(track(context=context)))["context"] == expected


@pytest.mark.parametrize(
    "context", [b'{"integr\\u0061tion":{"name":"other"}}', b'{ "integration" : 1 , "a":2 }', b"{ }"]
)
def test_no_context_names_the_integration_twice(context: bytes) -> None:
    subject = Event(1, NOW, "segment", msgspec.structs.replace(make_message(), context=Raw(context)))

    members = json.loads(one(subject, ALL)[1], object_pairs_hook=list)

    names = [name for name, _ in dict(members)["context"]]
    assert Counter(names)["integration"] == 1
    assert dict(dict(members)["context"])["integration"] == list(SIGNATURE.items())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["integration", "library", "page", 'a"b', "\\", "é"]) | st.text(max_size=8)
contexts = st.dictionaries(names, json_values, max_size=5)


@given(contexts)
def test_any_context_keeps_what_is_not_ours(context: dict[str, Any]) -> None:
    subject = Event(1, NOW, "s", msgspec.structs.replace(make_message(), context=Raw(json.dumps(context).encode())))

    assert sent(subject)["context"] == {"library": SIGNATURE, **context, "integration": SIGNATURE}


@given(st.text())
def test_the_derived_message_id_is_uuid_5(message_id: str) -> None:
    namespace = uuid.uuid4()

    assert derived_message_id(namespace, message_id) == str(uuid.uuid5(namespace, message_id))


def test_two_connections_send_the_same_event_with_different_ids() -> None:
    subject = event(message_id="m-1")
    other = Terms(uuid.UUID(int=7), EVERYTHING)

    assert sent(subject)["messageId"] == "1332dc7f-df85-5067-844b-b3713b2866ad"
    assert sent(subject, other)["messageId"] == str(uuid.uuid5(uuid.UUID(int=7), "m-1"))


def test_a_test_event_is_sent_whatever_is_selected() -> None:
    probe = event(source=TEST_SOURCE, event="Sluice Connection Tested", user_id=None, anonymous_id="sluice-test")

    batch = compose([probe], NOTHING)

    assert (batch.positions, batch.is_test) == ([1], True)
    assert compose([event()], ALL).is_test is False


# --- Batches ---


def test_a_batch_covers_its_range_in_order_with_a_reason_for_each_hole() -> None:
    events = [
        event(11, message_id="a"),
        event(12, event="Message Handled"),
        event(13, user_id=None),
        Event(14, NOW, "segment", None),
        event(15, message_id="b"),
        event(16, event="Message Handled"),
    ]
    terms = Terms(NAMESPACE, frozenset({("track", IBM_EVENT)}))

    batch = compose(events, terms)

    assert (batch.first, batch.last) == (11, 16)
    assert batch.positions == [11, 15]
    assert [json.loads(body)["messageId"] for body in batch.messages] == [
        str(uuid.uuid5(NAMESPACE, message_id)) for message_id in ("a", "b")
    ]
    assert batch.left_out == [
        (12, "event_not_selected"),
        (13, "no_user_id"),
        (14, "erased"),
        (16, "event_not_selected"),
    ]
    assert batch.sent_counts == {(MINUTE, IBM_EVENT): 2}
    assert batch.left_out_counts == {
        (MINUTE, "Message Handled", "event_not_selected"): 2,
        (MINUTE, IBM_EVENT, "no_user_id"): 1,
        (MINUTE, "Erased", "erased"): 1,
    }


def test_counts_go_by_the_minute_of_receipt() -> None:
    times = [MINUTE, MINUTE + timedelta(seconds=59.999), MINUTE + timedelta(seconds=60), MINUTE]

    batch = compose([event(position, at=at) for position, at in enumerate(times, start=1)], ALL)

    assert batch.sent_counts == {(MINUTE, IBM_EVENT): 3, (MINUTE + timedelta(minutes=1), IBM_EVENT): 1}


def test_a_batch_ends_at_the_number_of_messages_it_may_hold() -> None:
    events = [event(position) for position in range(1, 103)]

    first = compose(events, ALL, max_messages=100)
    assert (first.last, len(first.messages)) == (100, 100)
    rest = compose(events[100:], ALL, max_messages=100)
    assert (rest.first, rest.last, rest.positions) == (101, 102, [101, 102])


def test_what_is_left_out_at_the_end_belongs_to_the_full_batch() -> None:
    events = [event(1), event(2), event(3, user_id=None), event(4)]

    batch = compose(events, ALL, max_messages=2)

    assert (batch.last, batch.left_out) == (3, [(3, "no_user_id")])


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A run of events of all sizes, of which some cannot be sent."""
    start = draw(st.integers(1, 10**12))
    sizes = draw(st.lists(st.sampled_from([10, 900, 5_000, 30_000, 32_000, 32_700]), min_size=1, max_size=60))
    kinds = draw(st.lists(st.sampled_from(["sent", "not selected", "nobody", "erased"]), min_size=1, max_size=8))
    return [
        _event_of(position, kind, size)
        for position, kind, size in zip(itertools.count(start), itertools.cycle(kinds), sizes, strict=False)
    ]


def _event_of(position: int, kind: str, size: int) -> Event:
    if kind == "erased":
        return Event(position, NOW, "segment", None)
    name = "Message Handled" if kind == "not selected" else IBM_EVENT
    properties = {"filling": "ü" * (size // 2)}
    return event(position, event=name, user_id=None if kind == "nobody" else "u-1", properties=properties)


def batches(events: list[Event], terms: Terms, max_messages: int) -> list[Batch]:
    """Cut a log into batches as delivery does."""
    cut = []
    while events:
        batch = compose(events, terms, max_messages=max_messages)
        cut.append(batch)
        events = events[batch.last - batch.first + 1 :]
    return cut


@settings(max_examples=60)
@given(logs(), st.integers(1, 40))
def test_batches_keep_to_the_limits_and_lose_nothing(events: list[Event], max_messages: int) -> None:
    terms = Terms(NAMESPACE, frozenset({("track", IBM_EVENT)}))

    cut = batches(events, terms, max_messages)

    for batch in cut:
        assert len(batch.messages) <= max_messages
        assert all(len(body) <= 32_768 for body in batch.messages)
        assert len(batch_body(batch.messages, NOW)) <= 475_000
        assert sum(batch.sent_counts.values()) == len(batch.messages) == len(batch.positions)
        assert sum(batch.left_out_counts.values()) == len(batch.left_out)
    positions = [position for batch in cut for position in range(batch.first, batch.last + 1)]
    assert positions == [event.position for event in events]
    settled = [*(p for batch in cut for p in batch.positions), *(p for batch in cut for p, _ in batch.left_out)]
    assert sorted(settled) == positions
    for previous, following in itertools.pairwise(cut):
        # No batch could have held the next message as well.
        body = one(next(e for e in events if e.position == (following.positions or [following.last])[0]), terms)[1]
        size = len(batch_body([*previous.messages, body], NOW))
        assert not following.positions or len(previous.messages) == max_messages or size > 475_000 - 60


@settings(max_examples=40)
@given(logs())
def test_composing_is_pure(events: list[Event]) -> None:
    before = copy.deepcopy(events)

    first, second = compose(events, ANONYMOUS), compose(events, ANONYMOUS)

    assert first == second
    assert events == before


def test_an_event_composes_to_the_same_bytes_after_it_was_stored() -> None:
    subject = received(track(context={"library": {"name": "x"}}, properties={"n": 1.10}, custom=[1.0]))
    assert subject.message is not None
    block = Block(
        first_position=1, last_position=1, received_at=NOW, source="segment", body=log.pack([subject.message])
    )

    (stored,) = log.unpack(block)

    assert one(stored, ALL) == one(subject, ALL)
