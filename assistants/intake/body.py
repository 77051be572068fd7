"""Read a request's body within limits: of time, of bytes on the wire, and of bytes after inflating."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from isal import isal_zlib

from assistants.intake.answers import Unreadable

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

BODY_SECONDS = 15.0
GZIP = 16 + zlib.MAX_WBITS
# Its type stub takes the class for an instance.
_NotGzip = cast("type[Exception]", isal_zlib.error)


class Disconnected(Exception):
    """The client went away before its body was complete."""


async def read_body(
    scope: Scope, receive: Receive, *, limit: int, too_large_status: int, seconds: float = BODY_SECONDS
) -> bytes:
    """Return the inflated body of a request, chunked or not.

    Raises Unreadable where it is larger than `limit` bytes, too slow, or compressed in a way that cannot be read, and
    Disconnected where it never ends.
    """
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit, too_large_status)
    try:
        async with asyncio.timeout(seconds):
            raw = await _receive_all(receive, limit, too_large_status)
    except TimeoutError:
        raise Unreadable(408, "timeout", f"The body did not arrive within {seconds:g} seconds.") from None
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding in (b"", b"identity"):
        return raw
    if encoding in (b"gzip", b"x-gzip"):
        return inflate(raw, limit=limit, too_large_status=too_large_status)
    name = encoding.decode("latin-1")
    raise Unreadable(415, "unsupported_encoding", f"Content-Encoding {name!r} is not supported; use gzip or none.")


def inflate(raw: bytes, *, limit: int, too_large_status: int) -> bytes:
    """Gunzip a body, stopping at the limit: a small body can unpack to gigabytes."""
    inflater = isal_zlib.decompressobj(GZIP)
    try:
        body = inflater.decompress(raw, limit + 1)
    except _NotGzip:
        raise Unreadable(400, "invalid_gzip", "The body says it is gzip, but cannot be unpacked.") from None
    if len(body) > limit:
        raise _too_large(limit, too_large_status)
    if not inflater.eof or inflater.unused_data:
        raise Unreadable(400, "invalid_gzip", "The gzip body is cut off, or more follows behind its end.")
    return body


async def _receive_all(receive: Receive, limit: int, too_large_status: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        part = event.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit, too_large_status)
        parts.append(part)
        if not event.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int, status: int) -> Unreadable:
    return Unreadable(status, "payload_too_large", f"Exceeds the payload limit of {limit:,} bytes after inflating.")
