"""One sample of each selected event, sent the way every event goes, so that Segment knows its form before go-live."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from msgspec import Raw

from assistants import audit, catalog, log
from assistants.catalog.entry import Entry
from assistants.catalog.plain import OTHER_TRACK_EVENTS
from assistants.messages import Message
from integrations import connections
from integrations.compose import SAMPLE_SOURCE
from integrations.models import Connection

SAMPLE_USER = "sluice-sample"
# Nobody takes one of these for a customer.
_IDS = {
    "userId": SAMPLE_USER,
    "anonymousId": SAMPLE_USER,
    "groupId": f"{SAMPLE_USER}-group",
    "previousId": f"{SAMPLE_USER}-before",
}
_message = msgspec.json.Decoder(Message)


@dataclass(frozen=True)
class Sent:
    """What was sent: the nonce that is part of each message ID, and the entries of which there was a sample."""

    nonce: str
    entries: list[Entry]


def sampled(connection: Connection) -> list[Entry]:
    """Return the selected entries of which a sample can be sent: all but the row of other track events."""
    selection = connections.selection_of(connection)
    return [entry for entry in catalog.everything() if entry.key in selection and entry.name != OTHER_TRACK_EVENTS]


def send(connection: Connection, *, by: User | None, reason: str = "") -> Sent:
    """Append a sample of each selected event to the log, behind everything that waits; each goes as its event does."""
    nonce, now = secrets.token_hex(8), datetime.now(UTC)
    entries = sampled(connection)
    messages = [_sample(entry, f"{SAMPLE_USER}-{nonce}-{number}", now) for number, entry in enumerate(entries, start=1)]
    if messages:
        with transaction.atomic():
            log.append([log.Append(connection.environment_id, SAMPLE_SOURCE, now, messages)])
            audit.record(
                actor=by,
                action="connection.samples_sent",
                target=connections.TARGET,
                environment=connection.environment,
                reason=reason,
                details={"nonce": nonce, "events": len(messages)},
            )
    return Sent(nonce, entries)


def _sample(entry: Entry, message_id: str, now: datetime) -> Message:
    """Make a message of an entry's first example, of a user who is none, marked in its context.

    The mark is no property: Segment would take it for one of the event's own.
    """
    example: dict[str, Any] = dict(entry.examples[0])
    example |= {name: value for name, value in _IDS.items() if name in example}
    example |= {"messageId": message_id, "timestamp": now.isoformat(timespec="milliseconds")}
    return _message.decode(msgspec.json.encode({**example, "context": Raw(b'{"test":true,"sample":true}')}))
