"""How assistants and their environments begin, change and end."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from assistants import audit
from assistants.models import Assistant, Environment, IngestKey, LogHead, LogTail

SETTINGS = ("name", "language", "account_id", "service_instance", "vendor_assistant_id")


def create_assistant(*, name: str, by: User | None, **settings: str) -> Assistant:
    """Make an assistant with its draft and live environments. Raises IntegrityError where the name is taken."""
    with transaction.atomic():
        assistant = Assistant.objects.create(name=name, **settings)
        for kind in (Environment.Kind.DRAFT, Environment.Kind.LIVE):
            _create_environment(assistant, kind=kind, name=kind.value)
        audit.record(actor=by, action="assistant.created", target=name, assistant=assistant)
    return assistant


def change_assistant(assistant: Assistant, *, by: User | None, **settings: str) -> None:
    """Change an assistant's settings; the audit names which ones."""
    changed = [name for name in SETTINGS if name in settings and getattr(assistant, name) != settings[name]]
    if not changed:
        return
    with transaction.atomic():
        Assistant.objects.filter(pk=assistant.pk).update(**{name: settings[name] for name in changed})
        audit.record(
            actor=by,
            action="assistant.changed",
            target=settings.get("name", assistant.name),
            assistant=assistant,
            details={"changed": changed},
        )


def delete_assistant(assistant: Assistant, *, by: User | None, reason: str = "") -> None:
    """End an assistant at once: its keys open nothing and its lanes stand; the rows go with the prune."""
    with transaction.atomic():
        if not Assistant.objects.filter(pk=assistant.pk, deleted_at__isnull=True).update(deleted_at=timezone.now()):
            return
        _revoke_keys(environment__assistant=assistant)
        audit.record(actor=by, action="assistant.deleted", target=assistant.name, assistant=assistant, reason=reason)


def add_environment(assistant: Assistant, *, name: str, by: User | None) -> Environment:
    """Add a further environment beside draft and live. Raises IntegrityError where the name is taken."""
    with transaction.atomic():
        environment = _create_environment(assistant, kind=Environment.Kind.OTHER, name=name)
        audit.record(actor=by, action="environment.added", target=name, environment=environment)
    return environment


def rename_environment(environment: Environment, *, name: str, by: User | None) -> None:
    """Rename a further environment; draft and live keep their names."""
    _must_be_further(environment)
    with transaction.atomic():
        Environment.objects.filter(pk=environment.pk).update(name=name)
        audit.record(
            actor=by,
            action="environment.renamed",
            target=name,
            environment=environment,
            details={"before": environment.name},
        )


def change_retention(environment: Environment, days: int, *, by: User | None, reason: str = "") -> None:
    """Keep an environment's events for so many days; with fewer than before, older ones go with the next prune."""
    with transaction.atomic():
        before = Environment.objects.select_for_update().get(pk=environment.pk).retention_days
        if before == days:
            return
        Environment.objects.filter(pk=environment.pk).update(retention_days=days)
        audit.record(
            actor=by,
            action="environment.retention_changed",
            target=environment.name,
            environment=environment,
            reason=reason,
            details={"before": before, "days": days},
        )


def delete_environment(environment: Environment, *, by: User | None, reason: str = "") -> None:
    """End a further environment at once, as `delete_assistant` ends all of them."""
    _must_be_further(environment)
    with transaction.atomic():
        if not Environment.objects.filter(pk=environment.pk, deleted_at__isnull=True).update(deleted_at=timezone.now()):
            return
        _revoke_keys(environment=environment)
        audit.record(
            actor=by, action="environment.deleted", target=environment.name, environment=environment, reason=reason
        )


def _create_environment(assistant: Assistant, *, kind: Environment.Kind, name: str) -> Environment:
    environment = Environment.objects.create(assistant=assistant, kind=kind, name=name)
    LogHead.objects.create(environment=environment)
    LogTail.objects.create(environment=environment)
    return environment


def _revoke_keys(**of: Any) -> None:
    IngestKey.objects.filter(revoked_at__isnull=True, **of).update(revoked_at=timezone.now())


def _must_be_further(environment: Environment) -> None:
    if environment.kind != Environment.Kind.OTHER:
        raise ValueError(f"{environment.label} is part of every assistant and can be neither renamed nor deleted.")
