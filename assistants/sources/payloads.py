"""What is kept of a request to a source: the body, compressed, and those headers that a mapping may read."""

from collections.abc import Mapping
from typing import cast

from isal import isal_zlib

from assistants.models import SourcePayload

COMPRESSION_LEVEL = 1
MAX_HEADERS = 40
MAX_HEADER_CHARACTERS = 300
CLOUD_EVENT = "ce-"
# A header whose name ends in one of these tells what a request is about, and when.
_TELLING = ("id", "type", "timestamp", "delivery", "event", "topic", "environment")
_NEVER = ("auth", "cookie", "credential", "key", "password", "secret", "signature", "token")
# Its type stub takes the class for an instance.
_Damaged = cast("type[Exception]", isal_zlib.error)


def compress(body: bytes) -> bytes:
    """Return a body as it is stored."""
    return isal_zlib.compress(body, COMPRESSION_LEVEL)


def decompress(stored: bytes) -> bytes:
    """Return a body as it came; nothing where the stored bytes are damaged."""
    try:
        return isal_zlib.decompress(stored)
    except _Damaged:
        return b""


def body_of(payload: SourcePayload) -> bytes:
    """Return the body of a payload that was kept."""
    return decompress(bytes(payload.body))


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are kept: what the request is about, and nothing that proves who sent it."""
    kept = {name: value[:MAX_HEADER_CHARACTERS] for name, value in headers.items() if _is_kept(name)}
    return dict(list(kept.items())[:MAX_HEADERS])


def _is_kept(name: str) -> bool:
    if any(word in name for word in _NEVER):
        return False
    return name.startswith(CLOUD_EVENT) or name.replace("_", "-").rpartition("-")[2] in _TELLING
