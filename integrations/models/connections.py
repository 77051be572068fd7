"""Connections: where an environment's events go, and on what terms, by version; wizards that are not finished."""

import uuid
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models

from assistants.models import Environment


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def present(self) -> "ConnectionQuerySet":
        """Leave out what was disconnected."""
        return self.filter(
            removed_at__isnull=True,
            environment__deleted_at__isnull=True,
            environment__assistant__deleted_at__isnull=True,
        )

    def needing_attention(self) -> "ConnectionQuerySet":
        return self.present().filter(status=Connection.Status.NEEDS_ATTENTION)


class PacingGroup(models.Model):
    """Connections whose requests keep one pace together, as those into one Segment workspace should."""

    name = models.CharField(max_length=100, unique=True)
    requests_per_second = models.PositiveSmallIntegerField()
    next_request_at = models.DateTimeField(null=True, help_text="Before this, no request of the group goes.")

    def __str__(self) -> str:
        return self.name


class Connection(models.Model):
    """An extension configured for one environment: where its events go, and on what terms."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="connections")
    extension = models.CharField(max_length=40, default="segment")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    attention = models.CharField(max_length=500, blank=True, help_text="Why it needs attention, in words for people.")
    attention_at = models.DateTimeField(null=True, blank=True)
    settings = models.JSONField(default=dict, help_text="Region, own endpoint; validated by the extension.")
    source_name = models.CharField(max_length=200, blank=True, help_text="Name of the source in Segment.")
    write_key = models.TextField(help_text="Encrypted, bound to this row.")
    write_key_last4 = models.CharField(max_length=4)
    write_key_fingerprint = models.CharField(max_length=16)
    requests_per_second = models.PositiveSmallIntegerField(null=True, help_text="Without one: as its host asks.")
    pacing_group = models.ForeignKey(PacingGroup, null=True, on_delete=models.SET_NULL, related_name="connections")
    test_nonce = models.CharField(max_length=40, blank=True)
    test_sent_at = models.DateTimeField(null=True, blank=True)
    test_accepted_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["environment", "extension"],
                condition=models.Q(removed_at__isnull=True),
                name="connection_one_per_environment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.extension} of {self.environment_id}"

    @property
    def secret_context(self) -> str:
        """What the encrypted write key is bound to."""
        return f"connection:{self.pk}"


class ConnectionVersion(models.Model):
    """An immutable numbered snapshot of what a connection sends; the newest number is in force."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    selection = models.JSONField(help_text='List of [type, name] pairs, such as ["track", "Session Started"].')
    options = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["connection", "number"], name="version_number_unique"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.connection_id}"


class PendingSetup(models.Model):
    """A wizard that is not finished: what was entered so far, resumable until it expires."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="pending_setups")
    extension = models.CharField(max_length=40, default="segment")
    settings = models.JSONField(default=dict)
    source_name = models.CharField(max_length=200, blank=True)
    write_key = models.TextField(blank=True, help_text="Encrypted, bound to this row.")
    write_key_last4 = models.CharField(max_length=4, blank=True)
    selection = models.JSONField(
        null=True, help_text="List of [type, name] pairs; null until Select events was passed."
    )
    test_accepted_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["environment", "extension"], name="pending_setup_unique"),
        ]

    def __str__(self) -> str:
        return f"setup of {self.extension} for {self.environment_id}"

    @property
    def secret_context(self) -> str:
        """What the encrypted write key is bound to."""
        return f"pending-setup:{self.pk}"
