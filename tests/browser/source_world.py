"""Sources as they look after some weeks: one by rules with payloads and warnings, one silent, one never heard."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from assistants import sources
from assistants.models import Environment, Source, SourcePayload, SourceTally
from assistants.sources import setup
from assistants.sources.payloads import compress

HOURS = 30
MESSAGE = {"id": "m-1", "type": "message", "author": "customer", "conversation": "c-1", "user": "user-42"}
RULES: dict[str, Any] = {
    "verify": {"kind": "key"},
    "unwrap": {"kind": "path", "path": "events[*]"},
    "id": "id",
    "rules": [
        {
            "when": "type == 'message' && author == 'customer'",
            "event": "Message Sent",
            "fields": {"conversationId": "conversation", "messageId": "id", "userId": "user", "timestamp": "at"},
            "types": {"timestamp": "epoch_s"},
        },
        {
            "when": "type == 'rating' && " + " && ".join(f"details.of_a_rather_long_name_{n}" for n in range(9)),
            "event": "Feedback Submitted",
            "fields": {"conversationId": "conversation", "rating": "default(stars, details.stars, survey.rating)"},
        },
    ],
}


@dataclass(frozen=True)
class Sources:
    """Payloads of the source by rules: one that became events, and one that could not be read."""

    payload: SourcePayload
    unreadable: SourcePayload


def make_sources(draft: Environment, live: Environment, *, by: User) -> Sources:
    """Set up sources in draft and live, and let them be heard in draft."""
    _set_up(draft, "custom", by, options={"config": RULES})
    _set_up(draft, "watson", by, secret="a made-up secret", options={"stateless": True})
    _set_up(live, "watson", by, secret="another made-up secret")
    now = timezone.now()
    Source.objects.filter(environment=draft, kind="custom").update(last_seen_at=now - timedelta(minutes=3))
    Source.objects.create(environment=draft, kind="chatwoot", last_seen_at=now - timedelta(days=4))
    for hour in range(HOURS):
        _tally(draft, "taken", hours_ago=hour, count=7 + hour * 13 % 40)
    _tally(draft, "unknown_key", hours_ago=2, count=12, detail="From 203.0.113.0/24.")
    _tally(draft, "no_rule", hours_ago=1, count=1_234, detail="No rule matched a piece whose type is “typing”.")
    long = "rule 1, field timestamp: It is a text, not a number of seconds or milliseconds."
    _tally(draft, "expression_failed", hours_ago=3, count=2, detail=long)
    unreadable = _payload(draft, b'{"events": [{"id": 1,,]}', error="The body is not valid JSON (byte 22).")
    for body in ({"events": [{"type": "typing"}]}, {"events": [{**MESSAGE, "at": "yesterday"}]}):
        _payload(draft, json.dumps(body).encode())
    text = {**MESSAGE, "at": 1_795_000_000, "text": "A line that no table and no telephone has room for. " * 9}
    payload = _payload(draft, json.dumps({"events": [text]}).encode(), events=1, headers={"x-request-id": "r-1"})
    return Sources(payload=payload, unreadable=unreadable)


def _set_up(environment: Environment, kind: str, by: User, **values: Any) -> None:
    adapter = sources.find(kind)
    assert adapter is not None
    setup.save(environment, adapter, by=by, **{"options": {}, **values})


def _tally(environment: Environment, code: str, *, hours_ago: int, count: int, detail: str = "") -> None:
    at = timezone.now() - timedelta(hours=hours_ago)
    hour = at.replace(minute=0, second=0, microsecond=0)
    SourceTally.objects.create(
        environment=environment, kind="custom", code=code, hour=hour, count=count, last_at=at, detail=detail
    )


def _payload(environment: Environment, body: bytes, **columns: Any) -> SourcePayload:
    return SourcePayload.objects.create(
        environment=environment, kind="custom", received_at=timezone.now(), body=compress(body), **columns
    )
