"""Rasa: its events become facts, in order, with IDs that stay the same however the events are printed and sent."""

import json
from typing import Any

import pytest

from assistants.intake.answers import Unreadable
from assistants.sources.adapter import Denied, Kind, Reading
from assistants.sources.rasa import Rasa
from tests.assistants.sources.reading import expected, load, names, request, setup
from tests.assistants.sources.recipes import read_named

OPENING = load("rasa/opening.json").body


def read(body: bytes, **settings: Any) -> Reading:
    return Rasa().read(request(body), setup(**settings))


def event(kind: str, **members: Any) -> bytes:
    return json.dumps({"sender_id": "s", "event": kind, "timestamp": 1795304400.5, **members}).encode()


@pytest.mark.parametrize("name", names("rasa"))
def test_a_payload_becomes_the_events_kept_beside_it(name: str) -> None:
    assert read_named(name) == expected(name)


def test_a_list_and_lines_and_single_events_say_the_same() -> None:
    lines = [json.dumps(each).encode() for each in OPENING]

    in_a_list = read(b"[" + b",".join(lines) + b"]").facts
    in_lines = read(b"\n".join(lines) + b"\n\n").facts
    alone = [fact for line in lines for fact in read(line).facts]
    in_windows_lines = read(b"\r\n".join(lines)).facts

    assert in_a_list == in_lines == alone == in_windows_lines
    assert [fact.kind for fact in alone] == [
        Kind.SESSION_OPENED,
        Kind.MESSAGE_IN,
        Kind.ACTION_STARTED,
        Kind.ACTION_FINISHED,
        Kind.MESSAGE_OUT,
        Kind.COMPONENT,
    ]


def test_one_event_may_be_printed_over_several_lines() -> None:
    assert read(json.dumps(OPENING[3], indent=2).encode()).facts == read(json.dumps(OPENING[3]).encode()).facts


def test_events_are_sorted_by_their_timestamps() -> None:
    assert read(json.dumps(OPENING[::-1]).encode()).facts[0].kind is Kind.SESSION_OPENED
    assert [fact.at for fact in read(json.dumps(OPENING[::-1]).encode()).facts] == sorted(
        fact.at for fact in read(json.dumps(OPENING).encode()).facts
    )


def test_an_event_has_the_same_ids_however_its_numbers_and_members_are_printed() -> None:
    printed = (
        b'{"sender_id": "s", "event": "bot", "text": "Hi", "timestamp": 1795304400.5, "confidence": 1.0}',
        b'{"confidence":1,"timestamp":1.7953044005e9,"text":"Hi","event":"bot","sender_id":"s"}',
        b'{"timestamp": 1795304400.500000, "confidence": 1.00, "event": "bot", "sender_id": "s", "text": "\\u0048i"}',
    )

    facts = [read(body).facts[0] for body in printed]

    assert facts[0] == facts[1] == facts[2]
    assert facts[0].at == "2026-11-21T23:40:00.500000+00:00"


def test_events_that_differ_have_different_ids() -> None:
    first, second = (read(event("bot", text=text)).facts[0] for text in ("Hi", "Ho"))

    assert first.source_id != second.source_id


def test_facts_of_one_event_have_ids_of_their_own() -> None:
    facts = read(event("bot", text="", data={"buttons": [1], "custom": {"a": 1}, "elements": [], "image": "x"})).facts

    assert [(fact.kind, fact.type) for fact in facts] == [
        (Kind.MESSAGE_OUT, ""),
        (Kind.COMPONENT, "buttons"),
        (Kind.COMPONENT, "custom"),
    ]
    assert len({fact.source_id for fact in facts}) == 3
    assert len({fact.message_id for fact in facts}) == 1


def test_a_pause_is_a_handover_or_an_end_as_the_option_says() -> None:
    assert read(event("pause")).facts == []
    assert read(event("pause")).notes == []
    assert [fact.kind for fact in read(event("pause"), options={"pause_is_handover": False}).facts] == [
        Kind.CONVERSATION_CLOSED
    ]


@pytest.mark.parametrize("text", [None, "", "/session_start", '/order{"size": "L"}'])
def test_what_no_person_wrote_is_no_message(text: str | None) -> None:
    assert read(event("user", text=text)).facts == []


@pytest.mark.parametrize("name", ["action_listen", "action_session_start", "action_default_fallback", "utter_greet"])
def test_what_rasa_does_by_itself_is_no_action(name: str) -> None:
    assert read(event("action", name=name)).facts == []


def test_silent_events_leave_no_trace_and_unknown_ones_a_note() -> None:
    assert read(event("slot", name="a", value=1)) == Reading()

    notes = read(event("dream")).notes
    assert [(note.code, note.detail) for note in notes] == [
        ("unknown_event", "Rasa sent an event of the kind “dream”.")
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[1]", "not_a_rasa_event"),
        (b'{"event": 1}', "not_a_rasa_event"),
        (b'{"event": "user", "timestamp": 1.5}', "not_a_rasa_event"),
        (b'{"event": "user", "sender_id": "s"}', "not_a_rasa_event"),
        (b'{"event": "user", "sender_id": "s", "timestamp": "now"}', "not_a_rasa_event"),
        (b'{"event": "user", "sender_id": "s", "timestamp": 1e300}', "not_a_rasa_event"),
        (b'{"event": "user", "sender_id": "s", "timestamp": -1}', "not_a_rasa_event"),
        (b'{"event": "user", "sender_id": "s", "timestamp": 1.5, "text": "\\ud800"}', "lone_surrogate"),
        (b'{"event": "slot", "sender_id": "s", "timestamp": 1.5}\n{"event": ', "invalid_json"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_with_the_reason(body: bytes, code: str) -> None:
    reading = read(body)

    assert reading.facts == []
    assert [reason.code for reason, _ in reading.refused] == [code]
    assert reading.answer.status == 200


def test_a_bad_event_does_not_spoil_its_neighbours() -> None:
    reading = read(b"\n".join([event("bot", text="a"), b"{", event("bot", text="b")]))

    assert [fact.text for fact in reading.facts] == ["a", "b"]
    assert [(reason.code, raw) for reason, raw in reading.refused] == [("invalid_json", b"{")]


@pytest.mark.parametrize("body", [b"", b" \n ", b"hello", b'{"event": ', b"\xff\xfe"])
def test_a_body_that_is_no_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(body)

    assert refused.value.answer.status == 400


def test_without_an_ingest_key_nothing_is_read() -> None:
    with pytest.raises(Denied) as denied:
        read(event("session_started"), is_keyed=False)

    assert (denied.value.code, denied.value.status) == ("unknown_key", 401)


def test_more_events_than_a_request_may_hold_are_refused_one_by_one() -> None:
    reading = read(b"\n".join([event("session_started")] * 2_501))

    assert len(reading.facts) == 2_500
    assert [reason.code for reason, _ in reading.refused] == ["too_many_pieces"]
