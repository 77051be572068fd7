"""What people do to a connection: make it, change what it sends and where, pause, resume, try, confirm, end it."""

import secrets
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from msgspec import Raw

from assistants import audit, encryption, log
from assistants.messages import Message
from assistants.models import Assistant, Environment, LogHead
from integrations import lanes, pace
from integrations.compose import TEST_SOURCE, Key
from integrations.models import Connection, ConnectionVersion, Lane, LaneVersion, PacingGroup, PendingSetup
from integrations.sandbox import fingerprint
from integrations.wake import waker

SEGMENT = "segment"
TARGET = "Segment Extension"
TEST_EVENT = "Sluice Connection Tested"


class StaleVersionError(Exception):
    """Somebody else changed the connection in the meantime; carries the version now in force."""

    def __init__(self, current: ConnectionVersion) -> None:
        super().__init__(f"The connection is at version {current.number} by now.")
        self.current = current


def connect(
    environment: Environment,
    *,
    settings: dict[str, Any],
    source_name: str,
    write_key: str,
    selection: Iterable[Key],
    by: User | None,
    options: dict[str, Any] | None = None,
    reason: str = "",
) -> Connection:
    """Make an environment's connection to Segment: version 1, and a live lane that begins at the log's present head.

    Raises IntegrityError where the environment has one already.
    """
    with transaction.atomic():
        connection = Connection(environment=environment, extension=SEGMENT, settings=settings, source_name=source_name)
        _set_write_key(connection, write_key)
        connection.save(force_insert=True)
        version = ConnectionVersion.objects.create(
            connection=connection,
            number=1,
            selection=_as_json(selection),
            options=options or {},
            created_by=by,
            reason=reason[:500],
        )
        head = LogHead.objects.select_for_update().get(environment=environment).position
        lane = Lane.objects.create(
            environment=environment, connection=connection, kind=Lane.Kind.LIVE, start=head, cursor=head
        )
        LaneVersion.objects.create(lane=lane, from_position=head + 1, version=version)
        lanes.start_index_lane(environment)
        _audit(
            connection, "connection.added", by, reason, {"events": len(version.selection), "region": settings["region"]}
        )
    return connection


def version_in_force(connection: Connection) -> ConnectionVersion:
    """Return the newest version, which holds for everything not yet sent."""
    version: ConnectionVersion = connection.versions.order_by("-number")[0]
    return version


def selection_of(connection: Connection) -> set[Key]:
    """Return the (type, name) pairs that a connection sends."""
    return {(type_, name) for type_, name in version_in_force(connection).selection}


def select_events(
    connection: Connection,
    selection: Iterable[Key],
    *,
    by: User | None,
    options: dict[str, Any] | None = None,
    expected_number: int | None = None,
    reason: str = "",
) -> ConnectionVersion:
    """Change what is sent, from the first event on that is not being sent already.

    `options` replaces the options where it is given. Raises StaleVersionError where `expected_number` is not the
    version in force. A selection that says the same as before makes no new version.
    """
    with transaction.atomic():
        lanes.lock(connection)
        current = version_in_force(connection)
        if expected_number is not None and expected_number != current.number:
            raise StaleVersionError(current)
        chosen = _as_json(selection)
        chosen_options = current.options if options is None else options
        if chosen == current.selection and chosen_options == current.options:
            return current
        version = ConnectionVersion.objects.create(
            connection=connection,
            number=current.number + 1,
            selection=chosen,
            options=chosen_options,
            created_by=by,
            reason=reason[:500],
        )
        lanes.apply_version(connection, version)
        _audit(connection, "connection.events_selected", by, reason, _difference(current, version))
    _wake(connection)
    return version


def change_destination(
    connection: Connection,
    *,
    settings: dict[str, Any],
    source_name: str,
    write_key: str | None,
    by: User | None,
    reason: str = "",
) -> None:
    """Change where events go; without a `write_key` the present one stays. What was confirmed has to be anew.

    A connection that needed attention sends again: what it complained of may have been the key or the address.
    """
    with transaction.atomic():
        connection = lanes.lock(connection)
        changed = [
            name
            for name, is_changed in (
                ("region", connection.settings != settings),
                ("source name", connection.source_name != source_name),
                ("write key", write_key is not None),
            )
            if is_changed
        ]
        connection.settings, connection.source_name = settings, source_name
        if write_key is not None:
            _set_write_key(connection, write_key)
        if "region" in changed or "write key" in changed:
            connection.test_accepted_at = connection.confirmed_at = connection.confirmed_by = None
            if connection.status == Connection.Status.NEEDS_ATTENTION:
                _forget_attention(connection)
        connection.save()
        lanes.terms_changed(connection)
        _audit(connection, "connection.destination_changed", by, reason, {"changed": changed})
    _wake(connection)


def set_pace(
    connection: Connection, *, per_second: int | None, group_name: str = "", by: User | None, reason: str = ""
) -> None:
    """Set how many requests a second go to Segment: from this connection, or from all of the group that it joins.

    Without a number, it is what the host asks for; a group that is there keeps its pace.
    """
    with transaction.atomic():
        connection = lanes.lock(connection)
        connection.pacing_group = _pacing_group(group_name, per_second) if group_name else None
        connection.requests_per_second = None if group_name else per_second
        connection.save(update_fields=["pacing_group", "requests_per_second"])
        PacingGroup.objects.filter(connections__isnull=True).delete()
        lanes.look_again(connection)
        details = {"requests_per_second": pace.per_second(connection), "group": group_name}
        _audit(connection, "connection.pace_changed", by, reason, details)


def _pacing_group(name: str, per_second: int | None) -> PacingGroup:
    group, _ = PacingGroup.objects.get_or_create(
        name=name, defaults={"requests_per_second": per_second or pace.SEGMENT_PER_SECOND}
    )
    if per_second is not None and group.requests_per_second != per_second:
        group.requests_per_second = per_second
        group.save(update_fields=["requests_per_second"])
    return group


def pause(connection: Connection, *, by: User | None, reason: str = "") -> None:
    """Stop sending; the log keeps everything until the retention ends."""
    with transaction.atomic():
        connection = lanes.lock(connection)
        if connection.status != Connection.Status.ACTIVE:
            return
        connection.status = Connection.Status.PAUSED
        connection.save(update_fields=["status"])
        lanes.terms_changed(connection)
        _audit(connection, "connection.paused", by, reason, {})


def resume(connection: Connection, *, by: User | None, reason: str = "") -> None:
    """Send again, from the cursor on and at once; also after a connection needed attention."""
    with transaction.atomic():
        connection = lanes.lock(connection)
        if connection.status == Connection.Status.ACTIVE:
            return
        _forget_attention(connection)
        connection.save()
        lanes.terms_changed(connection)
        _audit(connection, "connection.resumed", by, reason, {})
    _wake(connection)


def send_test_event(connection: Connection, *, by: User | None) -> str:
    """Append a test event to the log, which any selection sends; return its nonce."""
    nonce = secrets.token_hex(8)
    now = datetime.now(UTC)
    properties = {"nonce": nonce, "test": True, "environment": connection.environment.name}
    message = Message(
        type="track",
        event=TEST_EVENT,
        anonymous_id=f"sluice-test-{nonce}",
        message_id=f"sluice-test-{uuid.uuid4()}",
        timestamp=now.isoformat(timespec="milliseconds"),
        properties=Raw(msgspec.json.encode(properties)),
        context=Raw(b'{"test":true}'),
    )
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(
            test_nonce=nonce, test_sent_at=now, test_accepted_at=None, confirmed_at=None, confirmed_by=None
        )
        log.append([log.Append(connection.environment_id, TEST_SOURCE, now, [message])])
        _audit(connection, "connection.tested", by, "", {"nonce": nonce})
    return nonce


def confirm_seen(connection: Connection, *, by: User | None) -> None:
    """Note that a person saw the test event in Segment, which is more than any answer of Segment proves."""
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(confirmed_at=timezone.now(), confirmed_by=by)
        _audit(connection, "connection.confirmed", by, "", {})


def disconnect(connection: Connection, *, by: User | None, reason: str = "") -> None:
    """End one environment's connection for good: its key goes at once, its history when it is pruned."""
    with transaction.atomic():
        connection = lanes.lock(connection)
        if connection.removed_at is not None:
            return
        connection.removed_at, connection.write_key = timezone.now(), ""
        connection.save(update_fields=["removed_at", "write_key"])
        lanes.terms_changed(connection)
        Lane.objects.filter(connection=connection).update(stopped_at=connection.removed_at)
        _audit(connection, "connection.removed", by, reason, {})


def remove_extension(assistant: Assistant, extension: str, *, by: User | None, reason: str = "") -> None:
    """End an extension in all environments of an assistant, unfinished wizards included."""
    with transaction.atomic():
        present = Connection.objects.present().filter(environment__assistant=assistant, extension=extension)
        for connection in present.order_by("pk"):
            disconnect(connection, by=by, reason=reason)
        for setup in PendingSetup.objects.filter(environment__assistant=assistant, extension=extension):
            setup.delete()
            audit.record(actor=by, action="setup.removed", target=TARGET, environment=setup.environment, reason=reason)


def _forget_attention(connection: Connection) -> None:
    connection.status = Connection.Status.ACTIVE
    connection.attention, connection.attention_at = "", None


def _set_write_key(connection: Connection, write_key: str) -> None:
    connection.write_key = encryption.encrypt(write_key, context=connection.secret_context)
    connection.write_key_last4 = write_key[-4:]
    connection.write_key_fingerprint = fingerprint(write_key)


def _wake(connection: Connection) -> None:
    transaction.on_commit(lambda: waker.changed(connection.environment_id), robust=True)


def _as_json(selection: Iterable[Key]) -> list[list[str]]:
    return sorted([type_, name] for type_, name in set(selection))


def _difference(before: ConnectionVersion, after: ConnectionVersion) -> dict[str, Any]:
    old, new = ({tuple(key) for key in version.selection} for version in (before, after))
    changed = {
        name: after.options.get(name)
        for name in sorted({*before.options, *after.options})
        if before.options.get(name) != after.options.get(name)
    }
    return {
        "version": after.number,
        "switched_on": sorted(" ".join(key).strip() for key in new - old),
        "switched_off": sorted(" ".join(key).strip() for key in old - new),
        **({"options": changed} if changed else {}),
    }


def _audit(connection: Connection, action: str, by: User | None, reason: str, details: dict[str, Any]) -> None:
    audit.record(
        actor=by,
        action=action,
        target=TARGET,
        environment=connection.environment,
        reason=reason,
        details=details,
    )
