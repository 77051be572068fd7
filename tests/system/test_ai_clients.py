"""The AI applications that teams have: what their telemetry becomes in the log of their environment."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from langfuse import Langfuse, propagate_attributes
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel

from tests.clients.driven import drives
from tests.system.stack import Connected, Stack

QUESTION, ANSWER = "Where is order A-17?", "Your order A-17 ships on Friday."
HEARD = '[{"role": "user", "parts": [{"type": "text", "content": "Where is order A-17?"}]}]'
ANSWERED = (
    '[{"role": "assistant", "parts": [{"type": "text", "content": "Your order A-17 ships on Friday."}], '
    '"finish_reason": "stop"}]'
)
SECONDS = 60.0


@dataclass
class Log:
    """The log of one environment, read by a test for what came since the test before it."""

    stack: Stack
    connected: Connected
    seen: int = 0

    def news(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many events more, and return all that have come."""
        self.stack.wait_until(lambda: len(self._stored()) >= self.seen + count, f"{count} events", SECONDS)
        stored = self._stored()
        news, self.seen = stored[self.seen :], len(stored)
        return news

    def _stored(self) -> list[dict[str, Any]]:
        return self.stack.stored(self.connected)


@pytest.fixture(scope="module")
def log(stack: Stack) -> Log:
    return Log(stack, stack.connect("sandbox"))


@dataclass
class Telemetry:
    """OpenTelemetry as an application sets it up, sending to one environment."""

    endpoint: str
    key: str
    compression: Compression = Compression.NoCompression
    traces: TracerProvider = field(default_factory=TracerProvider)
    logs: LoggerProvider = field(default_factory=LoggerProvider)

    def __post_init__(self) -> None:
        told: dict[str, Any] = {"headers": {"authorization": f"Bearer {self.key}"}, "compression": self.compression}
        spans = OTLPSpanExporter(f"{self.endpoint}/v1/traces", **told)
        records = OTLPLogExporter(f"{self.endpoint}/v1/logs", **told)
        self.traces.add_span_processor(BatchSpanProcessor(spans))
        self.logs.add_log_record_processor(BatchLogRecordProcessor(records))

    def send(self) -> None:
        """Send what has been recorded and end."""
        assert self.traces.force_flush()
        assert self.logs.force_flush()
        self.traces.shutdown()
        self.logs.shutdown()


@pytest.fixture
def telemetry(stack: Stack, log: Log) -> Telemetry:
    return Telemetry(f"{stack.url}/otlp", log.connected.key)


def told(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return names and properties; an Identify has its traits."""
    return [(each.get("event", each["type"]), each.get("properties", each.get("traits"))) for each in messages]


def users(messages: list[dict[str, Any]]) -> set[str]:
    return {each["userId"] for each in messages}


@drives("opentelemetry-exporter-otlp-proto-http")
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip], ids=["plain", "gzip"])
def test_opentelemetrys_exporter_for_python(stack: Stack, log: Log, compression: Compression) -> None:
    conversation = f"python-{compression.value}"
    telemetry = Telemetry(f"{stack.url}/otlp", log.connected.key, compression)
    tracer = telemetry.traces.get_tracer("orders")
    with tracer.start_as_current_span("invoke_agent orders") as root:
        root.set_attributes(
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": conversation, "user.id": conversation}
        )
        with tracer.start_as_current_span("chat") as call:
            call.set_attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.response.id": "resp-1",
                    "gen_ai.input.messages": HEARD,
                    "gen_ai.output.messages": ANSWERED,
                }
            )
        with tracer.start_as_current_span("GET /orders"):
            pass
    telemetry.send()

    news = log.news(4)
    span_id = f"{call.get_span_context().span_id:016x}"
    about = {"conversationId": conversation}
    assert told(news) == [
        ("identify", {}),
        ("Conversation Started", about),
        ("Message Sent", {**about, "messageId": f"{span_id}-in", "message_body": QUESTION, "role": "customer"}),
        ("Message Received", {**about, "messageId": "resp-1", "message_body": ANSWER, "role": "ai_agent"}),
    ]
    assert users(news) == {conversation}


@drives("opentelemetry-exporter-otlp-proto-http")
def test_texts_in_log_records_join_the_spans(telemetry: Telemetry, log: Log) -> None:
    with telemetry.traces.get_tracer("orders").start_as_current_span("chat") as call:
        call.set_attributes({"gen_ai.operation.name": "chat", "session.id": "logs", "user.id": "logs"})
        telemetry.logs.get_logger("orders").emit(
            event_name="gen_ai.client.inference.operation.details",
            attributes={"gen_ai.input.messages": HEARD, "gen_ai.output.messages": ANSWERED},
        )
    telemetry.send()

    news = log.news(4)
    assert [(name, said.get("message_body")) for name, said in told(news)] == [
        ("identify", None),
        ("Conversation Started", None),
        ("Message Sent", QUESTION),
        ("Message Received", ANSWER),
    ]


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Iterator[Telemetry]:
    """Let all agents of Pydantic AI tell what they do."""
    Agent.instrument_all(InstrumentationSettings(tracer_provider=telemetry.traces))
    yield telemetry
    Agent.instrument_all(False)


@drives("pydantic-ai-slim")
def test_an_agent_of_pydantic_ai(instrumented: Telemetry, log: Log) -> None:
    agent = Agent(TestModel(custom_output_text=ANSWER), name="orders")

    @agent.tool_plain
    def get_order_status(order: str) -> str:
        return "ships Friday"

    async def talk() -> None:
        first = await agent.run(QUESTION)
        await agent.run("And now?", message_history=first.all_messages())

    # Not `run_sync`, which leaves an event loop open.
    asyncio.run(talk())
    instrumented.send()

    news = log.news(7)
    names = [name for name, _ in told(news)]
    assert names == [
        "identify",
        "Conversation Started",
        "Message Sent",
        "Action Invoked",
        "Message Received",
        "Message Sent",
        "Message Received",
    ]
    said = [properties for _, properties in told(news)[1:]]
    assert len({properties["conversationId"] for properties in said}) == 1
    assert len({each["anonymousId"] for each in news}) == 1
    assert [properties["message_body"] for properties in said if "message_body" in properties] == [
        QUESTION,
        ANSWER,
        "And now?",
        ANSWER,
    ]
    invoked = dict(told(news))["Action Invoked"]
    assert (invoked["action"], invoked["type"], invoked["role"]) == ("get_order_status", "function", "ai_agent")


@pytest.fixture
def langfuse(stack: Stack, log: Log) -> Iterator[Langfuse]:
    client = Langfuse(
        public_key=log.connected.key, secret_key="any", base_url=stack.url, tracer_provider=TracerProvider()
    )
    yield client
    client.shutdown()


@drives("langfuse")
def test_langfuses_sdk_with_a_score(langfuse: Langfuse, log: Log) -> None:
    assert langfuse.auth_check()
    with (
        propagate_attributes(session_id="langfuse", user_id="langfuse"),
        langfuse.start_as_current_observation(name="orders", as_type="agent", input=QUESTION) as root,
    ):
        with langfuse.start_as_current_observation(name="get_order_status", as_type="tool") as tool:
            tool.update(output="ships Friday")
        with langfuse.start_as_current_observation(name="chat", as_type="generation") as call:
            call.update(input=[{"role": "user", "content": QUESTION}], output={"role": "assistant", "content": ANSWER})
        root.update(output=ANSWER)
        root.score_trace(name="user-feedback", value=1, comment="good")
    langfuse.flush()

    news = log.news(6)
    about = {"conversationId": "langfuse"}
    assert told(news) == [
        ("identify", {}),
        ("Conversation Started", about),
        ("Message Sent", {**about, "messageId": f"{call.id}-in", "message_body": QUESTION, "role": "customer"}),
        (
            "Action Invoked",
            {**about, "messageId": tool.id, "type": "function", "action": "get_order_status", "role": "ai_agent"},
        ),
        ("Message Received", {**about, "messageId": call.id, "message_body": ANSWER, "role": "ai_agent"}),
        ("Feedback Submitted", {**about, "messageId": call.id, "rating": 1.0}),
    ]
    assert users(news) == {"langfuse"}
