"""Notices: each channel hears of an incident once, and again until it has taken it; and once that it is over."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection as database
from pytest_django import Settings

from integrations import connections, expiry, watch
from integrations.checks import check_notices
from integrations.models import Connection, Incident, Lane, Notice
from integrations.notices import CLAIM, Notices
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import append_new, make_due, take_turn
from tests.make import append, live_lane, make_assistant, make_connection, make_environment, make_message

NOW = datetime(2126, 11, 22, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
URL = "https://sluice.example.com"

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
        yield hook
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def base_url(settings: Settings) -> None:
    settings.SLUICE_BASE_URL = URL


@pytest.fixture
def outbox(settings: Settings) -> list[EmailMessage]:
    settings.SLUICE_NOTICE_EMAILS = ["ops@example.com", "alice@example.com"]
    settings.EMAIL_URL = "smtp://mail.example.com"
    return mail.outbox


@pytest.fixture
def connection(segment: FakeSegment) -> Connection:
    return make_connection(make_environment(assistant=make_assistant(name="Care")), endpoint=segment.url)


def break_it(connection: Connection, segment: FakeSegment, client: SegmentClient) -> None:
    append_new(connection.environment, 1)
    segment.replies.append(Reply(401, b"no such key"))
    take_turn(connection, client)
    connection.refresh_from_db()
    assert connection.status == "needs_attention"


def fail_since(connection: Connection, moment: datetime, error: str = "503: away") -> None:
    Lane.objects.filter(pk=live_lane(connection).pk).update(failing_since=moment, last_error=error)


def tell(now: datetime = NOW) -> int:
    """What a sweep does of it in one pass: look, and send what is due; return how many notices were taken."""
    watch.look(now)
    return Notices().send_due(now)


def texts(webhook: Webhook) -> list[str]:
    return [told["text"].removesuffix(" " + told["url"]) for told in webhook.told]


def test_a_connection_that_needs_attention_is_announced_once_and_once_when_it_is_over(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)
    assert [tell() for _ in range(3)] == [1, 0, 0]
    connections.resume(connection, by=None)
    assert [tell(NOW + MINUTE) for _ in range(3)] == [1, 0, 0]

    incident = Incident.objects.get()
    facts = {
        "event": "connection.needs_attention",
        "connection": str(connection.pk),
        "assistant": "Care",
        "environment": "draft",
        "cause": "Segment answered 401: no such key",
        "since": incident.began_at.isoformat(),
        "url": f"{URL}/connections/{connection.pk}/",
    }
    assert (incident.opened_at, incident.ended_at) == (NOW, NOW + MINUTE)
    assert webhook.told == [
        {
            "text": "Sluice: the Segment connection of Care, Draft needs attention. Segment answered 401: no such key. "
            f"Nothing is sent until somebody has seen to it; 1 event waits. {facts['url']}",
            "is_over": False,
            **facts,
        },
        {
            "text": "Sluice: Over: the Segment connection of Care, Draft needs attention. "
            f"Somebody has seen to it; sending goes on. {facts['url']}",
            "is_over": True,
            **facts,
        },
    ]


def test_the_next_incident_is_announced_again(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    for _ in range(2):
        break_it(connection, segment, client)
        tell()
        connections.resume(connection, by=None)

    assert [told["is_over"] for told in webhook.told] == [False, False, True]
    tell()
    assert [told["is_over"] for told in webhook.told] == [False, False, True, True]
    assert Incident.objects.count() == 2


def test_an_incident_that_was_over_before_anybody_heard_of_it_is_not_told(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)
    webhook.status = 500
    assert tell() == 0
    connections.resume(connection, by=None)
    webhook.status = 200

    assert tell(NOW + 2 * MINUTE) == 0
    assert len(webhook.told) == 1


def test_a_lane_that_fails_is_announced_after_a_quarter_of_an_hour(webhook: Webhook, connection: Connection) -> None:
    append_new(connection.environment, 1_200)
    fail_since(connection, NOW)

    assert tell(NOW + 15 * MINUTE - timedelta(seconds=1)) == 0
    assert [tell(NOW + 15 * MINUTE), tell(NOW + 16 * MINUTE)] == [1, 0]

    assert texts(webhook) == [
        "Sluice: Segment does not take the events of Care, Draft. 503: away. "
        "Sluice tries again by itself; 1,200 events wait."
    ]
    assert (webhook.told[0]["event"], webhook.told[0]["since"]) == ("lane.failing", NOW.isoformat())


def test_a_lane_that_moves_again_is_over(
    webhook: Webhook, connection: Connection, segment: FakeSegment, client: SegmentClient
) -> None:
    append_new(connection.environment, 1)
    segment.replies.append(Reply(503))
    take_turn(connection, client)
    assert tell(NOW) == 1
    make_due(connection)
    take_turn(connection, client)

    assert tell(NOW + MINUTE) == 1
    assert texts(webhook)[1] == "Sluice: Over: Segment does not take the events of Care, Draft. " + (
        "Segment takes events again."
    )


def test_the_end_says_no_more_than_is_known(webhook: Webhook) -> None:
    made = {name: make_connection(make_environment(assistant=make_assistant(name=name))) for name in "ABCD"}
    for connection in made.values():
        append_new(connection.environment, 1)
        fail_since(connection, NOW)
    assert tell(NOW + 15 * MINUTE) == 4
    connections.pause(made["A"], by=None)
    connections.disconnect(made["B"], by=None)
    Connection.objects.filter(pk=made["C"].pk).update(status="needs_attention", attention_at=NOW, attention="401")
    Lane.objects.filter(pk=live_lane(made["D"]).pk).update(failing_since=None)

    tell(NOW + 16 * MINUTE)

    assert [text for text in texts(webhook) if "Over" in text] == [
        "Sluice: Over: Segment does not take the events of A, Draft. Somebody has paused sending.",
        "Sluice: Over: Segment does not take the events of B, Draft. The environment is not connected any more.",
        "Sluice: Over: Segment does not take the events of C, Draft. The connection needs attention by now.",
        "Sluice: Over: Segment does not take the events of D, Draft. The connection was changed, and is tried anew.",
    ]


def test_a_connection_that_needs_attention_is_not_announced_as_failing_too(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)

    tell(NOW)
    tell(NOW + 20 * MINUTE)

    assert [told["event"] for told in webhook.told] == ["connection.needs_attention"]


def test_events_that_will_expire_are_announced_with_the_moment(webhook: Webhook, connection: Connection) -> None:
    connections.pause(connection, by=None)
    append(connection.environment, make_message(), at=NOW - timedelta(days=24))

    expiry.look(NOW)
    tell(NOW)

    assert texts(webhook) == [
        "Sluice: events of Care, Draft that wait will expire. Events that wait are kept for 30 days. "
        "From 2126-11-29 10:00 UTC on, what has not been sent by then expires; 1 event waits."
    ]


def test_nothing_expires_before_somebody_was_told(webhook: Webhook, connection: Connection) -> None:
    connections.pause(connection, by=None)
    append(connection.environment, make_message(), at=NOW - timedelta(days=24))
    webhook.status = 500
    days = [NOW + timedelta(days=day) for day in (0, 20, 26, 27)]
    expiry.look(days[0])
    assert tell(days[0]) == 0
    webhook.status = 200
    assert tell(days[1]) == 1

    expiry.expire(connection.environment, days[2])
    assert live_lane(connection).cursor == 0
    expiry.expire(connection.environment, days[3])
    assert live_lane(connection).cursor == 1


def test_an_e_mail_says_the_same(outbox: list[EmailMessage], connection: Connection, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "sluice@example.com"
    fail_since(connection, NOW)
    assert [tell(NOW + 15 * MINUTE), tell(NOW + 16 * MINUTE)] == [1, 0]
    connections.pause(connection, by=None)
    assert tell(NOW + 17 * MINUTE) == 1

    begin, end = outbox
    assert begin.subject == "Sluice: Segment does not take the events of Care, Draft"
    assert (begin.from_email, begin.to) == ("sluice@example.com", ["ops@example.com", "alice@example.com"])
    assert begin.body.splitlines() == [
        "503: away.",
        "Sluice tries again by itself; 0 events wait.",
        "",
        "Since 2126-11-22T10:00:00+00:00",
        f"{URL}/connections/{connection.pk}/",
    ]
    assert end.subject == "Sluice: Over: Segment does not take the events of Care, Draft"
    assert end.body.splitlines()[0] == "Somebody has paused sending."


def test_a_name_with_a_line_break_makes_no_header(outbox: list[EmailMessage]) -> None:
    assistant = make_assistant(name="Care\nBcc: eve@example.com")
    fail_since(make_connection(make_environment(assistant=assistant)), NOW)

    assert tell(NOW + 15 * MINUTE) == 1
    assert outbox[0].subject == "Sluice: Segment does not take the events of Care Bcc: eve@example.com, Draft"


def test_a_mail_server_that_is_away_stops_nothing_and_not_the_webhook(
    webhook: Webhook,
    outbox: list[EmailMessage],
    connection: Connection,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    fail_since(connection, NOW)
    fail_since(make_connection(), NOW)
    sweep = Notices()
    watch.look(NOW + 15 * MINUTE)

    assert sweep.send_due(NOW + 15 * MINUTE) == 2
    # The channel is left alone: one try for two notices.
    assert caplog.messages == ["A notice could not be sent by e-mail: ConnectionRefusedError"]
    assert sweep.send_due(NOW + 15 * MINUTE + timedelta(seconds=59)) == 0
    assert len(caplog.messages) == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert sweep.send_due(NOW + 16 * MINUTE) == 2
    assert (len(outbox), len(webhook.told)) == (2, 2)


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_notice_that_was_not_taken_is_sent_again_after_a_while(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient, status: int
) -> None:
    break_it(connection, segment, client)

    webhook.status = status
    assert [tell(NOW), tell(NOW)] == [0, 0]
    assert len(webhook.told) == 1
    webhook.status = 204
    assert [tell(NOW + CLAIM), tell(NOW + CLAIM)] == [1, 0]
    assert len(webhook.told) == 2


def test_a_sweep_that_died_while_it_sent_has_a_successor(webhook: Webhook, connection: Connection) -> None:
    fail_since(connection, NOW - 15 * MINUTE)
    watch.look(NOW)
    Notice.objects.create(incident=Incident.objects.get(), channel="webhook", moment="began", claimed_until=NOW + CLAIM)

    assert [tell(NOW + timedelta(seconds=59)), tell(NOW + CLAIM)] == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_tell_of_an_incident_once(webhook: Webhook) -> None:
    for _ in range(5):
        fail_since(make_connection(), NOW - 15 * MINUTE)
    barrier = threading.Barrier(2, timeout=30)
    sent: list[int] = []

    def sweep() -> None:
        try:
            barrier.wait()
            sent.append(tell(NOW))
        finally:
            database.close()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sum(sent), len(webhook.told), Incident.objects.count()) == (5, 5, 5)


def test_a_webhook_that_answers_at_length_is_not_listened_to(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)
    webhook.body = b"x" * 5_000_000

    assert tell() == 1


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

    assert tell() == 0

    assert Notice.objects.get().sent_at is None
    (message,) = [record.getMessage() for record in caplog.records if record.name == "integrations.notices"]
    assert message.startswith("The attention webhook could not be called: ")
    assert url not in message


def test_nobody_is_told_where_nobody_is_named(
    segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)

    assert tell() == 0
    assert (Incident.objects.count(), Notice.objects.count()) == (1, 0)


def test_a_connection_that_is_gone_or_paused_is_no_incident(
    webhook: Webhook, segment: FakeSegment, connection: Connection, client: SegmentClient
) -> None:
    break_it(connection, segment, client)
    connections.disconnect(connection, by=None)
    connections.pause(make_connection(), by=None)

    assert tell() == 0
    assert webhook.told == []


@pytest.mark.parametrize(
    ("emails", "url", "ids"),
    [([], "", []), (["ops@example.com"], "", ["sluice.W001"]), (["ops@example.com"], "smtp://mail.example.com", [])],
)
def test_people_without_a_mail_server_are_noticed_at_the_start(
    settings: Settings, emails: list[str], url: str, ids: list[str]
) -> None:
    settings.SLUICE_NOTICE_EMAILS, settings.EMAIL_URL = emails, url

    assert [warning.id for warning in check_notices(None)] == ids
