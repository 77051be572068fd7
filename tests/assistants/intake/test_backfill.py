"""Filling in from the log of a watsonx assistant: by file and from the service, page by page, and nothing twice."""

import base64
import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from assistants import log
from assistants.intake.backfill import BackfillError, items_of_file
from assistants.models import Environment, SourcePayload, SourceTally
from tests.assistants.intake.conftest import Sender, stored
from tests.assistants.intake.test_sources import log_webhook, set_secret
from tests.assistants.sources.watson_logs import SECRET, logged, turn
from tests.make import make_assistant

KEY = "made-up-api-key"
TURNS = [turn(number) for number in range(1, 8)]
FOREIGN = {"event": {"name": "cdr_logged"}, "payload": {"primary_phone_number": "+15550100"}}
DONE = "Done: 7 new, 0 known, 8 events."


@pytest.fixture
def environment(transactional_db: None) -> Environment:
    return make_assistant(name="Care").environments.get(kind=Environment.Kind.LIVE)


def backfill(*options: str) -> str:
    """Run the command for the environment and return what it says."""
    said = StringIO()
    call_command("backfill_watson", "care", "LIVE", *options, stdout=said)
    return said.getvalue()


def names(environment: Environment) -> list[str]:
    events = log.read(environment.pk, after=0, limit=10_000)
    return [event.message.event or "" for event in events if event.message]


# --- files ---


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"logs": TURNS, "pagination": {}}),
        json.dumps(TURNS),
        json.dumps([logged(each) for each in TURNS]),
        "\n".join(json.dumps(each) for each in TURNS),
        "\r\n".join(json.dumps(logged(each)) for each in (*TURNS, TURNS[0])) + "\n\n" + json.dumps(FOREIGN),
    ],
)
def test_a_file_may_have_each_form_in_which_logs_are_kept(
    environment: Environment, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "logs.json"
    file.write_text(content)

    said = backfill("--file", str(file))

    assert said.splitlines()[-1].startswith("Done: 7 new, ")
    assert names(environment) == ["Session Started", *["Message Handled"] * 7]
    assert backfill("--file", str(file)).splitlines()[-1].startswith("Done: 0 new, ")
    assert len(names(environment)) == 8


def test_a_single_item_is_a_file_as_well() -> None:
    assert items_of_file(json.dumps(TURNS[0]).encode()) == [TURNS[0]]


def test_what_is_no_log_is_left_out_and_said(environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "logs.ndjson"
    nobody = {"log_id": "l", "request": {}, "response": {}}
    file.write_text("\n".join(["{", json.dumps({"a": 1}), json.dumps(TURNS[0]), "5", json.dumps(nobody)]))

    said = backfill("--file", str(file))

    assert said.splitlines()[-1] == "Done: 1 new, 0 known, 2 events. 4 left out: no session, or no log."
    assert names(environment) == ["Session Started", "Message Handled"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xff", b"{\n{"])
def test_a_file_of_which_nothing_can_be_read_is_said(content: bytes) -> None:
    with pytest.raises(BackfillError, match="JSON"):
        items_of_file(content)


def test_a_file_that_is_not_there_is_said(environment: Environment, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        backfill("--file", str(tmp_path / "nothing.json"))


def test_what_came_by_the_webhook_is_not_stored_again(sender: Sender, tmp_path: Path) -> None:
    assistant = sender.environment.assistant
    sender.environment = assistant.environments.get(kind=Environment.Kind.LIVE)
    set_secret(sender.environment, SECRET)
    for each in TURNS[:3]:
        assert log_webhook(sender, logged(each)).status_code == 200
    before = stored(sender)
    payloads, taken = SourcePayload.objects.count(), SourceTally.objects.get(code="taken").count
    file = tmp_path / "logs.json"
    file.write_text(json.dumps(TURNS))

    said = StringIO()
    call_command("backfill_watson", assistant.name, "live", "--file", str(file), stdout=said)

    assert said.getvalue().splitlines()[-1] == "Done: 4 new, 3 known, 4 events."
    assert stored(sender)[: len(before)] == before
    # An item that was filled in is known to the webhook as well.
    assert log_webhook(sender, logged(TURNS[6])).status_code == 200
    assert len(stored(sender)) == len(before) + 4
    assert (SourcePayload.objects.count(), SourceTally.objects.get(code="taken").count) == (payloads, taken + 1)


def test_an_environment_that_is_not_there_is_said(environment: Environment, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Care has no environment 'staging'\. There are: draft, live\."):
        call_command("backfill_watson", "Care", "staging", "--file", str(tmp_path))
    with pytest.raises(CommandError, match="No assistant is named 'Nobody'"):
        call_command("backfill_watson", "Nobody", "live", "--file", str(tmp_path))


# --- the service ---


class FakeService:
    """IBM's logs API over loopback: hands out pages by cursor; `replies` are given first, as status and headers."""

    def __init__(self, pages: Sequence[Any]) -> None:
        self.pages = pages
        self.replies: deque[tuple[int, dict[str, str], bytes]] = deque()
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.url = ""
        self.matched = 7

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self.requests.append((urlsplit(path).path, query, authorization))
        if self.replies:
            return self.replies.popleft()
        number = int(query.get("cursor", "0"))
        pagination = {"matched": self.matched}
        if number + 1 < len(self.pages):
            pagination |= (
                {"next_cursor": str(number + 1)} if number % 2 == 0 else {"next_url": f"/logs?cursor={number + 1}"}
            )
        return 200, {}, json.dumps({"logs": self.pages[number], "pagination": pagination}).encode()


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService([TURNS[:3], TURNS[3:5], TURNS[5:]])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = fake.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay silent: pytest shows what a test prints."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/instances/i-1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBM_KEY", KEY)


def from_service(service: FakeService, *options: str) -> str:
    address = ("--url", service.url, "--environment-id", "e/1", "--pause", "0")
    return backfill(*address, "--apikey-env", "IBM_KEY", *options)


def test_the_log_of_the_service_is_read_page_by_page(environment: Environment, service: FakeService) -> None:
    said = from_service(service, "--page-limit", "3", "--filter", "language::en", "--api-version", "2026-01-01")

    assert said.splitlines() == [
        "Page 1: 3 new, 0 known, 4 events.",
        "Page 2: 2 new, 0 known, 2 events.",
        "Page 3: 2 new, 0 known, 2 events.",
        DONE,
    ]
    assert names(environment) == ["Session Started", *["Message Handled"] * 7]
    basic = base64.b64encode(f"apikey:{KEY}".encode()).decode()
    asked = {"version": "2026-01-01", "sort": "request_timestamp", "page_limit": "3", "filter": "language::en"}
    path = "/instances/i-1/v2/assistants/e%2F1/logs"
    assert service.requests == [
        (path, asked, f"Basic {basic}"),
        (path, {**asked, "cursor": "1"}, f"Basic {basic}"),
        (path, {**asked, "cursor": "2"}, f"Basic {basic}"),
    ]
    assert from_service(service).splitlines()[-1] == "Done: 0 new, 7 known, 0 events."


def test_the_whole_address_of_the_logs_and_a_token_do_as_well(
    environment: Environment, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IBM_TOKEN", "made-up-token")

    backfill("--url", f"{service.url}/v2/assistants/e-1/logs", "--token-env", "IBM_TOKEN", "--pause", "0")

    assert {(path, authorization) for path, _, authorization in service.requests} == {
        ("/instances/i-1/v2/assistants/e-1/logs", "Bearer made-up-token")
    }
    assert len(names(environment)) == 8


def test_a_service_that_is_busy_is_asked_again(environment: Environment, service: FakeService) -> None:
    service.replies += [(429, {"Retry-After": "0"}, b""), (503, {"Retry-After": "0"}, b"busy")]

    assert from_service(service).splitlines()[-1] == DONE
    assert len(service.requests) == 5


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", r"refuses the API key \(401\)"),
        (403, b"", r"refuses the API key \(403\)"),
        (404, b"", r"knows no such environment \(404\)"),
        (400, b'{"error": "Bad filter"}', r'answers 400: \{"error": "Bad filter"\}'),
        (302, b"", "answers 302"),
        (200, b"<html>", "something else than JSON"),
        (200, b'{"environments": []}', "something else than a list of logs"),
    ],
)
def test_an_answer_that_ends_it_is_said_and_what_was_stored_stays(
    environment: Environment, service: FakeService, status: int, body: bytes, words: str
) -> None:
    service.pages = [TURNS[:3], TURNS[3:]]
    service.replies = deque([service.answer("/", ""), (status, {}, body)])

    with pytest.raises(CommandError, match=words) as error:
        from_service(service)

    assert "So far: 3 new, 0 known, 4 events." in str(error.value)
    assert KEY not in str(error.value)
    assert len(names(environment)) == 4


def test_a_service_that_gives_the_same_page_for_ever_is_noticed(environment: Environment, service: FakeService) -> None:
    page = json.dumps({"logs": TURNS[:1], "pagination": {"next_cursor": "again"}}).encode()
    service.replies += [(200, {}, page)] * 3

    with pytest.raises(CommandError, match="the same page again and again"):
        from_service(service)


def test_a_page_without_items_is_remarked(environment: Environment, service: FakeService) -> None:
    service.pages = [[]]

    assert "IBM has 7 and sent none: try a smaller --page-limit." in from_service(service)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--url", "nonsense", "--apikey-env", "IBM_KEY"], "must be the URL"),
        (["--url", "ftp://a.example", "--apikey-env", "IBM_KEY"], "must be the URL"),
        (["--url", "https://a.example", "--apikey-env", "IBM_KEY"], "--environment-id is needed"),
        (["--url", "https://a.example/logs"], "Name the variable"),
        (["--url", "https://a.example/logs", "--apikey-env", "A", "--token-env", "B"], "Name the variable"),
        (["--url", "https://a.example/logs", "--apikey-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
        ([], "one of the arguments"),
        (["--url", "https://a.example", "--file", "f"], "not allowed with"),
    ],
)
def test_options_that_make_no_sense_are_said(environment: Environment, options: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        backfill(*options)


def test_a_key_is_sent_over_https_only(environment: Environment, service: FakeService, settings: Settings) -> None:
    settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS = False

    with pytest.raises(CommandError, match="must begin with https"):
        from_service(service)
    assert service.requests == []
