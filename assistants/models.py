"""The tables of who speaks: assistants, their environments and keys, and the log of what they said."""

import secrets
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Lower

PUBLIC_ID_BYTES = 12
MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 1, 365


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

    class Vocabulary(models.TextChoices):
        NATIVE = "native", "What suits each source"
        IBM = "ibm", "IBM watsonx Assistant"
        COPILOT = "copilot", "AI copilot"
        BOTH = "both", "Both"

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="environments")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.SlugField(max_length=50, help_text="As it appears in the property “environment” of events.")
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    retention_days = models.PositiveIntegerField(default=30)
    vocabulary = models.CharField(
        max_length=8,
        choices=Vocabulary.choices,
        default=Vocabulary.NATIVE,
        help_text="Whose names derived events carry; what arrives through Segment's own routes keeps its names.",
    )
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
            models.CheckConstraint(
                condition=models.Q(retention_days__gte=MIN_RETENTION_DAYS, retention_days__lte=MAX_RETENTION_DAYS),
                name="environment_retention_days",
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
    """What an assistant's runtime presents: a secret, of which only the hash is kept, or a browser's public key.

    A browser key stands in a page for everyone to read. So it can only write, on the routes of Segment's browser
    library, and only from its `origins`, if it has any.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="ingest_keys")
    label = models.CharField(max_length=100, blank=True)
    public_id = models.CharField(max_length=16, unique=True)
    digest = models.BinaryField(max_length=32)
    browser_text = models.CharField(max_length=100, blank=True, help_text="The whole key, of a browser key only.")
    origins = models.JSONField(default=list, help_text="Web origins from which a browser key may be used.")
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

    @property
    def is_browser_key(self) -> bool:
        return bool(self.browser_text)


class Source(models.Model):
    """A kind of sender as it is set up in one environment: its secret, its options, when it was last heard."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=20)
    secret = models.TextField(blank=True, help_text="Encrypted, bound to this row; empty where none is set.")
    options = models.JSONField(default=dict, help_text="Checked by the kind's adapter.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["kind"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["environment", "kind"], name="source_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.environment_id}"

    @property
    def secret_context(self) -> str:
        """What the encrypted secret is bound to."""
        return f"source:{self.environment_id}:{self.kind}"


class SourcePayload(models.Model):
    """One raw body of a webhook-like source, kept before its sender was told 2xx; the newest serve dry runs."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="source_payloads")
    kind = models.CharField(max_length=20)
    received_at = models.DateTimeField()
    headers = models.JSONField(default=dict, help_text="Only those that a mapping reads; never an authorization.")
    body = models.BinaryField(help_text="Compressed.")
    events = models.IntegerField(default=0, help_text="How many events were derived from it.")
    error = models.CharField(max_length=500, blank=True, help_text="Why it could not be read, if so.")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["environment", "kind", "-id"], name="source_payload_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} payload {self.pk} of {self.environment_id}"


class SourceTally(models.Model):
    """How often one thing happened at a source in one hour: a request taken, a kind ignored, a signature wrong."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="source_tallies")
    kind = models.CharField(max_length=20)
    code = models.CharField(max_length=60)
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    detail = models.CharField(max_length=300, blank=True, help_text="Of the last time, in words for people.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["environment", "kind", "code", "hour"], name="source_tally_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.count} × {self.code}"


class Conversation(models.Model):
    """What deriving must remember of one conversation; read and written in the append's transaction."""

    pk = models.CompositePrimaryKey("environment_id", "digest")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.BinaryField(max_length=16, help_text="Hash of the source's kind and the conversation's ID.")
    state = models.BinaryField()
    updated_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.environment_id}: {bytes(self.digest).hex()}"


class HeldPart(models.Model):
    """What one request brought of something complete only later, such as spans of a trace; derived at `due_at`.

    Each new row of the same whole moves `due_at` of the whole. One that is derived waits for what comes late, and goes
    at `due_at`.
    """

    # No foreign key constraint: it would be checked for each row; the prune removes the parts.
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=20)
    whole = models.BinaryField(max_length=16, help_text="Hash of what the part belongs to, such as a trace's ID.")
    part = models.BinaryField(max_length=16, help_text="Hash of the IDs of what came together.")
    body = models.BinaryField(help_text="Compressed.")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    is_derived = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["environment", "kind", "whole", "part"], name="held_part_unique"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["is_derived", "due_at"], name="held_part_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} part {self.pk} of {self.environment_id}"


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
    # How many events have which name, as JSON, so that counting reads no body; empty where there are too many names.
    names = models.TextField(default="", db_default="")
    # Every event is known to be as the catalog says, or has a name that the catalog does not know.
    is_faultless = models.BooleanField(default=False, db_default=False)

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


class Erasure(models.Model):
    """A request to erase a person from an environment, and how far that is; whom it names is forgotten at its end."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="erasures")
    user_id = models.TextField(help_text="Empty once it is done.")
    fingerprint = models.CharField(max_length=12, help_text="Of the user ID, so that the same request is recognised.")
    requested_at = models.DateTimeField(auto_now_add=True)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    until = models.BigIntegerField(help_text="The log's head at the request: what comes later is not erased.")
    position = models.BigIntegerField(default=0, help_text="Up to where the log is done.")
    events = models.BigIntegerField(default=0, help_text="How many events were erased.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["environment", "fingerprint"],
                condition=models.Q(finished_at__isnull=True),
                name="erasure_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"erasure of {self.fingerprint} from {self.environment_id}"

    @property
    def percent(self) -> int:
        """How much of the log is done."""
        return 100 * min(self.position, self.until) // self.until if self.until else 100


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
