"""Sources by rules: presets and recipes on their payloads, and what rules make of a piece."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from assistants import sources
from assistants.intake.answers import Unreadable
from assistants.sources.adapter import Denied, Reading
from tests.assistants.sources.reading import expected, names, request, setup
from tests.assistants.sources.recipes import DOCUMENT, read_named, recipes

RULE = {"event": "Message Sent", "fields": {"conversationId": "c"}}


def read(
    body: Any, *rules: Any, headers: Mapping[str, str] | None = None, kind: str = "custom", **config: Any
) -> Reading:
    adapter = sources.find(kind)
    assert adapter is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"verify": {"kind": "key"}, "rules": list(rules), **config}
    return adapter.read(request(raw, headers), setup(options={"config": given}))


def messages(reading: Reading) -> list[dict[str, Any]]:
    return [json.loads(message) for message in reading.messages]


def ids(reading: Reading) -> list[str]:
    return [message["messageId"] for message in messages(reading)]


def notes(reading: Reading) -> list[tuple[str, str]]:
    return [(note.code, note.detail) for note in reading.notes]


@pytest.mark.parametrize("name", names("twilio", "dialogflow", "intercom", "recipes"))
def test_a_payload_becomes_the_events_kept_beside_it(name: str) -> None:
    assert read_named(name) == expected(name)


def test_every_recipe_of_the_documentation_has_a_payload() -> None:
    files = [name.partition("/")[2] for name in names("recipes")]

    assert len(recipes()) == 9
    assert {title for title in recipes() if not any(file.startswith(title) for file in files)} == set()
    assert len(DOCUMENT.read_text().partition("## Recipes")[2].split("```json")) - 1 == 9


def test_all_rules_that_match_make_a_message_in_their_order() -> None:
    reading = read({"c": "1"}, RULE, {**RULE, "when": "d"}, {**RULE, "event": "Conversation Started"})

    assert [message["event"] for message in messages(reading)] == ["Message Sent", "Conversation Started"]


def test_fields_become_ids_a_timestamp_and_properties() -> None:
    fields = {"userId": "u", "anonymousId": "a", "timestamp": "t", "conversationId": "c", "messageId": "m", "x": "x"}
    body = {"u": 7, "a": "v", "t": "2026-11-21T22:00:00Z", "c": 10, "m": 3.0, "x": {"y": [1]}}

    (message,) = messages(read(body, {"event": "E", "fields": fields}))

    assert len(message.pop("messageId")) == len("custom-") + 32
    assert message == {
        "type": "track",
        "event": "E",
        "userId": "7",
        "anonymousId": "v",
        "timestamp": "2026-11-21T22:00:00Z",
        "properties": {"conversationId": "10", "messageId": "3", "x": {"y": [1]}},
    }


def test_an_identify_rule_makes_an_identify_call_with_traits() -> None:
    (message,) = messages(read({"u": "1", "n": "Ada"}, {"event": "Identify", "fields": {"userId": "u", "name": "n"}}))

    del message["messageId"]
    assert message == {"type": "identify", "userId": "1", "traits": {"name": "Ada"}}


def test_what_is_not_found_is_left_out() -> None:
    fields = {name: name for name in "abcdef"}

    (message,) = messages(read({"a": "", "b": None, "c": 0, "d": False, "e": []}, {"event": "E", "fields": fields}))

    assert message["properties"] == {"c": 0, "d": False, "e": []}


def test_without_a_user_a_message_goes_under_its_conversation() -> None:
    user = {**RULE, "fields": {"conversationId": "c", "userId": "u"}}

    found = [messages(read(body, user))[0] for body in ({"c": "1", "u": "2"}, {"c": "1"}, {})]

    assert [(each.get("userId"), each.get("anonymousId")) for each in found] == [("2", None), (None, "1"), (None, None)]


def test_a_long_text_is_cut_so_that_the_event_can_be_kept() -> None:
    rule = {"event": "E", "fields": {"message_body": "b", "other": "b"}}

    (message,) = messages(read({"b": "ä" * 10_000 + "\0"}, rule))

    assert message["properties"] == {"message_body": "ä" * 8_000 + "…", "other": "ä" * 10_000 + "\0"}


@pytest.mark.parametrize(
    ("type_", "value", "found"),
    [
        ("epoch_s", 1795302000, "2026-11-21T23:00:00.000+00:00"),
        ("epoch_s", "1795302000", "2026-11-21T23:00:00.000+00:00"),
        ("epoch_ms", 1795302000001, "2026-11-21T23:00:00.001+00:00"),
        ("iso", "2026-11-21T23:00:00", "2026-11-21T23:00:00+00:00"),
        ("iso", "2026-11-21T23:00:00.123456789Z", "2026-11-21T23:00:00.123456789Z"),
        ("text", 7, "7"),
        ("number", "4.5", 4.5),
        ("number", 4, 4),
    ],
)
def test_a_type_says_how_a_field_is_read(type_: str, value: Any, found: Any) -> None:
    rule = {"event": "E", "fields": {"x": "v"}, "types": {"x": type_}}

    assert messages(read({"v": value}, rule))[0]["properties"] == {"x": found}


@pytest.mark.parametrize(
    ("field", "type_", "value", "why"),
    [
        ("userId", None, [], "It is a list, not a text."),
        ("userId", None, True, "It is true or false, not a text."),
        ("messageId", None, 1.5, "It is a number, not a text."),
        ("timestamp", None, 1795302000, "It is a number, not ISO 8601; a number needs the type epoch_s or epoch_ms."),
        ("timestamp", None, "yesterday", "It is not ISO 8601, such as 2026-11-21T23:00:00Z."),
        ("x", "epoch_s", {}, "It is an object, not a number of seconds or milliseconds."),
        ("x", "number", "many", "It is a text, not a number."),
        ("x", "number", True, "It is not a number."),
        ("x", "iso", 7, "It is a number, not ISO 8601; a number needs the type epoch_s or epoch_ms."),
    ],
)
def test_a_field_that_cannot_be_read_is_left_out_and_noted(field: str, type_: str | None, value: Any, why: str) -> None:
    rule = {"event": "E", "fields": {field: "v", "y": "y"}, "types": {field: type_} if type_ else {}}

    reading = read({"v": value, "y": 1}, rule)

    assert messages(reading)[0]["properties"] == {"y": 1}
    assert notes(reading) == [("expression_failed", f"rule 1, field {field}: {why}")]


def test_a_condition_that_fails_does_not_hold_and_is_noted_once_a_request() -> None:
    reading = read([{"a": 1}, {}], RULE | {"when": "contains(b, 'x')"}, {"event": "E"}, unwrap={"kind": "array"})

    assert [message["event"] for message in messages(reading)] == ["E", "E"]
    assert notes(reading) == [("expression_failed", "rule 1, when: contains() got null; it takes array or string.")]


def test_a_piece_that_no_rule_matches_is_noted_by_what_its_sender_calls_it() -> None:
    rule = {**RULE, "when": "never"}

    assert notes(read({"type": "ping"}, rule)) == [("no_rule", "No rule matched a piece whose type is “ping”.")]
    assert notes(read({"topic": "x" * 50}, rule)) == [
        ("no_rule", f"No rule matched a piece whose topic is “{'x' * 40}…”.")
    ]
    assert notes(read({"secret": "x"}, rule)) == notes(read([1], rule)) == [("no_rule", "No rule matched a piece.")]


def test_a_piece_that_cannot_be_read_is_refused_beside_its_neighbours() -> None:
    reading = read(b'[{"c": "1"}, {"c": "\\ud800"}, {"c": "2"}]', RULE, unwrap={"kind": "array"})

    assert [message["properties"]["conversationId"] for message in messages(reading)] == ["1", "2"]
    assert [reason.code for reason, _ in reading.refused] == ["lone_surrogate"]


def test_a_piece_has_the_same_ids_whenever_it_comes_and_each_rule_has_its_own() -> None:
    body, printed = {"c": "1", "n": 1.0}, b'{"n":1,"c":"\\u0031"}'

    first = ids(read(body, RULE, RULE))

    assert first == ids(read(printed, RULE, RULE))
    assert len(set(first)) == 2
    assert first != ids(read({**body, "n": 2}, RULE, RULE))


def test_an_id_may_come_from_a_header_a_field_or_the_wrapping() -> None:
    def one(body: Any, delivery: str = "", **config: Any) -> str:
        return ids(read(body, RULE, headers={"x-delivery": delivery} if delivery else {}, **config))[0]

    by_header, by_field = {"id_header": "X-Delivery"}, {"id": "i"}
    wrapped = {"unwrap": {"kind": "cloudevents"}}
    event = {"type": "t", "source": "s", "id": "1"}

    assert one({"c": "1"}, "d", **by_header) == one({"c": "2"}, "d", **by_header)
    assert one({"c": "1"}, "d", **by_header) != one({"c": "1"}, "e", **by_header)
    assert one({"c": "1"}, **by_header) != one({"c": "2"}, **by_header)
    assert one({"c": "1", "i": 7}, **by_field) == one({"c": "2", "i": "7"}, **by_field)
    assert one({"c": "1", "i": []}, **by_field) != one({"c": "2", "i": []}, **by_field)
    assert one({**event, "data": 1}, **wrapped) == one({**event, "data": 2}, **wrapped)
    assert one(event, **wrapped) != one({**event, "source": "other"}, **wrapped)


def test_pieces_of_one_delivery_have_ids_of_their_own() -> None:
    reading = read([{"c": "1"}, {"c": "1"}], RULE, headers={"d": "x"}, id_header="D", unwrap={"kind": "array"})

    assert len(set(ids(reading))) == 2


def test_kinds_of_sources_do_not_share_ids() -> None:
    event = {"type": "t", "source": "s", "id": "1", "c": "1"}
    config: dict[str, Any] = {"unwrap": {"kind": "cloudevents"}}

    assert ids(read(event, RULE, **config)) != ids(read(event, RULE, kind="twilio", **config))


def test_a_challenge_is_echoed_and_leaves_nothing_but_a_note() -> None:
    reading = read({"type": "url_verification", "challenge": "abc"}, RULE, echo="challenge")

    assert (reading.answer.status, reading.answer.body) == (200, b'{"challenge":"abc"}')
    assert (reading.messages, [note.code for note in reading.notes]) == ([], ["challenge"])
    assert read({"c": "1"}, RULE, echo="challenge").messages != []
    assert read({"c": "1", "challenge": 7}, RULE, echo="challenge").messages != []


def test_a_challenge_is_echoed_only_to_who_may_send() -> None:
    adapter = sources.find("custom")
    assert adapter is not None
    config = {"verify": {"kind": "key"}, "echo": "challenge"}

    with pytest.raises(Denied):
        adapter.read(request(b'{"challenge": "abc"}'), setup(options={"config": config}, is_keyed=False))


def test_without_rules_payloads_are_collected() -> None:
    reading = read({"type": "anything"})

    assert (reading.messages, reading.refused, reading.is_body_kept) == ([], [], True)
    assert [note.code for note in reading.notes] == ["no_rule"]


def test_a_source_whose_rules_cannot_be_used_takes_nothing_and_asks_to_come_again() -> None:
    with pytest.raises(Unreadable) as unreadable:
        read({}, {"event": "E", "when": "("})

    answer = unreadable.value.answer
    assert (answer.status, answer.headers) == (503, ((b"retry-after", b"60"),))
    assert json.loads(answer.body)["message"] == (
        "The rules of this source cannot be used: rule 1, when: is not complete."
    )


def test_a_preset_reads_by_its_own_rules_until_it_is_given_others() -> None:
    adapter = sources.find("dialogflow")
    assert adapter is not None
    data = base64.b64encode(b'{"type": "CONVERSATION_STARTED", "conversation": "c"}').decode()
    pushed = json.dumps({"message": {"data": data}}).encode()

    own = messages(adapter.read(request(pushed), setup()))
    others = messages(read(pushed, {"event": "E"}, kind="dialogflow", unwrap={"kind": "pubsub"}))

    assert [message["event"] for message in own] == ["Conversation Started"]
    assert [message["event"] for message in others] == ["E"]
