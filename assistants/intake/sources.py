"""The routes of sources beside Segment's libraries: who is calling for which environment, and what becomes of it.

    POST /sources/<kind>/<environment's public ID>[/<ingest key>][/<rest>]
    POST a fixed path of an adapter, such as /otlp/v1/traces: there the ingest key tells the environment

Answers as the vendor expects: a wrong signature 401, so that it stops, what is of no use 200, so that it goes on.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from django.db import Error as DatabaseError

from assistants.addresses import scope_network
from assistants.faults import Refused
from assistants.intake.answers import Answer, Unreadable, failure
from assistants.intake.body import BODY_SECONDS, Receive, Scope, read_body
from assistants.intake.callers import Place, headers_of, is_source, key_in, place_of
from assistants.intake.committer import Committer, Intent, StorageDown, StorageSilent
from assistants.intake.derivation import Derivation, Payload, sort_facts, terms_of
from assistants.intake.keyring import GuessLimit, Keyring, Opened
from assistants.intake.refusals import RefusedItem
from assistants.intake.setups import SecretUnreadable, Setups
from assistants.items import read_message
from assistants.log import Append, EnvironmentGone
from assistants.messages import Message
from assistants.sources.adapter import Adapter, Denied, Note, Reading, Request, Setup
from assistants.sources.payloads import compress, kept_headers

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 5_000_000
# What one request becomes stays small enough to be read and erased at once.
MAX_EVENTS = 5_000
GUESS_SECONDS = 60
RETRY_SECONDS = 5
# Vendors give up after three seconds, and some of them for good.
PATIENCE_SECONDS = 2.5
# A body beyond this is read in a thread: it would keep everybody else waiting.
READ_ASIDE_BYTES = 200_000
# Of clean payloads more are not kept in a minute, per source: the newest 200 are all that serves anybody.
PAYLOADS_PER_MINUTE = 300
PAYLOAD_BYTES_PER_MINUTE = 20_000_000
ASKING = ("GET", "HEAD")
UNKNOWN_KEY = "This key is not an active ingest key of this Sluice."


class Sources:
    """Answers the routes of sources with what intake has; a body must be complete within `body_seconds`."""

    def __init__(
        self, *, keyring: Keyring, guesses: GuessLimit, committer: Committer, body_seconds: float = BODY_SECONDS
    ) -> None:
        self.keyring = keyring
        self.guesses = guesses
        self.committer = committer
        self.body_seconds = body_seconds
        self.setups = Setups()
        self.budget = _Budget()

    def serves(self, path: str) -> bool:
        """Say whether a path belongs to a source."""
        return is_source(path)

    def close(self) -> None:
        """End the thread that asks the database."""
        self.setups.close()

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Take a request. Raises Unreadable, StorageDown and Disconnected; then nothing of it is stored."""
        place = place_of(scope["path"])
        if place is None:
            raise _nowhere(scope["path"])
        method = scope["method"]
        if method != "POST" and not (method in ASKING and place.path in place.adapter.get_paths):
            return _post_only(method)
        headers = headers_of(scope)
        key = place.key or key_in(headers, is_expected=not place.environment)
        setup = await self._setup(place, key, scope)
        try:
            opened = await self._check_key(place.adapter, key, setup)
            request = await self._request(place, headers, scope, receive)
            reading = await _read(place.adapter, request, replace(setup, is_keyed=True) if opened else setup)
            if method == "POST":
                await self._store(place.adapter, request, setup, reading, opened)
            return reading.answer if method != "HEAD" else replace(reading.answer, body=b"")
        except Denied as denied:
            return await self._deny(denied, place.adapter, setup, scope)
        except Unreadable as error:
            await self._note(place.adapter, setup, Note(error.code, str(error)))
            raise

    async def _request(self, place: Place, headers: dict[str, str], scope: Scope, receive: Receive) -> Request:
        body = await read_body(scope, receive, limit=MAX_BODY_BYTES, too_large_status=413, seconds=self.body_seconds)
        return Request(
            path=place.path,
            headers=headers,
            body=body,
            received_at=datetime.now(UTC),
            method=scope["method"],
            query=scope.get("query_string", b"").decode("latin-1"),
        )

    async def _setup(self, place: Place, key: str, scope: Scope) -> Setup:
        """Find the environment that the address names, or on a fixed path the key. Raises Unreadable without one."""
        environment: str | int = place.environment
        if not environment:
            opened = await self._open(key) if key else None
            if opened is None:
                raise self._unknown(key, scope)
            environment = opened.environment_id
        try:
            setup = await self.setups.find(place.adapter, environment)
        except SecretUnreadable:
            reason = "The secret of this source cannot be decrypted, so nothing can be verified. Enter it again."
            raise Unreadable(503, "secret_unreadable", reason, retry_after=RETRY_SECONDS) from None
        except DatabaseError as error:
            raise _database_away(error) from None
        if setup is None:
            raise _nowhere(scope["path"])
        return setup

    async def _open(self, key: str) -> Opened | None:
        try:
            return await self.keyring.open(key)
        except DatabaseError as error:
            raise _database_away(error) from None

    async def _check_key(self, adapter: Adapter, key: str, setup: Setup) -> Opened | None:
        """Return what the key opens, which must be this environment; not every source needs one. Raises Denied."""
        if not key:
            if adapter.needs_key:
                raise Denied("no_key", "This source needs an ingest key, in the address or as Authorization.")
            return None
        opened = await self._open(key)
        if opened is None:
            raise Denied("unknown_key", UNKNOWN_KEY)
        if opened.is_browser_key:
            raise Denied("browser_key", "A browser key works on the Segment routes only. Use a server key.", status=403)
        if opened.environment_id != setup.environment_id:
            raise Denied("wrong_environment", "This ingest key belongs to another environment than the address.")
        return opened

    async def _store(
        self, adapter: Adapter, request: Request, setup: Setup, reading: Reading, opened: Opened | None
    ) -> None:
        at, environment_id, kind = request.received_at, setup.environment_id, adapter.kind
        facts, unusable = sort_facts(reading.facts)
        messages, faulty = _sort_messages(reading.messages, at)
        if len(facts) + len(messages) > MAX_EVENTS:
            raise Unreadable(413, "too_many_events", f"A request may bring {MAX_EVENTS:,} events. Send fewer at once.")
        refused = [*reading.refused, *unusable, *faulty]
        size = len(request.body)
        is_kept = bool(refused) or (reading.is_body_kept and self.budget.allows(environment_id, kind, size))
        derivation = Derivation(
            environment_id=environment_id,
            terms=terms_of(adapter, setup),
            at=at,
            facts=facts,
            parts=reading.parts,
            hold_seconds=adapter.hold_seconds,
            notes=reading.notes,
            refused=[RefusedItem(environment_id, kind, at, reason, raw) for reason, raw in refused],
            payload=Payload(kept_headers(request.headers), compress(request.body)) if is_kept else None,
            error=refused[0][0].message if refused else "",
        )
        append = Append(environment_id, kind, at, messages)
        key_id = opened.key_id if opened else None
        try:
            await self.committer.store(
                Intent(append, key_id=key_id, size_bytes=2 * size, derivation=derivation),
                patience_seconds=PATIENCE_SECONDS,
            )
        except EnvironmentGone:
            raise _nowhere(f"/sources/{kind}") from None

    async def _deny(self, denied: Denied, adapter: Adapter, setup: Setup, scope: Scope) -> Answer:
        """Count what was denied, with the address; nothing else of it is kept."""
        address = scope_network(scope)
        if self.guesses.count(address):
            return _too_many_guesses().answer
        await self._note(adapter, setup, Note(denied.code, f"From {address}."))
        return failure(denied.status, denied.code, denied.message)

    async def _note(self, adapter: Adapter, setup: Setup, note: Note) -> None:
        """Count what happened; a database that is away costs the count only."""
        now = datetime.now(UTC)
        brought = Derivation(setup.environment_id, terms_of(adapter, setup), now, notes=[note], is_request=False)
        with contextlib.suppress(StorageDown, StorageSilent, EnvironmentGone):
            await self.committer.store(
                Intent(Append(setup.environment_id, adapter.kind, now, []), derivation=brought),
                patience_seconds=PATIENCE_SECONDS,
            )

    def _unknown(self, key: str, scope: Scope) -> Unreadable:
        if self.guesses.count(scope_network(scope)):
            return _too_many_guesses()
        if not key:
            return Unreadable(401, "no_key", "Send an ingest key of this Sluice, as Authorization: Bearer <key>.")
        return Unreadable(401, "unknown_key", UNKNOWN_KEY)


class _Budget:
    """How much of a source's clean payloads is kept in a minute; `clock` tells seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: Counter[tuple[int, str]] = Counter()
        self._bytes: Counter[tuple[int, str]] = Counter()

    def allows(self, environment_id: int, kind: str, size: int) -> bool:
        """Count a payload; return whether it is kept."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
            self._bytes.clear()
        place = (environment_id, kind)
        self._counts[place] += 1
        self._bytes[place] += size
        return self._counts[place] <= PAYLOADS_PER_MINUTE and self._bytes[place] <= PAYLOAD_BYTES_PER_MINUTE


async def _read(adapter: Adapter, request: Request, setup: Setup) -> Reading:
    """Let the adapter read a request; one at which it fails is the adapter's fault, and refused all the same."""
    try:
        if len(request.body) > READ_ASIDE_BYTES:
            return await asyncio.to_thread(adapter.read, request, setup)
        return adapter.read(request, setup)
    except (Denied, Unreadable):
        raise
    except Exception:
        logger.exception("The source %s failed at a request.", adapter.kind)
        raise Unreadable(400, "unreadable", "Sluice cannot read this request; nothing of it was stored.") from None


def _sort_messages(raws: Sequence[bytes], at: datetime) -> tuple[list[Message], list[tuple[Refused, bytes]]]:
    good: list[Message] = []
    bad: list[tuple[Refused, bytes]] = []
    for raw in raws:
        message = read_message(raw, received_at=at)
        if isinstance(message, Refused):
            bad.append((message, raw))
        else:
            good.append(message)
    return good, bad


def _nowhere(path: str) -> Unreadable:
    return Unreadable(404, "not_found", f"There is no source at {path[:100]}. Copy the address from its page again.")


def _post_only(method: str) -> Answer:
    answer = failure(405, "method_not_allowed", f"Events are sent here with POST, not {method[:20]}.")
    return replace(answer, headers=((b"allow", b"POST"),), body=b"" if method == "HEAD" else answer.body)


def _too_many_guesses() -> Unreadable:
    reason = "Too many requests of this address could not prove from whom they are."
    return Unreadable(429, "too_many_wrong_keys", reason, retry_after=GUESS_SECONDS)


def _database_away(error: DatabaseError) -> StorageDown:
    logger.warning("The database did not look up who is calling a source: %s", type(error).__name__)
    return StorageDown("The database is not available.")
