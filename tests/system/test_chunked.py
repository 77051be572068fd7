"""Bodies as clients really send them: in chunks, slowly, or cut off in the middle."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.services import HOST
from tests.system.recorder import Recorder
from tests.system.sender import Sender, session_started
from tests.system.stack import Connected, Stack

CHUNK = 4_096


@pytest.fixture
def connected(stack: Stack, recorder: Recorder) -> Connected:
    return stack.connect(recorder.url)


def chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]


def begun_request(stack: Stack, sender: Sender, framing: str, first_part: bytes) -> socket.socket:
    """Send the head of a request and the first part of its body."""
    client = socket.create_connection((HOST, stack.port), timeout=30)
    head = [f"{name}: {value}" for name, value in sender.headers.items()]
    lines = ["POST /v1/batch HTTP/1.1", f"host: {HOST}", framing, *head, "", ""]
    client.sendall("\r\n".join(lines).encode() + first_part)
    return client


def batch(message_id: str) -> bytes:
    return json.dumps({"batch": [session_started(message_id)]}).encode()


def test_a_chunked_body_arrives_whole(stack: Stack, recorder: Recorder, connected: Connected) -> None:
    ids = [f"chunked-{number}" for number in range(2_000)]
    body = json.dumps({"batch": [session_started(id_) for id_ in ids]}).encode()
    with stack.sender(connected) as sender:
        connection = http.client.HTTPConnection(HOST, stack.port, timeout=30)
        connection.request("POST", "/v1/batch", chunks(body), sender.headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"success":true}')
        connection.close()

    stack.wait_until(lambda: len(recorder.arrivals()) >= len(ids), "the arrival of all events")
    assert recorder.message_ids() == [connected.derived(id_) for id_ in ids]


def test_of_slow_and_cut_bodies_nothing_is_stored(stack: Stack, recorder: Recorder, connected: Connected) -> None:
    slow, cut, cut_chunk = batch("slow"), batch("cut"), batch("cut-chunk")
    with stack.sender(connected) as sender:
        started = time.monotonic()
        half = len(slow) // 2
        slow_client = begun_request(stack, sender, f"content-length: {len(slow)}", slow[:half])
        begun_request(stack, sender, f"content-length: {len(cut) + 1}", cut).close()
        begun_request(
            stack, sender, "transfer-encoding: chunked", b"%x\r\n%s\r\n" % (len(cut_chunk), cut_chunk)
        ).close()

        # Nobody else waits for them.
        sender.send([session_started("whole")])
        assert sender.slowest_seconds < 1.0
        answer = http.client.HTTPResponse(slow_client)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["code"]) == (408, "timeout")
        assert 14 < time.monotonic() - started < 20
        answer.close()
        slow_client.close()
        sender.send([session_started("last")])

    stack.wait_until(lambda: len(recorder.arrivals()) >= 2, "the arrival of the whole events")
    stack.check_ledger()
    assert recorder.message_ids() == [connected.derived("whole"), connected.derived("last")]
