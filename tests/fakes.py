"""A Segment for tests: real HTTP on loopback, tells what it was sent, answers what it is told to."""

import base64
import gzip
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    write_key: str
    body: bytes
    batch: list[dict[str, Any]]


@dataclass(frozen=True)
class Reply:
    """What to answer: a status, a body, headers. One that is lost never arrives: the connection ends instead."""

    status: int = 200
    body: bytes = b'{"success": true}'
    headers: dict[str, str] = field(default_factory=dict)
    is_lost: bool = False


class FakeSegment:
    """Keeps what it accepts; `replies` are given first, in order, then `judge` decides, then it is always 200.

    `lost` is what it accepted and did not get to say so.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Received] = []
        self.accepted: list[dict[str, Any]] = []
        self.lost: list[dict[str, Any]] = []
        self.replies: deque[Reply] = deque()
        self.judge: Any = None
        self.lock = threading.Lock()

    def answer(self, received: Received) -> Reply:
        with self.lock:
            self.requests.append(received)
            reply = self.replies.popleft() if self.replies else Reply()
            if reply.status == 200 and self.judge is not None:
                reply = self.judge(received) or reply
            if 200 <= reply.status < 300:
                self.accepted.extend(received.batch)
            if reply.is_lost:
                self.lost.extend(received.batch)
            return reply

    def refuse(self, *message_ids: str, status: int = 400) -> None:
        """From now on, answer every batch that holds one of these messages with `status`."""
        refused = set(message_ids)

        def judge(received: Received) -> Reply | None:
            is_refused = any(message["messageId"] in refused for message in received.batch)
            return Reply(status, b'{"success": false, "message": "bad event"}') if is_refused else None

        self.judge = judge

    @property
    def message_ids(self) -> list[str]:
        return [message["messageId"] for message in self.accepted]

    @property
    def names(self) -> list[str]:
        return [message.get("event", message["type"]) for message in self.accepted]


@contextmanager
def running_segment() -> Iterator[FakeSegment]:
    """Serve a FakeSegment on a free port of this host for as long as the block runs."""
    fake: FakeSegment

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two packets; held back, the second one costs 40 ms a request.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            user = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")[0]
            reply = fake.answer(Received(self.path, dict(self.headers.items()), user, body, json.loads(body)["batch"]))
            if reply.is_lost:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *args: Any) -> None:
            """Stay silent: pytest shows what a test prints."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = FakeSegment(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
