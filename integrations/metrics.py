"""What Sluice tells a monitoring system: how much came, went and waits, read from the database at each request.

Counters are read from totals that no prune takes anything from. Labels are IDs, kinds and reasons of Sluice's own:
what senders write, such as the names of events, would make as many series as they like.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet, Sum

from assistants.models import Environment
from integrations import counts, durations
from integrations.compose import ACCEPTED
from integrations.durations import BOUNDS_MS, Histogram
from integrations.exposition import COUNTER, GAUGE, HISTOGRAM, Family
from integrations.health import WORKER
from integrations.models import Connection, EventTotal, Heartbeat, Lane
from integrations.version import VERSION

BOUNDS_SECONDS = [bound / 1_000 for bound in BOUNDS_MS]


def collect(now: datetime | None = None) -> list[Family]:
    """Return every metric as of this moment; a fixed number of queries, none of which grows with the log."""
    now = now or datetime.now(UTC)
    return [*_about(), *_events(), *_lanes(now), _requests(), *_connections(), *_processes(now)]


def _about() -> Iterable[Family]:
    version = Family("sluice_info", GAUGE, "The version that runs.")
    version.add({"version": VERSION}, 1)
    environments = Family("sluice_environment_info", GAUGE, "The names of an environment, to join with its ID.")
    for public_id, assistant, name in Environment.objects.present().values_list("public_id", "assistant__name", "name"):
        environments.add({"environment": public_id, "assistant": assistant, "name": name}, 1)
    return [version, environments]


def _events() -> Iterable[Family]:
    received = Family("sluice_events_received_total", COUNTER, "Events that were stored, counted by the index lane.")
    accepted = Family("sluice_events_accepted_total", COUNTER, "Events that Segment accepted.")
    rejected = Family("sluice_events_rejected_total", COUNTER, "Events that Segment refused for good.")
    expired = Family("sluice_events_expired_total", COUNTER, "Events whose retention ended before they were sent.")
    left_out = Family("sluice_events_left_out_total", COUNTER, "Events that were not sent, by the reason.")
    simple = {counts.RECEIVED: received, ACCEPTED: accepted, counts.REJECTED: rejected, counts.EXPIRED: expired}
    for environment, connection, outcome, count in _totals():
        labels = _labels(environment, connection)
        if family := simple.get(outcome):
            family.add(labels, count)
        else:
            left_out.add({**labels, "reason": outcome}, count)
    return [received, accepted, left_out, rejected, expired]


def _totals() -> Iterable[tuple[str, Any, str, int]]:
    """All lanes of a connection together, ended ones too: a lane may end, a counter only grows."""
    place = ("lane__environment__public_id", "lane__connection_id", "outcome")
    totals = EventTotal.objects.filter(lane__in=_present_lanes()).exclude(outcome=counts.IDENTIFIED)
    return totals.values_list(*place).annotate(total=Sum("count")).order_by(*place)


def _lanes(now: datetime) -> Iterable[Family]:
    backlog = Family("sluice_lane_backlog_events", GAUGE, "Events behind the lane's cursor.")
    age = Family("sluice_lane_age_seconds", GAUGE, "How long the oldest event behind the lane's cursor has waited.")
    failing = Family("sluice_lane_failing", GAUGE, "1 while the lane's batch does not go through, else 0.")
    for lane in Lane.objects.open().with_oldest_waiting().order_by("pk"):
        labels = {**_labels(lane.environment.public_id, lane.connection_id), "lane": str(lane.pk), "kind": lane.kind}
        backlog.add(labels, lane.backlog)
        age.add(labels, _seconds_since(lane.oldest_waiting_at, now))
        failing.add(labels, 1 if lane.failing_since else 0)
    return [backlog, age, failing]


def _requests() -> Family:
    family = Family("sluice_request_duration_seconds", HISTOGRAM, "How long requests to Segment took.")
    of_connection: dict[Any, tuple[dict[str, str], Histogram]] = {}
    by_lane = durations.histograms()
    for lane in _present_lanes().filter(pk__in=by_lane).select_related("environment").order_by("pk"):
        labels = _labels(lane.environment.public_id, lane.connection_id)
        _, sum_ = of_connection.setdefault(lane.connection_id, (labels, Histogram()))
        sum_.add(by_lane[lane.pk])
    for labels, histogram in of_connection.values():
        family.add_histogram(labels, BOUNDS_SECONDS, histogram.counts, histogram.total_ms / 1_000)
    return family


def _connections() -> Iterable[Family]:
    attention = Family("sluice_connection_needs_attention", GAUGE, "1 while the connection waits for a person, else 0.")
    for connection in Connection.objects.present().select_related("environment").order_by("created_at"):
        needs_it = connection.status == Connection.Status.NEEDS_ATTENTION
        attention.add(_labels(connection.environment.public_id, connection.pk), 1 if needs_it else 0)
    return [attention]


def _processes(now: datetime) -> Iterable[Family]:
    seen = Family("sluice_process_seen_seconds", GAUGE, "How long ago a process of this kind last showed itself.")
    lag = Family("sluice_wake_up_lag_seconds", GAUGE, "How long the latest wake-up took from publication to a worker.")
    for heartbeat in Heartbeat.objects.order_by("name"):
        seen.add({"process": heartbeat.name}, _seconds_since(heartbeat.at, now))
        if heartbeat.name == WORKER and heartbeat.lag_seconds is not None:
            lag.add({}, round(heartbeat.lag_seconds, 3))
    return [lag, seen]


def _present_lanes() -> QuerySet[Lane]:
    return Lane.objects.filter(
        Q(connection__isnull=True) | Q(connection__removed_at__isnull=True),
        environment__in=Environment.objects.present(),
    )


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0


def _labels(environment: str, connection_id: Any) -> dict[str, str]:
    """The index lane belongs to no connection."""
    return {"environment": environment, **({"connection": str(connection_id)} if connection_id else {})}
