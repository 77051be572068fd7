"""Pruning: what has had its time goes, what has not stays, and a broken broker file is no reason to stop."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from integrations import prune
from integrations.models import Delivery, EventCount, PendingSetup, SchemaWarning
from tests.make import live_lane, make_connection, make_environment

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def make_delivery(at: datetime) -> Delivery:
    lane = live_lane(make_connection())
    return Delivery.objects.create(
        lane=lane,
        first_position=1,
        last_position=1,
        sent=1,
        left_out=0,
        size_bytes=1,
        attempt=1,
        outcome="accepted",
        at=at,
    )


def make_broker(file: Path) -> None:
    with closing(sqlite3.connect(file)) as broker, broker:
        broker.execute("CREATE TABLE kombu_message (id INTEGER, visible INTEGER)")
        broker.executemany("INSERT INTO kombu_message VALUES (?, ?)", [(1, 0), (2, 1), (3, 0)])


def messages_in(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as broker:
        return [number for (number,) in broker.execute("SELECT id FROM kombu_message ORDER BY id")]


def test_deliveries_are_kept_for_a_week() -> None:
    old, kept = make_delivery(NOW - timedelta(days=7, seconds=1)), make_delivery(NOW - timedelta(days=7))

    prune.run(NOW)

    assert list(Delivery.objects.all()) == [kept]
    assert old.pk != kept.pk


def test_a_pass_deletes_the_oldest_and_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "DELIVERIES_PER_PASS", 2)
    days = (9, 8, 10, 11)
    rows = {day: make_delivery(NOW - timedelta(days=day)) for day in days}

    prune.run(NOW)
    assert set(Delivery.objects.all()) == {rows[8], rows[9]}
    prune.run(NOW)
    assert not Delivery.objects.exists()


def test_warnings_are_kept_for_a_month() -> None:
    environment = make_environment()
    old, kept = (
        SchemaWarning.objects.create(
            environment=environment, name="A", code="missing", property=name, hour=at, first_at=at, last_at=at
        )
        for name, at in (("a", NOW - timedelta(days=30, seconds=1)), ("b", NOW - timedelta(days=30)))
    )

    prune.run(NOW)

    assert list(SchemaWarning.objects.all()) == [kept]
    assert old.pk != kept.pk


def test_counts_by_minute_are_kept_for_a_month() -> None:
    lane = live_lane(make_connection())
    for at, name in ((NOW - timedelta(days=31, minutes=1), "old"), (NOW - timedelta(days=31), "kept")):
        EventCount.objects.create(lane=lane, minute=at, outcome="accepted", name=name, count=1)

    prune.run(NOW)

    assert [row.name for row in EventCount.objects.all()] == ["kept"]


def test_wizards_that_expired_are_forgotten() -> None:
    expired, open_ = (
        PendingSetup.objects.create(environment=make_environment(), expires_at=NOW + delta)
        for delta in (-timedelta(seconds=1), timedelta(seconds=1))
    )

    prune.run(NOW)

    assert list(PendingSetup.objects.all()) == [open_]
    assert expired.pk != open_.pk


def test_wake_ups_that_were_delivered_leave_the_embedded_broker(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "broker.sqlite3"
    make_broker(file)
    settings.CELERY_BROKER_URL = f"sqla+sqlite:///{file}"

    prune.run(NOW)

    assert messages_in(file) == [2]


def test_a_broker_that_was_never_used_is_fine(settings: Settings, tmp_path: Path) -> None:
    settings.CELERY_BROKER_URL = f"sqla+sqlite:///{tmp_path / 'broker.sqlite3'}"

    prune.run(NOW)


def test_a_broker_file_that_cannot_be_read_is_told_and_passed_over(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "broker.sqlite3"
    file.write_bytes(b"rubbish" * 1_000)
    settings.CELERY_BROKER_URL = f"sqla+sqlite:///{file}"

    prune.run(NOW)

    assert caplog.messages == ["The embedded broker could not be pruned: file is not a database"]


def test_another_broker_is_none_of_its_business(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    prune.run(NOW)
