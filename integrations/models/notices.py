"""What is amiss, who was told of it, and which processes are alive."""

from datetime import datetime
from typing import ClassVar

from django.db import models

from assistants.models import Environment
from integrations.models.connections import Connection
from integrations.models.lanes import Lane


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
