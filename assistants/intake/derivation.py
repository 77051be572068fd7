"""What requests to sources bring is derived, held and noted, in the transaction that stores it: all of it or nothing.

The head of each environment's log is locked first, which the append does anyway. Under that lock nobody else reads or
writes what is remembered of its conversations.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from django.db import connection

from assistants import held, log, source_sql
from assistants.derive import TITLES, derive
from assistants.derive_events import Terms, families
from assistants.faults import Refused
from assistants.intake import refusals
from assistants.intake.refusals import RefusedItem
from assistants.items import read_message
from assistants.log import Append, Appended
from assistants.log_filter import mask
from assistants.messages import Message
from assistants.models import SourcePayload
from assistants.source_sql import Remembered
from assistants.sources.adapter import Adapter, Fact, Note, Part, Setup
from assistants.sources.standing import TAKEN

# Titles are read with each action and written rarely; so much later they are written to show that they are in use.
TITLES_FRESH_FOR = timedelta(days=1)
MAX_CODE = 60
MAX_DETAIL = 300
MAX_ERROR = 500
_encoder = msgspec.msgpack.Encoder()
_fact_decoder = msgspec.msgpack.Decoder(list[Fact])

# Environment, hash of the source's kind and the conversation's ID.
_Key = tuple[int, bytes]
# Environment, source's kind, code, hour.
_TallyRow = tuple[int, str, str, datetime]


@dataclass(frozen=True)
class Payload:
    """A body to be kept, compressed, with the headers that a mapping may read."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Derivation:
    """What a request to a source, or a whole that is complete, brought beside messages that are ready.

    `is_request` says that it counts as a request that was taken. `error` is why some of the payload could not be read.
    """

    environment_id: int
    terms: Terms
    at: datetime
    facts: Sequence[Fact] = ()
    parts: Sequence[Part] = ()
    hold_seconds: float = 0.0
    notes: Sequence[Note] = ()
    refused: Sequence[RefusedItem] = ()
    payload: Payload | None = None
    error: str = ""
    is_request: bool = True


@dataclass
class _Outcome:
    """What became of a derivation, before it is known what of it is new in the log."""

    messages: list[Message] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)
    has_news: bool = False


def terms_of(adapter: Adapter, setup: Setup) -> Terms:
    """Return by what facts of a source are derived in an environment."""
    return Terms(
        kind=adapter.kind,
        families=families(setup.vocabulary, adapter.vocabulary),
        has_turns=adapter.has_turns,
        environment_name=setup.environment_name,
        assistant=setup.assistant,
    )


def sort_facts(facts: Sequence[Fact]) -> tuple[list[Fact], list[tuple[Refused, bytes]]]:
    """Part the facts that can be derived from those that cannot, with the reason: adapters read what anybody sends."""
    if _problem(facts) is None:
        return list(facts), []
    problems = [(fact, _problem([fact])) for fact in facts]
    bad = [
        Refused("unusable_fact", f"What was read cannot be stored: {problem}.") for _, problem in problems if problem
    ]
    return [fact for fact, problem in problems if problem is None], [(reason, b"") for reason in bad]


def lock(environment_ids: Iterable[int]) -> None:
    """Lock the heads of these environments to the commit, in the order in which every append locks them."""
    source_sql.store().lock_heads(sorted(environment_ids))


def append(
    appends: Sequence[Append], derivations: Sequence[Derivation | None], *, are_new: bool = False
) -> list[Appended]:
    """Derive what came with the appends, append it with them, and keep what goes with it; in the open transaction.

    Of a request that brings nothing new, nothing is stored. Raises what log.append raises; `are_new` is as there.
    """
    lock({each.environment_id for each in appends})
    given = [derivation for derivation in derivations if derivation]
    conversations = _Conversations(given)
    outcomes = [conversations.derive(derivation) if derivation else _Outcome() for derivation in derivations]
    results = log.append(
        [_with(each, outcome) for each, outcome in zip(appends, outcomes, strict=True)], are_new=are_new
    )
    tallies = _Tallies()
    payloads: list[SourcePayload] = []
    refused: list[RefusedItem] = []
    for derivation, outcome, result, own in zip(derivations, outcomes, results, appends, strict=True):
        if derivation is None:
            continue
        if derivation.is_request:
            tallies.add(derivation, Note(TAKEN))
        if _is_repeat(derivation, outcome, result, own):
            continue
        for note in derivation.notes:
            tallies.add(derivation, note)
        refused += [*derivation.refused, *outcome.refused]
        if derivation.payload:
            events = len(outcome.messages) + len(own.messages)
            payloads.append(_payload_row(derivation, derivation.payload, outcome, events))
    SourcePayload.objects.bulk_create(payloads)
    refusals.record(refused)
    conversations.store()
    tallies.store()
    return results


class _Conversations:
    """What is remembered of the conversations that derivations speak of, read at once and written at once."""

    def __init__(self, derivations: Sequence[Derivation]) -> None:
        self._store = source_sql.store()
        self._states: dict[_Key, bytes] = {}
        self._changed: dict[_Key, datetime] = {}
        self._holder = held.Holder([_bundle(each) for each in derivations if each.parts])
        self._keys: dict[tuple[int, str, str], _Key] = {}
        wanted = {self._key(each, id_): each.at for each in derivations for id_ in _conversation_ids(each.facts)}
        titles = {self._key(each, TITLES) for each in derivations}
        for environment_id in {environment_id for environment_id, _ in wanted}:
            digests = sorted(digest for owner, digest in wanted if owner == environment_id)
            for row in self._store.conversations(environment_id, digests):
                key = (environment_id, row.digest)
                self._states[key] = row.state
                if key in titles and row.updated_at < wanted[key] - TITLES_FRESH_FOR:
                    self._changed[key] = wanted[key]

    def derive(self, derivation: Derivation) -> _Outcome:
        """Derive the facts, in the order in which requests are stored, and hold the parts."""
        outcome = _Outcome()
        if derivation.facts:
            keys = {id_: self._key(derivation, id_) for id_ in _conversation_ids(derivation.facts)}
            known = {id_: state for id_, key in keys.items() if (state := self._states.get(key))}
            derived = derive(derivation.facts, known, derivation.terms)
            for id_, state in derived.states.items():
                key = self._key(derivation, id_)
                self._states[key] = state
                self._changed[key] = derivation.at
            outcome.has_news = bool(derived.states)
            _read_messages(derived.messages, derivation, outcome)
        if derivation.parts:
            new = self._holder.hold(_bundle(derivation))
            outcome.has_news = outcome.has_news or new > 0
        return outcome

    def store(self) -> None:
        """Write what changed, and what is held."""
        self._holder.store()
        self._store.write_conversations(
            [Remembered(*key, self._states[key], at) for key, at in sorted(self._changed.items())]
        )

    def _key(self, derivation: Derivation, conversation_id: str) -> _Key:
        place = (derivation.environment_id, derivation.terms.kind, conversation_id)
        key = self._keys.get(place)
        if key is None:
            key = self._keys[place] = derivation.environment_id, _digest(derivation.terms.kind, conversation_id)
        return key


def _bundle(derivation: Derivation) -> held.Bundle:
    return held.Bundle(
        derivation.environment_id,
        derivation.terms.kind,
        derivation.parts,
        derivation.hold_seconds,
        derivation.at,
    )


class _Tallies:
    """Counts what happened, one row per environment, source, code and hour; each row is written once."""

    def __init__(self) -> None:
        self._counts: Counter[_TallyRow] = Counter()
        self._latest: dict[_TallyRow, tuple[datetime, str]] = {}

    def add(self, derivation: Derivation, note: Note) -> None:
        """Count one thing that happened."""
        hour = derivation.at.replace(minute=0, second=0, microsecond=0)
        row = (derivation.environment_id, derivation.terms.kind, note.code[:MAX_CODE], hour)
        self._counts[row] += 1
        self._latest[row] = (derivation.at, note.detail)

    def store(self) -> None:
        """Write the counts."""
        with connection.cursor() as cursor:
            for (environment_id, kind, code, hour), count in sorted(self._counts.items()):
                at, said = self._latest[environment_id, kind, code, hour]
                detail = _inert(said)[:MAX_DETAIL]
                cursor.execute(
                    "INSERT INTO assistants_sourcetally (environment_id, kind, code, hour, count, last_at, detail) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s) "
                    "ON CONFLICT (environment_id, kind, code, hour) DO UPDATE SET detail = excluded.detail, "
                    "last_at = excluded.last_at, count = assistants_sourcetally.count + excluded.count",
                    [environment_id, kind, code, _adapt(hour), count, _adapt(at), detail],
                )


def _problem(facts: Sequence[Fact]) -> str | None:
    """Say why facts cannot be written down; None where they can."""
    try:
        _fact_decoder.decode(_encoder.encode(facts))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        return type(error).__name__
    return None


def _conversation_ids(facts: Sequence[Fact]) -> set[str]:
    """Return of which conversations facts speak; those of actions need the titles beside."""
    ids = {fact.conversation_id for fact in facts if fact.conversation_id}
    return ids | {TITLES} if any(fact.action for fact in facts) else ids


def _digest(kind: str, conversation_id: str) -> bytes:
    """Return by which hash a source's conversation is known."""
    return hashlib.blake2b(f"{kind}\0{conversation_id}".encode(), digest_size=16).digest()


def _read_messages(raws: Sequence[bytes], derivation: Derivation, outcome: _Outcome) -> None:
    """Take what was derived as what anybody sends is taken: what no store can hold is refused by itself."""
    for raw in raws:
        message = read_message(raw, received_at=derivation.at)
        if isinstance(message, Refused):
            kind = derivation.terms.kind
            outcome.refused.append(RefusedItem(derivation.environment_id, kind, derivation.at, message, raw))
        else:
            outcome.messages.append(message)


def _with(given: Append, outcome: _Outcome) -> Append:
    if not outcome.messages:
        return given
    return Append(given.environment_id, given.source, given.received_at, [*outcome.messages, *given.messages])


def _is_repeat(derivation: Derivation, outcome: _Outcome, result: Appended, given: Append) -> bool:
    brought = derivation.facts or derivation.parts or given.messages
    return bool(brought) and not outcome.has_news and result.stored == 0


def _payload_row(derivation: Derivation, payload: Payload, outcome: _Outcome, events: int) -> SourcePayload:
    error = derivation.error or (outcome.refused[0].reason.message if outcome.refused else "")
    return SourcePayload(
        environment_id=derivation.environment_id,
        kind=derivation.terms.kind,
        received_at=derivation.at,
        headers={name: _inert(value) for name, value in payload.headers.items()},
        body=payload.body,
        events=events,
        error=_inert(error)[:MAX_ERROR],
    )


def _inert(text: str) -> str:
    """Return a text as every database takes it and every person may see it."""
    return mask(text.encode(errors="replace").decode()).replace("\0", "\N{SYMBOL FOR NULL}")


def _adapt(moment: datetime) -> str | None:
    return connection.ops.adapt_datetimefield_value(moment)
