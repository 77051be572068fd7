"""What a connection's options make of an event's properties, one option at a time, and that others stay untouched."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from assistants import catalog
from assistants.catalog.entry import Entry, properties_schema
from assistants.messages import Event
from integrations.compose import TEST_SOURCE, Terms, compose_one
from integrations.shape import AB_NAMES, MESSAGE_BODY, STEPS_AS_OBJECTS, properties_sent, shaped, shapes
from tests.make import make_message

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
EVERYTHING = frozenset(entry.key for entry in catalog.everything())
NAMESPACE = uuid.UUID(int=7)
CHAT = ["Message Sent", "Message Received"]
LIVE_CHAT = [f"Live Chat {each}" for each in ("Conversation Started", *CHAT, "Conversation Ended")]
STEPS = ["Message Handled", "Action Started", "Action Completed"]


def sent(event: str, properties: Any, **chosen: bool) -> Any:
    """Return the properties with which an event is sent, as compose makes them."""
    reason, body = composed(event, properties, **chosen)
    assert reason == ""
    return json.loads(body).get("properties")


def composed(event: str, properties: Any, *, source: str = "segment", **chosen: bool) -> tuple[str, bytes]:
    raw = UNSET if properties is None else Raw(json.dumps(properties).encode())
    message = msgspec.structs.replace(make_message(event), properties=raw)
    terms = Terms(
        NAMESPACE,
        EVERYTHING,
        shapes=shapes(chosen),
        leave_out_schema_faults=chosen.get("leave_out_schema_faults", False),
    )
    found = compose_one(Event(1, NOW, source, message), terms)
    return found.reason, b"".join(found.messages)


def example(event: str, number: int = 0) -> dict[str, Any]:
    entry = catalog.find("track", event)
    assert entry is not None
    return dict(entry.examples[number]["properties"])


# --- Message texts ---


@pytest.mark.parametrize("event", [*CHAT, *LIVE_CHAT])
def test_message_texts_are_sent_only_where_the_option_says_so(event: str) -> None:
    with_text = example(event)
    without = {name: value for name, value in with_text.items() if name != "message_body"}
    assert len(without) == len(with_text) - 1

    assert sent(event, with_text) == without
    assert sent(event, with_text, message_body=True) == with_text


def test_a_name_written_with_escapes_is_left_out_as_well() -> None:
    raw = Raw(b'{"conversationId":"c","messa\\u0067e_body":"secret","role":"customer"}')
    rules = shapes({})["track", "Message Sent"]

    assert json.loads(bytes(shaped(raw, rules))) == {"conversationId": "c", "role": "customer"}


def test_a_text_of_that_name_elsewhere_is_the_sender_s_own() -> None:
    nested = {"conversationId": "c", "role": "message_body", "data": {"message_body": "kept"}}

    assert sent("Message Sent", nested) == nested
    assert sent("Order Placed", {"message_body": "kept"}) == {"message_body": "kept"}
    assert sent("Conversation Started", {"message_body": "kept"}) == {"message_body": "kept"}


# --- Roles ---


@pytest.mark.parametrize(
    ("event", "role"),
    [
        ("Message Sent", "customer"),
        ("Message Received", "agent"),
        ("Action Invoked", "customer"),
        ("Media Generated", "agent"),
    ],
)
def test_a_role_that_nobody_gave_is_the_specification_s_default(event: str, role: str) -> None:
    assert sent(event, {"conversationId": "c"}) == {"conversationId": "c", "role": role}
    assert sent(event, {"conversationId": "c", "role": None}) == {"conversationId": "c", "role": role}
    assert sent(event, {"role": "ai_agent"}) == {"role": "ai_agent"}
    assert sent(event, {"data": {"role": "x"}}) == {"data": {"role": "x"}, "role": role}
    assert sent(event, None) == {"role": role}


# --- Steps ---


@pytest.mark.parametrize("event", STEPS)
def test_steps_are_sent_as_strings_by_default(event: str) -> None:
    strings = {"action": "action_1", "stepsVisited": ["action_1_step_001", "action_1_step_002"]}
    objects = {
        "action": "action_1",
        "stepsVisited": [{"stepId": "step_001", "stepTitle": "Ask"}, {"stepId": "step_002"}],
    }

    assert sent(event, strings) == strings
    assert sent(event, objects) == strings


@pytest.mark.parametrize("event", STEPS)
def test_steps_are_sent_as_objects_where_the_option_says_so(event: str) -> None:
    strings = {"action": "action_1", "stepsVisited": ["action_1_step_001", "action_1_step_002"]}
    objects = {
        "action": "action_1",
        "stepsVisited": [{"stepId": "step_001", "stepTitle": "Ask"}, {"stepId": "step_002"}],
    }

    assert sent(event, objects, steps_as_objects=True) == objects
    assert sent(event, strings, steps_as_objects=True)["stepsVisited"] == [
        {"stepId": "step_001"},
        {"stepId": "step_002"},
    ]


def test_steps_of_several_actions_lose_the_prefix_of_their_own() -> None:
    properties = {
        "action": "action_1",
        "actionsVisited": ["action_1", "action_2"],
        "stepsVisited": ["action_1_step_001", "action_2_step_007", "elsewhere_step_003", "action_1_"],
    }

    found = sent("Message Handled", properties, steps_as_objects=True)["stepsVisited"]

    assert [step["stepId"] for step in found] == ["step_001", "step_007", "elsewhere_step_003", ""]


def test_a_step_that_has_a_prefix_gets_no_second_one() -> None:
    steps = [{"stepId": "action_1_step_001"}, {"stepId": "action_2_step_002"}, {"stepId": "step_003"}]
    properties = {"action": "action_1", "actionsVisited": ["action_1", "action_2"], "stepsVisited": steps}

    assert sent("Message Handled", properties)["stepsVisited"] == [
        "action_1_step_001",
        "action_2_step_002",
        "action_1_step_003",
    ]
    assert sent("Message Handled", {"stepsVisited": [{"stepId": "step_001"}]}) == {"stepsVisited": ["step_001"]}


@pytest.mark.parametrize(
    "steps", ["step_001", [], {}, 5, None, ["a", {"stepId": "b"}], [{"stepTitle": "x"}], [{"stepId": 5}], [1]]
)
def test_steps_that_are_neither_stay_as_they_came(steps: Any) -> None:
    properties = {"action": "action_1", "stepsVisited": steps}

    assert sent("Action Started", properties) == properties
    assert sent("Action Started", properties, steps_as_objects=True) == properties


# --- Experiments ---

OWN = {"test_id": "t", "variant_id": "v"}
AB = {"experiment_id": "t", "experiment_name": "Menu", "variation_id": "v", "variation_name": "New"}
NAMES = {"experiment_name": "Menu", "variation_name": "New"}


def test_experiments_are_sent_under_their_own_names() -> None:
    assert sent("Experiment Viewed", OWN) == OWN
    assert sent("Experiment Viewed", AB) == {**OWN, **NAMES}
    assert sent("Experiment Viewed", {**AB, "test_id": "own"}) == {**OWN, **NAMES, "test_id": "own"}


def test_experiments_are_sent_under_both_names_where_the_option_says_so() -> None:
    both = {**OWN, "experiment_id": "t", "variation_id": "v"}

    assert sent("Experiment Viewed", OWN, ab_names=True) == both
    assert sent("Experiment Viewed", AB, ab_names=True) == {**both, **NAMES}
    assert sent("Experiment Viewed", {}, ab_names=True) == {}


# --- Leaving out ---


def test_events_that_differ_are_left_out_only_where_the_option_says_so() -> None:
    wrong = {**example("Feedback Submitted"), "rating": "4"}

    assert sent("Feedback Submitted", wrong) == wrong
    assert composed("Feedback Submitted", wrong, leave_out_schema_faults=True) == ("schema_fault", b"")
    assert composed("Session Started", None, leave_out_schema_faults=True) == ("schema_fault", b"")
    assert sent("Feedback Submitted", example("Feedback Submitted"), leave_out_schema_faults=True)


def test_unknown_names_and_what_is_filled_in_are_no_faults() -> None:
    assert sent("Order Placed", {"total": 5}, leave_out_schema_faults=True) == {"total": 5}
    without_role = {"conversationId": "c", "messageId": "m"}
    assert sent("Message Sent", without_role, leave_out_schema_faults=True) == {**without_role, "role": "customer"}


def test_a_test_event_is_sent_as_it_is() -> None:
    reason, body = composed("Message Sent", {"message_body": "x"}, source=TEST_SOURCE, leave_out_schema_faults=True)

    assert (reason, json.loads(body)["properties"]) == ("", {"message_body": "x"})


# --- All of it ---


def test_only_entries_that_need_it_have_rules() -> None:
    by_default = {name for _, name in shapes({})}

    assert by_default == {*CHAT, *LIVE_CHAT, *STEPS, "Action Invoked", "Media Generated", "Experiment Viewed"}
    assert {name for _, name in shapes({"message_body": True})} == by_default - {*LIVE_CHAT}
    assert shapes({"unknown": True}) is shapes({})


def test_what_no_rule_changes_is_the_same_object() -> None:
    raw = Raw(b'{"action": "action_1", "stepsVisited": [ "a" ], "n": 1.10}')

    assert shaped(raw, shapes({})["track", "Action Started"]) is raw
    assert shaped(UNSET, shapes({})["track", "Action Started"]) is UNSET
    assert shaped(UNSET, ()) is UNSET


def test_other_values_keep_their_digits() -> None:
    raw = Raw(b'{"message_body":"x","role":"customer","n":1.10,"e":1E2,"big":12345678901234567890123}')

    assert bytes(shaped(raw, shapes({})["track", "Message Sent"])) == (
        b'{"role":"customer","n":1.10,"e":1E2,"big":12345678901234567890123}'
    )


SHAPING = (MESSAGE_BODY, STEPS_AS_OBJECTS, AB_NAMES)
CHOICES = [{}, *({name: True} for name in SHAPING), dict.fromkeys(SHAPING, True)]


@pytest.mark.parametrize("chosen", CHOICES, ids=lambda chosen: "+".join(chosen) or "defaults")
@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.title)
def test_what_is_sent_is_what_the_tracking_plan_of_the_options_says(entry: Entry, chosen: dict[str, bool]) -> None:
    properties = properties_sent(entry, chosen)
    schema = {**properties_schema(properties), "additionalProperties": False}

    for each in entry.examples:
        jsonschema.validate(sent(entry.name, each["properties"], **chosen), schema, cls=jsonschema.Draft7Validator)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
touched = ["message_body", "role", "stepsVisited", "action", "actionsVisited", "stepId", "test_id", "experiment_id"]


@given(
    st.sampled_from(catalog.entries()),
    st.dictionaries(st.sampled_from(touched) | st.text(max_size=6), json_values, max_size=5),
    st.dictionaries(st.sampled_from(SHAPING), st.booleans()),
)
def test_any_properties_can_be_shaped_and_shaping_twice_changes_nothing_more(
    entry: Entry, properties: dict[str, Any], chosen: dict[str, bool]
) -> None:
    once = sent(entry.name, properties, **chosen)

    assert {name: value for name, value in once.items() if name not in (*touched, "variant_id", "variation_id")} == {
        name: value for name, value in properties.items() if name not in (*touched, "variant_id", "variation_id")
    }
    assert "message_body" not in once or chosen.get("message_body") or entry.name not in [*CHAT, *LIVE_CHAT]
    if not chosen.get("steps_as_objects"):
        assert sent(entry.name, once, **chosen) == once
