"""What must hold after every fault (docs/reliability.md lists it), checked from outside and from the rows."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg

from tests.faults.length import IS_LONG
from tests.system.recorder import Recorder
from tests.system.sender import Sender
from tests.system.stack import WRITE_KEY, Connected, Stack

# A fault that ended is over without a person; machines pause, so this is patient. A long one has long waits to follow.
RECOVERY_SECONDS = 900.0 if IS_LONG else 120.0
WATCH_SECONDS = 0.05

_FACTS = """
import json
from assistants import log
from assistants.models import Environment, LogHead
from integrations.models import Delivery, Lane, Rejection
environment = Environment.objects.get(kind="draft", assistant__name={assistant!r})
lane = Lane.objects.get(environment=environment, kind="live")
lanes = Lane.objects.filter(environment=environment)
print(json.dumps(dict(
    head=log.head(environment.pk),
    stored=[(event.position, event.message.message_id) for event in log.read(environment.pk, after=0, limit=1000000)],
    waiting=[lane.environment.log_head.position - each.cursor for each in lanes],
    lane=dict(start=lane.start, cursor=lane.cursor, attempts=lane.attempts, in_flight_to=lane.in_flight_to,
              last_error=lane.last_error, failing=lane.failing_since is not None),
    connection=lane.connection.status,
    deliveries=list(Delivery.objects.filter(lane=lane).order_by("pk").values(
        "first_position", "last_position", "attempt", "outcome", "status", "answer")),
    rejections=list(Rejection.objects.filter(lane=lane).values_list("position", flat=True)),
)))
"""


@dataclass(frozen=True)
class Facts:
    """What the rows of one environment say."""

    head: int
    stored: list[tuple[int, str]]
    waiting: list[int]
    lane: dict[str, Any]
    connection: str
    deliveries: list[dict[str, Any]]
    rejections: list[int]


def facts(stack: Stack, connected: Connected) -> Facts:
    """Read the rows of an environment."""
    printed = stack.manage("shell", "--no-imports", "-c", _FACTS.format(assistant=connected.assistant))
    return Facts(**json.loads(printed))


def check(
    stack: Stack, recorder: Recorder, connected: Connected, sender: Sender, *, kept_back: Collection[str] = ()
) -> Facts:
    """Wait until all has arrived, and check the invariants; `kept_back` are the message IDs that must not be taken."""
    expected = [connected.derived(each) for each in sender.acknowledged if each not in set(kept_back)]
    stack.wait_until(
        lambda: len(recorder.accepted_ids()) >= len(expected), "the arrival of all events", RECOVERY_SECONDS
    )
    stack.wait_until(lambda: not any(facts(stack, connected).waiting), "the end of the backlog", RECOVERY_SECONDS)
    found = facts(stack, connected)

    # Nothing is lost after a 2xx, and nothing is there twice: the log holds what was acknowledged, in that order.
    assert [message_id for _, message_id in found.stored] == sender.acknowledged
    # Positions are dense and unique, and every one that was read is accounted for, in every lane.
    assert [position for position, _ in found.stored] == list(range(1, found.head + 1))
    stack.manage("check_ledger")
    # Each event has one message ID, always the same; nothing else arrived. What is taken is taken in order.
    assert recorder.accepted_ids() == expected
    derived = [connected.derived(message_id) for _, message_id in found.stored]
    assert_in_order_of_the_log(recorder.batches(), derived)
    assert_explained(recorder, found, derived)
    # Nothing is left of the fault.
    assert found.lane["cursor"] == found.head
    assert (found.lane["attempts"], found.lane["in_flight_to"], found.lane["last_error"]) == (0, None, "")
    assert_no_secret(stack, connected)
    return found


def assert_in_order_of_the_log(batches: Sequence[Sequence[str]], derived: Sequence[str]) -> None:
    """Check that each request follows the log, and that what comes for the first time comes in its order."""
    place = {message_id: number for number, message_id in enumerate(derived)}
    newest = -1
    for batch in batches:
        places = [place[message_id] for message_id in batch]
        assert all(before < after for before, after in pairwise(places))
        news = [each for each in places if each > newest]
        assert all(each > newest for each in news)
        newest = max([newest, *places])
    firsts = list(dict.fromkeys(each for batch in batches for each in batch))
    assert [place[each] for each in firsts] == sorted(place[each] for each in firsts)


def assert_explained(recorder: Recorder, found: Facts, derived: Sequence[str]) -> None:
    """Check that nothing arrived more often than attempts at it are on record.

    An attempt that ended has its Delivery; of one that died with its worker the number of the next one tells.
    """
    arrived = Counter(each for batch in recorder.batches() for each in batch)
    for number, message_id in enumerate(derived, start=1):
        rows = [each for each in found.deliveries if each["first_position"] <= number <= each["last_position"]]
        numbers = {each["attempt"] for each in rows if each["attempt"]}
        untold = max(numbers, default=0) - len(numbers)
        assert arrived[message_id] <= len(rows) + untold, (number, rows)


def assert_no_secret(stack: Stack, connected: Connected) -> None:
    logs = stack.logs()
    assert WRITE_KEY not in logs
    assert connected.key not in logs


@dataclass
class Watch:
    """Looks at all lanes and logs all the time: notes a cursor or token that falls, and a position that came late."""

    url: str
    seen: int = 0
    violations: list[str] = field(default_factory=list)
    _lanes: dict[int, tuple[int, int]] = field(default_factory=dict)
    _logs: dict[int, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(WATCH_SECONDS):
            # The server may be what has failed.
            with contextlib.suppress(psycopg.Error), psycopg.connect(self.url, autocommit=True) as connection:
                while not self._stop.wait(WATCH_SECONDS):
                    self.look(connection)

    def look(self, connection: psycopg.Connection) -> None:
        lanes = connection.execute("SELECT id, cursor, lease_token FROM integrations_lane").fetchall()
        for lane_id, cursor, token in lanes:
            old_cursor, old_token = self._lanes.get(lane_id, (0, 0))
            if cursor < old_cursor or token < old_token:
                self.violations.append(f"lane {lane_id} fell from {old_cursor}/{old_token} to {cursor}/{token}")
            self._lanes[lane_id] = cursor, token
        for environment_id, head in connection.execute(
            "SELECT environment_id, max(last_position) FROM assistants_block GROUP BY environment_id"
        ).fetchall():
            self._read(connection, environment_id, head)
        self.seen += 1

    def _read(self, connection: psycopg.Connection, environment_id: int, head: int) -> None:
        """Read on as a lane would: a block behind the last one has to begin right behind it."""
        after = self._logs.get(environment_id, 0)
        if head == after:
            return
        blocks = connection.execute(
            "SELECT first_position, last_position FROM assistants_block"
            " WHERE environment_id = %s AND last_position > %s ORDER BY last_position",
            [environment_id, after],
        ).fetchall()
        for first, last in blocks:
            if first != after + 1:
                self.violations.append(f"environment {environment_id}: {first} follows {after}")
            after = last
        self._logs[environment_id] = after

    def stop(self) -> None:
        self._stop.set()


@contextlib.contextmanager
def watched(url: str) -> Iterator[Watch]:
    """Watch a PostgreSQL's lanes and logs for as long as the block lasts; afterwards nothing must have been noted."""
    watch = Watch(url)
    thread = threading.Thread(target=watch.run, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()
    assert watch.violations == []
