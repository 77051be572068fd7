"""The audit trail: one function that notes who changed what, where, when and why."""

from typing import Any

from django.contrib.auth.models import User

from assistants.models import Assistant, AuditEntry, Environment

COMMAND_LINE = "command line"


def record(
    *,
    actor: User | None,
    action: str,
    target: str,
    environment: Environment | None = None,
    assistant: Assistant | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add one entry, in the transaction of the change it tells of; `actor` None is the command line.

    `action` reads `noun.past_participle`, such as `ingest_key.revoked`; `target` names the thing as people know it.
    `details` holds names of fields and fingerprints, never a secret. The environment implies its assistant.
    """
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor else COMMAND_LINE,
        action=action,
        assistant=assistant or (environment.assistant if environment else None),
        environment=environment,
        target=_short(target, AuditEntry.target.field.max_length),
        reason=_short(reason, AuditEntry.reason.field.max_length),
        details=details or {},
    )


def _short(text: str, limit: int | None) -> str:
    """Cut `text` to its column: a long reason is no ground to refuse the change it explains."""
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"
