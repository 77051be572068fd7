"""Lanes: who reads the log, how far, and with which version from which position on; replays, which are lanes too."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now

from assistants.models import Block, Environment
from integrations.models.connections import Connection, ConnectionVersion


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
