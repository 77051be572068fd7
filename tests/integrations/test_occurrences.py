"""What goes once for each visitor, and how visitors are made known: decided alike however often it is tried."""

import json
import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import close_old_connections, connection, transaction

from assistants import log
from assistants.messages import Event, Message
from integrations import connections, firsts, leases
from integrations.compose import Batch, Terms, compose, derived_message_id, marks_of
from integrations.fates import as_sent, fates
from integrations.firsts import ClaimedElsewhereError
from integrations.leases import Progress
from integrations.models import Connection, EventCount, FirstOccurrence
from integrations.occurrences import Watch
from integrations.segment.client import SegmentClient
from integrations.turn import Turn
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import make_due, outcomes, take_turn
from tests.make import append, live_lane, make_connection, make_environment, make_message

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NAMESPACE = uuid.UUID("0d8a5b0e-6d3f-4a62-9a44-0a5e7d3c1b11")
VIEWED, CONVERTED = ("track", "Experiment Viewed"), ("track", "Conversion Triggered")
ALIAS, IDENTIFY = ("alias", ""), ("identify", "")
SELECTION = frozenset({VIEWED, CONVERTED, ALIAS, IDENTIFY})
ONCE = Terms(NAMESPACE, SELECTION, watch=Watch(NAMESPACE.bytes, frozenset({VIEWED, CONVERTED}), identifies=False))
KNOWN = Terms(NAMESPACE, SELECTION, watch=Watch(NAMESPACE.bytes, frozenset(), identifies=True))


def conversion(visitor: str | None = "v-1", conversion_id: str | None = "c-1", user: str | None = None) -> Message:
    properties = {"conversion_type": "CLICK", **({"conversion_id": conversion_id} if conversion_id else {})}
    return make_message("Conversion Triggered", user_id=user, anonymous_id=visitor, properties=properties)


def events(*messages: Message, source: str = "segment") -> list[Event]:
    return [Event(position, NOW, source, message) for position, message in enumerate(messages, start=1)]


def bodies(batch: Batch) -> list[dict[str, Any]]:
    return [json.loads(body) for body in batch.messages]


def calls(batch: Batch) -> list[tuple[str, str | None, str | None]]:
    return [(body["type"], body.get("userId"), body.get("anonymousId")) for body in bodies(batch)]


def test_an_event_goes_once_for_each_visitor_and_conversion() -> None:
    batch = compose(
        events(
            conversion(),
            conversion(),
            conversion("v-2"),
            conversion("v-1", "c-2"),
            conversion("v-2"),
            conversion("v-1", None),
            conversion("v-1", None),
        ),
        ONCE,
    )

    assert batch.positions == [1, 3, 4, 6]
    assert batch.left_out == [(2, "once_per_visitor"), (5, "once_per_visitor"), (7, "once_per_visitor")]
    assert sorted(batch.claims.values()) == [1, 3, 4, 6]


def test_the_anonymous_id_is_the_visitor_and_the_user_id_only_without_one() -> None:
    batch = compose(
        events(
            conversion("v-1", user="u-1"),
            conversion("v-1", user="u-2"),
            conversion(None, user="u-1"),
            conversion(None, user="u-1"),
        ),
        ONCE,
    )

    assert batch.positions == [1, 3]


@pytest.mark.parametrize("name", ["test_id", "experiment_id"])
def test_a_test_is_seen_once_under_either_name_of_its_id(name: str) -> None:
    def seen(test: str) -> Message:
        return make_message("Experiment Viewed", user_id=None, anonymous_id="v-1", properties={name: test})

    batch = compose(events(seen("t-1"), seen("t-2"), seen("t-1")), ONCE)

    assert batch.positions == [1, 2]


def test_what_is_not_selected_claims_nothing() -> None:
    only_viewed = Terms(NAMESPACE, frozenset({VIEWED}), watch=ONCE.watch)
    (event,) = events(conversion())

    assert list(marks_of(event, only_viewed)) == []
    assert compose([event], only_viewed).claims == {}


def test_an_event_that_holds_its_mark_goes_again_and_one_that_does_not_stays() -> None:
    first, second = events(conversion(), conversion())
    held = compose([first], ONCE).claims

    again = compose([first, second], ONCE, firsts=held)

    assert again.positions == [1]
    assert again.left_out == [(2, "once_per_visitor")]
    assert again.claims == {}


def test_other_connections_have_marks_of_their_own() -> None:
    (event,) = events(conversion())
    other = Terms(NAMESPACE, SELECTION, watch=Watch(uuid.uuid4().bytes, frozenset({CONVERTED}), identifies=False))

    assert set(marks_of(event, ONCE)).isdisjoint(marks_of(event, other))


def test_a_visitor_is_made_known_before_the_first_event_and_when_a_user_id_is_learned() -> None:
    batch = compose(
        events(
            conversion("v-1"),
            conversion("v-1"),
            conversion("v-1", user="u-1"),
            conversion("v-1", user="u-1"),
            conversion("v-1"),
            conversion(None, user="u-2"),
        ),
        KNOWN,
    )

    assert calls(batch) == [
        ("identify", None, "v-1"),
        ("track", None, "v-1"),
        ("track", None, "v-1"),
        ("identify", "u-1", "v-1"),
        ("track", "u-1", "v-1"),
        ("track", "u-1", "v-1"),
        ("track", None, "v-1"),
        ("identify", "u-2", None),
        ("track", "u-2", None),
    ]
    assert sum(batch.sent_counts.values()) == 6
    assert sum(batch.identified_counts.values()) == 3


def test_the_call_that_makes_known_has_an_id_and_the_context_of_the_event() -> None:
    message = make_message("Conversion Triggered", user_id="u-1", context={"page": {"url": "https://shop.example/"}})

    identify, track = bodies(compose(events(message), KNOWN))

    assert identify["messageId"] == str(uuid.uuid5(NAMESPACE, f"{message.message_id}:identify"))
    assert track["messageId"] == str(uuid.uuid5(NAMESPACE, message.message_id))
    assert identify["context"] == track["context"]
    assert identify["timestamp"] == track["timestamp"]
    assert identify["traits"] == {}


def test_a_senders_own_identify_makes_known_and_an_alias_does_not() -> None:
    own = make_message(None, type="identify", user_id="u-1", traits={"plan": "plus"})
    alias = make_message(None, type="alias", user_id="u-3", previous_id="v-3")

    batch = compose(events(own, conversion(None, user="u-1"), alias, conversion(None, user="u-3")), KNOWN)

    assert [kind for kind, _, _ in calls(batch)] == ["identify", "track", "alias", "identify", "track"]


def test_a_visitor_and_their_event_are_never_torn_apart_by_the_limit() -> None:
    batch = compose(events(conversion("v-1"), conversion("v-2")), KNOWN, max_messages=3)

    assert batch.positions == [1]
    assert batch.last == 1
    assert set(batch.claims.values()) == {1}


def once_connection(segment: FakeSegment, **options: Any) -> Connection:
    return make_connection(endpoint=segment.url, selection=[CONVERTED, VIEWED], **options)


@pytest.mark.django_db(transaction=True)
def test_what_was_sent_once_stays_sent_over_turns_failures_and_changes(
    segment: FakeSegment, client: SegmentClient
) -> None:
    made = once_connection(segment, once=[list(CONVERTED)], identify_visitors=True)
    first, repeat = conversion("v-1"), conversion("v-1")
    append(made.environment, first)
    segment.replies.append(Reply(503))
    take_turn(made, client)
    assert FirstOccurrence.objects.filter(connection=made).count() == 2

    append(made.environment, repeat)
    make_due(made)
    take_turn(made, client)
    append(made.environment, conversion("v-1"), conversion("v-2"))
    take_turn(made, client)

    sent = [body for request in segment.requests for body in request.batch]
    identified = derived_message_id(made.pk, f"{first.message_id}:identify")
    once = [identified, derived_message_id(made.pk, first.message_id)]
    assert [body["messageId"] for body in sent[:4]] == [*once, *once]
    assert [(body["type"], body["anonymousId"]) for body in sent[4:]] == [("identify", "v-2"), ("track", "v-2")]
    assert outcomes(made) == {"accepted": 2, "once_per_visitor": 2}
    assert EventCount.objects.get(lane=live_lane(made), outcome="identified").count == 2


@pytest.mark.django_db(transaction=True)
def test_the_page_says_of_each_event_what_its_turn_decided(segment: FakeSegment, client: SegmentClient) -> None:
    made = once_connection(segment, once=[list(CONVERTED)], identify_visitors=True)
    append(made.environment, conversion("v-1"), conversion("v-1"))
    take_turn(made, client)

    stored = log.read(made.environment_id, after=0, limit=2)
    assert [fate.code for fate in fates(made, stored)] == ["accepted", "once_per_visitor"]
    shown = as_sent(made, stored[0])
    assert shown is not None
    assert [json.loads(part)["type"] for part in shown.replace("}\n{", "}\0{").split("\0")] == ["identify", "track"]
    assert as_sent(made, stored[1]) is None


@pytest.mark.django_db(transaction=True)
def test_a_mark_is_held_by_the_first_who_claims_it_and_the_others_claim_nothing(segment: FakeSegment) -> None:
    made = once_connection(segment, once=[list(CONVERTED)])
    mark = b"m" * 16
    firsts.claim(made.pk, {mark: 7})

    with pytest.raises(ClaimedElsewhereError), transaction.atomic():
        firsts.claim(made.pk, {b"n" * 16: 8, mark: 8})

    assert firsts.load(made.pk, [mark, b"n" * 16]) == {mark: 7}


@pytest.mark.django_db(transaction=True)
def test_who_finds_a_mark_claimed_meanwhile_composes_again(segment: FakeSegment, client: SegmentClient) -> None:
    made = once_connection(segment, once=[list(CONVERTED)])
    append(made.environment, conversion("v-1"), conversion("v-2"))
    lease = leases.take(live_lane(made).pk)
    assert lease is not None
    turn = Turn(lease, client, until=0)
    stored = log.read(made.environment_id, after=0, limit=2)
    (taken,) = marks_of(stored[0], turn.terms.terms)
    read = turn._firsts

    def overtaken(events: Sequence[Event]) -> Mapping[bytes, int]:
        held = read(events)
        firsts.claim(made.pk, {taken: 99} if not held else {})
        return held

    turn._firsts = overtaken  # type: ignore[method-assign]
    assert turn.step() is Progress.MOVED
    assert segment.requests == []
    assert lease.attempts == 0
    assert turn.step() is Progress.MOVED

    assert segment.message_ids == [derived_message_id(made.pk, stored[1].message.message_id)]  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_of_two_that_claim_at_once_one_wins_and_the_other_is_told(segment: FakeSegment) -> None:
    made = once_connection(segment)
    marks = [bytes([number]) * 16 for number in range(40)]
    barrier = threading.Barrier(2)
    told: list[int] = []

    def claim(position: int) -> None:
        close_old_connections()
        barrier.wait()
        try:
            with transaction.atomic():
                firsts.claim(made.pk, dict.fromkeys(random.sample(marks, 40), position))
        except ClaimedElsewhereError:
            told.append(position)
        finally:
            connection.close()

    in_parallel([lambda: claim(1), lambda: claim(2)])

    assert len(told) == 1
    assert set(firsts.load(made.pk, marks).values()) == {1, 2} - set(told)


def in_parallel(acts: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_switching_the_option_on_later_decides_for_what_is_not_yet_sent(
    segment: FakeSegment, client: SegmentClient
) -> None:
    environment = make_environment()
    made = make_connection(environment, endpoint=segment.url, selection=[CONVERTED])
    append(environment, conversion("v-1"), conversion("v-1"))
    take_turn(made, client)
    connections.select_events(made, [CONVERTED], by=None, options={"once": [list(CONVERTED)]}, reason="")
    append(environment, conversion("v-1"), conversion("v-1"))
    take_turn(made, client)

    assert outcomes(made) == {"accepted": 3, "once_per_visitor": 1}
