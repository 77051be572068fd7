"""Import what a source wrote into a file instead of sending it: the same events, on the same way, each once."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from django.db import transaction

from assistants.faults import Refused
from assistants.intake import derivation
from assistants.intake.answers import Unreadable
from assistants.intake.derivation import Derivation, sort_facts, terms_of
from assistants.intake.patience import patiently
from assistants.intake.refusals import RefusedItem
from assistants.log import Append
from assistants.sources.adapter import Adapter, Reading, Request, Setup

# Small enough that intake, which waits for the same lock, does not notice.
LINES_PER_TRANSACTION = 200


@dataclass(frozen=True)
class Imported:
    """What became of lines: how many there were, events stored for the first time, and lines that cannot be read.

    `problem` says of the first of those what is wrong.
    """

    lines: int = 0
    stored: int = 0
    refused: int = 0
    problem: str = ""

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(
            self.lines + other.lines,
            self.stored + other.stored,
            self.refused + other.refused,
            self.problem or other.problem,
        )


def import_lines(
    lines: Iterable[bytes], adapter: Adapter, setup: Setup, *, pause: Callable[[float], None] = time.sleep
) -> Iterator[Imported]:
    """Store lines of JSON as if the source posted them now, and yield after each transaction what became of its lines.

    Whoever can start this needs no proof. Raises StillAway; what was stored before stays.
    """
    written = (line.strip() for line in lines if line.strip())
    keyed = replace(setup, is_keyed=True)
    while chunk := list(islice(written, LINES_PER_TRANSACTION)):
        brought = _derivation(_read(chunk, adapter, keyed), adapter, keyed)
        yield patiently(partial(_store, brought, len(chunk)), pause=pause)


def _read(lines: list[bytes], adapter: Adapter, setup: Setup) -> Reading:
    """Read lines together; where they cannot be, each on its own."""
    body = b"\n".join(lines)
    try:
        return adapter.read(Request(path="", headers={}, body=body, received_at=datetime.now(UTC)), setup)
    except Unreadable as error:
        if len(lines) == 1:
            return Reading(refused=[(Refused("unreadable_line", str(error)), body)])
    whole = Reading()
    for reading in (_read([line], adapter, setup) for line in lines):
        whole.facts += reading.facts
        whole.notes += reading.notes
        whole.refused += reading.refused
    return whole


def _derivation(reading: Reading, adapter: Adapter, setup: Setup) -> Derivation:
    now = datetime.now(UTC)
    good, bad = sort_facts(reading.facts)
    refused = [*reading.refused, *bad]
    return Derivation(
        environment_id=setup.environment_id,
        terms=terms_of(adapter, setup),
        at=now,
        facts=good,
        notes=reading.notes,
        refused=[RefusedItem(setup.environment_id, adapter.kind, now, reason, raw) for reason, raw in refused],
        is_request=False,
    )


def _store(brought: Derivation, lines: int) -> Imported:
    append = Append(brought.environment_id, brought.terms.kind, brought.at, [])
    with transaction.atomic():
        (result,) = derivation.append([append], [brought])
    problem = brought.refused[0].reason.message if brought.refused else ""
    return Imported(lines, result.stored, len(brought.refused), problem)
