"""Derive the wholes that are complete: what was held of them becomes events, many wholes in one transaction.

A transaction costs as much for one whole as for many. Where Sluice itself fails at one of them, each is derived by
itself, and that one goes: it would be tried again for ever.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, transaction

from assistants import held, log, sources
from assistants.held import Whole
from assistants.intake import derivation
from assistants.intake.derivation import Derivation
from assistants.intake.refusals import RefusedItem
from assistants.intake.setups import look_up
from assistants.source_sql import StoredPart
from assistants.sources.adapter import Adapter, Fact, Note, Part, Setup

logger = logging.getLogger(__name__)

WHOLES_PER_PASS = 2_000
# The head of the log is locked meanwhile.
WHOLES_PER_TRANSACTION = 200
ROWS_DROPPED_PER_PASS = 10_000


@dataclass(frozen=True)
class _Place:
    """The environment and the source that wholes came from, and how it is set up there."""

    environment_id: int
    adapter: Adapter
    setup: Setup


class _Held(NamedTuple):
    """A whole as it was read: the keys of what was held of it then, what that brings, and when it goes."""

    digest: bytes
    keys: list[int]
    brought: Derivation
    gone_at: datetime


def derive_due(now: datetime) -> int:
    """Derive every whole whose time has come, and return how many; safe to run twice at once.

    A whole stays for a while after that, and is derived again with what comes late. Raises OperationalError and
    InterfaceError where the database is away.
    """
    _drop_over(now)
    by_place: dict[tuple[str, int], list[Whole]] = defaultdict(list)
    for whole in held.due_wholes(now, limit=WHOLES_PER_PASS):
        by_place[whole.kind, whole.environment_id].append(whole)
    derived = 0
    for (kind, environment_id), wholes in by_place.items():
        place = _place(kind, environment_id)
        if place is None:
            held.rows_of(wholes).delete()
            continue
        for start in range(0, len(wholes), WHOLES_PER_TRANSACTION):
            derived += _derive_or_part(wholes[start : start + WHOLES_PER_TRANSACTION], place, now)
    return derived


def _place(kind: str, environment_id: int) -> _Place | None:
    """Return where wholes came from; None where that is gone."""
    adapter = sources.find(kind)
    setup = look_up(adapter, environment_id, with_secret=False) if adapter else None
    return _Place(environment_id, adapter, setup) if adapter and setup else None


def _derive_or_part(wholes: Sequence[Whole], place: _Place, now: datetime) -> int:
    """Derive wholes together, or each by itself where they cannot; one that cannot even so is dropped."""
    try:
        return _derive(wholes, place, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(wholes) > 1:
            return sum(_derive_or_part([whole], place, now) for whole in wholes)
        logger.exception("A whole of the source %s cannot be derived.", place.adapter.kind)
        held.rows_of(wholes).delete()
        return 0


def _derive(wholes: Sequence[Whole], place: _Place, now: datetime) -> int:
    """Derive wholes at which nothing changes meanwhile; return how many."""
    read = _read_all(wholes, place, now)
    with transaction.atomic():
        derivation.lock([place.environment_id])
        keys = held.keys_of(wholes)
        unchanged = [each for each in read if keys[each.digest] == each.keys]
        if unchanged:
            empty = log.Append(place.environment_id, place.adapter.kind, now, [])
            derivation.append([empty] * len(unchanged), [each.brought for each in unchanged])
        _keep_or_drop(unchanged, now)
    return len(unchanged)


def _read_all(wholes: Sequence[Whole], place: _Place, now: datetime) -> list[_Held]:
    rows: dict[bytes, list[StoredPart]] = defaultdict(list)
    for row in held.load(wholes):
        rows[row.whole].append(row)
    return [_read_whole(rows[whole.digest], place, now) for whole in wholes if whole.digest in rows]


def _read_whole(rows: Sequence[StoredPart], place: _Place, now: datetime) -> _Held:
    """Read a whole from its rows. A part that came twice, beside others each time, counts once."""
    parts: dict[str, Part] = {}
    times: list[datetime] = []
    for row in rows:
        own, gone_at = held.unpacked(row)
        times.append(gone_at)
        for part in own:
            parts.setdefault(part.part_id, part)
    return _Held(rows[0].whole, [row.pk for row in rows], _brought(list(parts.values()), place, now), max(times))


def _keep_or_drop(derived: Iterable[_Held], now: datetime) -> None:
    """Let what was derived just now wait for what comes late; what is too old for that goes."""
    gone: list[int] = []
    waiting: list[tuple[int, datetime]] = []
    for each in derived:
        if now >= each.gone_at:
            gone += each.keys
        else:
            waiting += [(key, each.gone_at) for key in each.keys]
    held.drop(gone)
    held.keep(waiting)


def _drop_over(now: datetime) -> None:
    """Let go what was derived and has waited for what comes late."""
    for environment_id in held.places_with_parts_over(now):
        with transaction.atomic():
            derivation.lock([environment_id])
            held.drop_over(environment_id, now, limit=ROWS_DROPPED_PER_PASS)


def _brought(parts: Sequence[Part], place: _Place, now: datetime) -> Derivation:
    kind = place.adapter.kind
    notes: list[Note] = []
    facts: list[Fact] = []
    try:
        facts = place.adapter.read_whole(parts, place.setup)
    except Exception as error:  # one that cannot be read must not keep the others waiting
        logger.exception("A whole of the source %s cannot be read.", kind)
        notes.append(Note("unreadable_whole", f"What came in parts cannot be read together: {type(error).__name__}."))
    good, bad = derivation.sort_facts(facts)
    return Derivation(
        environment_id=place.environment_id,
        terms=derivation.terms_of(place.adapter, place.setup),
        at=now,
        facts=good,
        notes=notes,
        refused=[RefusedItem(place.environment_id, kind, now, reason, raw) for reason, raw in bad],
        is_request=False,
    )
