"""An assistant's runtime in these tests: sends batches over one kept connection and remembers what was acknowledged."""

import base64
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"


def session_started(message_id: str) -> dict[str, Any]:
    """Make a track event as small as one can be."""
    return {"type": "track", "event": "Session Started", "userId": "customer-2071", "messageId": message_id}


@dataclass
class Sender:
    """Sends to one environment; `acknowledged` holds the message IDs of all answers 2xx, in order."""

    port: int
    key: str
    acknowledged: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(HOST, self.port, timeout=30)

    @property
    def headers(self) -> dict[str, str]:
        user = base64.b64encode(f"{self.key}:".encode()).decode()
        return {"authorization": f"Basic {user}", "content-type": "application/json"}

    def send(self, messages: Sequence[dict[str, Any]]) -> None:
        """Send one batch, which has to be stored whole."""
        started = time.monotonic()
        status, said, _ = self.post(messages)
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started)
        assert (status, said) == (200, b'{"success":true}'), (status, said)
        self.acknowledged += [message["messageId"] for message in messages]

    def post(self, messages: Sequence[dict[str, Any]]) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Send one batch and return the answer: status, body, headers."""
        self.connection.request("POST", "/v1/batch", json.dumps({"batch": messages}).encode(), self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def send_numbered(self, prefix: str, count: int) -> None:
        """Send so many selected events in one batch."""
        self.send([session_started(f"{prefix}-{number}") for number in range(count)])

    def close(self) -> None:
        self.connection.close()
