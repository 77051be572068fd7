"""The audit trail: what an entry says of the change it stands for."""

import pytest
from django.contrib.auth.models import User

from assistants import audit
from assistants.models import AuditEntry
from tests.make import make_environment

pytestmark = pytest.mark.django_db


def test_an_entry_keeps_the_name_of_somebody_who_is_gone() -> None:
    alice = User.objects.create_user("alice@example.com")
    audit.record(actor=alice, action="assistant.created", target="Customer Care")
    alice.delete()

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_name) == (None, "alice@example.com")


def test_without_a_person_it_was_the_command_line() -> None:
    entry = audit.record(actor=None, action="assistant.created", target="Customer Care")

    assert (entry.actor, entry.actor_name) == (None, "command line")


def test_an_environment_implies_its_assistant() -> None:
    environment = make_environment()

    audit.record(
        actor=None,
        action="connection.paused",
        target="Segment",
        environment=environment,
        reason="quiet hours",
        details={"fields": ["status"]},
    )

    entry = AuditEntry.objects.get(action="connection.paused")
    assert (entry.assistant, entry.environment) == (environment.assistant, environment)
    assert (entry.target, entry.reason) == ("Segment", "quiet hours")
    assert entry.details == {"fields": ["status"]}


def test_a_long_reason_is_cut_instead_of_refusing_the_change() -> None:
    audit.record(actor=None, action="assistant.deleted", target="t" * 300, reason="r" * 600)

    entry = AuditEntry.objects.get()
    assert entry.target == "t" * 199 + "…"
    assert entry.reason == "r" * 499 + "…"
