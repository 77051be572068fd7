"""The tables of who listens, in one module for each kind."""

from integrations.models.connections import Connection, ConnectionQuerySet, ConnectionVersion, PacingGroup, PendingSetup
from integrations.models.counts import DurationTotal, EventCount, EventTotal, SchemaWarning, SummedUp
from integrations.models.lanes import Lane, LaneQuerySet, LaneVersion, Replay
from integrations.models.notices import Heartbeat, Incident, Notice
from integrations.models.outcomes import (
    Delivery,
    ExpiredRange,
    FirstOccurrence,
    Rejection,
    RejectionQuerySet,
    SandboxMessage,
)

__all__ = [
    "Connection",
    "ConnectionQuerySet",
    "ConnectionVersion",
    "Delivery",
    "DurationTotal",
    "EventCount",
    "EventTotal",
    "ExpiredRange",
    "FirstOccurrence",
    "Heartbeat",
    "Incident",
    "Lane",
    "LaneQuerySet",
    "LaneVersion",
    "Notice",
    "PacingGroup",
    "PendingSetup",
    "Rejection",
    "RejectionQuerySet",
    "Replay",
    "SandboxMessage",
    "SchemaWarning",
    "SummedUp",
]
