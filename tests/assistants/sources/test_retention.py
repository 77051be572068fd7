"""What sources leave behind goes when its time is over, and what anybody may still need stays."""

from datetime import UTC, datetime, timedelta

import pytest

from assistants.lifecycle import delete_assistant
from assistants.models import Conversation, Environment, HeldPart, SourcePayload, SourceTally
from assistants.sources import retention
from assistants.sources.retention import drop_old
from integrations import prune
from tests.make import make_environment

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


def make_payloads(environment: Environment, count: int, kind: str = "watson", at: datetime = NOW) -> list[int]:
    return [
        SourcePayload.objects.create(environment=environment, kind=kind, received_at=at, body=b"").pk
        for _ in range(count)
    ]


def test_the_newest_payloads_of_each_source_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAYLOADS_KEPT", 3)
    one, other = make_environment(), make_environment()
    many, few = make_payloads(one, 5), make_payloads(one, 2, "rasa")
    elsewhere = make_payloads(other, 3)

    drop_old(NOW)

    assert set(SourcePayload.objects.values_list("pk", flat=True)) == {*many[2:], *few, *elsewhere}


def test_two_hundred_payloads_stay() -> None:
    assert retention.PAYLOADS_KEPT == 200


def test_payloads_stay_for_three_days() -> None:
    environment = make_environment()
    make_payloads(environment, 2, at=NOW - timedelta(days=3) - SECOND)
    kept = make_payloads(environment, 1, at=NOW - timedelta(days=3))

    prune.run(NOW)

    assert list(SourcePayload.objects.values_list("pk", flat=True)) == kept


def test_counts_stay_for_thirty_days() -> None:
    environment = make_environment()
    for days in (31, 30, 1):
        hour = NOW - timedelta(days=days)
        SourceTally.objects.create(environment=environment, kind="k", code="c", hour=hour, last_at=hour, count=days)

    drop_old(NOW)

    assert sorted(SourceTally.objects.values_list("count", flat=True)) == [1, 30]


def test_conversations_are_forgotten_after_thirty_days_of_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_PASS", 2)
    environment = make_environment()
    for number in range(6):
        at = NOW - timedelta(days=30) - (3 - number) * SECOND
        Conversation.objects.create(environment=environment, digest=bytes([number]), state=b"", updated_at=at)

    drop_old(NOW)
    assert sorted(bytes(row.digest)[0] for row in Conversation.objects.all()) == [2, 3, 4, 5]
    drop_old(NOW)
    assert sorted(bytes(row.digest)[0] for row in Conversation.objects.all()) == [3, 4, 5]


def test_parts_of_environments_that_are_gone_go() -> None:
    gone, present = make_environment(), make_environment()
    for environment in (gone, present):
        HeldPart.objects.create(
            environment=environment, kind="otlp", whole=b"w", part=b"p", body=b"", received_at=NOW, due_at=NOW
        )
    delete_assistant(gone.assistant, by=None)

    drop_old(NOW)

    assert [row.environment_id for row in HeldPart.objects.all()] == [present.pk]


def test_an_environment_goes_with_all_that_its_sources_left() -> None:
    environment = make_environment()
    make_payloads(environment, 1)
    Conversation.objects.create(environment=environment, digest=b"d", state=b"", updated_at=NOW)
    SourceTally.objects.create(environment=environment, kind="k", code="c", hour=NOW, last_at=NOW)
    delete_assistant(environment.assistant, by=None)
    assistant = type(environment.assistant).objects.filter(pk=environment.assistant_id)
    assistant.update(deleted_at=NOW - timedelta(days=2))

    prune.run(NOW)

    assert not Environment.objects.filter(pk=environment.pk).exists()
    assert [model.objects.count() for model in (SourcePayload, Conversation, SourceTally)] == [0, 0, 0]
