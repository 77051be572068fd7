"""What the steps of the wizard do: begin, connect, select events, finish; what was entered waits in a PendingSetup row.

Constraints: steps may be sent twice, from two windows and after the row is gone; the write key never leaves the server
again; live opens only when draft is complete. So every step is one conditional UPDATE, which finds the row or says that
the setup is over, and finishing locks the row: whoever comes second finds the connection that the first one made.
"""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from assistants import audit
from assistants.encryption import DecryptionError, decrypt, encrypt
from assistants.models import Environment
from integrations import connections
from integrations.clients import segment_client
from integrations.connections import SEGMENT, TARGET
from integrations.models import Connection, PendingSetup
from integrations.segment.client import batch_body, test_message
from integrations.segment.regions import CUSTOM, REGIONS, base_url
from integrations.segment.verdicts import Answer, Verdict, verdict

# Long enough to ask a colleague for the key, short enough that no forgotten key stays.
LIFETIME = timedelta(days=7)
SHOWN_CHARACTERS = 4
ALREADY = "Segment is connected in the {} environment already."


class Step(StrEnum):
    """The steps in their order."""

    CONNECT = "connect"
    EVENTS = "events"
    REVIEW = "review"


@dataclass(frozen=True)
class Trial:
    """A test event that was sent with a pending key: how to find it in Segment, and what the answer was."""

    nonce: str
    answer: Answer
    is_accepted: bool


class SetupError(Exception):
    """A step that cannot be taken; the message says why and what to do, for the person at the wizard."""


def connected(environment: Environment) -> Connection | None:
    """Return the environment's connection to Segment, if the wizard was finished for it."""
    return Connection.objects.present().filter(environment=environment, extension=SEGMENT).first()


def pending(environment: Environment) -> PendingSetup | None:
    """Return the environment's unfinished setup, unless it has expired."""
    return PendingSetup.objects.filter(
        environment=environment, extension=SEGMENT, expires_at__gt=timezone.now()
    ).first()


def draft_connection(environment: Environment) -> Connection | None:
    """Return what draft is connected to, for another environment of the assistant; None for draft itself."""
    if environment.kind == Environment.Kind.DRAFT:
        return None
    drafts = Environment.objects.present().filter(assistant=environment.assistant, kind=Environment.Kind.DRAFT)
    return Connection.objects.present().filter(environment__in=drafts, extension=SEGMENT).first()


def begin(environment: Environment, *, by: User | None) -> PendingSetup:
    """Start the wizard for an environment, or resume the one that is not finished.

    Raises SetupError where the environment is connected already, or is not draft and draft is not connected.
    """
    if connected(environment):
        raise SetupError(ALREADY.format(environment.label))
    _require_draft(environment)
    with transaction.atomic():
        PendingSetup.objects.filter(environment=environment, extension=SEGMENT, expires_at__lte=timezone.now()).delete()
        setup, is_new = PendingSetup.objects.get_or_create(
            environment=environment,
            extension=SEGMENT,
            defaults={"created_by": by, "expires_at": timezone.now() + LIFETIME},
        )
        if is_new:
            audit.record(actor=by, action="extension.added", target=TARGET, environment=environment)
    return setup


def next_step(setup: PendingSetup) -> Step:
    """Return the first step that is not complete; Review & Confirm when only finishing is left."""
    if not (setup.write_key and _is_complete(setup.settings)):
        return Step.CONNECT
    return Step.REVIEW if setup.selection else Step.EVENTS


@sensitive_variables("write_key")
def save_connect(setup: PendingSetup, *, settings: Mapping[str, Any], source_name: str, write_key: str) -> PendingSetup:
    """Keep what Connect asks for; an empty `write_key` keeps the one that was entered before.

    `settings` may be incomplete: `next_step` then goes on asking for Connect.
    """
    changes: dict[str, Any] = {"settings": dict(settings), "source_name": source_name}
    if write_key:
        changes |= _sealed(setup, write_key)
    if write_key or changes["settings"] != setup.settings:
        changes["test_accepted_at"] = None
    return _save(setup, changes)


def save_events(setup: PendingSetup, selection: Sequence[tuple[str, str]]) -> PendingSetup:
    """Keep what Select events asks for: the keys of the chosen catalog entries."""
    return _save(setup, {"selection": [list(key) for key in selection]})


@sensitive_variables("write_key")
def try_key(setup: PendingSetup) -> Trial:
    """Send a test event straight to Segment with the pending key, past the log; keep whether it was accepted.

    One POST; network errors are part of the result. Raises SetupError while Connect is not complete.
    """
    if next_step(setup) is Step.CONNECT:
        raise SetupError("Enter the Segment key and the region first.")
    nonce, now = secrets.token_hex(8), timezone.now()
    write_key = _write_key_of(setup)
    body = batch_body([test_message(nonce, message_id=f"sluice-test-{uuid.uuid4()}", at=now)], now)
    answer = segment_client().post_batch(base_url(setup.settings), write_key, body)
    trial = Trial(nonce, answer, is_accepted=verdict(answer) is Verdict.ACCEPTED)
    # Only where the key is still the one that was tried.
    PendingSetup.objects.filter(pk=setup.pk, write_key=setup.write_key).update(
        test_accepted_at=now if trial.is_accepted else None
    )
    return trial


def copy_from_draft(setup: PendingSetup) -> PendingSetup:
    """Take over draft's region, source name and events, but not its key; raise SetupError without a draft to copy."""
    draft = _draft_connection_or_error(setup)
    changes = {
        "settings": draft.settings,
        "source_name": draft.source_name,
        "selection": connections.version_in_force(draft).selection,
        "test_accepted_at": None,
    }
    return _save(setup, changes)


def reuse_draft_key(setup: PendingSetup) -> PendingSetup:
    """Take over draft's write key, encrypted again for this row; raise SetupError without a draft to copy."""
    draft = _draft_connection_or_error(setup)
    return _save(setup, {**_sealed(setup, _write_key_of(draft)), "test_accepted_at": None})


def finish(setup: PendingSetup, *, by: User | None, reason: str = "") -> Connection:
    """Turn the setup into a connection and remove it, in one transaction.

    Sent twice, the second call returns the connection that the first one made. Raises SetupError where a step is
    missing, draft is not connected any more, or the setup is over without a connection.
    """
    try:
        with transaction.atomic():
            return _finish(setup, by=by, reason=reason)
    except IntegrityError:
        raise SetupError(ALREADY.format(setup.environment.label)) from None


def _finish(setup: PendingSetup, *, by: User | None, reason: str) -> Connection:
    locked = (
        PendingSetup.objects.select_for_update(of=("self",)).select_related("environment").filter(pk=setup.pk).first()
    )
    if locked is None:
        return _made_by_the_first_call(setup)
    if next_step(locked) is not Step.REVIEW:
        raise SetupError("This setup is not complete: enter the Segment key and select at least one event.")
    _require_draft(locked.environment)
    connection = connections.connect(
        locked.environment,
        settings=locked.settings,
        source_name=locked.source_name,
        write_key=_write_key_of(locked),
        selection=[(type_, name) for type_, name in locked.selection or ()],
        by=by,
        reason=reason,
    )
    connection.test_accepted_at = locked.test_accepted_at
    connection.save(update_fields=["test_accepted_at"])
    locked.delete()
    return connection


def cancel(setup: PendingSetup, *, by: User | None) -> None:
    """Throw away what was entered; do nothing where the setup is over already."""
    with transaction.atomic():
        gone, _ = PendingSetup.objects.filter(pk=setup.pk).delete()
        if gone:
            audit.record(actor=by, action="setup.cancelled", target=TARGET, environment=setup.environment)


def _is_complete(settings: Mapping[str, Any]) -> bool:
    return settings.get("region") in REGIONS and (settings["region"] != CUSTOM or bool(settings.get("endpoint")))


def _require_draft(environment: Environment) -> None:
    if environment.kind != Environment.Kind.DRAFT and draft_connection(environment) is None:
        raise SetupError(
            "You must complete configuration for the draft environment before you can add the extension in the "
            f"{environment.label} environment."
        )


def _draft_connection_or_error(setup: PendingSetup) -> Connection:
    connection = draft_connection(setup.environment)
    if connection is None:
        raise SetupError("There is no finished draft environment to copy from.")
    return connection


def _made_by_the_first_call(setup: PendingSetup) -> Connection:
    connection = connected(setup.environment)
    if connection is None:
        raise SetupError("This setup was cancelled or has expired. Begin again from the Integrations page.")
    return connection


def _write_key_of(row: PendingSetup | Connection) -> str:
    try:
        return decrypt(row.write_key, context=row.secret_context)
    except DecryptionError:
        raise SetupError(
            "The Segment key that was entered cannot be read any more, because this installation's encryption keys "
            "have changed. Enter it again."
        ) from None


@sensitive_variables("write_key")
def _sealed(setup: PendingSetup, write_key: str) -> dict[str, str]:
    return {
        "write_key": encrypt(write_key, context=setup.secret_context),
        "write_key_last4": write_key[-SHOWN_CHARACTERS:],
    }


def _save(setup: PendingSetup, changes: dict[str, Any]) -> PendingSetup:
    """Write the changed fields and nothing else, so that a step sent late cannot bring a finished setup back."""
    if not PendingSetup.objects.filter(pk=setup.pk).update(**changes):
        raise SetupError("This setup was finished, cancelled or has expired. Go on from the Integrations page.")
    for field, value in changes.items():
        setattr(setup, field, value)
    return setup
