"""How sources stand: counts by hour and month, warnings apart from remarks, and when each was last heard."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assistants import keys
from assistants.models import Environment, IngestKey, Refusal, Source, SourceTally
from assistants.sources import standing
from tests.make import append, make_environment, make_message

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_half_past_ten() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


def tally(environment: Environment, code: str, *, hours_ago: int, count: int = 1, detail: str = "") -> None:
    at = NOW - timedelta(hours=hours_ago)
    SourceTally.objects.create(
        environment=environment,
        kind="watson",
        code=code,
        hour=at.replace(minute=0),
        count=count,
        last_at=at,
        detail=detail,
    )


def stands(environment: Environment, kind: str = "watson") -> standing.Standing:
    (found,) = standing.standings(environment, [kind])
    return found


def test_a_source_nobody_touched_is_not_in_use() -> None:
    found = stands(make_environment())

    assert not found.is_in_use
    assert (found.source, found.last_seen_at, found.taken_today, found.warnings_today) == (None, None, 0, 0)


def test_requests_are_counted_by_hour_and_in_thirty_days() -> None:
    environment = make_environment()
    for hours_ago, count in ((721, 1000), (700, 500), (24, 30), (23, 7), (1, 5), (0, 2)):
        tally(environment, "taken", hours_ago=hours_ago, count=count)
    tally(make_environment(), "taken", hours_ago=0, count=99)

    found = stands(environment)

    assert found.taken_by_hour == [7, *[0] * 21, 5, 2]
    assert (found.taken_today, found.taken_in_month) == (14, 544)
    assert found.happenings == []


def test_happenings_are_added_up_by_code_with_the_words_of_the_last_time() -> None:
    environment = make_environment()
    tally(environment, "wrong_signature", hours_ago=30, count=4, detail="From 203.0.113.0/24.")
    tally(environment, "wrong_signature", hours_ago=2, count=3, detail="From 198.51.100.0/24.")
    tally(environment, "call_record", hours_ago=1, count=8)

    found = stands(environment)

    assert [(each.code, each.words, each.day, each.month, each.detail) for each in found.happenings] == [
        ("call_record", "Call record", 8, 8, ""),
        ("wrong_signature", "Wrong signature", 3, 7, "From 198.51.100.0/24."),
    ]
    assert [each.is_warning for each in found.happenings] == [False, True]
    assert found.warnings_today == 3


def test_refused_items_are_among_the_happenings() -> None:
    environment = make_environment()
    Refusal.objects.create(
        environment=environment,
        source="watson",
        code="unusable_fact",
        hour=NOW.replace(minute=0),
        message="It cannot be stored.",
        sample="{}",
        count=2,
        last_at=NOW,
    )

    (happening,) = stands(environment).happenings
    assert (happening.code, happening.day, happening.detail, happening.sample) == (
        "unusable_fact",
        2,
        "It cannot be stored.",
        "{}",
    )
    assert happening.is_warning


def test_a_source_says_itself_when_it_was_last_heard() -> None:
    environment = make_environment()
    Source.objects.create(environment=environment, kind="watson", last_seen_at=NOW - timedelta(minutes=3))

    assert stands(environment).last_seen_at == NOW - timedelta(minutes=3)
    assert stands(environment).is_in_use


def test_the_libraries_were_heard_when_they_last_sent_something() -> None:
    environment = make_environment()
    assert stands(environment, standing.SEGMENT).last_seen_at is None

    append(environment, make_message(), at=NOW - timedelta(hours=5))
    append(environment, make_message(), source="rasa", at=NOW - timedelta(hours=1))

    assert stands(environment, standing.SEGMENT).last_seen_at == NOW - timedelta(hours=5)


def test_the_libraries_of_a_browser_were_heard_when_its_key_was_used() -> None:
    environment = make_environment()
    keys.create_ingest_key(environment, label="Server", by=None)
    IngestKey.objects.update(last_used_at=NOW)
    assert stands(environment, standing.SEGMENT).last_seen_at is None

    key = keys.create_browser_key(environment, label="Page", origins=[], by=None)
    IngestKey.objects.filter(pk=key.pk).update(last_used_at=NOW - timedelta(minutes=1))

    assert stands(environment, standing.SEGMENT).last_seen_at == NOW - timedelta(minutes=1)


def test_a_server_key_opens_sources_until_it_is_revoked() -> None:
    environment = make_environment()
    for label in ("Old", "New"):
        keys.create_ingest_key(environment, label=label, by=None)
    keys.create_browser_key(environment, label="Page", origins=[], by=None)
    keys.revoke_ingest_key(environment.ingest_keys.get(label="Old"), by=None)

    assert [key.label for key in standing.active_keys(environment)] == ["New"]


def test_many_kinds_ask_the_database_as_often_as_one() -> None:
    environment = make_environment()
    tally(environment, "taken", hours_ago=0)
    with CaptureQueriesContext(connection) as for_one:
        standing.standings(environment, ["watson"])
    with CaptureQueriesContext(connection) as for_many:
        assert len(standing.standings(environment, ["watson", "otlp", "rasa", "custom"])) == 4
    assert len(for_many) == len(for_one)
