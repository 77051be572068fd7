"""Keep what intake did not take: counted by reason and hour, with the latest sample, free of secrets."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper

from assistants.faults import Refused
from assistants.log_filter import MASK, mask

SAMPLE_CHARACTERS = 500
# Up to the end of the sample where the text has none.
_SECRET = re.compile(
    r'"([^"]*(?:write_?key|api_?key|password|secret|token|authorization))"\s*:\s*"(?:[^"\\]|\\.)*"?', re.IGNORECASE
)

# Environment, source, code, hour.
_Row = tuple[int, str, str, datetime]


@dataclass(frozen=True)
class RefusedItem:
    """An item that was refused: by which source of which environment, when, why, and its raw beginning."""

    environment_id: int
    source: str
    at: datetime
    reason: Refused
    raw: bytes


def record(items: Sequence[RefusedItem]) -> None:
    """Count the items, one row per environment, source, reason and hour; each row is written once."""
    counts: Counter[_Row] = Counter()
    latest: dict[_Row, RefusedItem] = {}
    for item in items:
        row = (item.environment_id, item.source, item.reason.code, item.at.replace(minute=0, second=0, microsecond=0))
        counts[row] += 1
        latest[row] = item
    with connection.cursor() as cursor:
        for row, item in latest.items():
            _add(cursor, row, item, counts[row])


def _add(cursor: CursorWrapper, row: _Row, latest: RefusedItem, count: int) -> None:
    environment_id, source, code, hour = row
    cursor.execute(
        "INSERT INTO assistants_refusal "
        "(environment_id, source, code, hour, message, sample, count, last_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (environment_id, source, code, hour) DO UPDATE SET "
        "message = excluded.message, sample = excluded.sample, last_at = excluded.last_at, "
        "count = assistants_refusal.count + excluded.count",
        [
            environment_id,
            source,
            code,
            _adapt(hour),
            latest.reason.message[:300],
            sample(latest.raw),
            count,
            _adapt(latest.at),
        ],
    )


def sample(raw: bytes) -> str:
    """Return the beginning of an item as text for people: inert on every database, secrets blotted out."""
    text = raw[: SAMPLE_CHARACTERS * 4].decode(errors="replace")
    text = mask(_SECRET.sub(rf'"\1": "{MASK}"', text))
    return text.replace("\0", "\N{SYMBOL FOR NULL}")[:SAMPLE_CHARACTERS]


def _adapt(moment: datetime) -> str | None:
    return connection.ops.adapt_datetimefield_value(moment)
