"""How the sources of an environment stand: when each was last heard, what happened at it, which bodies are kept."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet, Sum
from django.utils import timezone

from assistants.models import Block, Environment, IngestKey, Refusal, Source, SourcePayload, SourceTally

HOURS = 24
MONTH = timedelta(days=30)
# The libraries of Segment have no row and no tallies: what is newest in the log tells when they were heard.
SEGMENT = "segment"
NEWEST_BLOCKS = 1_000
# What a request that was taken counts as.
TAKEN = "taken"
# What sources bring with them and nothing needs to be done about; every other code is a warning.
HARMLESS = frozenset(
    {
        "call_record",
        "challenge",
        "control_message",
        "metrics_dropped",
        "no_rule",
        "no_user_id",
        "private_message",
        "record_ignored",
        "span_ignored",
        "unknown_event",
    }
)


@dataclass(frozen=True)
class Happening:
    """One thing that happened at a source: how often in 24 hours and in 30 days, and the last time in words."""

    code: str
    day: int
    month: int
    last_at: datetime
    detail: str
    sample: str = ""

    @property
    def is_warning(self) -> bool:
        return self.code not in HARMLESS

    @property
    def words(self) -> str:
        """The code as people read it: “Wrong signature”."""
        return self.code.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Standing:
    """One source in one environment; `source` is None as long as nobody set it up and nothing came.

    `happenings` are those beside requests that were taken, the latest first.
    """

    kind: str
    source: Source | None = None
    last_seen_at: datetime | None = None
    taken_by_hour: Sequence[int] = field(default_factory=lambda: [0] * HOURS)
    taken_in_month: int = 0
    happenings: Sequence[Happening] = ()

    @property
    def is_in_use(self) -> bool:
        """Whether anybody set it up, or anything was ever sent to it."""
        return bool(self.source or self.last_seen_at or self.happenings)

    @property
    def taken_today(self) -> int:
        return sum(self.taken_by_hour)

    @property
    def warnings_today(self) -> int:
        return sum(happening.day for happening in self.happenings if happening.is_warning)


def standings(environment: Environment, kinds: Iterable[str]) -> list[Standing]:
    """Look at the sources of these kinds, in their order; asks the database as often for many as for one."""
    asked = list(kinds)
    first_hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    rows = {row.kind: row for row in Source.objects.filter(environment=environment, kind__in=asked)}
    seen = {kind: row.last_seen_at for kind, row in rows.items()}
    if SEGMENT in asked:
        seen[SEGMENT] = _libraries_seen_at(environment)
    happenings = _happenings(environment, asked, first_hour)
    taken = _taken_by_hour(environment, asked, first_hour)
    return [
        Standing(
            kind=kind,
            source=rows.get(kind),
            last_seen_at=seen.get(kind),
            taken_by_hour=taken[kind],
            taken_in_month=sum(each.month for each in happenings[kind] if each.code == TAKEN),
            happenings=[each for each in happenings[kind] if each.code != TAKEN],
        )
        for kind in asked
    ]


def active_keys(environment: Environment) -> "QuerySet[IngestKey]":
    """Return the keys with which a server may send, the newest first; a browser's key opens no source."""
    return environment.ingest_keys.filter(revoked_at__isnull=True, browser_text="")


def newest_payloads(environment: Environment, kind: str) -> "QuerySet[SourcePayload]":
    """Return what is kept of a source's requests without the bodies, the newest first."""
    return SourcePayload.objects.filter(environment=environment, kind=kind).defer("body").order_by("-pk")


def _libraries_seen_at(environment: Environment) -> datetime | None:
    """When a Segment library was last heard: by what it sent lately, or a key of a browser, which nothing else uses."""
    newest = Block.objects.filter(environment=environment).order_by("-last_position")[:NEWEST_BLOCKS]
    sent = [at for source, at in newest.values_list("source", "received_at") if source == SEGMENT]
    browser_keys = environment.ingest_keys.exclude(browser_text="")
    used_at = browser_keys.aggregate(latest=Max("last_used_at"))["latest"]
    return max(filter(None, (*sent[:1], used_at)), default=None)


def _happenings(environment: Environment, kinds: Sequence[str], first_hour: datetime) -> dict[str, list[Happening]]:
    """What happened in 30 days by kind, the latest first: what was tallied, and items that were refused."""
    found: dict[str, list[Happening]] = defaultdict(list)
    tallies = SourceTally.objects.filter(environment=environment, kind__in=kinds, hour__gte=timezone.now() - MONTH)
    sums = _sums(tallies, "kind", first_hour)
    for tally in SourceTally.objects.filter(pk__in=sums):
        found[tally.kind].append(Happening(tally.code, *sums[tally.pk], tally.last_at, tally.detail))
    refusals = Refusal.objects.filter(environment=environment, source__in=kinds, hour__gte=timezone.now() - MONTH)
    sums = _sums(refusals, "source", first_hour)
    for row in Refusal.objects.filter(pk__in=sums):
        found[row.source].append(Happening(row.code, *sums[row.pk], row.last_at, row.message, row.sample))
    for happenings in found.values():
        happenings.sort(key=lambda each: each.last_at, reverse=True)
    return found


def _sums(rows: "QuerySet[Any]", kind: str, first_hour: datetime) -> dict[int, tuple[int, int]]:
    """Add up by kind and code; return the sums of 24 hours and of all, by the latest row of each."""
    groups = (
        rows.order_by()
        .values(kind, "code")
        .annotate(month=Sum("count"), day=Sum("count", filter=Q(hour__gte=first_hour)), latest=Max("pk"))
    )
    return {group["latest"]: (group["day"] or 0, group["month"]) for group in groups}


def _taken_by_hour(environment: Environment, kinds: Sequence[str], first_hour: datetime) -> dict[str, list[int]]:
    """How many requests were taken, by kind and hour, the oldest first, this hour last."""
    taken = {kind: [0] * HOURS for kind in kinds}
    rows = SourceTally.objects.filter(environment=environment, kind__in=kinds, code=TAKEN, hour__gte=first_hour)
    for kind, hour, count in rows.values_list("kind", "hour", "count"):
        taken[kind][min(int((hour - first_hour) / timedelta(hours=1)), HOURS - 1)] += count
    return taken
