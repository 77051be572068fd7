"""The retention of an environment: shown, changed within its bounds, audited."""

import pytest
from django.db import IntegrityError
from django.test import Client

from assistants.models import AuditEntry, Environment
from tests.dashboard.html import text_of, value_of
from tests.make import make_environment

pytestmark = pytest.mark.django_db


def path_of(environment: Environment) -> str:
    return f"/environments/{environment.public_id}/retention/"


def test_the_page_shows_the_days_in_force(alices: Client) -> None:
    environment = make_environment()

    assert value_of(alices.get(path_of(environment)), "days") == "30"
    assert "Events are kept for 30 days" in text_of(alices.get(f"/environments/{environment.public_id}/"))


@pytest.mark.parametrize(("days", "words"), [("1", "1 day."), ("365", "365 days.")])
def test_a_change_is_audited(alices: Client, days: str, words: str) -> None:
    environment = make_environment("live")

    answer = alices.post(path_of(environment), {"days": days, "reason": "Law"}, follow=True)

    environment.refresh_from_db()
    assert environment.retention_days == int(days)
    assert f"Events are now kept for {words}" in text_of(answer)
    entry = AuditEntry.objects.get(action="environment.retention_changed")
    assert (entry.actor_name, entry.reason) == ("alice@example.com", "Law")
    assert entry.details == {"before": 30, "days": int(days)}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("draft", {"days": "0"}),
        ("draft", {"days": "366"}),
        ("draft", {"days": "a week"}),
        ("draft", {}),
        ("live", {"days": "10"}),
    ],
)
def test_a_change_out_of_bounds_or_without_reason_changes_nothing(
    alices: Client, kind: str, form: dict[str, str]
) -> None:
    environment = make_environment(kind)

    assert alices.post(path_of(environment), form).status_code == 422

    environment.refresh_from_db()
    assert environment.retention_days == 30
    assert not AuditEntry.objects.filter(action="environment.retention_changed").exists()


def test_the_same_days_are_no_change(alices: Client) -> None:
    environment = make_environment()

    assert alices.post(path_of(environment), {"days": "30"}).status_code == 302
    assert not AuditEntry.objects.filter(action="environment.retention_changed").exists()


@pytest.mark.parametrize("days", [0, 366])
def test_the_database_keeps_the_bounds(days: int) -> None:
    with pytest.raises(IntegrityError):
        Environment.objects.filter(pk=make_environment().pk).update(retention_days=days)
