"""Segment's place in these tests: a plain HTTP server that keeps each body as it came and is read afterwards.

It shares no code with Sluice and does next to nothing while events arrive, so that it is never what is measured. It can
be told what to answer: to the next requests one after the other, or to each by what is in it.
"""

import asyncio
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

HOST = "127.0.0.1"
ANSWER_BODY = b'{"success": true}'
DRIP_SECONDS = 0.2
# A socket that is closed with this option says "reset" instead of "end".
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Body(msgspec.Struct):
    batch: list[msgspec.Raw]


class Manner(Enum):
    """How an answer is given."""

    WHOLE = "whole"
    # A byte now and then: each of them in time, the answer never.
    DRIP = "drip"
    # Not at all, and the connection stays open.
    SILENCE = "silence"
    # The connection ends instead, with or without a goodbye.
    HANG_UP = "hang up"
    RESET = "reset"


@dataclass(frozen=True)
class Reply:
    """What to answer to a request, and how."""

    status: int = 200
    body: bytes = ANSWER_BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = Manner.WHOLE

    @property
    def is_acceptance(self) -> bool:
        """Whether the batch was taken; nobody may have been told so."""
        return self.status == 200 and self.body == ANSWER_BODY

    def encoded(self) -> bytes:
        head = [f"HTTP/1.1 {self.status} Told", f"Content-Length: {len(self.body)}", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*head, "", ""]).encode() + self.body


OK = Reply()
ANSWER = OK.encoded()


@dataclass(frozen=True)
class Post:
    """One request: when its last byte came (monotonic seconds), its head and its body, and what was answered."""

    at: float
    head: bytes
    body: bytes
    reply: Reply = OK


@dataclass(frozen=True)
class Arrival:
    """One message as it arrived: when, its bytes within the body, and what they say."""

    at: float
    raw: bytes
    message: dict[str, Any]


_body = msgspec.json.Decoder(_Body)


@dataclass
class Recorder:
    """Keeps every request; `before_answer` is called with the number of requests when a body is in, unanswered yet.

    `replies` are given first, in order; then `judge` decides by the body, where it returns something; else it is a 200.
    Each 200 is held back for `delay_seconds`, as by a host that is far away.
    """

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    before_answer: Callable[[int], None] | None = None
    replies: deque[Reply] = field(default_factory=deque)
    judge: Callable[[bytes], Reply | None] | None = None
    delay_seconds: float = 0.0
    transports: set[asyncio.Transport] = field(default_factory=set)
    _arrivals: list[Arrival] = field(default_factory=list)
    _read: int = 0

    def reply_to(self, body: bytes) -> Reply:
        """Decide what to answer to a batch."""
        if self.replies:
            return self.replies.popleft()
        return (self.judge and self.judge(body)) or OK

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

    def batches(self) -> list[list[str]]:
        """Return the message IDs of each request so far."""
        return [message_ids(post) for post in list(self.posts)]

    def accepted_ids(self) -> list[str]:
        """Return each ID that was taken, once, in the order in which they were taken first."""
        return list(
            dict.fromkeys(one for post in list(self.posts) if post.reply.is_acceptance for one in message_ids(post))
        )


def message_ids(post: Post) -> list[str]:
    """Return the IDs of the messages of one request."""
    return [json.loads(bytes(raw))["messageId"] for raw in _body.decode(post.body).batch]


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
            reply = self.recorder.reply_to(body)
            self.recorder.posts.append(Post(time.monotonic(), head, body, reply))
            if self.recorder.before_answer:
                self.recorder.before_answer(len(self.recorder.posts))
            if reply is not OK:
                self._give(reply)
                return
            if self.recorder.delay_seconds:
                asyncio.get_running_loop().call_later(self.recorder.delay_seconds, self.transport.write, ANSWER)
                return
        self.transport.write(ANSWER)

    def _give(self, reply: Reply) -> None:
        match reply.manner:
            case Manner.WHOLE:
                self.transport.write(reply.encoded())
            case Manner.DRIP:
                self._drip(reply.encoded())
            case Manner.HANG_UP:
                self.transport.close()
            case Manner.RESET:
                connected = self.transport.get_extra_info("socket")
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self.transport.abort()

    def _drip(self, rest: bytes) -> None:
        if rest and not self.transport.is_closing():
            self.transport.write(rest[:1])
            asyncio.get_running_loop().call_later(DRIP_SECONDS, self._drip, rest[1:])


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
