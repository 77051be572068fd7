"""The tables of who speaks: assistants, their environments and keys, and the log of what they said."""

import secrets
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Lower

PUBLIC_ID_BYTES = 12


def new_public_id() -> str:
    """Return a random name for use in URLs: 16 characters, URL-safe, not a secret."""
    return secrets.token_urlsafe(PUBLIC_ID_BYTES)


class AssistantQuerySet(models.QuerySet["Assistant"]):
    def present(self) -> "AssistantQuerySet":
        """Leave out the assistants that were deleted and wait for the prune."""
        return self.filter(deleted_at__isnull=True)


class Assistant(models.Model):
    """A chatbot or copilot that a team runs."""

    name = models.CharField(max_length=100)
    language = models.CharField(
        max_length=35, blank=True, help_text="Language tag of the assistant, such as en or pt-BR."
    )
    account_id = models.CharField(max_length=200, blank=True)
    service_instance = models.CharField(max_length=200, blank=True)
    vendor_assistant_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = AssistantQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                Lower("name"),
                condition=models.Q(deleted_at__isnull=True),
                name="assistant_name_unique",
                violation_error_message="An assistant with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def present(self) -> "EnvironmentQuerySet":
        """Leave out the environments of deleted assistants and those removed themselves."""
        return self.filter(deleted_at__isnull=True, assistant__deleted_at__isnull=True)


class Environment(models.Model):
    """One place where an assistant runs, with ingest keys, sources and a log of its own."""

    class Kind(models.TextChoices):
        DRAFT = "draft", "Draft"
        LIVE = "live", "Live"
        OTHER = "other", "Other"

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="environments")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.SlugField(max_length=50, help_text="As it appears in the property “environment” of events.")
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    retention_days = models.PositiveIntegerField(default=30)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["assistant", "name"],
                condition=models.Q(deleted_at__isnull=True),
                name="environment_name_unique",
                violation_error_message="This assistant has an environment with this name already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.assistant.name} / {self.name}"

    @property
    def label(self) -> str:
        """The name as people read it: Draft, Live, or the further environment's own name."""
        return self.name if self.kind == self.Kind.OTHER else str(self.get_kind_display())


class LogHead(models.Model):
    """The highest position given out in an environment; `log.append` alone moves it, never `save()`."""

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, primary_key=True, related_name="log_head")
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"head of {self.environment_id} at {self.position}"


class LogTail(models.Model):
    """What the prune has taken from an environment's log: blocks and keys up to these positions are gone."""

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, primary_key=True, related_name="log_tail")
    blocks_gone_to = models.BigIntegerField(default=0)
    keys_gone_to = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"tail of {self.environment_id}: blocks {self.blocks_gone_to}, keys {self.keys_gone_to}"


class IngestKey(models.Model):
    """A secret that an assistant's runtime presents; only its hash is kept."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="ingest_keys")
    label = models.CharField(max_length=100, blank=True)
    public_id = models.CharField(max_length=16, unique=True)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.public_id} of {self.environment_id}"

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None


class Block(models.Model):
    """One committed append: the events of one source at consecutive positions, compressed together."""

    pk = models.CompositePrimaryKey("environment_id", "last_position")
    # No foreign key constraint: it would lock the environment's row at each append; the prune removes blocks.
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    last_position = models.BigIntegerField()
    first_position = models.BigIntegerField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=20)
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.environment_id}: {self.first_position}–{self.last_position}"


class EventKey(models.Model):
    """That an environment has stored a message ID, and at which position; ends client retries."""

    pk = models.CompositePrimaryKey("environment_id", "digest")
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.BinaryField(max_length=16)
    position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.environment_id}: {bytes(self.digest).hex()} at {self.position}"


class Refusal(models.Model):
    """Items that intake did not take in one hour, for one reason: how many, and the latest sample."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="refusals")
    source = models.CharField(max_length=20)
    code = models.CharField(max_length=60)
    hour = models.DateTimeField()
    message = models.CharField(max_length=300)
    sample = models.CharField(max_length=500)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["environment", "source", "code", "hour"], name="refusal_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.code}"


class AuditEntry(models.Model):
    """Who changed what, where, when and why; rows are only ever added."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=254, help_text="As it was then; “command line” where no person signed in.")
    action = models.CharField(max_length=60)
    assistant = models.ForeignKey(Assistant, null=True, on_delete=models.SET_NULL, related_name="+")
    environment = models.ForeignKey(Environment, null=True, on_delete=models.SET_NULL, related_name="+")
    target = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.target}"
