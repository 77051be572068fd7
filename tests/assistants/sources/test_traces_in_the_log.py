"""Traces that come in pieces and out of order, and ratings long after: what is in the log in the end."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from assistants.intake import derivation
from assistants.intake.derivation import Derivation
from assistants.intake.setups import look_up
from assistants.intake.wholes import derive_due
from assistants.log import Append
from assistants.messages import to_json
from assistants.models import Environment, HeldPart
from assistants.sources.adapter import Adapter, Request
from assistants.sources.langfuse import SCORES, Langfuse
from assistants.sources.otlp.adapter import Otlp
from tests.assistants.logs import everything
from tests.assistants.sources import exports
from tests.make import make_environment

pytestmark = pytest.mark.django_db(transaction=True)

AT = exports.RECEIVED_AT
TRACE = "f1fa9b3a18da712b2fae099749f5d24b"


def take(environment: Environment, adapter: Adapter, request: Request, at: datetime) -> None:
    """Store what a request brings, as intake does."""
    setup = look_up(adapter, environment.pk, with_secret=False)
    assert setup is not None
    reading = adapter.read(replace(request, received_at=at), setup)
    brought = Derivation(
        environment.pk,
        derivation.terms_of(adapter, setup),
        at,
        parts=reading.parts,
        hold_seconds=adapter.hold_seconds,
        notes=reading.notes,
    )
    with transaction.atomic():
        derivation.append([Append(environment.pk, adapter.kind, at, [])], [brought])


def told(environment: Environment) -> list[tuple[str, dict[str, Any]]]:
    """Return names and properties of all events in the log."""
    messages = [json.loads(to_json(event.message)) for event in everything(environment) if event.message]
    return [(message.get("event", message["type"]), message.get("properties", {})) for message in messages]


def names(environment: Environment) -> list[str]:
    return [name for name, _ in told(environment)]


def only(request: Request, *numbers: int) -> Request:
    """Return an export of these spans of it alone."""
    body = json.loads(request.body)
    scope = body["resourceSpans"][0]["scopeSpans"][0]
    scope["spans"] = [scope["spans"][number] for number in numbers]
    return replace(request, body=json.dumps(body).encode())


def seconds(count: float) -> datetime:
    return AT + timedelta(seconds=count)


def test_a_trace_is_derived_when_nothing_more_of_it_comes() -> None:
    environment = make_environment()
    request = exports.captured("otlp/genai_langchain")
    take(environment, Otlp(), only(request, 0, 1), AT)
    take(environment, Otlp(), only(request, 2), seconds(5))
    derive_due(seconds(9))
    assert names(environment) == []

    take(environment, Otlp(), only(request, 3), seconds(9))
    derive_due(seconds(10.9))
    assert names(environment) == []
    derive_due(seconds(11.1))

    assert names(environment) == [
        "identify",
        "Conversation Started",
        "Message Sent",
        "Action Invoked",
        "Message Received",
    ]


def test_spans_that_come_late_repeat_nothing() -> None:
    environment = make_environment()
    request = exports.captured("otlp/genai_langchain")
    take(environment, Otlp(), only(request, 0, 1), AT)
    derive_due(seconds(9))
    early = names(environment)
    take(environment, Otlp(), only(request, 2), seconds(20))
    take(environment, Otlp(), only(request, 3), seconds(21))
    derive_due(seconds(40))

    assert early == ["identify", "Conversation Started", "Message Sent", "Action Invoked"]
    assert names(environment) == [*early, "Message Received"]


def test_an_export_that_comes_again_changes_nothing() -> None:
    environment = make_environment()
    for at in (AT, seconds(1), seconds(30), seconds(600)):
        take(environment, Otlp(), exports.captured("otlp/vercel_ai_sdk"), at)
        derive_due(at + timedelta(seconds=10))

    assert names(environment) == [
        "identify",
        "Conversation Started",
        "Message Sent",
        "Action Invoked",
        "Message Received",
    ]


def test_the_calls_of_one_turn_as_separate_traces_are_one_message() -> None:
    environment = make_environment()
    take(environment, Otlp(), exports.captured("otlp/openinference_openai"), AT)
    derive_due(seconds(10))

    assert names(environment) == [
        "identify",
        "Conversation Started",
        "Message Sent",
        "Action Invoked",
        "Message Received",
    ]


def test_a_rating_hours_later_finds_its_conversation() -> None:
    environment = make_environment()
    take(environment, Langfuse(), exports.captured("langfuse/v5_traces"), AT)
    for minute in range(0, 130, 10):
        derive_due(AT + timedelta(minutes=minute))
    take(environment, Langfuse(), exports.captured("langfuse/v5_scores"), AT + timedelta(hours=3))
    derive_due(AT + timedelta(hours=3, seconds=11))

    assert told(environment)[-1] == (
        "Feedback Submitted",
        {"conversationId": "conv-42", "messageId": "c781a93723fbda36", "rating": 1.0},
    )
    derive_due(AT + timedelta(hours=28))
    assert HeldPart.objects.count() == 0


def test_a_rating_may_come_before_its_trace() -> None:
    environment = make_environment()
    take(environment, Langfuse(), exports.captured("langfuse/v5_scores"), AT)
    derive_due(seconds(4))
    take(environment, Langfuse(), exports.captured("langfuse/v5_traces"), seconds(5))
    derive_due(seconds(16))

    assert (
        "Feedback Submitted",
        {"conversationId": "conv-42", "messageId": "c781a93723fbda36", "rating": 1.0},
    ) in told(environment)
    assert names(environment).count("Feedback Submitted") == 1


def test_a_second_rating_of_the_same_answer_finds_it_as_well() -> None:
    environment = make_environment()
    take(environment, Langfuse(), exports.captured("langfuse/v5_traces"), AT)
    for number in range(3):
        at = AT + timedelta(hours=number)
        score = {"id": f"s-{number}", "traceId": TRACE, "name": "user-feedback", "value": number}
        take(environment, Langfuse(), exports.request(SCORES, json.dumps([score]).encode()), at)
        derive_due(at + timedelta(seconds=15))

    ratings = [
        (said["conversationId"], said["rating"]) for name, said in told(environment) if name.startswith("Feedback")
    ]
    assert ratings == [("conv-42", 0.0), ("conv-42", 1.0), ("conv-42", 2.0)]
