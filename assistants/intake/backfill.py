"""Fill in from the log of a watsonx assistant what its webhook missed: the same items, on the same way, each once.

Source: IBM, assistant v2 API, “List log events for an assistant”.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import httpx
from django.db import transaction

from assistants.intake import derivation
from assistants.intake.derivation import Derivation, sort_facts, terms_of
from assistants.intake.patience import StillAway, patiently
from assistants.intake.refusals import RefusedItem
from assistants.log import Append
from assistants.sources.adapter import Adapter, Setup
from assistants.sources.otlp.loose_json import Unclear, read_loosely
from assistants.sources.values import list_of, object_at, text_of, whole_number
from assistants.sources.watson import LOGGED
from assistants.sources.watson_log import read_log

# Small enough that intake, which waits for the same lock, does not notice.
ITEMS_PER_TRANSACTION = 100
PAGE_SECONDS = 60.0
MAX_PAGE_BYTES = 200_000_000
# What fails and may work later is tried so often, each time after a longer wait.
ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 60.0
WORTH_REPEATING = frozenset({408, 429, 500, 502, 503, 504})
REFUSED_KEY = (401, 403)


class BackfillError(Exception):
    """The log cannot be read on; what was stored before stays. The message is for people."""


@dataclass(frozen=True)
class Count:
    """What became of items: taken for the first time, known before, left out; and how many events were stored."""

    new: int = 0
    known: int = 0
    left_out: int = 0
    events: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.new + other.new,
            self.known + other.known,
            self.left_out + other.left_out,
            self.events + other.events,
        )


@dataclass(frozen=True)
class Page:
    """One answer of the service: items, and how many IBM says there are in all, if it says so."""

    items: list[Any]
    matched: int | None


@dataclass(frozen=True)
class Query:
    """What is asked for, and how gently: the pause stands between two pages."""

    url: str
    version: str
    filter: str = ""
    page_limit: int = 500
    pause_seconds: float = 3.0


def items_of_file(raw: bytes) -> list[Any]:
    """Return the items of a file: an answer of the API, a list of items, or an item or webhook's body on each line.

    A line that cannot be read counts as an item of which nothing is known. Raises BackfillError where nothing can.
    """
    try:
        return _items(read_loosely(raw))
    except Unclear as error:
        lines = [line for line in raw.split(b"\n") if line.strip()]
        if len(lines) < 2:
            raise BackfillError(f"The file is not JSON: {error}.") from None
    items = [item for line in lines for item in _items_of_line(line)]
    if not any(items):
        raise BackfillError("The file is neither JSON nor one JSON document on each line.")
    return items


def pages(query: Query, client: httpx.Client, *, pause: Callable[[float], None] = time.sleep) -> Iterator[Page]:
    """Yield page after page of the service's log, the oldest first. Raises BackfillError."""
    cursor = ""
    while True:
        answer = _ask(query, client, cursor, pause)
        pagination = object_at(answer, "pagination")
        yield Page(list_of(answer.get("logs")), whole_number(pagination.get("matched")))
        following = text_of(pagination.get("next_cursor")) or _cursor_of(text_of(pagination.get("next_url")))
        if not following:
            return
        if following == cursor:
            raise BackfillError("The service answers with the same page again and again.")
        cursor = following
        pause(query.pause_seconds)


def store(
    items: Sequence[Any], adapter: Adapter, setup: Setup, *, at: datetime, pause: Callable[[float], None] = time.sleep
) -> Count:
    """Store items of the log as if they came by the webhook at that time. Raises BackfillError; most may be stored."""
    count = Count()
    for start in range(0, len(items), ITEMS_PER_TRANSACTION):
        chunk = items[start : start + ITEMS_PER_TRANSACTION]
        try:
            count += patiently(partial(_store, chunk, adapter, setup, at), pause=pause)
        except StillAway as error:
            raise BackfillError(str(error)) from None
    return count


def _store(items: Sequence[Any], adapter: Adapter, setup: Setup, at: datetime) -> Count:
    brought = [
        derived for item in items if isinstance(item, Mapping) and (derived := _derivation(item, adapter, setup, at))
    ]
    with transaction.atomic():
        results = derivation.append([Append(setup.environment_id, adapter.kind, at, []) for _ in brought], brought)
    new = sum(result.stored > 0 for result in results)
    events = sum(result.stored for result in results)
    return Count(new, len(brought) - new, len(items) - len(brought), events)


def _derivation(item: Mapping[str, Any], adapter: Adapter, setup: Setup, at: datetime) -> Derivation | None:
    if not ("request" in item or "response" in item):
        return None
    facts, notes = read_log(item, setup, received_at=at)
    good, bad = sort_facts(facts)
    if not good:
        return None
    return Derivation(
        environment_id=setup.environment_id,
        terms=terms_of(adapter, setup),
        at=at,
        facts=good,
        notes=notes,
        refused=[RefusedItem(setup.environment_id, adapter.kind, at, reason, raw) for reason, raw in bad],
        is_request=False,
    )


def _items_of_line(line: bytes) -> list[Any]:
    try:
        return _items(read_loosely(line))
    except Unclear:
        return [None]


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [item for each in value for item in _items(each)]
    if isinstance(value, Mapping) and "logs" in value:
        return list_of(value["logs"])
    if isinstance(value, Mapping) and "event" in value:
        is_logged = object_at(value, "event").get("name") == LOGGED
        return [value.get("payload")] if is_logged else []
    return [value]


def _ask(query: Query, client: httpx.Client, cursor: str, pause: Callable[[float], None]) -> Mapping[str, Any]:
    parameters: dict[str, str | int] = {
        "version": query.version,
        "sort": "request_timestamp",
        "page_limit": query.page_limit,
    }
    parameters |= {"filter": query.filter} if query.filter else {}
    parameters |= {"cursor": cursor} if cursor else {}
    problem = ""
    for attempt in range(ATTEMPTS):
        try:
            status, retry_after, body = _get(query.url, parameters, client)
        except httpx.HTTPError as error:
            problem = f"The service does not answer: {type(error).__name__}."
            pause(_wait_seconds(attempt))
            continue
        if status == 200:
            return _read(body)
        problem = _problem(status, body)
        if status not in WORTH_REPEATING:
            break
        pause(_wait_seconds(attempt) if retry_after is None else min(retry_after, LONGEST_WAIT_SECONDS))
    raise BackfillError(f"{problem} What was stored before stays; start again, and nothing will be stored twice.")


def _get(url: str, parameters: Mapping[str, str | int], client: httpx.Client) -> tuple[int, int | None, bytes]:
    """Return status, Retry-After and body, all of it within a page's time."""
    deadline = time.monotonic() + PAGE_SECONDS
    body = bytearray()
    with client.stream("GET", url, params=parameters) as response:
        for piece in response.iter_bytes():
            body += piece
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("The page took too long.")
            if len(body) > MAX_PAGE_BYTES:
                raise BackfillError("A page is too large. Ask for fewer items at once.")
        return response.status_code, whole_number(response.headers.get("retry-after")), bytes(body)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        answer = read_loosely(body)
    except Unclear as error:
        raise BackfillError(f"The service answers with something else than JSON: {error}.") from None
    if not isinstance(answer, Mapping) or "logs" not in answer:
        raise BackfillError("The service answers with something else than a list of logs. Is the address right?")
    return answer


def _problem(status: int, body: bytes) -> str:
    if status in REFUSED_KEY:
        return f"The service refuses the API key ({status}). Reading logs takes the role Manager."
    if status == 404:
        return "The service knows no such environment (404). Give the environment's ID, not the assistant's."
    said = body[:200].decode(errors="replace").replace("\n", " ")
    return f"The service answers {status}: {said}"


def _cursor_of(url: str) -> str:
    try:
        return str(httpx.URL(url).params.get("cursor", ""))
    except httpx.InvalidURL:
        return ""


def _wait_seconds(attempt: int) -> float:
    return float(min(2**attempt, LONGEST_WAIT_SECONDS))
