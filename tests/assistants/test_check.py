"""The schema check: what differs from the catalog is said, property by property, and nothing else is."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from assistants import catalog
from assistants.catalog import check as checking
from assistants.catalog.check import Code, Deviation, check, check_track, is_fault, type_of
from assistants.catalog.entry import Entry, properties_schema
from tests.make import make_message

UNKNOWN = Deviation(Code.UNKNOWN_EVENT)


def missing(name: str) -> Deviation:
    return Deviation(Code.MISSING, name)


def mistyped(name: str, expected: str, given_: str) -> Deviation:
    return Deviation(Code.MISTYPED, name, expected, given_)


def example(event: str, number: int = 0) -> dict[str, Any]:
    entry = catalog.find("track", event)
    assert entry is not None
    return dict(entry.examples[number]["properties"])


def differs(event: str, properties: Any) -> list[Deviation]:
    return list(check_track(event, Raw(json.dumps(properties).encode())))


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.title)
def test_the_examples_differ_in_nothing(entry: Entry) -> None:
    for each in entry.examples:
        assert differs(entry.name, each["properties"]) == []


@pytest.mark.parametrize("name", ["Order Placed", "message handled", "Message Handled ", "*"])
def test_a_name_that_the_catalog_does_not_have(name: str) -> None:
    assert check(make_message(name)) == (UNKNOWN,)
    assert check(make_message(name, properties={"conversationId": 5})) == (UNKNOWN,)


@pytest.mark.parametrize(
    "members", [{"type": "page", "name": "Orders"}, {"type": "identify"}, {"type": "track", "event": None}]
)
def test_what_has_no_event_s_name_is_not_compared(members: dict[str, Any]) -> None:
    assert check(make_message(**{"event": None, **members})) == ()


def test_everything_that_is_expected_is_missing_where_there_are_no_properties() -> None:
    names = ("accountId", "assistantId", "channel", "environment", "serviceInstance", "sessionId")
    expected = [missing(name) for name in names]

    assert list(check_track("Session Started", UNSET)) == expected
    assert differs("Session Started", {}) == expected


@pytest.mark.parametrize(
    ("event", "changes", "expected"),
    [
        ("Session Started", {"accountId": None}, [mistyped("accountId", "String", "null")]),
        ("Session Started", {"accountId": 17, "channel": True}, [
            mistyped("accountId", "String", "Number"), mistyped("channel", "String", "Boolean"),
        ]),
        ("Session Started", {"extra": 1, "accountID": "x"}, []),
        ("Message Handled", {"actionStarted": 1}, [mistyped("actionStarted", "Boolean", "Number")]),
        ("Message Handled", {"actionStarted": "true"}, [mistyped("actionStarted", "Boolean", "String")]),
        ("Message Handled", {"skillsInvoked": "actions skill"}, [mistyped("skillsInvoked", "String[]", "String")]),
        ("Message Handled", {"actionsVisited": ["a", 1]}, [mistyped("actionsVisited", "String[]", "mixed list")]),
        ("Message Handled", {"actionsVisited": [1]}, [mistyped("actionsVisited", "String[]", "Number[]")]),
        ("Message Handled", {"actionsVisited": {}}, [mistyped("actionsVisited", "String[]", "Object")]),
        ("Message Handled", {"actionsVisited": []}, []),
        ("Message Handled", {"stepsVisited": [{"stepId": "step_001"}]}, []),
        ("Message Handled", {"stepsVisited": [{"stepTitle": "Ask"}]}, [
            mistyped("stepsVisited", "String[]", "Object[]"),
        ]),
        ("Message Handled", {"stepsVisited": ["a", {"stepId": "b"}]}, [
            mistyped("stepsVisited", "String[]", "mixed list")
        ]),
        ("Feedback Submitted", {"rating": "4"}, [mistyped("rating", "Number", "String")]),
        ("Feedback Submitted", {"rating": True}, [mistyped("rating", "Number", "Boolean")]),
        ("Feedback Submitted", {"rating": -0.5}, []),
        ("Feedback Submitted", {"rating": 10**30}, []),
        ("Conversation Ended", {"message_count": "many"}, [mistyped("message_count", "Number", "String")]),
    ],
)  # fmt: skip
def test_properties_of_another_type(event: str, changes: dict[str, Any], expected: list[Deviation]) -> None:
    assert differs(event, {**example(event), **changes}) == expected


@pytest.mark.parametrize(
    ("event", "left_out", "expected"),
    [
        ("Message Handled", ["handler", "stepsVisited", "subaction"], []),
        ("Message Handled", ["action", "actionTitle"], ["action", "actionTitle"]),
        ("Message Handled", ["browser", "device", "pageUrl"], ["browser", "device", "pageUrl"]),
        ("Message Handled", ["actionCompletedReason"], ["actionCompletedReason"]),
        ("Message Handled", ["skillsInvoked", "action"], ["skillsInvoked"]),
        ("Message Handled", ["channel", "browser"], ["channel"]),
        ("Action Started", ["actionCompletedReason", "stepsVisited"], []),
        ("Action Completed", ["actionCompletedReason"], ["actionCompletedReason"]),
        ("Message Sent", ["message_body", "role"], ["role"]),
        ("Action Invoked", ["role"], []),
        ("Conversation Ended", ["message_count"], []),
        ("Feedback Submitted", ["messageId", "rating"], ["rating"]),
        ("Live Chat Message Sent", ["agent_id", "agent_name", "conversation_id"], ["conversation_id"]),
        ("Experiment Viewed", ["test_id"], ["test_id"]),
        ("Conversion Triggered", ["origin_url", "conversion_type"], ["conversion_type"]),
    ],
)
def test_properties_that_are_missing(event: str, left_out: list[str], expected: list[str]) -> None:
    properties = {name: value for name, value in example(event).items() if name not in left_out}

    assert differs(event, properties) == [missing(name) for name in expected]


def test_what_belongs_to_a_dialog_is_due_where_a_dialog_spoke() -> None:
    properties = example("Message Handled", 1)
    del properties["nodesVisited"], properties["branchExitedReason"]

    assert differs("Message Handled", properties) == [missing("nodesVisited")]
    assert differs("Message Handled", {**properties, "skillsInvoked": ["search skill"]}) == []
    # A skill of a longer name is another skill.
    assert differs("Message Handled", {**properties, "skillsInvoked": ["my main skill"]}) == []


def test_both_skills_may_have_spoken() -> None:
    both = {
        **example("Message Handled", 1),
        **example("Message Handled"),
        "skillsInvoked": ["main skill", "actions skill"],
    }
    assert differs("Message Handled", both) == []
    del both["nodesVisited"], both["actionTitle"]

    assert differs("Message Handled", both) == [missing("actionTitle"), missing("nodesVisited")]


def test_the_other_specification_s_names_make_up_for_the_missing_ones() -> None:
    assert differs("Experiment Viewed", {"experiment_id": "e", "variant_id": "v"}) == []
    assert differs("Experiment Viewed", {"experiment_name": "e", "variation_id": 5}) == [
        missing("test_id"),
        mistyped("variation_id", "String", "Number"),
    ]


@pytest.mark.parametrize("properties", [[], "text", 5, None, True])
def test_properties_that_are_no_object(properties: Any) -> None:
    assert differs("Session Started", properties) == [mistyped("properties", "Object", type_of(properties))]


@pytest.mark.parametrize("raw", [b"{", b'{"a":}', b'{"accountId": "\xff"}', b"[" * 5_000])
def test_what_cannot_be_read_raises_nothing(raw: bytes) -> None:
    assert check_track("Session Started", Raw(raw)) == ()


@pytest.mark.parametrize(
    ("event", "deviation", "expected"),
    [
        ("Message Sent", missing("role"), False),
        ("Message Sent", missing("messageId"), True),
        ("Message Sent", mistyped("role", "String", "Number"), True),
        ("Session Started", mistyped("properties", "Object", "String"), True),
        ("Session Started", UNKNOWN, False),
    ],
)
def test_a_fault_is_what_would_be_wrong_in_segment_too(event: str, deviation: Deviation, expected: bool) -> None:
    entry = catalog.find("track", event)
    assert entry is not None
    assert is_fault(entry, deviation) is expected


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["stepId", "a"]), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Entry, dict[str, Any]]:
    """An event of the catalog with some of its properties gone and some of another type."""
    entry = draw(st.sampled_from(catalog.entries()))
    properties = dict(draw(st.sampled_from(entry.examples))["properties"])
    names = [each.name for each in entry.carried]
    for name in draw(st.lists(st.sampled_from(names), max_size=4)):
        properties.pop(name, None)
    changes = st.dictionaries(st.sampled_from(names), values, max_size=3)
    return entry, {**properties, **draw(changes), **draw(st.dictionaries(st.text(), values, max_size=1))}


@settings(max_examples=300)
@given(messages())
def test_the_quick_look_and_the_close_one_agree_with_each_other_and_with_the_schema(
    message: tuple[Entry, dict[str, Any]],
) -> None:
    entry, properties = message
    raw = Raw(json.dumps(properties).encode())

    found = check_track(entry.name, raw)

    checker = checking._CHECKERS[entry.name]
    assert found == checker.look_closely(raw)
    schema = properties_schema(entry.carried)
    wrong = {error.path[0] for error in jsonschema.Draft7Validator(schema).iter_errors(properties)}
    assert {each.property for each in found if each.code is Code.MISTYPED} == wrong
    due = {each.name for each in entry.properties if each.due_in and not each.due_in.property}
    made_up_for = {name for name, others in entry.stand_ins.items() if any(other in properties for other in others)}
    gone = {each.property for each in found if each.code is Code.MISSING}
    assert due - properties.keys() - made_up_for <= gone
    assert gone.isdisjoint(properties)
