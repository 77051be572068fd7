"""The deriver: each thing that happens becomes its events, once, whatever came before and in which order."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import catalog, derive_memory
from assistants.catalog.entry import Entry
from assistants.derive import TITLES, derive
from assistants.derive_events import Terms, families
from assistants.faults import Refused
from assistants.items import read_message
from assistants.messages import MAX_BODY_BYTES
from assistants.sources.adapter import AssistantIdentity, Fact, Kind

IDENTITY = AssistantIdentity("Care", "en", "account", "instance", "assistant")
PLACE = {
    "accountId": "account",
    "serviceInstance": "instance",
    "assistantId": "assistant",
    "environment": "live",
    "sessionId": "c-1",
}
RECEIVED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def fact(kind: Kind, number: int = 1, **words: Any) -> Fact:
    """Return a fact of conversation c-1 and user u-1, at second `number`."""
    given = {"source_id": f"{kind} {number}", "conversation_id": "c-1", "user_id": "u-1", **words}
    return Fact(kind=kind, at=f"2026-11-22T10:00:{number:02}.000Z", **given)


class Deriver:
    """Derives one call after the other and remembers in between."""

    def __init__(
        self,
        vocabulary: str = "both",
        *,
        native: str = "both",
        has_turns: bool = False,
        assistant: AssistantIdentity = IDENTITY,
    ) -> None:
        self.terms = Terms("test", families(vocabulary, native), has_turns, "live", assistant)
        self.states: dict[str, bytes] = {}

    def take(self, *facts: Fact) -> list[dict[str, Any]]:
        derived = derive(facts, self.states, self.terms)
        self.states |= derived.states
        return [msgspec.json.decode(message) for message in derived.messages]

    def each(self, *facts: Fact) -> list[dict[str, Any]]:
        """Derive the facts in calls of their own."""
        return [message for each in facts for message in self.take(each)]


def told(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(message.get("event", "Identify"), message.get("properties", {})) for message in messages]


def names(messages: list[dict[str, Any]]) -> list[str]:
    return [name for name, _ in told(messages)]


def properties(messages: list[dict[str, Any]], event: str) -> dict[str, Any]:
    (found,) = [members for name, members in told(messages) if name == event]
    return found


def both(*facts: Fact) -> list[tuple[str, dict[str, Any]]]:
    return told(Deriver().take(*facts))


# --- whose names ---

OF_EACH_KIND = [
    (Kind.SESSION_OPENED, ["Session Started"], []),
    (Kind.CONVERSATION_OPENED, [], ["Conversation Started"]),
    (Kind.MESSAGE_IN, [], ["Conversation Started", "Message Sent"]),
    (Kind.MESSAGE_OUT, [], ["Message Received"]),
    (Kind.TURN, ["Message Handled"], []),
    (Kind.ACTION_STARTED, ["Action Started"], ["Action Invoked"]),
    (Kind.ACTION_PROGRESSED, [], []),
    (Kind.ACTION_FINISHED, ["Action Completed"], []),
    (Kind.MEDIA, [], ["Media Generated"]),
    (Kind.COMPONENT, [], ["Component Loaded"]),
    (Kind.FEEDBACK, [], ["Feedback Submitted"]),
    (Kind.USER_SEEN, ["Identify"], ["Identify"]),
    (Kind.CONVERSATION_CLOSED, [], ["Conversation Ended"]),
]


@pytest.mark.parametrize(("kind", "ibm", "copilot"), OF_EACH_KIND)
def test_the_vocabulary_says_whose_names_events_carry(kind: Kind, ibm: list[str], copilot: list[str]) -> None:
    each = fact(kind, action="a")

    assert names(Deriver("ibm").take(each)) == ibm
    assert names(Deriver("copilot").take(each)) == copilot
    assert names(Deriver("native", native="ibm").take(each)) == ibm
    assert names(Deriver("native", native="copilot").take(each)) == copilot
    assert set(names(Deriver("both").take(each))) == {*ibm, *copilot}


def test_every_kind_is_in_the_table() -> None:
    assert [row[0] for row in OF_EACH_KIND] == list(Kind)


# --- conversations and messages ---


def test_a_conversation_starts_with_the_customers_first_message() -> None:
    deriver = Deriver("copilot")

    messages = deriver.each(
        fact(Kind.MESSAGE_OUT, 1, message_id="m-1", text="Welcome"),
        fact(Kind.MESSAGE_IN, 2, message_id="m-2", text="Hello"),
        fact(Kind.MESSAGE_IN, 3, message_id="m-3", text="Anybody?"),
        fact(Kind.MESSAGE_OUT, 4, message_id="m-4", text="Yes", role="ai_agent"),
        fact(Kind.CONVERSATION_CLOSED, 5),
        fact(Kind.CONVERSATION_CLOSED, 6),
    )

    conversation = {"conversationId": "c-1"}
    assert told(messages) == [
        ("Message Received", {**conversation, "messageId": "m-1", "message_body": "Welcome", "role": "agent"}),
        ("Conversation Started", conversation),
        ("Message Sent", {**conversation, "messageId": "m-2", "message_body": "Hello", "role": "customer"}),
        ("Message Sent", {**conversation, "messageId": "m-3", "message_body": "Anybody?", "role": "customer"}),
        ("Message Received", {**conversation, "messageId": "m-4", "message_body": "Yes", "role": "ai_agent"}),
        ("Conversation Ended", {**conversation, "message_count": 4}),
    ]


def test_a_conversation_that_was_opened_does_not_start_again() -> None:
    deriver = Deriver("copilot")
    opened = [fact(Kind.CONVERSATION_OPENED, 1), fact(Kind.CONVERSATION_OPENED, 2)]

    assert names(deriver.each(*opened, fact(Kind.MESSAGE_IN))) == ["Conversation Started", "Message Sent"]


def test_a_message_without_text_or_id_is_told_of_all_the_same() -> None:
    first, again = (Deriver("copilot").take(fact(Kind.MESSAGE_IN)) for _ in range(2))

    sent = properties(first, "Message Sent")
    assert "message_body" not in sent
    assert sent["messageId"]
    assert first == again


@pytest.mark.parametrize("text", ["x" * 50_000, "✓" * 50_000, "a\0b"])
def test_a_text_is_cut_to_what_an_event_can_hold(text: str) -> None:
    derived = derive([fact(Kind.MESSAGE_IN, text=text)], {}, Deriver("copilot").terms)

    for raw in derived.messages:
        assert not isinstance(read_message(raw, received_at=RECEIVED_AT), Refused)
    body = msgspec.json.decode(derived.messages[-1])["properties"]["message_body"]
    assert len(body.encode()) <= MAX_BODY_BYTES + 3
    assert body.startswith(text[:1])


def test_a_session_starts_once_or_once_at_each_time() -> None:
    deriver = Deriver("ibm")
    timeless = [fact(Kind.SESSION_OPENED, number) for number in (1, 2)]
    timed = [fact(Kind.SESSION_OPENED, 10 + n, opened_at=at) for n, at in enumerate(["t1", "t1", "t2"])]

    assert len(deriver.each(*timeless)) == 1
    assert len(Deriver("ibm").each(*timed)) == 2


def test_session_started_has_neither_language_nor_skills() -> None:
    context = {"browser": "Firefox", "language": "de", "skillsInvoked": ["actions skill"]}

    (started,) = Deriver("ibm").take(fact(Kind.SESSION_OPENED, ibm=context))

    assert started["properties"] == {**PLACE, "browser": "Firefox"}


@pytest.mark.parametrize(
    ("kind", "words", "event", "wanted"),
    [
        (
            Kind.MEDIA,
            {"message_id": "m", "type": "image", "sub_type": "png"},
            "Media Generated",
            {"messageId": "m", "type": "image", "sub_type": "png", "role": "agent"},
        ),
        (
            Kind.COMPONENT,
            {"message_id": "m", "type": "buttons"},
            "Component Loaded",
            {"messageId": "m", "type": "buttons"},
        ),
        (Kind.FEEDBACK, {"message_id": "m", "rating": 0.0}, "Feedback Submitted", {"messageId": "m", "rating": 0.0}),
        (Kind.FEEDBACK, {"rating": 4}, "Feedback Submitted", {"rating": 4}),
        (Kind.FEEDBACK, {"rating": float("nan")}, "Feedback Submitted", {}),
        (
            Kind.ACTION_STARTED,
            {"message_id": "m", "action": "find", "type": "function", "role": "ai_agent"},
            "Action Invoked",
            {"messageId": "m", "type": "function", "action": "find", "role": "ai_agent"},
        ),
        (
            Kind.ACTION_STARTED,
            {"message_id": "m", "action": "find", "copilot": {"action": "Find a parcel"}},
            "Action Invoked",
            {"messageId": "m", "type": "action", "action": "Find a parcel", "role": "customer"},
        ),
    ],
)
def test_each_copilot_event_has_its_properties(
    kind: Kind, words: dict[str, Any], event: str, wanted: dict[str, Any]
) -> None:
    messages = Deriver("copilot").take(fact(kind, **words))

    assert told(messages) == [(event, {"conversationId": "c-1", **wanted})]


# --- Message Handled ---


def test_a_customers_message_is_handled_with_the_first_answer() -> None:
    deriver = Deriver("ibm")
    asked = fact(Kind.MESSAGE_IN, 1, ibm={"channel": "chat", "browser": "Firefox"})

    assert deriver.take(asked) == []
    (handled,) = deriver.take(fact(Kind.MESSAGE_OUT, 2, ibm={"browser": "Chrome"}))
    assert deriver.take(fact(Kind.MESSAGE_OUT, 3)) == []

    assert handled["properties"] == {**PLACE, "channel": "chat", "browser": "Chrome", "language": "en"}
    assert handled["timestamp"] == "2026-11-22T10:00:02.000Z"


def test_a_greeting_handles_nothing() -> None:
    assert Deriver("ibm").each(fact(Kind.MESSAGE_OUT, 1), fact(Kind.MESSAGE_IN, 2)) == []


def test_several_messages_with_one_answer_are_handled_once() -> None:
    facts = [fact(Kind.MESSAGE_IN, 1), fact(Kind.MESSAGE_IN, 2), fact(Kind.MESSAGE_OUT, 3)]

    assert names(Deriver("ibm").each(*facts)) == ["Message Handled"]


def test_an_answer_that_comes_before_its_question_handles_it_all_the_same() -> None:
    deriver = Deriver("ibm")
    late = [fact(Kind.MESSAGE_OUT, 2), fact(Kind.MESSAGE_IN, 1), fact(Kind.MESSAGE_IN, 3), fact(Kind.MESSAGE_OUT, 4)]

    assert [names(deriver.take(each)) for each in late] == [[], ["Message Handled"], [], ["Message Handled"]]


def test_message_handled_tells_of_the_actions_since_the_customers_message() -> None:
    deriver = Deriver("ibm")
    deriver.each(
        fact(Kind.MESSAGE_IN, 1),
        fact(Kind.ACTION_STARTED, 2, action="find", action_title="Find a parcel", opened_at="t2"),
        fact(Kind.ACTION_FINISHED, 3, action="find", opened_at="t2", reason="all_steps_done"),
        fact(Kind.ACTION_STARTED, 4, action="tell", opened_at="t4"),
    )

    handled = properties(deriver.take(fact(Kind.MESSAGE_OUT, 5)), "Message Handled")
    deriver.take(fact(Kind.MESSAGE_IN, 6))
    next_handled = properties(deriver.take(fact(Kind.MESSAGE_OUT, 7)), "Message Handled")

    assert handled == {
        **PLACE,
        "language": "en",
        "action": "find",
        "actionTitle": "Find a parcel",
        "actionStarted": True,
        "actionCompleted": True,
        "actionCompletedReason": "all_steps_done",
        "actionsVisited": ["find", "tell"],
    }
    assert next_handled == {**PLACE, "language": "en"}


def test_a_source_that_reports_whole_exchanges_handles_a_message_with_each() -> None:
    deriver = Deriver("ibm", has_turns=True)
    exchange = [fact(Kind.MESSAGE_IN, 1), fact(Kind.MESSAGE_OUT, 2), fact(Kind.TURN, 3, action="a", ibm={"x": 1})]

    assert told(deriver.take(*exchange)) == [("Message Handled", {**PLACE, "language": "en", "action": "a", "x": 1})]


# --- actions ---


def test_an_action_tells_of_its_end_where_that_is_known_at_its_start() -> None:
    start = fact(Kind.ACTION_STARTED, 2, action="a", opened_at="t")
    end = fact(Kind.ACTION_FINISHED, 3, action="a", opened_at="t", reason="all_steps_done")
    asked = fact(Kind.MESSAGE_IN, 1)

    at_once = Deriver("ibm").take(asked, start, end)
    one_by_one = Deriver("ibm").each(asked, start, end)
    next_turn = Deriver("ibm").take(asked, start, fact(Kind.MESSAGE_IN, 9), end)

    assert properties(at_once, "Action Started")["actionCompleted"] is True
    assert properties(at_once, "Action Started")["actionCompletedReason"] == "all_steps_done"
    assert properties(at_once, "Action Completed")["actionStarted"] is True
    assert properties(one_by_one, "Action Started")["actionCompleted"] is False
    assert properties(one_by_one, "Action Completed")["actionStarted"] is True
    assert properties(next_turn, "Action Started")["actionCompleted"] is False
    assert "actionCompletedReason" not in properties(next_turn, "Action Started")
    assert properties(next_turn, "Action Completed")["actionStarted"] is False


def test_runs_of_an_action_are_kept_apart_by_their_beginning() -> None:
    deriver = Deriver("ibm")
    for number, browser in enumerate(["Firefox", "Chrome"]):
        context = {"browser": browser, "stepsVisited": [f"step {browser}"]}
        deriver.take(fact(Kind.ACTION_STARTED, number, action="a", opened_at=f"t{number}", ibm=context))

    second, first = (
        properties(
            deriver.take(fact(Kind.ACTION_FINISHED, 10 + number, action="a", opened_at=f"t{number}")),
            "Action Completed",
        )
        for number in (1, 0)
    )

    assert (first["browser"], first["stepsVisited"]) == ("Firefox", ["step Firefox"])
    assert (second["browser"], second["stepsVisited"]) == ("Chrome", ["step Chrome"])


@pytest.mark.parametrize(("at_start", "at_end"), [("", "t"), ("t", "")])
def test_a_run_is_found_where_one_side_does_not_name_its_beginning(at_start: str, at_end: str) -> None:
    deriver = Deriver("ibm")
    deriver.take(fact(Kind.ACTION_STARTED, 1, action="a", opened_at=at_start, ibm={"browser": "Firefox"}))

    (completed,) = deriver.take(fact(Kind.ACTION_FINISHED, 2, action="a", opened_at=at_end))

    assert completed["properties"]["browser"] == "Firefox"


def test_an_end_that_comes_before_its_start_leaves_nothing_open() -> None:
    deriver = Deriver("ibm")
    end = fact(Kind.ACTION_FINISHED, 2, action="a", opened_at="t")
    start = fact(Kind.ACTION_STARTED, 1, action="a", opened_at="t")

    assert names(deriver.each(end, start)) == ["Action Completed", "Action Started"]
    assert derive_memory.load(deriver.states["c-1"]).runs == {}


def test_what_is_configured_wins_over_what_a_source_says_of_itself() -> None:
    said = {"assistantId": "said", "accountId": "said", "serviceInstance": "said", "environment": "said"}
    turn = fact(Kind.TURN, ibm=said)

    assert properties(Deriver("ibm").take(turn), "Message Handled") == {**PLACE, "language": "en"}
    nobody = properties(Deriver("ibm", assistant=AssistantIdentity()).take(turn), "Message Handled")
    assert nobody == {**said, "environment": "live", "sessionId": "c-1"}


def test_titles_are_remembered_beyond_a_conversation() -> None:
    deriver = Deriver("ibm")
    deriver.take(fact(Kind.TURN, 1, action="a", action_title="Pay"))

    elsewhere = fact(Kind.TURN, 2, action="a", conversation_id="c-2")

    assert properties(deriver.take(elsewhere), "Message Handled")["actionTitle"] == "Pay"
    assert TITLES not in derive([elsewhere], {}, deriver.terms).states


# --- users ---


def test_a_user_is_identified_once_and_again_when_traits_change() -> None:
    deriver = Deriver("ibm")
    seen = [fact(Kind.USER_SEEN, n, traits={"plan": plan}) for n, plan in enumerate(["a", "a", "b", "a"])]

    messages = deriver.each(*seen)

    assert [(message["type"], message["userId"], message["traits"]) for message in messages] == [
        ("identify", "u-1", {"plan": "a"}),
        ("identify", "u-1", {"plan": "b"}),
    ]


def test_a_user_of_several_conversations_is_identified_under_one_message_id() -> None:
    deriver = Deriver()

    ids = {
        deriver.take(fact(Kind.USER_SEEN, n, conversation_id=conversation, traits={"a": 1, "b": 2}))[0]["messageId"]
        for n, conversation in enumerate(["c-1", "c-2", ""])
    }

    assert len(ids) == 1


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({}, {"userId": "u-1"}),
        ({"anonymous_id": "a"}, {"userId": "u-1", "anonymousId": "a"}),
        ({"user_id": "", "anonymous_id": "a"}, {"anonymousId": "a"}),
        ({"user_id": ""}, {"anonymousId": "c-1"}),
    ],
)
def test_an_event_without_a_user_goes_under_the_conversations_id(words: dict[str, str], wanted: dict[str, str]) -> None:
    (message,) = Deriver("ibm").take(fact(Kind.TURN, **words))

    assert {name: message[name] for name in ("userId", "anonymousId") if name in message} == wanted


def test_a_user_who_becomes_known_is_tied_to_the_anonymous_id() -> None:
    deriver = Deriver("copilot")
    nameless = fact(Kind.MESSAGE_IN, 1, user_id="", anonymous_id="a-1")

    deriver.take(nameless)
    messages = deriver.each(fact(Kind.USER_SEEN, 2), fact(Kind.MESSAGE_OUT, 3))

    assert names(messages) == ["Identify", "Message Received"]
    assert (messages[0]["userId"], messages[0]["anonymousId"]) == ("u-1", "a-1")


# --- whatever comes ---


def test_a_fact_that_comes_again_changes_nothing() -> None:
    deriver = Deriver()
    facts = [fact(kind, number, action="a") for number, (kind, _, _) in enumerate(OF_EACH_KIND)]
    deriver.take(*facts)
    before = dict(deriver.states)

    derived = derive(facts, deriver.states, deriver.terms)

    assert (derived.messages, derived.states, derived.repeated) == ([], {}, len(facts))
    assert deriver.states == before


def test_message_ids_are_the_facts_own_and_short() -> None:
    facts = [fact(kind, number, action="a") for number, (kind, _, _) in enumerate(OF_EACH_KIND)]

    first, again = (Deriver().take(*facts) for _ in range(2))

    ids = [message["messageId"] for message in first]
    assert ids == [message["messageId"] for message in again]
    assert len(set(ids)) == len(ids)
    assert all(id_.startswith("test-") and len(id_) < 100 for id_ in ids)


def test_context_and_further_properties_are_passed_on() -> None:
    each = fact(
        Kind.MESSAGE_IN, context={"page": {"url": "https://a.example"}}, copilot={"mood": "good", "role": "vip"}
    )

    sent = Deriver("copilot").take(each)[-1]

    assert sent["context"] == {"page": {"url": "https://a.example"}}
    assert (sent["properties"]["mood"], sent["properties"]["role"]) == ("good", "vip")


def test_what_is_remembered_stays_small() -> None:
    deriver = Deriver("ibm")
    long = "x" * 10_000

    for number in range(300):
        context = {"browser": long, "stepsVisited": [f"{long}{number}"]}
        deriver.take(fact(Kind.ACTION_STARTED, number, action=f"a{number}", opened_at=long, ibm=context))

    assert len(deriver.states["c-1"]) <= derive_memory.MAX_BYTES


@pytest.mark.parametrize("state", [b"", b"\xc1", b"nonsense", b"\x93\x01\x02\x03"])
def test_a_state_that_cannot_be_read_begins_afresh(state: bytes) -> None:
    states = {"c-1": state, TITLES: state}

    derived = derive([fact(Kind.MESSAGE_IN, action="a", action_title="A")], states, Deriver("copilot").terms)

    assert len(derived.messages) == 2


CONTEXTS = st.fixed_dictionaries(
    {}, optional={"browser": st.just("b"), "stepsVisited": st.lists(st.sampled_from(["s1", "s2"]), max_size=3)}
)
FACTS = st.builds(
    Fact,
    kind=st.sampled_from(list(Kind)),
    source_id=st.integers(0, 60).map(str),
    conversation_id=st.sampled_from(["c-1", "c-2", ""]),
    at=st.sampled_from(["2026-11-22T10:00:00Z", "2026-11-22T10:00:01+02:00", "2026-11-22", "never", ""]),
    user_id=st.sampled_from(["", "u-1"]),
    anonymous_id=st.sampled_from(["", "a-1"]),
    action=st.sampled_from(["", "a", "b"]),
    opened_at=st.sampled_from(["", "t1", "t2"]),
    text=st.text(max_size=5),
    ibm=CONTEXTS,
)


@settings(max_examples=300, deadline=None)
@given(facts=st.lists(FACTS, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_facts_in_any_order_and_any_calls_are_derived_once(facts: list[Fact], cuts: list[int]) -> None:
    deriver = Deriver()
    messages: list[dict[str, Any]] = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(facts)], strict=True):
        messages += deriver.take(*facts[start:end])

    events = names(messages)
    for conversation in ("c-1", "c-2"):
        of_one = [name for name, members in told(messages) if members.get("conversationId") == conversation]
        assert of_one.count("Conversation Started") <= 1
        assert of_one.count("Conversation Ended") <= 1
        if "Message Sent" in of_one:
            assert "Conversation Started" in of_one[: of_one.index("Message Sent")]
    assert events.count("Message Sent") <= len({each.source_id for each in facts if each.kind is Kind.MESSAGE_IN}) * 3
    assert deriver.take(*[each for each in facts if each.conversation_id]) == []


def entries() -> Mapping[str, Entry]:
    return {entry.name: entry for entry in catalog.entries() if entry.type == "track"}


def test_derived_events_have_only_properties_of_the_catalog() -> None:
    facts = [
        fact(kind, number, action="a", action_title="A", type="t", sub_type="s", text="text", rating=1, reason="r")
        for number, (kind, _, _) in enumerate(OF_EACH_KIND)
    ]

    for name, members in told(Deriver().take(*facts)):
        if name != "Identify":
            assert set(members) <= {each.name for each in entries()[name].properties}, name
