"""Silence: an event is missed by its own habits, and each time only once."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from assistants import lifecycle
from integrations import silence
from integrations.models import EventCount, Incident, Lane
from tests.make import append, make_connection, make_environment, make_message

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def index() -> Lane:
    connection = make_connection()
    return Lane.objects.get(environment=connection.environment, kind=Lane.Kind.INDEX)


def receive(index: Lane, name: str, hours: Iterable[float]) -> None:
    """Count an event so many hours before NOW."""
    EventCount.objects.bulk_create(
        EventCount(lane=index, minute=NOW - hour * HOUR, outcome="received", name=name, count=3) for hour in hours
    )


def silent() -> list[tuple[str, str]]:
    open_ones = Incident.objects.filter(kind="silent", ended_at__isnull=True)
    return list(open_ones.order_by("key").values_list("key", "cause"))


def test_an_event_of_every_hour_is_missed_after_six(index: Lane) -> None:
    receive(index, "Session Started", range(7, 120))
    receive(index, "Message Handled", range(6, 120))

    silence.look(NOW)

    assert silent() == [("Session Started", "“Session Started” used to come at least every 1 hour and comes no more.")]
    incident = Incident.objects.get()
    assert (incident.began_at, incident.opened_at) == (NOW - 7 * HOUR, NOW)


def test_nights_and_weekends_are_no_silence(index: Lane) -> None:
    """NOW is a Monday morning: the last event came on Friday afternoon, as in the week before."""
    office_hours = [24 * day + hour for day in (3, 4, 5, 6, 7, 10, 11, 12, 13) for hour in range(-7, 1)]
    receive(index, "Session Started", office_hours)

    silence.look(NOW)
    assert silent() == []
    # The longest pause was from Friday, 17:00, to Monday, 10:00: 65 hours.
    silence.look(NOW - 65 * HOUR + 130 * HOUR)
    assert silent() == []
    silence.look(NOW - 65 * HOUR + 131 * HOUR)
    assert silent() == [
        ("Session Started", "“Session Started” used to come at least every 65 hours and comes no more.")
    ]


def test_what_came_seldom_or_on_few_days_has_no_habit(index: Lane) -> None:
    receive(index, "Seldom", range(10, 240, 12))
    receive(index, "A Load Test", range(10, 44))

    silence.look(NOW)

    assert silent() == []


def test_an_event_that_comes_again_ends_the_incident(index: Lane) -> None:
    receive(index, "Session Started", range(7, 120))
    silence.look(NOW)
    silence.look(NOW + HOUR)
    assert len(silent()) == 1
    receive(index, "Session Started", [-2])

    silence.look(NOW + 2 * HOUR)

    assert silent() == []
    incident = Incident.objects.get()
    assert (incident.ended_at, incident.ending) == (NOW + 2 * HOUR, "The event comes again.")


def test_an_event_that_never_comes_again_is_given_up(index: Lane) -> None:
    receive(index, "Session Started", range(7, 120))
    silence.look(NOW)

    silence.look(NOW + 20 * DAY)
    assert len(silent()) == 1
    silence.look(NOW + 30 * DAY)

    assert Incident.objects.get().ending == "The event has not come for 30 days; Sluice waits for it no longer."


def test_an_index_that_is_behind_knows_nothing(index: Lane) -> None:
    receive(index, "Session Started", range(7, 120))
    append(index.environment, make_message(), at=NOW - 11 * timedelta(minutes=1))

    silence.look(NOW)
    assert silent() == []
    # An index that is only a moment behind does.
    Lane.objects.filter(pk=index.pk).update(cursor=1)
    append(index.environment, make_message(), at=NOW - 9 * timedelta(minutes=1))
    silence.look(NOW)
    assert len(silent()) == 1


def test_environments_are_told_apart_and_deleted_ones_end(index: Lane) -> None:
    other = Lane.objects.create(environment=make_environment(), kind="index", start=0, cursor=0)
    for lane in (index, other):
        receive(lane, "Session Started", range(7, 120))
    silence.look(NOW)
    assert len(silent()) == 2
    lifecycle.delete_assistant(other.environment.assistant, by=None)

    silence.look(NOW)

    assert Incident.objects.get(environment=other.environment).ending == "The environment was deleted."
    assert Incident.objects.get(environment=index.environment).ended_at is None
