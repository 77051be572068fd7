"""Figures: events by minute and since the start, how long requests took, and what differed from the catalog."""

from typing import ClassVar

from django.db import models

from assistants.models import Environment
from integrations.models.lanes import Lane


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
