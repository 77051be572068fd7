"""What an answer of Segment means: of the content, of the connection, or that one has to wait.

Source: the retry rules on which Segment's SDKs agree; where they differ, what keeps every event.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

FIRST_DELAY_SECONDS = 1.0
MAX_DELAY_SECONDS = 60.0
JITTER = 0.2
# A server that asks for more is not obeyed to the letter: five minutes, as the SDKs do. Nor is one that asks for less
# than a second: many asking again at once is what it wants to be spared.
MAX_RETRY_AFTER_SECONDS = 300.0
MIN_RETRY_AFTER_SECONDS = 1.0

NO_CONTENT = 204
RETRYABLE_4XX = frozenset({408, 410, 429, 460})
CONTENT = frozenset({400, 413, 422})
PERMANENT_5XX = frozenset({501, 505, 511})


class Verdict(Enum):
    """What to do with the batch."""

    ACCEPTED = "accepted"
    # Something in the batch is at fault: find it by halving.
    CONTENT = "content"
    # The key, the host or the set-up is at fault: pause, keep everything.
    CONNECTION = "connection"
    # Nothing is known to be wrong: the same batch again, later.
    WAIT = "wait"


@dataclass(frozen=True)
class Answer:
    """How a request ended: a status with the beginning of the body, or no status and what went wrong instead.

    `is_unsent` says of the latter that nothing was sent at all, as where no connection could be made.
    """

    status: int | None
    body: bytes = b""
    error: str = ""
    retry_after: str = ""
    is_unsent: bool = False
    duration_ms: int = 0

    @property
    def is_ambiguous(self) -> bool:
        """Whether nobody can tell if the request arrived."""
        return self.status is None and not self.is_unsent

    @property
    def excerpt(self) -> str:
        """The answer in short, for people."""
        return self.error or self.body[:300].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def verdict(answer: Answer) -> Verdict:
    """Judge an answer; each row of the table has its test."""
    status = answer.status
    if status is None or status in RETRYABLE_4XX:
        return Verdict.WAIT
    if status == NO_CONTENT or (200 <= status < 300 and _says_success(answer.body)):
        return Verdict.ACCEPTED
    if status in CONTENT:
        return Verdict.CONTENT
    if status >= 500 and status not in PERMANENT_5XX:
        return Verdict.WAIT
    return Verdict.CONNECTION


def retry_delay(answer: Answer, attempts: int, *, now: datetime | None = None) -> timedelta:
    """Wait before the next try: what Retry-After asks, within bounds; without it as `back_off` says."""
    asked = _retry_after_seconds(answer.retry_after, now or datetime.now(UTC))
    if asked is None:
        return back_off(attempts)
    return timedelta(seconds=min(max(asked, MIN_RETRY_AFTER_SECONDS), MAX_RETRY_AFTER_SECONDS))


def back_off(attempts: int) -> timedelta:
    """Wait 1 s, doubled each time, at most 60 s, ±20 % jitter. `attempts` counts the tries already made."""
    seconds = min(FIRST_DELAY_SECONDS * 2 ** min(max(attempts - 1, 0), 10), MAX_DELAY_SECONDS)
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311  spreads load, guards nothing


def _says_success(body: bytes) -> bool:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return not (isinstance(said, dict) and said.get("success") is False)


def _retry_after_seconds(text: str, now: datetime) -> float | None:
    """Read seconds or an HTTP date; None for nothing, rubbish and moments that have passed."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = (moment - now).total_seconds()
    return seconds if seconds > 0 else None
