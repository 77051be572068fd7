"""The catalog against its source: every event, every property, every example."""

import copy

import jsonschema
import pytest

from assistants import catalog
from assistants.catalog.entry import Entry, Skill, json_schema

# name: type, then Message Handled, Action Started, Action Completed, Session Started.
# ● expected, ○ occasional, A and D: only where an actions or a dialog skill handled the message (a: occasional).
IBM_PROPERTIES = """
accountId             String    ● ● ● ●
assistantId           String    ● ● ● ●
browser               String    ● ● ● ●
channel               String    ● ● ● ●
device                String    ● ● ● ●
environment           String    ● ● ● ●
language              String    ● ● ● –
pageUrl               String    ● ● ● ●
serviceInstance       String    ● ● ● ●
sessionId             String    ● ● ● ●
skillsInvoked         String[]  ● ● ● –
action                String    A ● ● –
actionTitle           String    A ● ● –
actionStarted         Boolean   A – ● –
actionCompleted       Boolean   A ● – –
actionCompletedReason String    a ○ ○ –
actionsVisited        String[]  A – – –
fallbackReason        String    a ○ ○ –
handler               String    a ○ ○ –
stepsVisited          String[]  a ○ ○ –
subaction             String    a ○ ○ –
branchExited          Boolean   D – – –
branchExitedReason    String    d – – –
nodesVisited          String[]  D – – –
"""
COLUMNS = ("Message Handled", "Action Started", "Action Completed", "Session Started")
MARKS = {
    "●": (Skill.ALL, True),
    "○": (Skill.ALL, False),
    "A": (Skill.ACTIONS, True),
    "a": (Skill.ACTIONS, False),
    "D": (Skill.DIALOG, True),
    "d": (Skill.DIALOG, False),
}


def table_of(event: str) -> dict[str, tuple[str, Skill, bool]]:
    column = COLUMNS.index(event)
    rows = [line.split() for line in IBM_PROPERTIES.strip().splitlines()]
    return {name: (type_, *MARKS[marks[column]]) for name, type_, *marks in rows if marks[column] != "–"}


def every_row() -> list[Entry]:
    return [*catalog.entries(), *catalog.plain_calls().entries]


def test_the_families_and_their_events_come_in_the_order_in_which_people_see_them() -> None:
    assert [family.slug for family in catalog.families()] == ["ibm"]
    assert [entry.key for entry in catalog.entries()] == [
        ("track", "Message Handled"),
        ("track", "Session Started"),
        ("track", "Action Started"),
        ("track", "Action Completed"),
    ]


@pytest.mark.parametrize(
    ("event", "count"),
    [("Message Handled", 24), ("Session Started", 9), ("Action Started", 19), ("Action Completed", 19)],
)
def test_an_ibm_event_has_exactly_the_properties_of_its_source(event: str, count: int) -> None:
    entry = catalog.find("track", event)
    assert entry is not None
    assert len(entry.properties) == count
    found = {each.name: (each.type.label, each.skill, each.expected) for each in entry.properties}
    assert found == table_of(event)


def test_the_ibm_events_share_24_distinct_properties() -> None:
    assert len({each.name for entry in catalog.entries() for each in entry.properties}) == 24


def test_message_handled_has_11_properties_of_any_message_10_of_actions_and_3_of_dialogs() -> None:
    entry = catalog.find("track", "Message Handled")
    assert entry is not None
    skills = [each.skill for each in entry.properties]
    assert [skills.count(skill) for skill in (Skill.ALL, Skill.ACTIONS, Skill.DIALOG)] == [11, 10, 3]


def test_ibm_events_need_a_user_id_and_plain_calls_do_not() -> None:
    assert {entry.needs_user_id for entry in catalog.entries()} == {True}
    assert {entry.needs_user_id for entry in catalog.plain_calls().entries} == {False}


def test_the_plain_calls_are_selected_as_a_kind() -> None:
    assert [(entry.key, entry.title) for entry in catalog.plain_calls().entries] == [
        (("identify", ""), "Identify"),
        (("page", ""), "Page"),
        (("screen", ""), "Screen"),
        (("group", ""), "Group"),
        (("alias", ""), "Alias"),
        (("track", "*"), "Other track events"),
    ]


def test_every_row_is_found_by_its_own_key_and_no_two_share_one() -> None:
    rows = every_row()
    assert [catalog.find(*row.key) for row in rows] == rows
    assert len({row.key for row in rows}) == len(rows)


def test_find_knows_exact_names_only() -> None:
    assert catalog.find("track", "message handled") is None
    assert catalog.find("track", "Order Placed") is None
    assert catalog.find("identify", "Session Started") is None


@pytest.mark.parametrize(
    ("type_", "name", "key"),
    [
        ("track", "Session Started", ("track", "Session Started")),
        ("track", "session started", ("track", "*")),
        ("track", "Order Placed", ("track", "*")),
        ("track", "", ("track", "*")),
        ("identify", "", ("identify", "")),
        ("page", "Orders", ("page", "")),
        ("screen", "Session Started", ("screen", "")),
        ("group", "", ("group", "")),
        ("alias", "", ("alias", "")),
    ],
)
def test_one_row_decides_about_each_message(type_: str, name: str, key: tuple[str, str]) -> None:
    row = catalog.covering(type_, name)
    assert row is not None
    assert row.key == key


def test_no_row_decides_about_an_unknown_type() -> None:
    assert catalog.covering("delete", "") is None


@pytest.mark.parametrize("entry", every_row(), ids=lambda entry: entry.title)
def test_each_example_satisfies_the_schema_of_its_entry(entry: Entry) -> None:
    schema = json_schema(entry)
    jsonschema.Draft7Validator.check_schema(schema)
    assert entry.examples
    for example in entry.examples:
        jsonschema.validate(example, schema, cls=jsonschema.Draft7Validator)
        covering = catalog.covering(example["type"], example.get("event", ""))
        assert covering is entry


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.title)
def test_the_examples_of_an_event_use_no_property_that_it_does_not_have(entry: Entry) -> None:
    known = {each.name for each in entry.properties}
    for example in entry.examples:
        assert set(example["properties"]) <= known


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("event",), "Session Ended"),
        (("type",), "page"),
        (("userId",), ""),
        (("properties", "browser"), None),
        (("properties", "actionStarted"), "true"),
        (("properties", "skillsInvoked"), "actions skill"),
        (("properties", "stepsVisited"), ["step_001", {"stepId": "step_002"}]),
    ],
)
def test_the_schema_of_message_handled_refuses_what_is_not_one(path: tuple[str, ...], value: object) -> None:
    entry = catalog.find("track", "Message Handled")
    assert entry is not None
    message = copy.deepcopy(dict(entry.examples[0]))
    parent = message if len(path) == 1 else message[path[0]]
    parent[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(message, json_schema(entry), cls=jsonschema.Draft7Validator)


def test_steps_may_be_objects_throughout() -> None:
    entry = catalog.find("track", "Message Handled")
    assert entry is not None
    message = copy.deepcopy(dict(entry.examples[0]))
    message["properties"]["stepsVisited"] = [{"stepId": "step_001", "stepTitle": "Ask"}, {"stepId": "step_002"}]
    jsonschema.validate(message, json_schema(entry), cls=jsonschema.Draft7Validator)


def test_an_anonymous_id_is_enough_for_a_plain_call_and_not_for_an_ibm_event() -> None:
    session_started = catalog.find("track", "Session Started")
    other = catalog.find("track", "*")
    assert session_started is not None
    assert other is not None
    message = {"type": "track", "event": "Session Started", "anonymousId": "visitor-88", "properties": {}}
    jsonschema.validate(message, json_schema(other), cls=jsonschema.Draft7Validator)
    with pytest.raises(jsonschema.ValidationError, match="'userId' is a required property"):
        jsonschema.validate(message, json_schema(session_started), cls=jsonschema.Draft7Validator)
