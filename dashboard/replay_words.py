"""What a replay means, in words for people: what Segment makes of the message IDs, which events it is about."""

from dataclasses import dataclass

from django.template.defaultfilters import pluralize

from dashboard.replay_forms import NEW, SAME
from integrations.choice import NOT_IN_REPLAY
from integrations.fates import FATE_LABELS
from integrations.models import Replay
from integrations.replay_preview import Preview
from integrations.terms import REJECTIONS

OUTCOME_LABELS = {**FATE_LABELS, NOT_IN_REPLAY: "Not asked for"}


@dataclass(frozen=True)
class Consequence:
    """What comes of one choice of message IDs; `is_warning` where something arrives twice, or not at all."""

    text: str
    is_warning: bool


def consequences(found: Preview) -> dict[str, Consequence]:
    """Say for each choice what Segment will make of the events that were looked at."""
    looked = "" if found.is_complete else f"Of the first {found.looked_at:,} events: "
    return {SAME: _of_the_same(found, looked), NEW: _of_new_ones(found, looked)}


def labelled(outcomes: dict[str, int]) -> list[tuple[str, int]]:
    """Put reasons into words, the most frequent first."""
    counted = sorted(outcomes.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(OUTCOME_LABELS.get(reason, reason), count) for reason, count in counted]


def subject(replay: Replay) -> str:
    """Say which events of its range a replay is about."""
    chosen = replay.lane.filter
    if REJECTIONS in chosen:
        return f"{chosen[REJECTIONS]:,} rejected event{pluralize(chosen[REJECTIONS])}"
    return ", ".join(chosen.get("names", ())) or "All events"


def _of_the_same(found: Preview, looked: str) -> Consequence:
    again = found.accepted - found.remembered
    parts = []
    if found.remembered:
        parts.append(f"Segment took {_events(found.remembered)} in the last 24 hours and drops what comes again.")
    if again:
        parts.append(f"It took {_events(again)} before that, and does not look back so far: they arrive a second time.")
    if found.sent > found.accepted:
        parts.append(
            f"{_events(found.sent - found.accepted)} {pluralize(found.sent - found.accepted, 'is,are')} new to it."
        )
    return Consequence(looked + " ".join(parts), is_warning=bool(found.accepted))


def _of_new_ones(found: Preview, looked: str) -> Consequence:
    if not found.accepted:
        return Consequence(
            looked + "Segment has taken none of them before, so nothing arrives twice.", is_warning=False
        )
    twice = pluralize(found.accepted, "counts,count")
    text = f"Segment takes every event for a new one. {_events(found.accepted)} that it has taken before {twice} twice."
    return Consequence(looked + text, is_warning=True)


def _events(count: int) -> str:
    return f"{count:,} event{pluralize(count)}"
