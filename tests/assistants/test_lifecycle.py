"""Assistants and environments: how they begin, change and end, and what of them no form can touch."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from assistants import lifecycle, log
from assistants.keys import create_ingest_key
from assistants.models import Assistant, AuditEntry, Environment, IngestKey, LogHead, LogTail
from tests.make import append, make_assistant, make_environment, make_message

pytestmark = pytest.mark.django_db


def audited() -> list[tuple[str, str, dict[str, Any]]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "target", "details"))


def test_an_assistant_begins_with_a_draft_and_a_live_environment_and_empty_logs() -> None:
    alice = User.objects.create_user("alice@example.com")

    assistant = lifecycle.create_assistant(name="Customer Care", by=alice, language="en", account_id="a1")

    assert (assistant.name, assistant.language, assistant.account_id) == ("Customer Care", "en", "a1")
    draft, live = assistant.environments.all()
    assert [(e.kind, e.name, e.label) for e in (draft, live)] == [("draft", "draft", "Draft"), ("live", "live", "Live")]
    assert draft.public_id != live.public_id
    assert list(LogHead.objects.order_by("pk").values_list("pk", "position")) == [(draft.pk, 0), (live.pk, 0)]
    assert LogTail.objects.filter(blocks_gone_to=0, keys_gone_to=0).count() == 2
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.target, entry.actor, entry.assistant) == (
        "assistant.created",
        "Customer Care",
        alice,
        assistant,
    )


def test_two_assistants_cannot_share_a_name_however_it_is_written() -> None:
    make_assistant(name="Customer Care")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_assistant(name="customer CARE")

    assert Assistant.objects.count() == 1
    assert Environment.objects.count() == 2


def test_changing_an_assistant_says_which_settings_changed() -> None:
    assistant = make_assistant(name="Before", language="en")

    lifecycle.change_assistant(assistant, by=None, name="After", language="en", account_id="a1")

    assistant.refresh_from_db()
    assert (assistant.name, assistant.language, assistant.account_id) == ("After", "en", "a1")
    assert audited()[-1] == ("assistant.changed", "After", {"changed": ["name", "account_id"]})


def test_a_change_that_changes_nothing_is_not_audited() -> None:
    assistant = make_assistant(name="Same", language="en")

    lifecycle.change_assistant(assistant, by=None, name="Same", language="en")

    assert [action for action, *_ in audited()] == ["assistant.created"]


def test_deleting_an_assistant_ends_its_keys_at_once_and_frees_its_name() -> None:
    assistant, other = make_assistant(name="Care"), make_assistant()
    for environment in (*assistant.environments.all(), other.environments.first()):
        create_ingest_key(environment, label="", by=None)

    lifecycle.delete_assistant(assistant, by=None, reason="no longer used")
    lifecycle.delete_assistant(assistant, by=None)

    assert not Assistant.objects.present().filter(pk=assistant.pk).exists()
    assert not Environment.objects.present().filter(assistant=assistant).exists()
    assert IngestKey.objects.filter(environment__assistant=assistant, revoked_at__isnull=False).count() == 2
    assert IngestKey.objects.get(environment__assistant=other).is_active
    assert [action for action, *_ in audited()].count("assistant.deleted") == 1
    assert AuditEntry.objects.get(action="assistant.deleted").reason == "no longer used"
    assert make_assistant(name="Care").name == "Care"


def test_a_further_environment_has_a_log_of_its_own_and_may_be_renamed_and_deleted() -> None:
    assistant = make_assistant()
    staging = lifecycle.add_environment(assistant, name="staging", by=None)
    create_ingest_key(staging, label="", by=None)
    append(staging, make_message())

    lifecycle.rename_environment(staging, name="acceptance", by=None)
    staging.refresh_from_db()
    lifecycle.delete_environment(staging, by=None, reason="done")
    lifecycle.delete_environment(staging, by=None)

    assert (staging.kind, staging.label, log.head(staging.pk)) == ("other", "acceptance", 1)
    assert not IngestKey.objects.get().is_active
    assert [e.kind for e in Environment.objects.present().filter(assistant=assistant)] == ["draft", "live"]
    assert [entry for entry in audited() if entry[0].startswith("environment.")] == [
        ("environment.added", "staging", {}),
        ("environment.renamed", "acceptance", {"before": "staging"}),
        ("environment.deleted", "acceptance", {}),
    ]


def test_two_environments_of_an_assistant_cannot_share_a_name() -> None:
    assistant = make_assistant()
    lifecycle.add_environment(assistant, name="staging", by=None)

    with pytest.raises(IntegrityError), transaction.atomic():
        lifecycle.add_environment(assistant, name="staging", by=None)

    assert assistant.environments.count() == 3
    assert lifecycle.add_environment(make_assistant(), name="staging", by=None).name == "staging"


@pytest.mark.parametrize(("kind", "label"), [("draft", "Draft"), ("live", "Live")])
def test_draft_and_live_can_be_neither_renamed_nor_deleted(kind: str, label: str) -> None:
    environment = make_environment(kind)
    before = audited()
    reason = f"^{label} is part of every assistant and can be neither renamed nor deleted.$"

    with pytest.raises(ValueError, match=reason):
        lifecycle.rename_environment(environment, name="other", by=None)
    with pytest.raises(ValueError, match=reason):
        lifecycle.delete_environment(environment, by=None)

    environment.refresh_from_db()
    assert (environment.name, environment.deleted_at) == (kind, None)
    assert audited() == before


def test_a_form_that_was_opened_before_an_append_cannot_move_the_logs_head() -> None:
    staging = lifecycle.add_environment(make_assistant(), name="staging", by=None)
    stale = Environment.objects.select_related("log_head").get(pk=staging.pk)
    assert stale.log_head.position == 0
    append(staging, make_message(), make_message())

    lifecycle.rename_environment(stale, name="acceptance", by=None)
    stale.retention_days = 7
    stale.save()
    stale.assistant.save()

    assert log.head(staging.pk) == 2
    append(staging, make_message())
    assert [event.position for event in log.read(staging.pk, after=0, limit=10)] == [1, 2, 3]
