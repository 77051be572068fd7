"""The sandbox: a recorder that answers as Segment does and shows what it got, to try Sluice without an account."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse

from integrations.models import SandboxMessage

KEPT_MESSAGES = 1_000
# Trimming at each batch would cost more than the surplus does.
TRIM_ABOVE = 1_200


def recorder(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer POST /v1/batch: record the messages, each message ID once, and say success."""
    try:
        body = json.loads(environ["wsgi.input"].read())
        messages = body["batch"]
    except (ValueError, KeyError, TypeError):
        messages = None
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return _answer(start_response, "400 Bad Request", {"success": False, "message": "malformed JSON"})
    record(messages, fingerprint=fingerprint(_basic_user(environ.get("HTTP_AUTHORIZATION", ""))))
    return _answer(start_response, "200 OK", {"success": True})


def record(messages: list[dict[str, Any]], *, fingerprint: str) -> None:
    """Keep messages; a message ID that is there already stays as it is, as in Segment's own deduplication."""
    SandboxMessage.objects.bulk_create(
        [
            SandboxMessage(
                write_key_fingerprint=fingerprint,
                message_id=str(message.get("messageId", ""))[:200],
                body=json.dumps(message, ensure_ascii=False),
            )
            for message in messages[-KEPT_MESSAGES:]
        ],
        ignore_conflicts=True,
    )
    _trim()


def recorded(*, limit: int = 100, before: int | None = None) -> list[SandboxMessage]:
    """Return the newest messages, below the row ID `before` if one is given."""
    messages = SandboxMessage.objects.all()
    if before is not None:
        messages = messages.filter(pk__lt=before)
    return list(messages.order_by("-pk")[:limit])


def fingerprint(write_key: str) -> str:
    """Return 12 hexadecimal digits by which people can tell keys apart, and that do not give the key away."""
    return hashlib.sha256(b"sluice write key " + write_key.encode()).hexdigest()[:12]


def _trim() -> None:
    if SandboxMessage.objects.count() <= TRIM_ABOVE:
        return
    oldest_kept = SandboxMessage.objects.order_by("-pk").values_list("pk", flat=True)[KEPT_MESSAGES - 1]
    SandboxMessage.objects.filter(pk__lt=oldest_kept).delete()


def _basic_user(authorization: str) -> str:
    _, _, credentials = authorization.partition(" ")
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except ValueError:
        return ""


def _answer(start_response: Callable[..., Any], status: str, body: dict[str, Any]) -> list[bytes]:
    content = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]
