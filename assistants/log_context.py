"""What a line of a log is about: the request that is answered, or the lane that is moved, at this moment."""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID_HEADER = b"x-request-id"
# What a proxy or client names a request; anything else is not repeated in a log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEPT_IN_SCOPE = "sluice.request_id"

_request: ContextVar[Scope | None] = ContextVar("request", default=None)
_lane: ContextVar[int | None] = ContextVar("lane", default=None)


def about_requests(application: Application) -> Application:
    """Let what an ASGI application logs, in a request's task and the threads it waits for, be about that request.

    The ID is made or looked up when a line needs one: most requests log nothing.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        _request.set(scope)
        await application(scope, receive, send)

    return wrapped


@contextmanager
def on_lane(lane_id: int) -> Iterator[None]:
    """Let what is logged in this block be about a lane."""
    token = _lane.set(lane_id)
    try:
        yield
    finally:
        _lane.reset(token)


def request_id() -> str:
    """Return the ID of the request at hand: the one it came with, or one of ours; nothing outside of requests."""
    scope = _request.get()
    if scope is None:
        return ""
    if _KEPT_IN_SCOPE not in scope:
        scope[_KEPT_IN_SCOPE] = _given(scope) or secrets.token_hex(8)
    kept: str = scope[_KEPT_IN_SCOPE]
    return kept


class AddContext(logging.Filter):
    """Gives each record `request_id` and `lane_id`, empty where there is none, and both as `about` for people."""

    def filter(self, record: logging.LogRecord) -> bool:
        request, lane = request_id(), _lane.get()
        abouts = [f"request {request}"] if request else []
        abouts += [] if lane is None else [f"lane {lane}"]
        about = f" [{', '.join(abouts)}]" if abouts else ""
        vars(record).update(request_id=request, lane_id=lane, about=about)
        return True


def _given(scope: Scope) -> str:
    for name, value in scope.get("headers", ()):
        if name == REQUEST_ID_HEADER:
            text = bytes(value).decode("latin-1")
            return text if _REQUEST_ID.fullmatch(text) else ""
    return ""
