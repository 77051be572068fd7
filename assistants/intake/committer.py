"""Group commit: one thread per process writes what waiting requests brought, many of them in one transaction.

A commit costs the disk half a millisecond whatever it carries, and commits of one environment follow one another
anyway. So while one transaction commits, the next requests gather, and go together.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection, transaction

from assistants import log
from assistants.intake import derivation, refusals
from assistants.intake.derivation import Derivation
from assistants.intake.refusals import RefusedItem
from assistants.models import IngestKey, Source

logger = logging.getLogger(__name__)
T = TypeVar("T")

# One block stays small enough to be read and erased at once.
GROUP_EVENTS = 4_000
GROUP_BYTES = 8_000_000
GROUP_REQUESTS = 256
# A client that sends again what it has sent mostly goes on with it for a while.
CAREFUL_GROUPS = 50
# Requests waiting beyond this are turned away: the database is slower than what arrives.
WAITING_REQUESTS = 2_000
WAITING_BYTES = 128_000_000
KEY_USE_SECONDS = 60.0
SOURCE_SEEN_SECONDS = 60.0
# A request waits so long for its turn, and so long for the commit that it is part of.
PATIENCE_SECONDS = 10.0
COMMIT_SECONDS = 10.0
# A database that hangs must not keep the process from ending.
CLOSE_SECONDS = 10.0


class StorageDown(Exception):
    """The database did not take the request, or there are too many ahead of it; it may be sent again."""


class StorageSilent(Exception):
    """The database was told to store the request and does not answer: nobody knows yet whether it did."""


@dataclass(frozen=True)
class Intent:
    """What one request wants stored; `size_bytes` is about what it takes in memory until then.

    What a request to a source brings beside finished messages is derived in the transaction that stores them.
    """

    append: log.Append
    refused: Sequence[RefusedItem] = ()
    key_id: int | None = None
    size_bytes: int = 0
    derivation: Derivation | None = None

    @property
    def events(self) -> int:
        """About how many events it makes."""
        return len(self.append.messages) + (len(self.derivation.facts) if self.derivation else 0)


@dataclass(eq=False)
class _Waiting:
    intent: Intent
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[log.Appended]


class Committer:
    """Takes intents from any number of event loops; its thread starts with the first one."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._key_uses: dict[int, float] = {}
        self._sources_seen: dict[tuple[int, str], float] = {}
        self._careful_groups = 0

    async def store(self, intent: Intent, *, patience_seconds: float = PATIENCE_SECONDS) -> log.Appended:
        """Return when the intent is committed. Raises StorageDown, or log.EnvironmentGone; then nothing is stored.

        What still waits for its turn after `patience_seconds` is not stored any more. Raises StorageSilent where the
        database has been told to store it, and says nothing for as long again and more.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(intent, loop, loop.create_future())
        with self._wake:
            if self._is_closing:
                raise StorageDown("This process is shutting down.")
            if len(self._waiting) >= WAITING_REQUESTS or self._waiting_bytes >= WAITING_BYTES:
                raise StorageDown("Too many requests are waiting for the database.")
            self._waiting.append(waiting)
            self._waiting_bytes += intent.size_bytes
            self._start()
            self._wake.notify()
        try:
            return await asyncio.wait_for(asyncio.shield(waiting.future), patience_seconds)
        except TimeoutError:
            self._withdraw(waiting)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting.future), COMMIT_SECONDS)
        except TimeoutError:
            raise StorageSilent("The database does not answer. Send it again: nothing is stored twice.") from None

    def close(self) -> None:
        """Take nothing more, store what is waiting, and end the thread with its database connection."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def _withdraw(self, waiting: _Waiting) -> None:
        """Give a request up unless it is being committed already."""
        with self._wake, contextlib.suppress(ValueError):
            self._waiting.remove(waiting)
            self._waiting_bytes -= waiting.intent.size_bytes
            waiting.future.set_exception(StorageDown("The database is too slow at the moment."))

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)
            self._note_key_uses(group)
            self._note_sources(group)
        connection.close()

    def _next_group(self) -> list[_Waiting]:
        """Wait for requests and return those that go together; none when it is time to end."""
        with self._wake:
            while not self._waiting and not self._is_closing:
                self._wake.wait()
            return self._take()

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        events = size = 0
        while self._waiting and len(group) < GROUP_REQUESTS:
            intent = self._waiting[0].intent
            events += intent.events
            size += intent.size_bytes
            if group and (events > GROUP_EVENTS or size > GROUP_BYTES):
                break
            group.append(self._waiting.popleft())
        self._waiting_bytes -= sum(waiting.intent.size_bytes for waiting in group)
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            results = self._store([waiting.intent for waiting in group])
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database did not take %d requests: %s", len(group), type(error).__name__)
            connection.close()
            _fail(group, StorageDown("The database is not available."))
        except (DatabaseError, log.EnvironmentGone) as error:
            self._commit_each(group, error)
        except Exception as error:
            # A fault of ours must neither end this thread, with requests waiting for it, nor hit the neighbours.
            logger.exception("Could not store %d requests.", len(group))
            self._commit_each(group, error)
        else:
            _resolve(group, results)

    def _store(self, intents: list[Intent]) -> list[log.Appended]:
        """Store the intents, as new ones unless a repeat was met lately: repeats come in numbers, or not at all."""
        if self._careful_groups:
            self._careful_groups -= 1
            return _store(intents, are_new=False)
        try:
            return _store(intents, are_new=True)
        except log.RepeatedError:
            self._careful_groups = CAREFUL_GROUPS
            return _store(intents, are_new=False)

    def _commit_each(self, group: list[_Waiting], error: Exception) -> None:
        """One request of the group is at fault: its neighbours must not suffer."""
        if len(group) > 1:
            for waiting in group:
                self._commit([waiting])
        elif isinstance(error, log.EnvironmentGone):
            _fail(group, error)
        else:
            logger.error("A request could not be stored: %s", type(error).__name__)
            connection.close()
            _fail(group, StorageDown("The request could not be stored."))

    def _note_key_uses(self, group: list[_Waiting]) -> None:
        """Write when keys were last used, at most once a minute each; a failure costs nothing but that."""
        now = time.monotonic()
        used = {waiting.intent.key_id for waiting in group if waiting.intent.key_id}
        due = [key_id for key_id in used if self._key_uses.get(key_id, -KEY_USE_SECONDS) + KEY_USE_SECONDS <= now]
        if not due:
            return
        self._key_uses.update(dict.fromkeys(due, now))
        try:
            IngestKey.objects.filter(pk__in=due).update(last_used_at=datetime.now(UTC))
        except DatabaseError as error:
            logger.warning("Could not note the use of %d ingest keys: %s", len(due), type(error).__name__)
            connection.close()

    def _note_sources(self, group: list[_Waiting]) -> None:
        """Write when sources were last heard, as with keys; one that nobody set up gets its row like this."""
        now = time.monotonic()
        brought = [waiting.intent.derivation for waiting in group if waiting.intent.derivation]
        for environment_id, kind in {(each.environment_id, each.terms.kind) for each in brought if each.is_request}:
            if self._sources_seen.get((environment_id, kind), -SOURCE_SEEN_SECONDS) + SOURCE_SEEN_SECONDS > now:
                continue
            self._sources_seen[environment_id, kind] = now
            source = Source(environment_id=environment_id, kind=kind, last_seen_at=datetime.now(UTC))
            try:
                Source.objects.bulk_create(
                    [source],
                    update_conflicts=True,
                    unique_fields=["environment", "kind"],
                    update_fields=["last_seen_at"],
                )
            except DatabaseError as error:
                logger.warning("Could not note that a source was heard: %s", type(error).__name__)
                connection.close()


def _append(intents: list[Intent], *, are_new: bool) -> list[log.Appended]:
    appends = [intent.append for intent in intents]
    derivations = [intent.derivation for intent in intents]
    if any(derivations):
        return derivation.append(appends, derivations, are_new=are_new)
    return log.append(appends, are_new=are_new)


def _store(intents: list[Intent], *, are_new: bool) -> list[log.Appended]:
    refused = [item for intent in intents for item in intent.refused]
    if not refused and not any(intent.derivation for intent in intents):
        return _append(intents, are_new=are_new)
    with transaction.atomic():
        results = _append(intents, are_new=are_new)
        refusals.record(refused)
    return results


def _resolve(group: list[_Waiting], results: list[log.Appended]) -> None:
    def settle(pairs: list[tuple[_Waiting, log.Appended]]) -> None:
        for waiting, result in pairs:
            if not waiting.future.done():
                waiting.future.set_result(result)

    _on_loops(list(zip(group, results, strict=True)), settle)


def _fail(group: list[_Waiting], error: Exception) -> None:
    def settle(pairs: list[tuple[_Waiting, None]]) -> None:
        for waiting, _ in pairs:
            if not waiting.future.done():
                waiting.future.set_exception(error)

    _on_loops([(waiting, None) for waiting in group], settle)


def _on_loops(pairs: list[tuple[_Waiting, T]], settle: Callable[[list[tuple[_Waiting, T]]], None]) -> None:
    """Call `settle` once on each event loop with its share: waking a loop costs more than what it then does."""
    for loop in {pair[0].loop for pair in pairs}:
        share = [pair for pair in pairs if pair[0].loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(settle, share)
