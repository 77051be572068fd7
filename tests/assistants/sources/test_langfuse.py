"""What Langfuse's SDKs send and ask, route by route."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assistants.intake.answers import Unreadable
from assistants.sources.adapter import Denied, Fact, Kind, Reading, Request
from assistants.sources.langfuse import HEALTH, INGESTION, PROJECTS, SCORES, TRACES, Langfuse
from tests.assistants.sources import exports

LANGFUSE = Langfuse()
TRACE = "f1fa9b3a18da712b2fae099749f5d24b"
SECRET = "a-secret-key-of-these-tests"


def post(path: str, body: Any, **headers: str) -> Request:
    return exports.request(path, json.dumps(body).encode(), **headers)


def get(path: str) -> Request:
    return replace(exports.request(path, b""), method="GET")


def take(request: Request, **options: Any) -> Reading:
    return LANGFUSE.read(request, exports.setup(**options))


def feedback(*requests: Request, **options: Any) -> list[Fact]:
    return [fact for fact in exports.facts_of(LANGFUSE, *requests, **options) if fact.kind is Kind.FEEDBACK]


def score(**members: Any) -> dict[str, Any]:
    return {"id": "s-1", "traceId": TRACE, "name": "user-feedback", "value": 1, **members}


def event(type_: str, id_: str = "e-1", **body: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "timestamp": "2026-11-22T10:00:00Z", "body": body}


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"slu_key:{secret}".encode()).decode()


# --- keys ---


def test_a_secret_key_is_compared_where_one_is_set_up() -> None:
    guarded = replace(exports.setup(), secret=SECRET)
    given = LANGFUSE.read(post(SCORES, [score()], authorization=basic(SECRET)), guarded)

    assert given.answer.status == 200
    for authorization in (basic("wrong"), basic(""), "Bearer slu_key", "Basic ???", ""):
        with pytest.raises(Denied) as caught:
            LANGFUSE.read(post(SCORES, [score()], authorization=authorization), guarded)
        assert (caught.value.code, caught.value.status) == ("wrong_secret_key", 401)


def test_without_a_secret_key_set_up_any_is_taken() -> None:
    assert take(post(SCORES, [score()], authorization=basic("anything"))).answer.status == 200


def test_what_an_sdk_asks_to_check_its_keys_is_answered() -> None:
    health, projects = take(get(HEALTH)).answer, take(get(PROJECTS)).answer

    assert (health.status, json.loads(health.body)) == (200, {"status": "OK", "version": "3.0.0"})
    assert json.loads(projects.body) == {
        "data": [
            {
                "id": "7",
                "name": "Orders (live)",
                "organization": {"id": "sluice", "name": "Sluice"},
                "metadata": {},
            }
        ]
    }


@pytest.mark.parametrize("path", [SCORES, INGESTION, TRACES])
def test_what_is_sent_is_posted(path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        take(get(path))

    assert caught.value.answer.status == 405


# --- scores ---


def test_a_score_rates_the_answer_of_its_trace() -> None:
    requests = [exports.captured("langfuse/v5_traces"), exports.captured("langfuse/v5_scores")]

    for each in (requests, requests[::-1]):
        (fact,) = feedback(*each)
        assert (fact.rating, fact.at) == (1.0, "2026-11-21T23:33:38.594059Z")
        assert (fact.conversation_id, fact.user_id, fact.message_id) == ("conv-42", "user-1", "c781a93723fbda36")


def test_a_score_may_name_the_message_that_it_rates() -> None:
    traces = exports.captured("langfuse/v5_traces")
    (fact,) = feedback(traces, post(SCORES, score(observationId="c781a93723fbda36")))
    (other,) = feedback(traces, post(SCORES, score(observationId="f186e6547d0a1518")))

    assert fact.message_id == "c781a93723fbda36"
    # What it names is the agent, whose answer is that of its last call.
    assert other.message_id == "c781a93723fbda36"


def test_a_score_of_a_session_needs_no_trace() -> None:
    (fact,) = feedback(post(SCORES, score(traceId=None, sessionId="conv-42")))

    assert (fact.conversation_id, fact.rating, fact.message_id) == ("conv-42", 1.0, "")


def test_a_score_whose_trace_never_comes_has_the_trace_for_a_conversation() -> None:
    (fact,) = feedback(post(SCORES, score()))

    assert (fact.conversation_id, fact.user_id, bool(fact.anonymous_id)) == (TRACE, "", True)


def test_scores_and_what_they_need_are_held_for_a_day_without_any_text() -> None:
    reading = take(exports.captured("langfuse/v5_traces"))
    held = [part for part in reading.parts if part.whole_id == f"ratings of {TRACE}"]

    assert [(part.hold_seconds, part.keep_seconds) for part in held] == [(10.0, 86_400.0)]
    assert b"order" not in held[0].body
    (rated,) = take(post(SCORES, [score()])).parts
    assert (rated.whole_id, rated.hold_seconds, rated.keep_seconds) == (f"ratings of {TRACE}", 10.0, 86_400.0)


def test_only_scores_of_these_names_are_feedback() -> None:
    request = post(SCORES, [score(), score(id="s-2", name="hallucination")])

    assert len(feedback(request)) == 2
    assert [fact.source_id for fact in feedback(request, score_names=["User-Feedback"])] == [f"{TRACE}:s-1:feedback"]


def test_a_score_without_a_number_is_no_rating() -> None:
    reading = take(post(SCORES, [score(value="good", dataType="CATEGORICAL")]))

    assert (reading.parts, reading.refused, reading.answer.status) == ([], [], 200)
    assert [note.code for note in reading.notes] == ["score_without_number"]


def test_yes_and_no_are_ratings() -> None:
    (fact,) = feedback(post(SCORES, score(value=False, dataType="BOOLEAN")))

    assert fact.rating == 0.0


def test_a_single_score_hears_its_id_and_a_list_that_it_was_accepted() -> None:
    assert take(post(SCORES, score())).answer.body == b'{"id":"s-1"}'
    assert take(post(SCORES, [score()])).answer.body == b'{"message":"Accepted"}'


def test_a_wrong_score_does_not_spoil_the_others() -> None:
    reading = take(post(SCORES, [score(), {"value": 1}, "text"]))

    assert len(reading.parts) == 1
    assert [reason.code for reason, _ in reading.refused] == ["invalid_score", "invalid_score"]
    assert (reading.answer.status, json.loads(reading.answer.body)["rejected"]) == (207, 2)
    with pytest.raises(Unreadable) as caught:
        take(post(SCORES, {"value": 1}))
    assert caught.value.answer.status == 400


# --- the batches of SDK version 2 ---


def test_a_batch_is_answered_event_by_event() -> None:
    batch = [
        event("trace-create", id=TRACE, sessionId="c1", input="Hi"),
        event("generation-create", "e-2", traceId=TRACE),
        event("dataset-create", "e-3"),
        event("sdk-log", "e-4", log="no matter"),
        "text",
    ]
    reading = take(post(INGESTION, {"batch": batch, "metadata": {}}))

    assert reading.answer.status == 207
    assert json.loads(reading.answer.body) == {
        "successes": [
            {"id": "e-1", "status": 201},
            {"id": "e-3", "status": 201},
            {"id": "e-4", "status": 201},
        ],
        "errors": [
            {
                "id": "e-2",
                "status": 400,
                "message": "A generation-create needs the IDs of itself and of its trace.",
                "error": "invalid_event",
            },
            {
                "id": "",
                "status": 400,
                "message": "An event must be an object with id, type, timestamp and body.",
                "error": "invalid_event",
            },
        ],
    }
    assert [note.code for note in reading.notes] == ["unknown_event"]
    assert [reason.code for reason, _ in reading.refused] == ["invalid_event", "invalid_event"]


def test_an_update_adds_to_what_was_created_before() -> None:
    created = event("generation-create", traceId=TRACE, id="g-1", input="Hi", startTime="2026-11-22T10:00:00Z")
    updated = event(
        "generation-update", "e-2", traceId=TRACE, id="g-1", output="Hello!", endTime="2026-11-22T10:00:01.5Z"
    )
    first, second = post(INGESTION, {"batch": [created]}), post(INGESTION, {"batch": [updated]})

    told = [(fact.kind.value, fact.text) for fact in exports.facts_of(LANGFUSE, first)]
    # What has begun only has not answered yet.
    assert [each for each in told if each[0].startswith("message")] == [("message.in", "Hi")]
    answers = [fact for fact in exports.facts_of(LANGFUSE, first, second) if fact.kind is Kind.MESSAGE_OUT]
    assert [(fact.text, fact.at) for fact in answers] == [("Hello!", "2026-11-22T10:00:01.500000Z")]


def test_a_span_of_version_2_is_a_tool_only_if_the_admin_says_so() -> None:
    request = exports.captured("langfuse/v2_batch")

    def actions(**options: Any) -> list[tuple[str, str]]:
        facts = exports.facts_of(LANGFUSE, request, **options)
        return [(fact.kind.value, fact.action) for fact in facts if fact.action]

    assert actions() == []
    assert actions(spans_are_tools=True) == [
        ("action.started", "get_order_status"),
        ("action.finished", "get_order_status"),
    ]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"batch": {}}'])
def test_a_body_that_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        take(exports.request(INGESTION, body))

    assert caught.value.answer.status == 400


def test_an_attributes_name_has_no_spaces() -> None:
    assert len(LANGFUSE.check({"conversation_attribute": "two words"})) == 1
    assert LANGFUSE.check({}) == []


def test_a_score_that_says_neither_which_it_is_nor_when_it_was_given_is_known_again() -> None:
    nameless = {"name": "thumbs", "value": 1, "traceId": "t-1"}

    first = take(post(SCORES, nameless))
    again = take(replace(post(SCORES, nameless), received_at=exports.RECEIVED_AT + timedelta(seconds=5)))
    other = take(post(SCORES, {**nameless, "value": 0}))

    assert first.parts[0].part_id == again.parts[0].part_id
    assert first.parts[0].part_id != other.parts[0].part_id
