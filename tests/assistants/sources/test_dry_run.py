"""The dry run: what stored payloads would become, rule by rule, with every reason, and in bounded time."""

import json
import time
from typing import Any

import pytest

from assistants.sources.generic.config import BadConfig
from assistants.sources.generic.dry_run import NOT_REACHED, Payload, PayloadRun, dry_run
from assistants.sources.generic.rules import Failure
from tests.assistants.sources.reading import RECEIVED_AT, expected, load
from tests.assistants.sources.recipes import recipes

MATCHING = {"when": "type == 'a'", "event": "Message Sent", "fields": {"conversationId": "c", "userId": "u"}}
FAILING = {"when": "type", "event": "Note", "fields": {"x": "length(y)", "c": "c"}}


def stored(body: Any, **headers: str) -> Payload:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(RECEIVED_AT, headers, raw)


def run(body: Any, *rules: Any, **config: Any) -> PayloadRun:
    (result,) = dry_run({"rules": list(rules), **config}, [stored(body)])
    return result


def test_each_rule_shows_what_it_makes_of_a_piece() -> None:
    (piece,) = run({"type": "a", "c": 1, "u": "2"}, MATCHING, FAILING, {**MATCHING, "when": "type == 'b'"}).pieces

    sent, note, other = piece.rules
    assert piece.text == '{\n  "type": "a",\n  "c": 1,\n  "u": "2"\n}'
    assert (piece.problem, piece.is_matched) == ("", True)
    assert (sent.number, sent.event, sent.is_match, sent.failures, sent.hints) == (1, "Message Sent", True, (), ())
    assert sent.message == {
        "type": "track",
        "event": "Message Sent",
        "userId": "2",
        "messageId": "custom-" + sent.message["messageId"].removeprefix("custom-"),
        "timestamp": "2026-11-21T23:00:05.000+00:00",
        "properties": {"conversationId": "1"},
    }
    assert note.failures == (Failure("rule 2, field x", "length() got null; it takes string or array or object."),)
    assert note.message is not None
    assert note.message["properties"] == {"c": 1}
    assert note.hints == ("Without a userId or an anonymousId Segment does not take the message, and it is left out.",)
    assert (other.is_match, other.message) == (False, None)


def test_a_condition_that_fails_is_shown() -> None:
    (piece,) = run({}, {**MATCHING, "when": "contains(a, 'x')"}).pieces

    assert not piece.is_matched
    assert [str(failure) for failure in piece.rules[0].failures] == [
        "rule 1, when: contains() got null; it takes array or string."
    ]


def test_what_intake_would_refuse_is_shown_as_refused() -> None:
    (piece,) = run({"type": "a", "c": "x" * 40_000}, MATCHING).pieces

    assert (piece.rules[0].is_match, piece.rules[0].message) == (True, None)
    assert piece.rules[0].refused == "The item has 80,145 bytes; the limit is 32,768."
    assert len(piece.text) == 4_001


def test_a_piece_that_cannot_be_read_is_shown_with_the_reason() -> None:
    pieces = run(b'[{"type": "a"}, "\\ud800"]', MATCHING, unwrap={"kind": "array"}).pieces

    assert [piece.problem[:29] for piece in pieces] == ["", "A key or a text contains half"]


def test_a_body_that_cannot_be_unwrapped_is_shown_with_the_reason() -> None:
    assert run({"a": 1}, unwrap={"kind": "firehose"}).problem == (
        "A delivery from Firehose is an object with a list “records”."
    )
    assert run({"a": 1}, unwrap={"kind": "path", "path": "b"}).notes == ("There was nothing at b.",)


def test_a_dry_run_and_a_request_make_the_same_messages() -> None:
    recipe = recipes()["standard_webhooks"]
    sample = load("recipes/standard_webhooks.json")

    (result,) = dry_run(recipe, [Payload(RECEIVED_AT, {"webhook-id": sample.headers["webhook-id"]}, sample.bytes)])

    made = [rule.message for piece in result.pieces for rule in piece.rules]
    assert made == expected("recipes/standard_webhooks.json")["messages"]


def test_payloads_come_back_in_their_order() -> None:
    payloads = [stored({"type": "a", "c": number}) for number in range(20)]

    results = dry_run({"rules": [MATCHING]}, payloads)

    assert [result.payload for result in results] == payloads


def test_a_few_pieces_of_a_large_payload_are_shown_and_the_others_counted() -> None:
    result = run([{"type": "a"}] * 2_000, MATCHING, unwrap={"kind": "array"})

    assert (len(result.pieces), result.left_over) == (20, 1_980)


def test_a_dry_run_ends_in_time() -> None:
    slow = {"event": "E", "fields": {str(n): "length(to_string(items))" for n in range(50)}}
    payloads = [stored({"items": list(range(20_000))})] * 20

    started = time.monotonic()
    results = dry_run({"rules": [slow] * 50}, payloads, seconds=0.2)

    assert time.monotonic() - started < 5
    assert results[0].pieces[0].is_cut_short
    assert results[-1].left_over == NOT_REACHED


def test_a_configuration_with_problems_is_not_run() -> None:
    with pytest.raises(BadConfig, match=r"rule 1, when: is not complete\."):
        run({}, {**MATCHING, "when": "("})
