"""Derive the wholes that are complete: what was held of them becomes events, each whole in a transaction of its own."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction

from assistants import held, log, sources
from assistants.held import Whole
from assistants.intake import derivation
from assistants.intake.derivation import Derivation
from assistants.intake.refusals import RefusedItem
from assistants.intake.setups import look_up
from assistants.sources.adapter import Adapter, Fact, Note, Part, Setup

logger = logging.getLogger(__name__)

WHOLES_PER_PASS = 500


def derive_due(now: datetime) -> int:
    """Derive every whole whose time has come, and return how many; safe to run twice at once.

    A whole stays for a while after that, and is derived again with what comes late. Raises OperationalError and
    InterfaceError where the database is away.
    """
    setups: dict[tuple[str, int], Setup | None] = {}
    derived = 0
    for whole in held.due_wholes(now, limit=WHOLES_PER_PASS):
        place = (whole.kind, whole.environment_id)
        adapter = sources.find(whole.kind)
        if adapter and place not in setups:
            setups[place] = look_up(adapter, whole.environment_id, with_secret=False)
        setup = setups.get(place)
        if adapter is None or setup is None:
            whole.rows.delete()
        else:
            derived += _derive_or_drop(whole, adapter, setup, now)
    return derived


def _derive_or_drop(whole: Whole, adapter: Adapter, setup: Setup, now: datetime) -> bool:
    """Derive a whole; one at which Sluice itself fails goes, or it would be tried again for ever."""
    try:
        return _derive(whole, adapter, setup, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("A whole of the source %s cannot be derived.", whole.kind)
        whole.rows.delete()
        return False


def _derive(whole: Whole, adapter: Adapter, setup: Setup, now: datetime) -> bool:
    """Derive a whole, unless it was derived before or something changes at it meanwhile; return whether."""
    rows = list(whole.rows)
    if not rows:
        return False
    parts = [held.part_of(row) for row in rows]
    gone_at = held.gone_at(rows, parts)
    is_derived = rows[0].due_at == gone_at
    brought = None if is_derived else _read(whole, parts, adapter, setup, now)
    with transaction.atomic():
        derivation.lock([whole.environment_id])
        if set(whole.rows.values_list("pk", flat=True)) != {row.pk for row in rows}:
            return False
        if brought:
            derivation.append([log.Append(whole.environment_id, whole.kind, now, [])], [brought])
        if is_derived or now >= gone_at:
            whole.rows.delete()
        else:
            whole.rows.update(due_at=gone_at)
    return not is_derived


def _read(whole: Whole, parts: Sequence[Part], adapter: Adapter, setup: Setup, now: datetime) -> Derivation:
    notes: list[Note] = []
    facts: list[Fact] = []
    try:
        facts = adapter.read_whole(parts, setup)
    except Exception as error:  # one that cannot be read must not keep the others waiting
        logger.exception("A whole of the source %s cannot be read.", whole.kind)
        notes.append(Note("unreadable_whole", f"What came in parts cannot be read together: {type(error).__name__}."))
    good, bad = derivation.sort_facts(facts)
    return Derivation(
        environment_id=whole.environment_id,
        terms=derivation.terms_of(adapter, setup),
        at=now,
        facts=good,
        notes=notes,
        refused=[RefusedItem(whole.environment_id, whole.kind, now, reason, raw) for reason, raw in bad],
        is_request=False,
    )
