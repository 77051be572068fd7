"""What goes over the wire to Segment, and how each way in which an exchange can end is told."""

import gzip
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from integrations.segment import client as segment_client
from integrations.segment.client import MAX_ANSWER_BYTES, SegmentClient, batch_body
from integrations.segment.regions import SANDBOX_URL
from integrations.segment.verdicts import Answer, Verdict, verdict
from integrations.version import VERSION
from tests.fakes import FakeSegment, Reply, running_segment
from tests.integrations.listener import listening

HOST = "127.0.0.1"
KEY = "secret-write-key"
BODY = batch_body([b'{"type":"track","messageId":"m-1"}'], datetime(2026, 11, 22, 10, 0, 0, 123_000, tzinfo=UTC))


@pytest.fixture
def segment() -> Iterator[FakeSegment]:
    with running_segment() as fake:
        yield fake


@contextmanager
def open_client(seconds: float = 5.0, *, allow_private: bool = True) -> Iterator[SegmentClient]:
    transport = httpx.WSGITransport(app=sandbox)
    with closing(SegmentClient(timeout_seconds=seconds, allow_private=allow_private, sandbox=transport)) as client:
        yield client


@pytest.fixture
def client() -> Iterator[SegmentClient]:
    with open_client() as opened:
        yield opened


def sandbox(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"sandbox": environ["PATH_INFO"]}).encode()]


def post_to(answer: bytes | Callable[[socket.socket], None], *, seconds: float = 5.0) -> Answer:
    """POST a body to a server that reads it whole and then does as it is told."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)

    with listening(HOST, serve) as listener, open_client(seconds) as client:
        return client.post_batch(f"http://{HOST}:{listener.port}", KEY, BODY)


def read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65_536)
    (length,) = re.findall(rb"content-length: (\d+)", request, re.IGNORECASE)
    while len(request.partition(b"\r\n\r\n")[2]) < int(length):
        request += connection.recv(65_536)
    return request


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def test_the_request_is_what_segment_documents(client: SegmentClient, segment: FakeSegment) -> None:
    answer = client.post_batch(segment.url, KEY, BODY)

    assert (answer.status, answer.body, answer.error) == (200, b'{"success": true}', "")
    (request,) = segment.requests
    assert request.path == "/v1/batch"
    assert request.write_key == KEY
    headers = {name.lower(): value for name, value in request.headers.items()}
    host = segment.url.removeprefix("http://")
    assert headers == {
        "host": host,
        "accept-encoding": "identity",
        "authorization": "Basic c2VjcmV0LXdyaXRlLWtleTo=",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "user-agent": f"sluice/{VERSION}",
    }
    assert request.body == (b'{"batch":[{"type":"track","messageId":"m-1"}],"sentAt":"2026-11-22T10:00:00.123Z"}')


def test_the_base_url_keeps_its_path(client: SegmentClient, segment: FakeSegment) -> None:
    client.post_batch(f"{segment.url}/proxy/segment", KEY, BODY)

    assert segment.requests[0].path == "/proxy/segment/v1/batch"


def test_the_retry_count_is_absent_at_first_and_then_rises(client: SegmentClient, segment: FakeSegment) -> None:
    for retries in range(3):
        client.post_batch(segment.url, KEY, BODY, retries=retries)

    counts = [{name.lower(): value for name, value in request.headers.items()} for request in segment.requests]
    assert [headers.get("x-retry-count") for headers in counts] == [None, "1", "2"]


def test_sent_at_is_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 12, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert json.loads(batch_body([], moment)) == {"batch": [], "sentAt": "2026-11-22T10:30:00.999Z"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client: SegmentClient, segment: FakeSegment, status: int) -> None:
    segment.replies.append(Reply(status, b"", {"Location": f"{segment.url}/elsewhere"}))

    answer = client.post_batch(segment.url, KEY, BODY)

    assert answer.status == status
    assert [request.path for request in segment.requests] == ["/v1/batch"]


def test_retry_after_is_handed_on(client: SegmentClient, segment: FakeSegment) -> None:
    segment.replies.append(Reply(429, b"slow down", {"Retry-After": "17"}))

    answer = client.post_batch(segment.url, KEY, BODY)

    assert (answer.status, answer.body, answer.retry_after) == (429, b"slow down", "17")


def test_the_connection_is_used_again(client: SegmentClient) -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(3):
            read_request(connection)
            connection.sendall(http(b"{}"))

    with listening(HOST, serve) as listener:
        answers = [client.post_batch(f"http://{HOST}:{listener.port}", KEY, BODY).status for _ in range(3)]
        assert answers == [200, 200, 200]
        assert listener.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(client: SegmentClient) -> None:
    has_closed = threading.Event()

    def serve_one(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(http(b"{}"))
        connection.shutdown(socket.SHUT_RDWR)
        has_closed.set()

    with listening(HOST, serve_one) as listener:
        assert client.post_batch(f"http://{HOST}:{listener.port}", KEY, BODY).status == 200
        assert has_closed.wait(5)
        assert client.post_batch(f"http://{HOST}:{listener.port}", KEY, BODY).status == 200
        assert listener.connections == 2


def test_a_server_that_drips_is_cut_off_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    start = time.monotonic()
    answer = post_to(drip, seconds=0.3)

    assert 0.3 <= time.monotonic() - start < 2
    assert answer.status is None
    assert answer.error == "No complete answer within 0.3 s (ReadTimeout)."
    assert answer.is_ambiguous
    assert verdict(answer) is Verdict.WAIT
    assert 300 <= answer.duration_ms < 2_000


def test_a_server_that_stays_silent_is_cut_off_at_the_deadline() -> None:
    def say_nothing(connection: socket.socket) -> None:
        connection.recv(1)

    assert post_to(say_nothing, seconds=0.2).error == "No complete answer within 0.2 s (ReadTimeout)."


def test_a_huge_answer_is_read_to_its_limit_only() -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            sent += connection.send(b"x" * 65_536)

    answer = post_to(flood)

    assert answer.status == 400
    assert answer.body == b"x" * MAX_ANSWER_BYTES
    assert sent < 50_000_000


def test_a_compressed_answer_is_not_inflated() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)

    answer = post_to(http(bomb, "Content-Encoding: gzip"))

    assert answer.body == bomb[:MAX_ANSWER_BYTES]
    assert verdict(answer) is Verdict.CONNECTION


def test_an_answer_that_is_no_utf_8_is_told_as_it_is() -> None:
    answer = post_to(http(b"\xff\xfe broken", status="400 Bad Request"))

    assert (answer.status, answer.body, answer.excerpt) == (400, b"\xff\xfe broken", "�� broken")


def test_an_empty_200_is_no_success() -> None:
    answer = post_to(http(b""))

    assert (answer.status, answer.body) == (200, b"")
    assert verdict(answer) is Verdict.CONNECTION


def test_a_chunked_answer_is_put_together() -> None:
    answer = post_to(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"suc\r\nb\r\ncess":true}\r\n0\r\n\r\n'
    )

    assert (answer.status, answer.body) == (200, b'{"success":true}')


def test_nobody_listening_is_a_network_error(client: SegmentClient) -> None:
    with socket.create_server((HOST, 0)) as unused:
        port = unused.getsockname()[1]

    answer = client.post_batch(f"http://{HOST}:{port}", KEY, BODY)

    assert answer.status is None
    assert answer.error.startswith("The host could not be reached: ")
    assert verdict(answer) is Verdict.WAIT
    assert not answer.is_ambiguous


def test_a_reset_is_a_network_error() -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    answer = post_to(reset)

    assert answer.status is None
    assert answer.error.startswith("The connection broke off: ")


def test_a_server_that_hangs_up_without_an_answer_is_a_network_error() -> None:
    answer = post_to(lambda connection: None)

    assert answer.status is None
    assert answer.error.startswith("The connection broke off: ")
    assert answer.is_ambiguous


def test_an_answer_that_is_not_http_is_a_network_error() -> None:
    answer = post_to(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    assert answer.status is None
    assert answer.error.startswith("The connection broke off: ")


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://a b", "http://\N{SNOWMAN}-.example:99999", "ftp://127.0.0.1", "127.0.0.1"]
)
def test_a_url_that_cannot_be_used_is_an_answer_and_no_exception(client: SegmentClient, url: str) -> None:
    answer = client.post_batch(url, KEY, BODY)

    assert answer.status is None
    assert answer.error
    assert verdict(answer) is Verdict.WAIT
    assert not answer.is_ambiguous


def test_a_private_address_is_refused_where_that_is_not_allowed(segment: FakeSegment) -> None:
    with open_client(allow_private=False) as guarded:
        answer = guarded.post_batch(segment.url.replace("http://", "https://"), KEY, BODY)

    assert answer.status is None
    assert answer.error == "The host could not be reached: Sluice is not allowed to send to this address."
    assert segment.requests == []


def test_the_sandbox_is_reached_within_the_process(client: SegmentClient) -> None:
    answer = client.post_batch(SANDBOX_URL, KEY, BODY)

    assert (answer.status, json.loads(answer.body)) == (200, {"sandbox": "/v1/batch"})


def test_no_error_gives_the_write_key_away(client: SegmentClient) -> None:
    answers = [post_to(b"rubbish\r\n\r\n"), post_to(lambda connection: None), client.post_batch("x", KEY, BODY)]

    assert not any(KEY in repr(answer) or "c2VjcmV0LXdyaXRlLWtleTo=" in repr(answer) for answer in answers)


def test_the_test_message_says_what_it_is() -> None:
    at = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

    assert json.loads(segment_client.test_message("0a1b", message_id="sluice-test-1", at=at)) == {
        "type": "track",
        "event": "Sluice Connection Tested",
        "anonymousId": "sluice-test-0a1b",
        "messageId": "sluice-test-1",
        "timestamp": "2026-11-22T10:00:00.000+00:00",
        "properties": {"nonce": "0a1b", "test": True},
        "context": {"test": True, "integration": {"name": "sluice", "version": VERSION}},
    }


# --- Compressed ---


def test_a_body_is_compressed_where_that_is_asked_for(client: SegmentClient, segment: FakeSegment) -> None:
    answer = client.post_batch(segment.url, KEY, BODY, compress=True)

    (received,) = segment.requests
    assert (answer.status, received.headers["content-encoding"]) == (200, "gzip")
    assert received.body == BODY
    assert received.batch == json.loads(BODY)["batch"]


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_host_that_does_not_take_gzip_gets_bodies_as_they_are(
    client: SegmentClient, segment: FakeSegment, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    segment.replies.append(Reply(status))

    answers = [client.post_batch(segment.url, KEY, BODY, compress=True).status for _ in range(2)]

    assert answers == [200, 200]
    assert [request.headers.get("content-encoding") for request in segment.requests] == ["gzip", None, None]
    assert [record.getMessage() for record in caplog.records] == [
        f"{segment.url} does not take gzip; it gets bodies as they are from now on."
    ]


def test_a_body_that_is_refused_either_way_says_nothing_about_gzip(client: SegmentClient, segment: FakeSegment) -> None:
    segment.replies.extend([Reply(400), Reply(400, b"bad event")])

    answer = client.post_batch(segment.url, KEY, BODY, compress=True)
    client.post_batch(segment.url, KEY, BODY, compress=True)

    assert (answer.status, answer.body) == (400, b"bad event")
    assert [request.headers.get("content-encoding") for request in segment.requests] == ["gzip", None, "gzip"]


def test_other_answers_to_a_compressed_body_are_answers(client: SegmentClient, segment: FakeSegment) -> None:
    segment.replies.append(Reply(503))

    assert client.post_batch(segment.url, KEY, BODY, compress=True).status == 503
    assert len(segment.requests) == 1


def test_the_sandbox_gets_bodies_as_they_are(client: SegmentClient) -> None:
    assert client.post_batch(SANDBOX_URL, KEY, BODY, compress=True).status == 200
