"""Segment's place in these tests: a plain HTTP server that keeps each body as it came and is read afterwards.

It shares no code with Sluice and does next to nothing while events arrive, so that it is never what is measured.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

HOST = "127.0.0.1"
ANSWER_BODY = b'{"success": true}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER_BODY) + ANSWER_BODY
)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Body(msgspec.Struct):
    batch: list[msgspec.Raw]


@dataclass(frozen=True)
class Post:
    """One request: when its last byte came (monotonic seconds), its head and its body."""

    at: float
    head: bytes
    body: bytes


@dataclass(frozen=True)
class Arrival:
    """One message as it arrived: when, its bytes within the body, and what they say."""

    at: float
    raw: bytes
    message: dict[str, Any]


_body = msgspec.json.Decoder(_Body)


@dataclass
class Recorder:
    """Keeps every request; `before_answer` is called with the number of requests when a body is in, unanswered yet."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    before_answer: Callable[[int], None] | None = None
    transports: set[asyncio.Transport] = field(default_factory=set)
    _arrivals: list[Arrival] = field(default_factory=list)
    _read: int = 0

    def arrivals(self) -> list[Arrival]:
        """Return every message so far in order of arrival, re-sent ones included."""
        while self._read < len(self.posts):
            post = self.posts[self._read]
            items = _body.decode(post.body).batch
            self._arrivals += [Arrival(post.at, bytes(raw), json.loads(bytes(raw))) for raw in items]
            self._read += 1
        return self._arrivals

    def message_ids(self) -> list[str]:
        """Return the ID of every message so far in order of arrival, re-sent ones included."""
        return [arrival.message["messageId"] for arrival in self.arrivals()]

    def first_ids(self) -> list[str]:
        """Return each ID once, in the order of first arrivals."""
        return list(dict.fromkeys(self.message_ids()))


class _Connection(asyncio.Protocol):
    """One client: cuts what comes into requests and answers each."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.buffer = bytearray()
        self.body_start = self.body_end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.recorder.transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.recorder.transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self._has_request():
            self._take()

    def _has_request(self) -> bool:
        if not self.body_end:
            head_end = self.buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return False
            length = _LENGTH.search(self.buffer, 0, head_end)
            self.body_start = head_end + 4
            self.body_end = self.body_start + (int(length[1]) if length else 0)
        return len(self.buffer) >= self.body_end

    def _take(self) -> None:
        head, body = bytes(self.buffer[: self.body_start]), bytes(self.buffer[self.body_start : self.body_end])
        del self.buffer[: self.body_end]
        self.body_end = 0
        # Anything but a batch (a look whether somebody is here) is answered and not kept.
        if head.startswith(b"POST /v1/batch "):
            self.recorder.posts.append(Post(time.monotonic(), head, body))
            if self.recorder.before_answer:
                self.recorder.before_answer(len(self.recorder.posts))
        self.transport.write(ANSWER)


@contextmanager
def running_recorder() -> Iterator[Recorder]:
    """Serve a Recorder on a free port, in a thread of its own, for as long as the block runs."""
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: _Connection(recorder), HOST, 0))
    recorder.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, name="recorder")
    thread.start()
    try:
        yield recorder
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, recorder), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server, recorder: Recorder) -> None:
    server.close()
    for transport in list(recorder.transports):
        transport.close()
    # A closed transport lets go of its socket in the next round of the loop.
    await asyncio.sleep(0)
