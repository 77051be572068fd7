"""Derive the wholes that are complete: what was held of them becomes events, many wholes in one transaction.

A transaction costs as much for one whole as for many. Where Sluice itself fails at one of them, each is derived by
itself, and that one goes: it would be tried again for ever.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.db import InterfaceError, OperationalError, transaction

from assistants import held, log, sources
from assistants.held import Whole
from assistants.intake import derivation
from assistants.intake.derivation import Derivation
from assistants.intake.refusals import RefusedItem
from assistants.intake.setups import look_up
from assistants.models import HeldPart
from assistants.sources.adapter import Adapter, Fact, Note, Part, Setup

logger = logging.getLogger(__name__)

WHOLES_PER_PASS = 2_000
# The head of the log is locked meanwhile.
WHOLES_PER_TRANSACTION = 100


@dataclass(frozen=True)
class _Place:
    """The environment and the source that wholes came from, and how it is set up there."""

    environment_id: int
    adapter: Adapter
    setup: Setup


@dataclass(frozen=True)
class _Held:
    """A whole with what is held of it now; `gone_at` is when it goes, if nothing comes any more."""

    whole: Whole
    rows: Sequence[HeldPart]
    parts: Sequence[Part]
    gone_at: datetime

    @property
    def is_derived(self) -> bool:
        """Whether all of it was derived before, and it only waits to go."""
        return self.rows[0].due_at == self.gone_at

    @property
    def keys(self) -> set[int]:
        return {row.pk for row in self.rows}


def derive_due(now: datetime) -> int:
    """Derive every whole whose time has come, and return how many; safe to run twice at once.

    A whole stays for a while after that, and is derived again with what comes late. Raises OperationalError and
    InterfaceError where the database is away.
    """
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
    """Derive wholes that were not before, and at which nothing changes meanwhile; return how many."""
    found = list(_load(wholes))
    brought = {each.whole: _read(each, place, now) for each in found if not each.is_derived}
    with transaction.atomic():
        derivation.lock([place.environment_id])
        keys = held.keys_of(wholes)
        unchanged = [each for each in found if keys[each.whole] == each.keys]
        new = [brought[each.whole] for each in unchanged if each.whole in brought]
        if new:
            empty = log.Append(place.environment_id, place.adapter.kind, now, [])
            derivation.append([empty] * len(new), new)
        _keep_or_drop(unchanged, now)
    return len(new)


def _load(wholes: Sequence[Whole]) -> Iterator[_Held]:
    rows: dict[Whole, list[HeldPart]] = defaultdict(list)
    for row in held.rows_of(wholes):
        rows[held.whole_of(row)].append(row)
    for whole in wholes:
        if own := rows[whole]:
            parts = [held.parts_of(row) for row in own]
            gone_at = max(map(held.gone_at, own, parts))
            # A part that came twice, beside others each time, counts once.
            first = {part.part_id: part for part in reversed(list(chain.from_iterable(parts)))}
            yield _Held(whole, own, list(reversed(first.values())), gone_at)


def _keep_or_drop(derived: Sequence[_Held], now: datetime) -> None:
    """Let what was derived just now wait for what comes late; what has waited goes."""
    waiting: dict[datetime, list[int]] = defaultdict(list)
    gone: list[int] = []
    for each in derived:
        is_over = each.is_derived or now >= each.gone_at
        (gone if is_over else waiting[each.gone_at]).extend(each.keys)
    held.drop(gone)
    for moment, keys in waiting.items():
        held.move(keys, moment)


def _read(complete: _Held, place: _Place, now: datetime) -> Derivation:
    kind = place.adapter.kind
    notes: list[Note] = []
    facts: list[Fact] = []
    try:
        facts = place.adapter.read_whole(complete.parts, place.setup)
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
