"""Keep what intake did not take: counted by reason and hour, with the latest sample, free of secrets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from assistants.messages import Refused

SAMPLE_CHARACTERS = 500
_WRITE_KEY = re.compile(r'"(writeKey|apiKey|password|secret|token|authorization)"\s*:\s*"[^"]*"?', re.IGNORECASE)


@dataclass(frozen=True)
class RefusedItem:
    """An item that was refused: by which source of which environment, when, why, and its raw beginning."""

    environment_id: int
    source: str
    at: datetime
    reason: Refused
    raw: bytes


def record(items: Sequence[RefusedItem]) -> None:
    """Count the items, one row per environment, source, reason and hour."""
    if not items:
        return
    with connection.cursor() as cursor:
        for item in items:
            cursor.execute(
                "INSERT INTO assistants_refusal "
                "(environment_id, source, code, hour, message, sample, count, last_at) "
                "VALUES (%s, %s, %s, %s, %s, %s, 1, %s) "
                "ON CONFLICT (environment_id, source, code, hour) DO UPDATE SET "
                "message = excluded.message, sample = excluded.sample, last_at = excluded.last_at, "
                "count = assistants_refusal.count + 1",
                [
                    item.environment_id,
                    item.source,
                    item.reason.code,
                    _adapt(item.at.replace(minute=0, second=0, microsecond=0)),
                    item.reason.message[:300],
                    sample(item.raw),
                    _adapt(item.at),
                ],
            )


def sample(raw: bytes) -> str:
    """Return the beginning of an item as text for people: inert on every database, secrets blotted out."""
    text = raw[: SAMPLE_CHARACTERS * 4].decode(errors="replace")
    text = _WRITE_KEY.sub(r'"\1": "•••"', text)
    return text.replace("\0", "\N{SYMBOL FOR NULL}")[:SAMPLE_CHARACTERS]


def _adapt(moment: datetime) -> object:
    return connection.ops.adapt_datetimefield_value(moment)
