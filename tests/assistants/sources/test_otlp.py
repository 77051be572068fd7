"""How spans and log records become facts, rule by rule."""

import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from assistants.intake.answers import Unreadable
from assistants.sources.adapter import Fact, Kind, Reading, Request
from assistants.sources.otlp.adapter import Otlp
from tests.assistants.sources import exports

OTLP = Otlp()
TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "c1"}


def messages(*texts: str) -> str:
    """Write a history: the user begins, and every second text is the assistant's."""
    return json.dumps(
        [
            {"role": "assistant" if number % 2 else "user", "parts": [{"type": "text", "content": text}]}
            for number, text in enumerate(texts)
        ]
    )


def answered(text: str) -> str:
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}])


def asked_for(tool: str, call_id: str = "call_1") -> str:
    parts = [{"type": "text", "content": "I look it up."}, {"type": "tool_call", "id": call_id, "name": tool}]
    return json.dumps([{"role": "assistant", "parts": parts, "finish_reason": "tool_call"}])


def traces(*spans: dict[str, Any], **resource: str) -> Request:
    return exports.request("/otlp/v1/traces", exports.spans(*spans, resource=resource))


def logs(*records: dict[str, Any]) -> Request:
    return exports.request("/otlp/v1/logs", exports.records(*records))


def chat(question: str, answer: str = "", **more: Any) -> dict[str, Any]:
    """Make a model call of its own trace."""
    attributes = {**CHAT, "gen_ai.input.messages": question, "gen_ai.output.messages": answer, **more}
    return {"attributes": {key: value for key, value in attributes.items() if value}}


def read(*requests: Request, **options: Any) -> list[Fact]:
    return exports.facts_of(OTLP, *requests, **options)


def of_kind(facts: list[Fact], *kinds: Kind) -> list[Fact]:
    return [fact for fact in facts if fact.kind in kinds]


def texts(facts: list[Fact]) -> list[tuple[str, str]]:
    return [(fact.kind.value, fact.text) for fact in of_kind(facts, Kind.MESSAGE_IN, Kind.MESSAGE_OUT)]


def take(request: Request, **options: Any) -> Reading:
    return OTLP.read(request, exports.setup(**options))


# --- whose it is ---


@pytest.mark.parametrize(
    "attribute",
    [
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "traceloop.association.properties.conversation_id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.thread_id",
        "langsmith.metadata.session_id",
        "langsmith.metadata.conversation_id",
        "langsmith.metadata.thread_id",
        "ai.telemetry.metadata.conversationId",
        "ai.telemetry.metadata.sessionId",
        "ai.telemetry.metadata.threadId",
        "ai.telemetry.metadata.chatId",
    ],
)
def test_each_attribute_for_the_conversation_is_known(attribute: str) -> None:
    facts = read(traces({"attributes": {"gen_ai.operation.name": "chat", attribute: "c-7"}}))

    assert {fact.conversation_id for fact in facts} == {"c-7"}


def test_what_genai_calls_the_conversation_counts_before_the_session() -> None:
    facts = read(traces({"attributes": {**CHAT, "session.id": "browser"}}))

    assert {fact.conversation_id for fact in facts} == {"c1"}


def test_the_attribute_that_the_admin_names_counts_before_all_others() -> None:
    facts = read(traces({"attributes": {**CHAT, "app.chat": 4711}}), conversation_attribute="app.chat")

    assert {fact.conversation_id for fact in facts} == {"4711"}


def test_the_conversation_is_found_on_any_span_of_the_trace() -> None:
    root = {"spanId": "00000000000000aa", "attributes": {"gen_ai.operation.name": "invoke_agent", "session.id": "c1"}}
    tool = {
        "parentSpanId": "00000000000000aa",
        "attributes": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up"},
    }
    facts = read(traces(tool, root))

    assert [fact.conversation_id for fact in of_kind(facts, Kind.ACTION_STARTED)] == ["c1"]


def test_a_span_of_the_web_server_may_name_conversation_and_user() -> None:
    web = {"spanId": "00000000000000aa", "attributes": {"session.id": "c1", "enduser.id": "u1", "http.route": "/chat"}}
    call = {"parentSpanId": "00000000000000aa", "attributes": {"gen_ai.operation.name": "chat"}}
    reading = take(traces(call, web))

    assert [note.code for note in reading.notes] == ["no_text"]
    assert {(fact.conversation_id, fact.user_id) for fact in read(traces(call, web))} == {("c1", "u1")}


def test_without_any_conversation_the_trace_stands_for_one_and_the_page_says_so() -> None:
    request = traces({"attributes": {"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages("Hi")}})

    assert [note.code for note in take(request).notes] == ["no_conversation_id"]
    assert {fact.conversation_id for fact in read(request)} == {TRACE}


@pytest.mark.parametrize(
    "attribute",
    [
        "user.id",
        "enduser.id",
        "langfuse.user.id",
        "gen_ai.user",
        "traceloop.association.properties.user_id",
        "langsmith.metadata.user_id",
        "ai.telemetry.metadata.userId",
    ],
)
def test_each_attribute_for_the_user_is_known(attribute: str) -> None:
    facts = read(traces({"attributes": {**CHAT, attribute: "u-1"}}))

    assert {(fact.user_id, fact.anonymous_id) for fact in facts} == {("u-1", "")}


def test_openinference_keeps_the_user_in_its_metadata() -> None:
    facts = read(traces({"attributes": {**CHAT, "metadata": '{"user_id": "u-1"}'}}))

    assert {fact.user_id for fact in facts} == {"u-1"}


def test_without_a_user_the_same_anonymous_id_stands_for_the_whole_conversation() -> None:
    first = read(traces({"attributes": CHAT}))
    second = read(traces({"traceId": OTHER_TRACE, "attributes": CHAT}))

    ids = {fact.anonymous_id for fact in [*first, *second]}
    assert len(ids) == 1
    assert "c1" not in ids
    assert all(ids)


# --- what the user said ---


def test_the_calls_of_an_agents_loop_are_one_message() -> None:
    history = [
        {"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "look_up"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "Friday"}]},
    ]
    facts = read(
        traces(
            chat(json.dumps(history[:1]), asked_for("look_up")), chat(json.dumps(history), answered("It comes Friday."))
        )
    )

    assert texts(facts) == [("message.in", "Where is it?"), ("message.out", "It comes Friday.")]


def test_the_calls_of_one_turn_that_come_as_separate_traces_are_one_message() -> None:
    """A call that goes on after a tool's result says nothing; one that asks the same again has the same identity."""
    first = read(traces(chat(messages("Hi", "Hello", "Where is it?"), asked_for("look_up"))))
    again = read(traces({"traceId": OTHER_TRACE, **chat(messages("Hi", "Hello", "Where is it?"), answered("Friday"))}))

    ids = {fact.source_id for fact in of_kind([*first, *again], Kind.MESSAGE_IN)}
    assert len(ids) == 1


def test_the_same_words_in_the_next_turn_are_another_message() -> None:
    first = read(traces(chat(messages("yes"))))
    second = read(traces({"traceId": OTHER_TRACE, **chat(messages("yes", "Sure?", "yes"))}))

    assert len({fact.source_id for fact in of_kind([*first, *second], Kind.MESSAGE_IN)}) == 2


def test_an_application_that_sends_the_last_messages_only_loses_none() -> None:
    """The ordinal of the turn stands still then; what was said last does not."""
    windows = [("a", "b", "c"), ("c", "d", "e"), ("e", "f", "c")]
    facts = [
        fact
        for number, window in enumerate(windows)
        for fact in read(traces({"traceId": f"{number + 1:032x}", **chat(messages(*window))}))
    ]

    sent = of_kind(facts, Kind.MESSAGE_IN)
    assert [fact.text for fact in sent] == ["c", "e", "c"]
    assert len({fact.source_id for fact in sent}) == 3


def test_an_agent_without_any_history_may_hear_the_same_words_twice() -> None:
    call = {"parentSpanId": "00000000000000aa", **chat(messages("yes"))}
    facts = [*read(traces(call)), *read(traces({**call, "traceId": OTHER_TRACE}))]

    assert len({fact.source_id for fact in of_kind(facts, Kind.MESSAGE_IN)}) == 2


def test_what_tools_return_is_no_message_whatever_role_it_has() -> None:
    history = [
        {"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "look_up"}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "call_1", "result": "Friday"}]},
    ]

    assert texts(read(traces(chat(json.dumps(history), answered("Friday."))))) == [("message.out", "Friday.")]


def test_the_words_that_the_agent_was_asked_count_before_those_made_for_the_model() -> None:
    agent = {
        "spanId": "00000000000000aa",
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.input.messages": messages("Where is it?"),
            "gen_ai.conversation.id": "c1",
        },
    }
    call = {
        "parentSpanId": "00000000000000aa",
        **chat(messages("Context: … Question: Where is it?"), answered("Here.")),
    }

    assert texts(read(traces(agent, call))) == [("message.in", "Where is it?"), ("message.out", "Here.")]


def test_an_agent_that_is_another_ones_tool_neither_hears_nor_answers_the_user() -> None:
    spans = [
        {"spanId": "00000000000000a1", "attributes": {"gen_ai.operation.name": "invoke_agent", "session.id": "c1"}},
        {"spanId": "00000000000000a2", "parentSpanId": "00000000000000a1", **chat(messages("Hi"), asked_for("helper"))},
        {
            "spanId": "00000000000000a3",
            "parentSpanId": "00000000000000a1",
            "attributes": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "helper"},
        },
        {
            "spanId": "00000000000000a4",
            "parentSpanId": "00000000000000a3",
            **chat(messages("Research this"), answered("Done.")),
        },
        {"spanId": "00000000000000a5", "parentSpanId": "00000000000000a1", **chat(messages("Hi"), answered("Hello!"))},
    ]
    facts = read(traces(*spans))

    assert texts(facts) == [("message.in", "Hi"), ("message.out", "Hello!")]
    assert [fact.action for fact in of_kind(facts, Kind.ACTION_STARTED)] == ["helper"]


# --- what the assistant answered ---


def test_a_request_for_tools_is_no_answer_even_with_words() -> None:
    assert texts(read(traces(chat(messages("Hi"), asked_for("look_up"))))) == [("message.in", "Hi")]


def test_an_answer_takes_the_id_of_the_response_else_of_the_span() -> None:
    named = read(traces(chat(messages("Hi"), answered("Hello!"), **{"gen_ai.response.id": "resp-1"})))
    nameless = read(traces(chat(messages("Hi"), answered("Hello!"))))

    assert [fact.message_id for fact in of_kind(named, Kind.MESSAGE_IN, Kind.MESSAGE_OUT)] == [
        "0000000000000001-in",
        "resp-1",
    ]
    assert [fact.message_id for fact in of_kind(nameless, Kind.MESSAGE_OUT)] == ["0000000000000001"]


def test_a_call_that_failed_answered_nothing() -> None:
    failed = {"status": {"code": 2}, **chat(messages("Hi"))}

    assert texts(read(traces(failed))) == [("message.in", "Hi")]


def test_without_texts_there_are_messages_all_the_same_and_the_page_says_why() -> None:
    request = traces(
        {"attributes": {**CHAT, "gen_ai.response.finish_reasons": ["tool_calls"]}},
        {"attributes": {**CHAT, "gen_ai.response.finish_reasons": ["stop"], "gen_ai.response.id": "resp-1"}},
    )
    facts = read(request)

    assert texts(facts) == [("message.in", ""), ("message.out", "")]
    assert of_kind(facts, Kind.MESSAGE_OUT)[0].message_id == "resp-1"
    (note,) = take(request).notes
    assert note.code == "no_text"
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in note.detail


def test_texts_that_come_as_log_records_join_their_spans() -> None:
    span = {"spanId": "00000000000000aa", "attributes": {**CHAT, "gen_ai.response.id": "resp-1"}}
    record = {
        "traceId": TRACE,
        "spanId": "00000000000000aa",
        "eventName": "gen_ai.client.inference.operation.details",
        "observedTimeUnixNano": "1795300000100000000",
        "attributes": {
            "gen_ai.input.messages": json.loads(messages("Where is it?")),
            "gen_ai.output.messages": json.loads(answered("Here.")),
        },
    }
    facts = read(traces(span), logs(record))

    assert texts(facts) == [("message.in", "Where is it?"), ("message.out", "Here.")]
    assert {fact.conversation_id for fact in facts} == {"c1"}


def test_up_to_version_1_36_each_message_is_a_record() -> None:
    with_spans = exports.facts_of(OTLP, exports.captured("otlp/openai_v2"), exports.captured("otlp/openai_v2_logs"))

    assert texts(with_spans) == [
        ("message.in", "Where is order A-17?"),
        ("message.out", "Your order A-17 ships on Friday."),
    ]
    assert [fact.action for fact in of_kind(with_spans, Kind.ACTION_STARTED)] == ["get_order_status"]


def test_messages_may_be_events_of_a_span() -> None:
    span = {
        "attributes": CHAT,
        "events": [
            {"name": "gen_ai.user.message", "timeUnixNano": "1", "attributes": {"content": '[{"text": "Hi"}]'}},
            {"name": "gen_ai.choice", "timeUnixNano": "2", "attributes": {"message": '[{"text": "Hello!"}]'}},
            {"name": "exception", "attributes": {"exception.message": "no matter"}},
        ],
    }

    assert texts(read(traces(span))) == [("message.in", "Hi"), ("message.out", "Hello!")]


def test_older_openllmetry_numbers_its_messages() -> None:
    attributes = {
        "traceloop.association.properties.session_id": "c1",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "Hi",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Hello!",
    }

    assert texts(read(traces({"attributes": attributes}))) == [("message.in", "Hi"), ("message.out", "Hello!")]


def test_openinference_may_count_from_one_and_leave_gaps() -> None:
    attributes = {
        "openinference.span.kind": "LLM",
        "session.id": "c1",
        "llm.input_messages.2.message.role": "user",
        "llm.input_messages.2.message.contents.3.message_content.type": "text",
        "llm.input_messages.2.message.contents.3.message_content.text": "Hi",
        "llm.input_messages.10.message.role": "user",
        "llm.input_messages.10.message.content": "Anybody there?",
        "llm.output_messages.1.message.role": "assistant",
        "llm.output_messages.1.message.content": "Hello!",
    }

    assert texts(read(traces({"attributes": attributes}))) == [
        ("message.in", "Anybody there?"),
        ("message.out", "Hello!"),
    ]


# --- what was done ---


def test_a_tool_that_fails_ends_its_action_as_a_fallback() -> None:
    tool = {
        "status": {"code": 2},
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "look_up",
            "gen_ai.tool.type": "datastore",
            "session.id": "c1",
        },
    }
    started, finished = of_kind(read(traces(tool)), Kind.ACTION_STARTED, Kind.ACTION_FINISHED)

    assert (started.action, started.type, started.at) == ("look_up", "datastore", "2026-11-21T22:26:40.000000Z")
    assert (finished.reason, finished.at, finished.opened_at) == ("fallback", "2026-11-21T22:26:40.500000Z", started.at)


def test_a_tool_that_an_mcp_client_tells_of_again_was_used_once() -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up", "session.id": "c1"}
    outer = {"spanId": "00000000000000aa", "attributes": tool}
    inner = {"parentSpanId": "00000000000000aa", "attributes": tool}

    assert len(of_kind(read(traces(outer, inner)), Kind.ACTION_STARTED)) == 1


def test_where_tools_leave_spans_the_models_requests_are_no_actions() -> None:
    call = chat(messages("Hi"), asked_for("look_up", "call_7"))
    tool = {
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "look_up",
            "gen_ai.tool.call.id": "call_7",
        }
    }
    before, after = read(traces(call)), read(traces(call, tool))

    assert [fact.action for fact in of_kind(after, Kind.ACTION_STARTED)] == ["look_up"]
    # The tool's span may come when the trace was read already: it is the same action.
    assert {fact.source_id for fact in of_kind(before, Kind.ACTION_STARTED)} == {
        fact.source_id for fact in of_kind(after, Kind.ACTION_STARTED)
    }


def test_a_structured_answer_of_pydantic_ai_is_an_answer_and_no_tool() -> None:
    facts = exports.facts_of(OTLP, exports.captured("otlp/pydantic_ai_structured"))

    assert texts(facts) == [("message.in", "Which city?"), ("message.out", '{"city":"a"}')]
    assert of_kind(facts, Kind.ACTION_STARTED) == []


def test_pictures_and_speech_are_media() -> None:
    parts = [
        {"type": "text", "content": "Here it is."},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0K"},
        {"type": "uri", "modality": "video", "uri": "https://example.com/a"},
    ]
    drawn = chat(messages("Draw"), json.dumps([{"role": "assistant", "parts": parts}]))
    spoken = {"traceId": OTHER_TRACE, **chat(messages("Say it"), "", **{"gen_ai.output.type": "speech"})}
    facts = read(traces(drawn), traces(spoken))

    media = [(fact.type, fact.sub_type, fact.message_id) for fact in of_kind(facts, Kind.MEDIA)]
    assert media == [
        ("image", "png", "0000000000000001"),
        ("video", "", "0000000000000001"),
        ("audio", "", "0000000000000001"),
    ]


EVALUATION = {"gen_ai.evaluation.name": "thumbs", "gen_ai.evaluation.score.value": 1, "gen_ai.response.id": "resp-1"}


def test_an_evaluation_that_a_person_made_is_feedback() -> None:
    record = {"traceId": TRACE, "spanId": "0000000000000001", "eventName": "gen_ai.evaluation.result"}
    requests = [traces(chat(messages("Hi"), answered("Hello!"))), logs({**record, "attributes": EVALUATION})]

    (feedback,) = of_kind(read(*requests, feedback_names=["Thumbs"]), Kind.FEEDBACK)
    assert (feedback.rating, feedback.message_id, feedback.conversation_id) == (1.0, "resp-1", "c1")
    assert of_kind(read(*requests), Kind.FEEDBACK) == []


def test_an_evaluation_may_be_an_event_of_the_span_that_it_rates() -> None:
    event = {"name": "gen_ai.evaluation.result", "attributes": {**EVALUATION, "gen_ai.response.id": ""}}
    span = {**chat(messages("Hi"), answered("Hello!")), "events": [event]}

    (feedback,) = of_kind(read(traces(span), feedback_names=["thumbs"]), Kind.FEEDBACK)
    assert (feedback.rating, feedback.message_id) == (1.0, "0000000000000001")


def test_a_record_without_a_trace_stands_alone() -> None:
    record = {
        "eventName": "gen_ai.evaluation.result",
        "timeUnixNano": "1795300000000000000",
        "attributes": {**EVALUATION, "gen_ai.conversation.id": "c1"},
    }

    (feedback,) = read(logs(record), feedback_names=["thumbs"])
    assert (feedback.conversation_id, feedback.rating) == ("c1", 1.0)


# --- late parts ---


def test_what_is_read_again_with_late_parts_has_the_same_identity() -> None:
    name = "otlp/langsmith_langgraph"
    reading = take(exports.captured(name))
    parts = [part for part in reading.parts if part.whole_id == reading.parts[0].whole_id]
    complete = {fact.source_id: fact for fact in OTLP.read_whole(parts, exports.setup())}

    # Children are exported before their parents: the root comes last.
    without_root = OTLP.read_whole(parts[1:], exports.setup())
    assert {fact.source_id for fact in without_root} == set(complete)
    assert [fact.text for fact in without_root] == [complete[fact.source_id].text for fact in without_root]


@pytest.mark.parametrize(
    ("parent", "text", "seconds"), [("", "Hi", 2.0), ("", "", 8.0), ("00000000000000aa", "Hi", 8.0)]
)
def test_a_trace_waits_longer_while_its_root_or_its_texts_are_missing(parent: str, text: str, seconds: float) -> None:
    span = {**chat(messages(text) if text else ""), "parentSpanId": parent}

    assert [part.hold_seconds for part in take(traces(span)).parts] == [seconds]


# --- requests ---


def test_spans_of_other_kinds_are_left_out_and_counted() -> None:
    http = {"attributes": {"http.request.method": "GET", "url.path": "/"}}
    reading = take(traces(http, http, chat(messages("Hi"))))

    assert len(reading.parts) == 1
    assert [note.code for note in reading.notes] == ["span_ignored", "span_ignored"]


def test_a_span_without_ids_is_refused_and_the_others_are_taken() -> None:
    request = traces({**chat(messages("Hi")), "traceId": "0" * 32}, chat(messages("Hi")))
    reading = take(request)

    assert len(reading.parts) == 1
    assert [reason.code for reason, _ in reading.refused] == ["invalid_span"]
    said = json.loads(reading.answer.body)["partialSuccess"]
    assert (reading.answer.status, said["rejectedSpans"]) == (200, "1")
    assert said["errorMessage"].startswith("The span “” has no usable IDs")


def test_protobuf_hears_in_protobuf_what_was_refused() -> None:
    name = "otlp/genai_openai"
    request = exports.as_protobuf(name)
    body = request.body.replace(bytes.fromhex("72b0754bc4c7144dc6b79b9a47d9d726"), bytes(16))
    answer = take(exports.request(request.path, body, exports.PROTOBUF)).answer

    said = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.content_type, said.rejected_spans) == (b"application/x-protobuf", 1)
    assert said.error_message.startswith("The span “chat gpt-4o-mini” has no usable IDs")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_export_is_refused_as_json(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        take(exports.request("/otlp/v1/traces", body))

    answer = caught.value.answer
    assert (answer.status, answer.content_type) == (400, b"application/json")
    assert json.loads(answer.body)["code"] == 3


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"resourceSpans": 5}, "resourceSpans"),
        ({"resourceSpans": [{"scopeSpans": {"spans": []}}]}, "scopeSpans"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": ["a span"]}]}]}, "spans"),
    ],
)
def test_a_member_of_a_wrong_shape_is_refused_by_name(body: dict[str, Any], member: str) -> None:
    with pytest.raises(Unreadable) as caught:
        OTLP.read(exports.request("/otlp/v1/traces", json.dumps(body).encode()), exports.setup())

    assert caught.value.answer.status == 400
    assert f"“{member}” must be a list of objects." in json.loads(caught.value.answer.body)["message"]


def test_a_body_that_is_no_export_is_refused_as_protobuf() -> None:
    with pytest.raises(Unreadable) as caught:
        take(exports.request("/otlp/v1/traces", b"\x0a\xff\xff", exports.PROTOBUF))

    answer = caught.value.answer
    assert (answer.status, answer.content_type) == (400, b"application/x-protobuf")
    status = Status.FromString(answer.body)
    assert status.code == 3
    assert status.message.startswith("The body is not an OTLP request in protobuf")


def test_another_type_of_content_is_refused() -> None:
    with pytest.raises(Unreadable) as caught:
        take(exports.request("/otlp/v1/traces", b"", "text/html"))

    assert caught.value.answer.status == 415


@pytest.mark.parametrize(
    ("content_type", "body", "answer"),
    [("application/json", b"{}", b"{}"), ("application/x-protobuf", b"\x0a\x00", b"")],
)
def test_metrics_are_taken_and_dropped(content_type: str, body: bytes, answer: bytes) -> None:
    reading = take(exports.request("/otlp/v1/metrics", body, content_type))

    assert (reading.answer.status, reading.answer.body, reading.parts) == (200, answer, [])
    assert reading.answer.content_type == content_type.encode()
    assert [note.code for note in reading.notes] == ["metrics_dropped"]


def test_the_senders_word_for_its_environment_is_compared_with_the_keys() -> None:
    request = traces(chat(messages("Hi")), **{"deployment.environment.name": "staging"})

    (note,) = take(request).notes
    assert note.code == "other_environment"
    assert note.detail == "deployment.environment.name says “staging”, but the key is of “live”."
    assert take(traces(chat(messages("Hi")), **{"deployment.environment.name": "Live"})).notes == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0AF7651916CD43DD8448EB211C80319C", TRACE),
        ("CvdlGRbNQ92ESOshHIAxnA==", TRACE),
    ],
    ids=["upper case", "base64"],
)
def test_ids_may_be_written_in_other_ways(written: str, meant: str) -> None:
    reading = take(traces({**chat(messages("Hi")), "traceId": written}))

    assert [part.whole_id for part in reading.parts] == [meant]


def test_times_that_no_clock_tells_are_those_of_receipt() -> None:
    facts = read(traces({**chat(messages("Hi"), answered("Hello!")), "startTimeUnixNano": "0", "endTimeUnixNano": 7}))

    assert {fact.at for fact in facts} == {"2026-11-22T12:00:00.000000Z"}


def test_half_an_emoji_does_not_spoil_the_request() -> None:
    inner = messages("Hi \U0001f600").replace("\\ude00", "")
    facts = read(traces(chat(inner, answered("Hello!"))))

    assert texts(facts) == [("message.in", "Hi \ufffd\ufffd\ufffd"), ("message.out", "Hello!")]


@pytest.mark.parametrize("name", ["two words", "x" * 201])
def test_an_attributes_name_has_no_spaces(name: str) -> None:
    (problem,) = OTLP.check({"conversation_attribute": name, "feedback_names": []})

    assert problem.startswith(f"“{name[:40]}” cannot be the name of an attribute")
    assert OTLP.check({"conversation_attribute": "app.chat_id"}) == []
