"""What intake answers: JSON bodies of one shape, so that every client reads the same words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from assistants.faults import Refused

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, body (JSON unless it says otherwise), further headers."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"


class Unreadable(Exception):
    """A request that cannot be taken as a whole; nothing of it is stored. Carries the answer."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.answer = failure(status, code, message, retry_after=retry_after)


def success(refused: Sequence[tuple[int, Refused]] = ()) -> Answer:
    """Say that everything is stored but for the items named, each by its index in the request."""
    body: dict[str, Any] = {"success": True}
    if refused:
        body["refused"] = [
            {"index": index, "code": reason.code, "message": reason.message} for index, reason in refused
        ]
    return Answer(200, _encoder.encode(body))


def failure(status: int, code: str, message: str, *, retry_after: int | None = None) -> Answer:
    """Say that nothing is stored, and why; `retry_after` in seconds where trying again may help."""
    headers = ((b"retry-after", str(retry_after).encode()),) if retry_after else ()
    return Answer(status, _encoder.encode({"success": False, "code": code, "message": message}), headers)
