"""Notices: the webhook hears of each incident once, and again until it has taken it."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from integrations import connections, notices
from integrations.models import Connection
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import append_new, take_turn
from tests.make import make_assistant, make_connection, make_environment

pytestmark = pytest.mark.django_db


@dataclass
class Webhook:
    """What a webhook was told, and what it answers."""

    status: int = 200
    body: bytes = b""
    told: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def webhook(settings: Settings) -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status)
            self.send_header("Content-Length", str(len(hook.body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            # A client need not wait for the body.
            with contextlib.suppress(ConnectionError):
                self.wfile.write(hook.body)

        def log_message(self, *args: Any) -> None:
            """Stay silent: pytest shows what a test prints."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        settings.SLUICE_ATTENTION_WEBHOOK = f"http://127.0.0.1:{server.server_address[1]}/hook"
        settings.SLUICE_BASE_URL = "https://sluice.example.com"
        yield hook
        server.shutdown()
        thread.join()


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(make_environment(assistant=make_assistant(name="Care")), endpoint=segment.url)


def break_it(connection: Connection, segment: FakeSegment, client: SegmentClient) -> None:
    append_new(connection.environment, 1)
    segment.replies.append(Reply(401, b"no such key"))
    take_turn(connection, client)
    connection.refresh_from_db()
    assert connection.status == "needs_attention"


def test_an_incident_is_announced_once(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)

    assert [notices.send_due() for _ in range(3)] == [1, 0, 0]

    assert connection.attention_at is not None
    assert webhook.told == [
        {
            "text": "Sluice: the Segment connection of Care, Draft needs attention. Segment answered 401: no such key",
            "event": "connection.needs_attention",
            "connection": str(connection.pk),
            "assistant": "Care",
            "environment": "draft",
            "cause": "Segment answered 401: no such key",
            "since": connection.attention_at.isoformat(),
            "url": f"https://sluice.example.com/connections/{connection.pk}/",
        }
    ]


def test_the_next_incident_is_announced_again(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    for _ in range(2):
        break_it(connection, segment, client)
        notices.send_due()
        connections.resume(connection, by=None)

    assert len(webhook.told) == 2


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_notice_that_was_not_taken_is_sent_again(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient, status: int
) -> None:
    break_it(connection, segment, client)

    webhook.status = status
    assert notices.send_due() == 0
    webhook.status = 204
    assert [notices.send_due(), notices.send_due()] == [1, 0]
    assert len(webhook.told) == 2


def test_a_webhook_that_answers_at_length_is_not_listened_to(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)
    webhook.body = b"x" * 5_000_000

    assert notices.send_due() == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/hook", "http://[::1", "no url", "ftp://127.0.0.1/", "http://nowhere.invalid/"]
)
def test_a_webhook_that_cannot_be_called_stops_nothing(
    settings: Settings,
    segment: FakeSegment,
    connection: Connection,
    client: SegmentClient,
    caplog: pytest.LogCaptureFixture,
    url: str,
) -> None:
    settings.SLUICE_ATTENTION_WEBHOOK = url
    break_it(connection, segment, client)

    assert notices.send_due() == 0

    connection.refresh_from_db()
    assert connection.attention_notified_at is None
    (message,) = [record.getMessage() for record in caplog.records if record.name == "integrations.notices"]
    assert message.startswith("The attention webhook could not be called: ")
    assert url not in message


def test_nobody_is_told_where_nobody_is_named(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)

    assert notices.send_due() == 0


def test_a_connection_that_is_gone_or_paused_is_no_incident(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)
    connections.disconnect(connection, by=None)
    connections.pause(make_connection(), by=None)

    assert notices.send_due() == 0
    assert webhook.told == []
