"""What is sent: a Message Handled event of about a kilobyte, as often as asked for, each under an ID of its own."""

import base64
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from assistants import catalog

_ID = "@message-id@"


def properties() -> dict[str, Any]:
    """Return the properties of the catalog's first example of a handled message, after a longer conversation."""
    entry = catalog.find("track", "Message Handled")
    assert entry is not None
    steps = [f"action_118_step_{number:03d}" for number in range(3, 7)]
    example = dict(entry.examples[0]["properties"])
    return example | {"stepsVisited": [*example["stepsVisited"], *steps]}


def message(message_id: str) -> dict[str, Any]:
    """Make one event as Segment's own libraries write it."""
    return {
        "type": "track",
        "event": "Message Handled",
        "userId": "customer-2071",
        "messageId": message_id,
        "timestamp": "2026-11-22T08:41:17.530Z",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "integrations": {},
        "properties": properties(),
    }


def event_bytes() -> int:
    """Return the size of one event as it is sent to Sluice."""
    return len(json.dumps(message(message_ids("00000", 1)[0]), separators=(",", ":")))


def message_ids(run: str, count: int) -> list[str]:
    """Name the events of a run; all names have the same length."""
    return [f"{run}-{number:030d}" for number in range(count)]


def requests(path: str, key: str, ids: Sequence[str], *, per_request: int) -> Iterator[bytes]:
    """Write whole HTTP requests, heads included, that carry these events."""
    for start in range(0, len(ids), per_request):
        yield whole_request(path, key, ids[start : start + per_request])


def whole_request(path: str, key: str, ids: Sequence[str]) -> bytes:
    """Write one HTTP request, head included, that carries these events; a batch unless the path is for single ones."""
    before, after = _around_id()
    items = [before + message_id.encode() + after for message_id in ids]
    body = b'{"batch":[%s]}' % b",".join(items) if path == "/v1/batch" else items[0]
    return _head(path, key) + b"content-length: %d\r\n\r\n" % len(body) + body


@cache
def _around_id() -> tuple[bytes, bytes]:
    before, after = json.dumps(message(_ID), separators=(",", ":")).encode().split(_ID.encode())
    return before, after


@cache
def _head(path: str, key: str) -> bytes:
    user = base64.b64encode(f"{key}:".encode()).decode()
    return (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {user}\r\ncontent-type: application/json\r\n"
    ).encode()
