"""The tables of who listens: connections, their versions, the lanes that read the log, and what became of it."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from assistants.models import Block, Environment


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


class LaneQuerySet(models.QuerySet["Lane"]):
    def running(self) -> "LaneQuerySet":
        """Lanes that may move: neither stopped nor paused, and their connection not paused nor in need of attention."""
        return self.filter(
            models.Q(connection__isnull=True) | models.Q(connection__status=Connection.Status.ACTIVE),
            environment__deleted_at__isnull=True,
            environment__assistant__deleted_at__isnull=True,
            stopped_at__isnull=True,
            paused_at__isnull=True,
        )

    def unfinished(self) -> "LaneQuerySet":
        """Lanes that still have a way to go, or always will: not stopped, and not at their end."""
        return self.filter(
            models.Q(end__isnull=True) | models.Q(cursor__lt=models.F("end")),
            stopped_at__isnull=True,
        )

    def open(self) -> "LaneQuerySet":
        """Lanes that have something before them, now or later, whether or not they may move at present."""
        return self.filter(
            models.Q(connection__isnull=True) | models.Q(connection__removed_at__isnull=True),
            models.Q(end__isnull=True) | models.Q(cursor__lt=models.F("end")),
            environment__deleted_at__isnull=True,
            environment__assistant__deleted_at__isnull=True,
            stopped_at__isnull=True,
        )

    def with_oldest_waiting(self) -> "LaneQuerySet":
        """Let each lane know when the first block behind its cursor was received: `oldest_waiting_at`."""
        behind = Block.objects.filter(
            environment_id=models.OuterRef("environment_id"), last_position__gt=models.OuterRef("cursor")
        )
        oldest = models.Subquery(behind.order_by("last_position").values("received_at")[:1])
        return self.select_related("environment__log_head").annotate(oldest_block_at=oldest)

    def behind(self) -> "LaneQuerySet":
        """Lanes with something to read."""
        return self.unfinished().filter(cursor__lt=models.F("environment__log_head__position"))

    def due(self) -> "LaneQuerySet":
        """Running lanes with something to read that wait for nothing and that nobody holds, by the database clock."""
        return (
            self.running()
            .behind()
            .filter(models.Q(next_attempt_at__isnull=True) | models.Q(next_attempt_at__lte=Now()))
            .filter(models.Q(lease_until__isnull=True) | models.Q(lease_until__lte=Now()))
        )


class Lane(models.Model):
    """A reader of one environment's log with a cursor; changed by conditional UPDATE only, never by `save()`.

    `lease_token` is the fencing token: it grows with every take-over, and whoever settles must still hold it.
    `in_flight_to` is the last position of a batch that is being sent, or that may have arrived although no answer came
    back; a new version begins behind it. `terms_seq` grows with each change of what or where to send, so that a holder
    notices one before it sends.
    """

    class Kind(models.TextChoices):
        LIVE = "live", "Live"
        REPLAY = "replay", "Replay"
        INDEX = "index", "Index"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="lanes")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="lanes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    start = models.BigIntegerField()
    cursor = models.BigIntegerField()
    end = models.BigIntegerField(null=True)
    filter = models.JSONField(default=dict)
    terms_seq = models.IntegerField(default=0)
    lease_token = models.BigIntegerField(default=0)
    lease_holder = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    in_flight_to = models.BigIntegerField(null=True)
    attempts = models.IntegerField(default=0, help_text="Attempts at the batch behind the cursor that did not succeed.")
    deaths = models.IntegerField(default=0, db_default=0, help_text="Turns that nobody ended, since the last progress.")
    alone_to = models.BigIntegerField(null=True, help_text="Up to here events go one by one, as one kills workers.")
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    paused_at = models.DateTimeField(null=True, help_text="Of a replay; others pause with their connection.")
    stopped_at = models.DateTimeField(null=True)

    objects = LaneQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=models.Q(kind="index"),
                name="lane_one_index_per_environment",
            ),
            models.UniqueConstraint(
                fields=["connection"],
                condition=models.Q(kind="live"),
                name="lane_one_live_per_connection",
            ),
        ]

    def __str__(self) -> str:
        return f"lane {self.pk} ({self.kind}) at {self.cursor}"

    @property
    def has_ended(self) -> bool:
        """Whether it was stopped, or has reached its end."""
        return self.stopped_at is not None or (self.end is not None and self.cursor >= self.end)

    @property
    def oldest_waiting_at(self) -> datetime | None:
        """When the oldest event before it was received; only of a lane that came `with_oldest_waiting`."""
        oldest: datetime | None = vars(self)["oldest_block_at"]
        return oldest if self.backlog else None

    @property
    def backlog(self) -> int:
        """How many events are before it; looks at the environment's log head."""
        head = self.environment.log_head.position
        return max(0, (head if self.end is None else min(head, self.end)) - self.cursor)


class LaneVersion(models.Model):
    """From this position on the lane composes with this version."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="lane_versions")
    from_position = models.BigIntegerField()
    version = models.ForeignKey(ConnectionVersion, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering: ClassVar[list[str]] = ["from_position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["lane", "from_position"], name="lane_version_unique"),
        ]

    def __str__(self) -> str:
        return f"lane {self.lane_id} from {self.from_position}"


class Delivery(models.Model):
    """One attempt to move a lane: one POST, or a range of which nothing was to be sent."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted by Segment"
        REFUSED = "refused", "Refused"
        RETRY = "retry", "To be tried again"
        NOTHING = "nothing", "Nothing to send"

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="deliveries")
    version = models.ForeignKey(ConnectionVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    sent = models.IntegerField()
    left_out = models.IntegerField()
    size_bytes = models.IntegerField()
    attempt = models.IntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    status = models.IntegerField(null=True, help_text="HTTP status; null without an answer.")
    answer = models.CharField(max_length=500, blank=True)
    duration_ms = models.IntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["lane", "-last_position"], name="delivery_position"),
            models.Index(fields=["at"], name="delivery_at"),
        ]

    def __str__(self) -> str:
        return f"lane {self.lane_id}: {self.first_position}–{self.last_position} {self.outcome}"


class Replay(models.Model):
    """Events sent to their connection once more: who asked for it and why. Its lane does the work, and has the filter.

    The primary key is the namespace of the message IDs where they are to be new ones.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lane = models.OneToOneField(Lane, on_delete=models.CASCADE, related_name="replay")
    has_new_ids = models.BooleanField(help_text="Segment then takes the events for new ones.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True, help_text="When it had reached its end.")

    def __str__(self) -> str:
        return f"replay {self.pk} on lane {self.lane_id}"

    @property
    def moment(self) -> str:
        """When it was started, which is how people tell replays apart: “the replay of 28 Nov, 16:04”."""
        return f"{self.created_at:%-d %b, %H:%M}"


class RejectionQuerySet(models.QuerySet["Rejection"]):
    def of(self, connection: Connection) -> "RejectionQuerySet":
        """Those of all lanes of a connection."""
        return self.filter(lane__connection=connection)

    def unresolved(self) -> "RejectionQuerySet":
        """Those about which somebody still has to decide: at most one for each event of a connection."""
        return self.filter(resolved_at__isnull=True)

    def undecided(self) -> "RejectionQuerySet":
        """Those unresolved ones that no replay is about to send."""
        coming = Lane.objects.filter(kind=Lane.Kind.REPLAY).unfinished()
        return self.unresolved().exclude(replay__lane__in=coming)

    def like(self, rejection: "Rejection") -> "RejectionQuerySet":
        """Those with the reason and the answer of one of them."""
        return self.filter(reason=rejection.reason, status=rejection.status, answer=rejection.answer)


class Rejection(models.Model):
    """One event that Segment refused for good: which, why and what it answered, and what that ended in.

    `resolved_by` is the person who decided, `resolved_in` the replay in which it showed.
    """

    class Resolution(models.TextChoices):
        ACCEPTED = "accepted", "Accepted in a replay"
        REPEATED = "repeated", "Refused again in a replay"
        DISCARDED = "discarded", "Discarded"

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="rejections")
    position = models.BigIntegerField()
    reason = models.CharField(max_length=60)
    status = models.IntegerField(null=True)
    answer = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now)
    replay = models.ForeignKey(
        Replay,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="rejections",
        help_text="The latest one that was told to send this event.",
    )
    resolution = models.CharField(max_length=10, choices=Resolution.choices, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    resolution_reason = models.CharField(max_length=500, blank=True)
    resolved_in = models.ForeignKey(Replay, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = RejectionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["lane", "position"], name="rejection_unique"),
            models.CheckConstraint(
                condition=models.Q(resolution="", resolved_at__isnull=True)
                | (~models.Q(resolution="") & models.Q(resolved_at__isnull=False)),
                name="rejection_resolved_somehow",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            # What is resolved piles up; the pages and each replay ask for what is not.
            models.Index(
                fields=["lane", "-position"],
                condition=models.Q(resolved_at__isnull=True),
                name="rejection_unresolved",
            ),
            models.Index(fields=["replay", "position"], name="rejection_of_replay"),
        ]

    def __str__(self) -> str:
        return f"lane {self.lane_id}: {self.position} {self.reason}"

    @property
    def is_in_replay(self) -> bool:
        """Whether a replay is about to send the event again."""
        return self.resolved_at is None and self.replay is not None and not self.replay.lane.has_ended


class ExpiredRange(models.Model):
    """Consecutive events that a lane passed unsent, because their retention ended while they waited."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="expired_ranges")
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    at = models.DateTimeField(help_text="When the last of them expired.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["lane", "last_position"], name="expired_range_unique"),
        ]

    def __str__(self) -> str:
        return f"lane {self.lane_id}: {self.first_position}–{self.last_position} expired"


class Incident(models.Model):
    """Something that people are told of once when it begins, and once when it is over."""

    class Kind(models.TextChoices):
        ATTENTION = "attention", "Needs attention"
        FAILING = "failing", "Segment does not take events"
        SILENT = "silent", "An event has stopped coming"
        EXPIRING = "expiring", "Waiting events will expire"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="incidents")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="incidents")
    lane = models.ForeignKey(Lane, null=True, on_delete=models.CASCADE, related_name="incidents")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    key = models.CharField(max_length=250, help_text="Tells it from others of its kind: a lane, the name of an event.")
    cause = models.CharField(max_length=500)
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField(help_text="When it was noticed.")
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=200, blank=True, help_text="How it ended, in words for people.")

    class Meta:
        ordering: ClassVar[list[str]] = ["opened_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "environment", "key"],
                condition=models.Q(ended_at__isnull=True),
                name="incident_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Notice(models.Model):
    """That people are told by one channel that an incident began, or that it is over; claimed before it is sent."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    class Moment(models.TextChoices):
        BEGAN = "began", "It began"
        ENDED = "ended", "It is over"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    moment = models.CharField(max_length=6, choices=Moment.choices)
    claimed_until = models.DateTimeField(help_text="Until then nobody else sends it.")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["incident", "channel", "moment"], name="notice_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} that {self.incident_id} {self.moment}"


class FirstOccurrence(models.Model):
    """That something was seen for the first time on a connection, such as a visitor, and at which position.

    Claimed before the POST, in the transaction that records the attempt. An event goes if the row holds its own
    position, so retries and replays decide the same way for ever.
    """

    pk = models.CompositePrimaryKey("connection_id", "digest")
    connection = models.ForeignKey(
        Connection, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.BinaryField(max_length=16, help_text="Salted hash of the rule, the visitor, and what else counts.")
    position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.connection_id}: {bytes(self.digest).hex()} at {self.position}"


class SchemaWarning(models.Model):
    """How often events of one name differed from the catalog in one way, in one hour of receipt."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="schema_warnings")
    name = models.CharField(max_length=200)
    code = models.CharField(max_length=20, help_text="unknown_event, missing or mistyped.")
    property = models.CharField(max_length=100, blank=True)
    hour = models.DateTimeField()
    count = models.BigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["environment", "name", "code", "property", "hour"], name="schema_warning_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.property} {self.code} {self.count} times"


class EventCount(models.Model):
    """How many events of one name had one outcome, by the minute (later the hour) in which they were received.

    The lane is the one that counted: the index lane counts what was received, the others what became of it.
    """

    pk = models.CompositePrimaryKey("lane_id", "minute", "outcome", "name")
    lane = models.ForeignKey(Lane, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    minute = models.DateTimeField()
    outcome = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} {self.outcome}: {self.count}"


class EventTotal(models.Model):
    """How many events of a lane had one outcome since its start; stays when the counts by minute are pruned."""

    pk = models.CompositePrimaryKey("lane_id", "outcome")
    lane = models.ForeignKey(
        Lane, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="totals"
    )
    outcome = models.CharField(max_length=40)
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"lane {self.lane_id} {self.outcome}: {self.count}"


class DurationTotal(models.Model):
    """How many requests of a lane took how long, of those that were summed up; stays when deliveries are pruned."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="duration_totals")
    bucket = models.SmallIntegerField(help_text="Which bound of the histogram they stay within; beyond: the next.")
    count = models.BigIntegerField()
    total_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["lane", "bucket"], name="duration_total_unique"),
        ]

    def __str__(self) -> str:
        return f"lane {self.lane_id}, bucket {self.bucket}: {self.count}"


class SummedUp(models.Model):
    """Up to which moment the rows of one kind are part of their totals."""

    kind = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} until {self.until:%Y-%m-%d %H:%M}"


class Heartbeat(models.Model):
    """When a worker or a sweep last showed that it works, and how long the worker's wake-up took to reach it."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    lag_seconds = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"

    @classmethod
    def beat(cls, name: str, at: datetime, *, lag_seconds: float | None = None) -> None:
        """Say that `name` works at this moment."""
        cls.objects.update_or_create(name=name, defaults={"at": at, "lag_seconds": lag_seconds})


class SandboxMessage(models.Model):
    """One message that the built-in recorder took, in place of Segment; the newest thousand are kept."""

    write_key_fingerprint = models.CharField(max_length=16, db_index=True)
    message_id = models.CharField(max_length=200)
    body = models.TextField(help_text="The message as it came, JSON.")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["message_id"], name="sandbox_message_unique"),
        ]

    def __str__(self) -> str:
        return self.message_id
