"""What is around the pieces of a request: lists, lines, CloudEvents, Pub/Sub, Firehose."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from assistants.intake.answers import Unreadable
from assistants.sources.generic.config import parse
from assistants.sources.generic.unwrap import Unwrapped, unwrap
from assistants.sources.pieces import BadPiece
from tests.assistants.sources.reading import RECEIVED_AT, load, request


def take(kind: str, body: Any, headers: dict[str, str] | None = None, **settings: Any) -> Unwrapped:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return unwrap(parse({"unwrap": {"kind": kind, **settings}}).unwrap, request(raw, headers))


def values(unwrapped: Unwrapped) -> list[Any]:
    """Return the pieces' values; of one that cannot be read the code."""
    return [piece.reason.code if isinstance(piece, BadPiece) else piece.value for piece in unwrapped.pieces]


def ids(unwrapped: Unwrapped) -> list[tuple[str, str]]:
    return [("", "") if isinstance(piece, BadPiece) else (piece.id, piece.at) for piece in unwrapped.pieces]


def test_a_body_is_one_piece() -> None:
    assert values(take("none", {"a": 1})) == [{"a": 1}]
    assert values(take("none", [1, 2])) == [[1, 2]]


def test_a_list_is_its_items_and_a_lone_object_a_list_of_one() -> None:
    assert values(take("array", b' [{"a": 1}, 2, "\\ud800", {"b": 2}]')) == [{"a": 1}, 2, "lone_surrogate", {"b": 2}]
    assert values(take("array", {"a": 1})) == [{"a": 1}]
    assert values(take("array", b"[]")) == []


def test_lines_are_read_each_on_its_own() -> None:
    # The last text is a character that Python takes for the end of a line, and JSON does not.
    body = b'{"a": 1}\r\n\n{\n{"a": "\xe2\x80\xa8"}'

    assert values(take("ndjson", body)) == [{"a": 1}, "invalid_json", {"a": "\u2028"}]


def test_a_path_finds_the_pieces() -> None:
    assert values(take("path", {"events": [{"a": 1}, {"a": 2}]}, path="events[*]")) == [{"a": 1}, {"a": 2}]
    assert values(take("path", {"event": {"a": 1}}, path="event")) == [{"a": 1}]
    assert values(take("path", {"a": None}, path="length(a)")) == ["path_failed"]
    assert values(take("path", {"a": 1}, path="&a")) == ["path_failed"]
    empty = take("path", {"a": 1}, path="events[*]")
    assert (empty.pieces, [note.code for note in empty.notes]) == ([], ["nothing_at_path"])


@pytest.mark.parametrize("kind", ["none", "array", "path", "pubsub", "firehose", "cloudevents"])
@pytest.mark.parametrize("body", [b"", b"  ", b"hello", b'{"a": ', b"\xff"])
def test_a_body_that_is_no_json_is_refused_as_a_whole(kind: str, body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        take(kind, body, **({"path": "a"} if kind == "path" else {}))

    assert refused.value.answer.status == 400


def test_a_body_with_half_a_surrogate_pair_is_refused_and_kept() -> None:
    assert values(take("none", b'{"a": "\\ud83d"}')) == ["lone_surrogate"]


def event(**attributes: Any) -> CloudEvent:
    given = {
        "id": "e-1",
        "source": "/assistants/order-bot",
        "type": "ai.conversation.message.sent",
        "specversion": "1.0",
        "time": datetime(2026, 11, 21, 23, tzinfo=UTC),
        "datacontenttype": "application/json",
        "subject": "conv 42/ä",
        **attributes,
    }
    return CloudEvent(attributes=given, data={"conversationId": "conv-42"})


def test_the_modes_of_cloudevents_are_one_to_the_rules() -> None:
    structured, binary = to_structured_event(event()), to_binary_event(event())
    batch = {"content-type": "application/cloudevents-batch+json"}

    pieces = [
        take("cloudevents", structured.body, lower(structured.headers)),
        take("cloudevents", structured.body, {"content-type": "text/plain"}),
        take("cloudevents", binary.body, lower(binary.headers)),
        take("cloudevents", b"[" + structured.body + b"]", batch),
        take("cloudevents", b"[" + structured.body + b"]"),
    ]

    (first, *others) = [values(each) for each in pieces]
    assert first[0]["data"] == {"conversationId": "conv-42"}
    assert first[0]["subject"] == "conv 42/ä"
    assert all(other == first for other in others)
    assert all(ids(each) == [("/assistants/order-bot e-1", "2026-11-21T23:00:00Z")] for each in pieces)


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def test_the_data_of_a_cloudevent_may_be_base64_text_or_nothing() -> None:
    head = {"type": "t", "id": "1", "source": "s"}

    def data(**members: Any) -> Any:
        return values(take("cloudevents", {**head, **members}))[0]["data"]

    assert data(data_base64=base64.b64encode(b'{"a": 1}').decode()) == {"a": 1}
    assert data(data_base64=base64.b64encode(b"\xff").decode()) == "\ufffd"
    assert values(take("cloudevents", {**head, "data_base64": "?"})) == ["invalid_base64"]
    assert values(take("cloudevents", b"", {"ce-type": "t", "ce-id": "1"})) == [{"type": "t", "id": "1", "data": ""}]


@pytest.mark.parametrize("body", [{}, {"type": 1}, 7, "x"])
def test_what_is_no_cloudevent_is_refused(body: Any) -> None:
    assert values(take("cloudevents", body)) == ["not_a_cloudevent"]


def test_pubsub_is_unwrapped_with_its_id_and_time() -> None:
    sample = load("dialogflow/message_of_user.json")

    pushed = take("pubsub", sample.body)

    assert values(pushed)[0]["type"] == "NEW_MESSAGE"
    assert ids(pushed) == [("2070443601311540", "2026-11-21T23:00:00.100Z")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "not_a_push"),
        ({"message": {}}, "not_a_push"),
        ({"message": {"data": "?"}}, "invalid_base64"),
        ({"message": {"data": "bm8="}}, "invalid_json"),
    ],
)
def test_a_push_that_is_none_is_refused(body: Any, code: str) -> None:
    assert values(take("pubsub", body)) == [code]


def firehose(*records: Any) -> Unwrapped:
    return take("firehose", {"requestId": "r-1", "timestamp": 1, "records": list(records)})


def record(data: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()}


def test_cloudwatch_in_firehose_is_taken_apart_and_answered_as_firehose_expects() -> None:
    sample = load("recipes/amazon_lex.json")

    unwrapped = take("firehose", sample.body)

    assert [value["inputTranscript"] for value in values(unwrapped)] == ["yes"]
    assert ids(unwrapped) == [("37123", "2022-03-25T02:06:07.382+00:00")]
    assert unwrapped.answer is not None
    assert unwrapped.answer.status == 200
    assert json.loads(unwrapped.answer.body) == {
        "requestId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f",
        "timestamp": int(RECEIVED_AT.timestamp() * 1000),
    }


def test_records_may_be_plain_or_compressed_objects_or_lines() -> None:
    unwrapped = firehose(
        record(b'{"a": 1}'), record(gzip.compress(b'{"a": 2}')), record(b'{"a": 3}\n{"a": 4}\n'), record(b"no")
    )

    assert values(unwrapped) == [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}, "invalid_json"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (7, "not_a_record"),
        ({"data": 7}, "not_a_record"),
        ({"data": "?"}, "invalid_base64"),
        (record(b"\x1f\x8bno gzip"), "unreadable_record"),
        (record(gzip.compress(b'{"a": 1}')[:-6]), "unreadable_record"),
        (record(gzip.compress(b" " * 5_000_001)), "unreadable_record"),
        (record(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [7]}).encode()), "not_a_log_event"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_beside_its_neighbours(given: Any, code: str) -> None:
    assert values(firehose(record(b"{}"), given, record(b"[]"))) == [{}, code, []]


def test_records_do_not_unpack_to_more_than_one_request_may_hold() -> None:
    large = record(gzip.compress(b'"' + b"x" * 2_000_000 + b'"'))

    assert [len(str(value)) for value in values(firehose(large, large, large))] == [2_000_000, 2_000_000, 17]


def test_a_delivery_without_records_is_refused_as_a_whole() -> None:
    with pytest.raises(Unreadable, match="a list “records”"):
        take("firehose", {"requestId": "r"})


def test_pieces_beyond_the_limit_are_refused_one_by_one() -> None:
    found = values(take("array", [{}] * 2_502))

    assert (found[:2_500], found[2_500:]) == ([{}] * 2_500, ["too_many_pieces"] * 2)
