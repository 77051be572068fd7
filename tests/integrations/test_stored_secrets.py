"""Encrypted columns: rotated without loss, checked at the start, and never overwritten by what cannot read them."""

import base64
import os
from datetime import timedelta
from io import StringIO

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from assistants import sources
from assistants.encryption import decrypt, encrypt, key_id, needs_rotation
from assistants.models import AuditEntry, Source
from assistants.sources import setup
from integrations import stored_secrets
from integrations.models import Connection, PendingSetup
from tests.make import WRITE_KEY, make_connection, make_environment

pytestmark = pytest.mark.django_db


def make_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def make_pending_setup(write_key: str) -> PendingSetup:
    pending = PendingSetup(environment=make_environment(), expires_at=timezone.now() + timedelta(days=7))
    pending.write_key = encrypt(write_key, context=pending.secret_context) if write_key else ""
    pending.save()
    return pending


def make_source(secret: str) -> Source:
    custom = sources.find("custom")
    assert custom is not None
    return setup.save(make_environment(), custom, options={}, secret=secret, by=None)


def readable(row: Connection | PendingSetup) -> str:
    row.refresh_from_db()
    return decrypt(row.write_key, context=row.secret_context)


def errors_at_start() -> list[checks.CheckMessage]:
    """Run the checks that `migrate` runs at each start."""
    return [
        error
        for error in checks.run_checks(tags=[checks.Tags.database, checks.Tags.security], databases=["default"])
        if error.id in {"sluice.E001", "sluice.E002"}
    ]


def test_rotation_encrypts_everything_under_the_newest_key(settings: Settings) -> None:
    old, new = make_key(), make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    connection, pending, empty = make_connection(), make_pending_setup("key-two"), make_pending_setup("")

    settings.SLUICE_ENCRYPTION_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_keys", stdout=out)

    assert out.getvalue() == "2 encrypted anew, 0 were current, 0 cannot be read\n"
    settings.SLUICE_ENCRYPTION_KEYS = [new]
    assert (readable(connection), readable(pending)) == (WRITE_KEY, "key-two")
    empty.refresh_from_db()
    assert empty.write_key == ""
    entries = AuditEntry.objects.filter(action="secrets.rotated").order_by("id")
    assert [(entry.target, entry.details) for entry in entries] == [
        ("connection", {"field": "write_key", "count": 1}),
        ("pending setup", {"field": "write_key", "count": 1}),
    ]


def test_secrets_of_sources_are_rotated_checked_and_given_up_like_write_keys(settings: Settings) -> None:
    old, new = make_key(), make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    source = make_source("a made-up secret")
    settings.SLUICE_ENCRYPTION_KEYS = [new, old]

    assert stored_secrets.rotate().rotated == 1

    settings.SLUICE_ENCRYPTION_KEYS = [new]
    source.refresh_from_db()
    assert decrypt(source.secret, context=source.secret_context) == "a made-up secret"
    entry = AuditEntry.objects.get(action="secrets.rotated")
    assert (entry.target, entry.details) == ("source", {"field": "secret", "count": 1})
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    (error,) = errors_at_start()
    assert error.msg.startswith(f"Secret of source {source.pk}: ")
    assert stored_secrets.forget_unreadable() == 1
    assert errors_at_start() == []
    assert Source.objects.get().secret == ""


def test_a_second_rotation_has_nothing_to_do(settings: Settings) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    connection = make_connection()
    token = connection.write_key

    rotation = stored_secrets.rotate()

    assert (rotation.rotated, rotation.current, rotation.unreadable) == (0, 1, [])
    connection.refresh_from_db()
    assert connection.write_key == token
    assert not AuditEntry.objects.filter(action="secrets.rotated").exists()


def test_rotation_goes_on_where_an_earlier_one_stopped(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_secrets, "ROWS_PER_TRANSACTION", 2)
    old, new = make_key(), make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    connections = [make_connection() for _ in range(5)]
    settings.SLUICE_ENCRYPTION_KEYS = [new, old]
    done = connections[0]
    Connection.objects.filter(pk=done.pk).update(write_key=encrypt(WRITE_KEY, context=done.secret_context))

    rotation = stored_secrets.rotate()

    assert (rotation.rotated, rotation.current) == (4, 1)
    assert not any(needs_rotation(row.write_key) for row in Connection.objects.all())
    assert [readable(connection) for connection in connections] == [WRITE_KEY] * 5
    counts = [entry.details["count"] for entry in AuditEntry.objects.filter(action="secrets.rotated")]
    assert sum(counts) == 4
    assert max(counts) <= 2


def test_with_the_old_key_gone_too_early_nothing_is_overwritten_and_the_start_fails(settings: Settings) -> None:
    old, new = make_key(), make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    connection = make_connection()
    token = connection.write_key
    settings.SLUICE_ENCRYPTION_KEYS = [new]
    other = make_connection()
    missing = key_id(base64.b64decode(old))
    problem = (
        f"Write key of connection {connection.pk}: "
        f"SLUICE_ENCRYPTION_KEYS does not contain the key {missing}, which encrypted this value."
    )

    with pytest.raises(CommandError) as caught:
        call_command("rotate_keys", stdout=StringIO())

    assert str(caught.value) == f"Left as they are, so keep the older keys, or use --forget-unreadable:\n{problem}"
    connection.refresh_from_db()
    assert connection.write_key == token
    assert readable(other) == WRITE_KEY
    assert [(error.id, error.msg) for error in errors_at_start()] == [("sluice.E002", problem)]
    settings.SLUICE_ENCRYPTION_KEYS = [new, old]
    assert errors_at_start() == []
    assert readable(connection) == WRITE_KEY


def test_a_lost_key_can_be_given_up_and_the_connection_asks_for_a_new_one(settings: Settings) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    lost, paused, pending = make_connection(), make_connection(), make_pending_setup("key-two")
    Connection.objects.filter(pk=paused.pk).update(status=Connection.Status.PAUSED)
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    kept = make_connection()
    out = StringIO()

    call_command("rotate_keys", "--forget-unreadable", stdout=out)

    assert out.getvalue() == "3 given up\n0 encrypted anew, 1 were current, 0 cannot be read\n"
    assert errors_at_start() == []
    for row in (lost, paused, pending):
        row.refresh_from_db()
        assert row.write_key == ""
    assert (lost.status, lost.attention) == (
        Connection.Status.NEEDS_ATTENTION,
        "The write key could not be decrypted and was given up. Enter it again in the settings.",
    )
    assert paused.status == Connection.Status.PAUSED
    assert readable(kept) == WRITE_KEY
    assert kept.status == Connection.Status.ACTIVE
    assert AuditEntry.objects.filter(action="secret.forgotten").count() == 3


def test_a_token_copied_from_another_row_is_found_at_the_start(settings: Settings) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    one, two = make_connection(), make_connection()
    Connection.objects.filter(pk=one.pk).update(write_key=two.write_key)

    (error,) = errors_at_start()

    assert error.msg.startswith(f"Write key of connection {one.pk}: The value does not decrypt with key ")


def test_a_connection_that_was_removed_does_not_keep_sluice_from_starting(settings: Settings) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]
    connection = make_connection()
    Connection.objects.filter(pk=connection.pk).update(removed_at=timezone.now())
    settings.SLUICE_ENCRYPTION_KEYS = [make_key()]

    assert errors_at_start() == []


@pytest.mark.parametrize(
    ("keys", "messages"),
    [
        ([], ["SLUICE_ENCRYPTION_KEYS is empty."]),
        (["!", make_key(), "c2hvcnQ="], ["Key 1 {0} is not valid base64.", "Key 3 {0} has 5 bytes, 32 are needed."]),
        ([make_key()], []),
    ],
)
def test_keys_that_cannot_be_used_are_found_at_the_start(
    settings: Settings, keys: list[str], messages: list[str]
) -> None:
    settings.SLUICE_ENCRYPTION_KEYS = keys

    found = errors_at_start()

    assert [error.msg for error in found] == [message.format("of SLUICE_ENCRYPTION_KEYS") for message in messages]
    assert all("os.urandom(32)" in str(error.hint) for error in found)


def test_a_key_replaced_during_the_rotation_stays(settings: Settings) -> None:
    old, new = make_key(), make_key()
    settings.SLUICE_ENCRYPTION_KEYS = [old]
    stale = make_connection()
    settings.SLUICE_ENCRYPTION_KEYS = [new, old]
    replaced = encrypt("key-of-somebody-else", context=stale.secret_context)
    Connection.objects.filter(pk=stale.pk).update(write_key=replaced)

    rotation = stored_secrets.Rotation()
    stored_secrets.rotate_rows([stale], rotation)

    assert rotation.rotated == 0
    assert readable(stale) == "key-of-somebody-else"
