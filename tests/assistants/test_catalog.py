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


# The other families. Event; property, type, ● expected or ○ not, default of a role.
OTHER_PROPERTIES = """
Conversation Started
    conversationId         String  ●
Message Sent
    conversationId         String  ●
    messageId              String  ●
    message_body           String  ○
    role                   String  ●  customer
Message Received
    conversationId         String  ●
    messageId              String  ●
    message_body           String  ○
    role                   String  ●  agent
Conversation Ended
    conversationId         String  ●
    message_count          Number  ○
Action Invoked
    conversationId         String  ●
    messageId              String  ●
    type                   String  ●
    action                 String  ●
    role                   String  ○  customer
Media Generated
    conversationId         String  ●
    messageId              String  ●
    type                   String  ●
    sub_type               String  ○
    role                   String  ○  agent
Component Loaded
    conversationId         String  ●
    messageId              String  ●
    type                   String  ●
Feedback Submitted
    conversationId         String  ●
    messageId              String  ○
    rating                 Number  ●
Live Chat Conversation Started
    agent_id               String  ○
    agent_name             String  ○
    agent_username         String  ○
    conversation_id        String  ●
    conversation_duration  Number  ○
    message_id             String  ○
    message_body           String  ○
Live Chat Message Sent
    agent_id               String  ○
    agent_name             String  ○
    agent_username         String  ○
    conversation_id        String  ●
    conversation_duration  Number  ○
    message_id             String  ○
    message_body           String  ○
Live Chat Message Received
    agent_id               String  ○
    agent_name             String  ○
    agent_username         String  ○
    conversation_id        String  ●
    conversation_duration  Number  ○
    message_id             String  ○
    message_body           String  ○
Live Chat Conversation Ended
    agent_id               String  ○
    agent_name             String  ○
    agent_username         String  ○
    conversation_id        String  ●
    conversation_duration  Number  ○
    message_id             String  ○
    message_body           String  ○
Experiment Viewed
    test_id                String  ●
    variant_id             String  ●
Conversion Triggered
    conversion_id          String  ●
    conversion_type        String  ●
    origin_url             String  ○
Other track events
    conversationId         –       ●
    messageId              –       ○
"""
# How many properties the sources list for each; message_body of Live Chat is in their examples and in no table.
COUNTS = {
    "Message Handled": 24,
    "Session Started": 9,
    "Action Started": 19,
    "Action Completed": 19,
    "Conversation Started": 1,
    "Message Sent": 4,
    "Message Received": 4,
    "Conversation Ended": 2,
    "Action Invoked": 5,
    "Media Generated": 5,
    "Component Loaded": 3,
    "Feedback Submitted": 3,
    "Other track events": 2,
    "Live Chat Conversation Started": 6 + 1,
    "Live Chat Message Sent": 6 + 1,
    "Live Chat Message Received": 6 + 1,
    "Live Chat Conversation Ended": 6 + 1,
    "Experiment Viewed": 2,
    "Conversion Triggered": 3,
}
AB_PROPERTIES = {
    "experiment_id": "String",
    "experiment_name": "String",
    "variation_id": "String",
    "variation_name": "String",
}
COPILOT_EVENTS = [
    "Conversation Started",
    "Message Sent",
    "Message Received",
    "Conversation Ended",
    "Action Invoked",
    "Media Generated",
    "Component Loaded",
    "Feedback Submitted",
]
LIVE_CHAT_LIST = [
    "Conversation Started",
    "Message Sent",
    "Message Received",
    "Component Loaded",
    "Action Invoked",
    "Media Generated",
    "Conversation Ended",
]
LIVE_CHAT_EVENTS = [
    "Live Chat Conversation Started",
    "Live Chat Message Sent",
    "Live Chat Message Received",
    "Live Chat Conversation Ended",
]
FAMILIES = {
    "ibm": ["Message Handled", "Session Started", "Action Started", "Action Completed"],
    "copilot": [*COPILOT_EVENTS, "Identify", "Other track events"],
    "live-chat": [*LIVE_CHAT_LIST, *LIVE_CHAT_EVENTS],
    "experiments": ["Identify", "Experiment Viewed", "Conversion Triggered"],
}


def other_table() -> dict[str, list[tuple[str, str, bool, str]]]:
    """Read the table of the other families: by event its properties in order."""
    table: dict[str, list[tuple[str, str, bool, str]]] = {}
    for line in OTHER_PROPERTIES.strip().splitlines():
        if not line.startswith(" "):
            event = line
            table[event] = []
        else:
            name, type_, mark, *default = line.split()
            table[event].append((name, type_, mark == "●", "".join(default)))
    return table


def every_row() -> list[Entry]:
    return list(catalog.everything())


def titled(title: str) -> Entry:
    (entry,) = [entry for entry in catalog.everything() if entry.title == title]
    return entry


def test_the_families_and_their_events_come_in_the_order_in_which_people_see_them() -> None:
    families = {family.slug: [entry.title for entry in family.entries] for family in catalog.families()}

    assert families == FAMILIES
    assert [*families] == [*FAMILIES]
    assert [len(titles) for titles in families.values()] == [4, 8 + 2, 7 + 4, 3]


def test_an_event_of_several_families_is_one_entry_with_one_home() -> None:
    assert [entry.key for entry in catalog.entries()] == [
        ("track", name) for name in [*FAMILIES["ibm"], *COPILOT_EVENTS, *LIVE_CHAT_EVENTS, *FAMILIES["experiments"][1:]]
    ]
    by_slug = {family.slug: family for family in catalog.families()}
    assert by_slug["live-chat"].entries[0] is by_slug["copilot"].entries[0]
    homes = {entry.title: catalog.home(entry).slug for entry in catalog.everything()}
    assert {title: homes[title] for title in ("Message Sent", "Live Chat Message Sent", "Identify")} == {
        "Message Sent": "copilot",
        "Live Chat Message Sent": "live-chat",
        "Identify": "plain",
    }
    assert homes["Other track events"] == "plain"


@pytest.mark.parametrize("event", list(other_table()))
def test_an_event_has_exactly_the_properties_of_its_source(event: str) -> None:
    found = [(each.name, each.type.label, each.expected, each.default) for each in titled(event).properties]

    assert found == other_table()[event]


def test_every_event_has_as_many_properties_as_its_source_lists() -> None:
    counted = {entry.title: len(entry.properties) for entry in catalog.everything() if entry.type == "track"}

    assert counted == COUNTS


def test_experiment_viewed_has_the_four_names_of_the_other_specification_as_well() -> None:
    (spelling,) = titled("Experiment Viewed").spellings

    assert {each.name: each.type.label for each in spelling.properties} == AB_PROPERTIES
    assert spelling.stands_for == {"experiment_id": "test_id", "variation_id": "variant_id"}
    assert [entry.title for entry in catalog.everything() if entry.spellings] == ["Experiment Viewed"]


def test_identify_is_about_two_ids() -> None:
    assert [(each.name, each.expected) for each in titled("Identify").identifiers] == [
        ("userId", False),
        ("anonymousId", False),
    ]


def test_what_people_write_and_who_they_are_is_private() -> None:
    private = {(entry.title, each.name) for entry in catalog.everything() for each in entry.carried if each.is_private}

    assert private == {
        ("Message Sent", "message_body"),
        ("Message Received", "message_body"),
        *((event, name) for event in LIVE_CHAT_EVENTS for name in ("message_body", "agent_name")),
    }


def test_names_that_documents_print_beside_the_event_s_own() -> None:
    assert dict(catalog.aliases()) == {
        "Tool Invoked": "Action Invoked",
        "Custom Component Loaded": "Component Loaded",
    }


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("message handled", "Message Handled"),
        ("message_handled", "Message Handled"),
        ("LiveChatMessageSent", "Live Chat Message Sent"),
        ("Order Placed", None),
        ("", None),
    ],
)
def test_a_name_that_differs_in_case_and_signs_only_is_recognized(name: str, event: str | None) -> None:
    entry = catalog.alike(name)

    assert (entry.name if entry else None) == event


@pytest.mark.parametrize(
    ("event", "name", "words"),
    [
        ("Message Handled", "accountId", "Expected"),
        ("Message Handled", "action", "Expected with an actions skill"),
        ("Message Handled", "nodesVisited", "Expected with a dialog skill"),
        ("Message Handled", "pageUrl", "Expected in the channel chat"),
        ("Message Handled", "handler", "Where it applies, actions skill only"),
        ("Message Handled", "actionCompletedReason", "Expected once the action has ended"),
        ("Action Completed", "actionCompletedReason", "Expected as the action has ended"),
        ("Message Sent", "role", "Expected; sent as “customer” if missing"),
        ("Media Generated", "role", "Where it applies; sent as “agent” if missing"),
    ],
)
def test_the_presence_of_a_property_in_words(event: str, name: str, words: str) -> None:
    assert {each.name: each.presence for each in titled(event).properties}[name] == words


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
    (ibm,) = [family for family in catalog.families() if family.slug == "ibm"]
    assert len({each.name for entry in ibm.entries for each in entry.properties}) == 24


def test_message_handled_has_11_properties_of_any_message_10_of_actions_and_3_of_dialogs() -> None:
    entry = catalog.find("track", "Message Handled")
    assert entry is not None
    skills = [each.skill for each in entry.properties]
    assert [skills.count(skill) for skill in (Skill.ALL, Skill.ACTIONS, Skill.DIALOG)] == [11, 10, 3]


def test_ibm_events_alone_need_a_user_id() -> None:
    assert [entry.title for entry in catalog.everything() if entry.needs_user_id] == FAMILIES["ibm"]


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
    known = {each.name for each in entry.carried}
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
