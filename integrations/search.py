"""Looks through an environment's log from the newest event back, for as long as a reader may be kept waiting."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, takewhile

from assistants import log
from assistants.messages import Event
from assistants.models import Environment
from integrations.fates import Fate, fates
from integrations.models import Connection

PAGE_SIZE = 50
# Between two looks at the clock. Large enough that what one question for fates costs does not count.
EVENTS_PER_LOOK = 500


@dataclass(frozen=True)
class Found:
    """One event with its fate on the connection that was asked about."""

    event: Event
    fate: Fate


@dataclass(frozen=True)
class Page:
    """What one search found, the newest first.

    `next_before` is where to go on, None where the log (or the range asked for) ends. `is_out_of_time` tells a page
    that stopped at the budget from one that is full.
    """

    found: list[Found]
    next_before: int | None
    is_out_of_time: bool = False


def search(
    environment: Environment,
    connection: Connection | None,
    *,
    name: str = "",
    fate: str = "",
    before: int | None = None,
    after: int = 0,
    budget_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Page:
    """Find a page of events between the positions `after` and `before`, both excluded; reads the database.

    `name` is a part of the event's name in any case, `fate` the code of a fate; empty ones let everything through.
    However small the budget, a few hundred events are looked at, so going on from `next_before` always gets ahead.
    """
    deadline = clock() + budget_seconds
    found: list[Found] = []
    events = takewhile(lambda event: event.position > after, log.walk_back(environment.pk, before=before))
    look_size = EVENTS_PER_LOOK if name or fate else PAGE_SIZE + 1
    while look := list(islice(events, look_size)):
        found += _matching(look, connection, name=name, fate=fate)
        if len(found) > PAGE_SIZE:
            return Page(found[:PAGE_SIZE], next_before=found[PAGE_SIZE - 1].event.position)
        if len(look) < look_size:
            break
        if clock() >= deadline:
            return Page(found, next_before=look[-1].position, is_out_of_time=True)
    return Page(found, next_before=None)


def _matching(events: list[Event], connection: Connection | None, *, name: str, fate: str) -> list[Found]:
    """Keep the events that a search asks for. Names come first: they cost nothing, a fate is computed."""
    named = [event for event in events if name.casefold() in event.name.casefold()]
    if not named:
        return []
    pairs = zip(named, fates(connection, named), strict=True)
    return [Found(event, its_fate) for event, its_fate in pairs if fate in {"", its_fate.code}]
