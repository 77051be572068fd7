"""What became of events: attempts, rejections, what expired, first occurrences, and what the sandbox took."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from integrations.models.connections import Connection, ConnectionVersion
from integrations.models.lanes import Lane, Replay


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
