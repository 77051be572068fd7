"""One sample of each selected event: what is appended, of whom, how it is marked, and that it goes like any event."""

import json
import re

import pytest
from django.contrib.auth.models import User

from assistants import catalog, log
from assistants.models import AuditEntry
from integrations import connections, samples
from integrations.compose import SAMPLE_SOURCE
from integrations.fates import fates
from integrations.models import Connection, FirstOccurrence
from integrations.segment.client import SegmentClient
from tests.fakes import FakeSegment
from tests.integrations.turns import outcomes, take_turn
from tests.make import make_connection

EVERYTHING = [entry.key for entry in catalog.everything()]

pytestmark = pytest.mark.django_db


def test_a_sample_of_each_selected_event_reaches_segment(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(endpoint=segment.url, selection=EVERYTHING)

    sent = samples.send(connection, by=None)
    take_turn(connection, client)

    batch = [message for request in segment.requests for message in request.batch]
    named = [entry for entry in catalog.everything() if entry.name != "*"]
    assert [entry.title for entry in sent.entries] == [entry.title for entry in named]
    assert [(message["type"], message.get("event", "")) for message in batch] == [entry.key for entry in named]
    for message in batch:
        ids = {message.get(name) for name in ("userId", "anonymousId")} - {None}
        assert ids == {"sluice-sample"}
        assert message["context"]["test"] is True
        assert message["context"]["sample"] is True
        assert "sample" not in message.get("properties", {})
    assert outcomes(connection) == {"accepted": 23}


def test_samples_are_sent_as_the_connection_s_options_say(segment: FakeSegment, client: SegmentClient) -> None:
    connection = make_connection(
        endpoint=segment.url, selection=[("track", "Message Sent"), ("track", "Action Completed")]
    )

    samples.send(connection, by=None)
    take_turn(connection, client)

    completed, message = segment.requests[0].batch
    assert completed["properties"]["stepsVisited"] == ["fallback_step_001"]
    assert "message_body" not in message["properties"]


def test_samples_are_nobody_s_first_time(segment: FakeSegment, client: SegmentClient) -> None:
    viewed = ("track", "Experiment Viewed")
    connection = make_connection(endpoint=segment.url, selection=[viewed], once=[list(viewed)], identify_visitors=True)

    for _ in range(2):
        samples.send(connection, by=None)
    take_turn(connection, client)

    sent = [message.get("event", message["type"]) for request in segment.requests for message in request.batch]
    assert sent == ["Experiment Viewed"] * 2
    assert not FirstOccurrence.objects.exists()


def test_each_message_id_carries_the_nonce_and_is_new_each_time() -> None:
    connection = make_connection(selection=[("track", "Message Sent"), ("identify", ""), ("alias", "")])

    nonces = [samples.send(connection, by=None).nonce for _ in range(2)]

    events = log.read(connection.environment_id, after=0, limit=10)
    assert [event.message.message_id for event in events if event.message] == [
        f"sluice-sample-{nonce}-{number}" for nonce in nonces for number in (1, 2, 3)
    ]
    assert all(re.fullmatch(r"[0-9a-f]{16}", nonce) for nonce in nonces)
    assert {event.source for event in events} == {SAMPLE_SOURCE}
    alias = events[2].message
    assert alias is not None
    assert (alias.user_id, alias.previous_id) == ("sluice-sample", "sluice-sample-before")


def test_events_of_any_name_have_no_sample(segment: FakeSegment) -> None:
    connection = make_connection(selection=[("track", "*")])

    assert samples.sampled(connection) == []
    assert samples.send(connection, by=None).entries == []
    assert log.head(connection.environment_id) == 0
    assert not AuditEntry.objects.filter(action="connection.samples_sent").exists()


def test_samples_wait_while_the_connection_is_paused() -> None:
    connection = make_connection()
    connections.pause(connection, by=None)

    samples.send(connection, by=None)

    events = log.read(connection.environment_id, after=0, limit=10)
    assert [fate.code for fate in fates(Connection.objects.get(), events)] == ["paused"]


def test_who_sent_samples_and_why_is_kept(django_user_model: type[User]) -> None:
    alice = django_user_model.objects.create_user("alice@example.com")
    connection = make_connection()

    sent = samples.send(connection, by=alice, reason="Before the launch")

    entry = AuditEntry.objects.get(action="connection.samples_sent")
    assert (entry.actor, entry.reason) == (alice, "Before the launch")
    assert json.loads(json.dumps(entry.details)) == {"nonce": sent.nonce, "events": 1}
