"""Turns at a lane as a worker takes them, and what can happen while one of its requests is under way."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.db.models.functions import Now

from assistants.messages import Message
from assistants.models import Environment
from integrations import delivery, ledger
from integrations.compose import derived_message_id
from integrations.delivery import Client
from integrations.flight import Flight
from integrations.models import Connection, Lane, Replay
from integrations.segment.verdicts import Answer
from tests.make import append, live_lane, make_message


def take_turn(connection: Connection, client: Client) -> bool:
    """Take one turn at the live lane; afterwards each event read must be accounted for."""
    has_more = delivery.run_lane(live_lane(connection).pk, client)
    check_ledger()
    return has_more


def take_replay_turn(replay: Replay, client: Client) -> bool:
    """Take one turn at a replay's lane; afterwards each event read must be accounted for."""
    has_more = delivery.run_lane(replay.lane_id, client)
    check_ledger()
    return has_more


def run_replay(replay: Replay, client: Client) -> None:
    """Take turns at a replay as long as it has more to do."""
    while take_replay_turn(replay, client):
        pass


def check_ledger() -> None:
    assert [account for account in ledger.accounts() if account.difference] == []


def make_due(connection: Connection) -> None:
    """Let the time pass that the lane has to wait for."""
    Lane.objects.filter(connection=connection).update(next_attempt_at=None)


def seconds_waited(connection: Connection) -> float:
    """How long after its latest request the lane is to be left alone; the request itself took a moment of it."""
    lane = live_lane(connection)
    latest = lane.deliveries.order_by("-pk")[0]
    assert lane.next_attempt_at is not None
    return (lane.next_attempt_at - latest.at).total_seconds()


def is_about(seconds: float, nominal: float) -> bool:
    """Whether a wait is within its jitter, with what a busy machine may need on top."""
    return nominal * 0.8 - 0.001 <= seconds <= nominal * 1.2 + 5


def outcomes(connection: Connection) -> dict[str, int]:
    (account,) = [account for account in ledger.accounts() if account.lane_id == live_lane(connection).pk]
    return account.outcomes


def append_new(environment: Environment, count: int, event: str = "Session Started") -> list[Message]:
    messages = [make_message(event) for _ in range(count)]
    append(environment, *messages)
    return messages


def sent_ids(connection: Connection, messages: Iterable[Message]) -> list[str]:
    """The message IDs under which a connection sends these messages."""
    return [derived_message_id(connection.pk, message.message_id) for message in messages]


class Meanwhile:
    """A client with which something happens while a request is under way: the next of `actions` each time."""

    def __init__(self, client: Client, *actions: Callable[[], object]) -> None:
        self.client = client
        self.actions = list(actions)

    def post_batch(self, base_url: str, write_key: str, body: bytes, **options: Any) -> Answer:
        answer = self.client.post_batch(base_url, write_key, body, **options)
        if self.actions:
            self.actions.pop(0)()
        return answer


class Killed(BaseException):
    """The worker dies at this point."""


def crash(connection: Connection, client: Client, *, after_requests: int = 1, replay: Replay | None = None) -> bool:
    """Let a worker be killed when its n-th answer is in, and its lease run out: nothing of it is cleaned up.

    Return whether it came to that: there may have been fewer requests to make.
    """
    lane = replay.lane_id if replay else live_lane(connection).pk
    survived = [lambda: None] * (after_requests - 1)
    return _dies(lane, lambda die: delivery.run_lane(lane, Meanwhile(client, *survived, die)))


def crash_in_flight(connection: Connection, client: Client, *, after_answers: int) -> bool:
    """The same for a worker with several requests under way, which is killed when it has taken its n-th answer."""
    lane = live_lane(connection).pk

    def turn(die: Callable[[], None]) -> None:
        with at_answer(after_answers, die):
            delivery.run_lane(lane, client)

    return _dies(lane, turn)


@contextlib.contextmanager
def at_answer(number: int, action: Callable[[], object]) -> Iterator[None]:
    """Have something happen when a holder takes its n-th answer of several under way, before it is settled."""
    take, numbers = Flight.take, itertools.count(1)

    def take_and_act(flight: Flight) -> object:
        taken = take(flight)
        if next(numbers) == number:
            action()
        return taken

    with patch.object(Flight, "take", take_and_act):
        yield


def _dies(lane_id: int, turn: Callable[[Callable[[], None]], object]) -> bool:
    """Take a turn in which somebody may die, which leaves the lane as it was at that moment; return whether one did."""
    lane = Lane.objects.filter(pk=lane_id)
    at_death: dict[str, Any] = {}

    def die() -> None:
        at_death.update(lane.values().get())
        raise Killed

    with contextlib.suppress(Killed):
        turn(die)
    if at_death:
        lane.update(**at_death)
        lane.update(lease_until=Now() - timedelta(seconds=1))
    return bool(at_death)
