"""The search for events that Segment refuses: which ones of a batch they are, and when one of them may be rejected.

An answer that speaks of the content does not say of which event. So a refused batch is sent again in halves, and those
in halves, until the events at fault stand alone. Even then the fault may be the connection's. So a single event that is
refused stays a suspect until another one is accepted; whoever sends this one settles both in one transaction, and a
worker that dies in between leaves nothing half done.
"""

from collections.abc import Sequence

from assistants.messages import Event
from integrations.compose import Batch
from integrations.settle import Part

# As many single events refused one after the other speak of the connection, not of the events.
REFUSALS_IN_A_ROW = 10
# How far behind a suspect an event that can be sent is looked for: what is left out before it is kept in memory.
READ_AHEAD_EVENTS = 100_000
UNDECIDED = (
    "Segment refuses this event, and no other event behind it shows yet whether the fault is the event's or the "
    "connection's. Answer {status}: {excerpt}"
)
DEADLY = "No event behind this one shows yet whether it is at fault. {excerpt}"
TOO_MANY = "Segment refused {count} events one after the other. Answer {status}: {excerpt}"


class Suspects:
    """Events that were refused alone and are not settled, with what was left out between them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.refused_in_a_row = 0
        # Whether an event of the range at hand was accepted: then a refused one beside it is at fault itself.
        self.is_decided = False

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def are_too_many(self) -> bool:
        return self.refused_in_a_row >= REFUSALS_IN_A_ROW

    def begin_range(self, *, is_decided: bool = False) -> None:
        """Let what was accepted before prove nothing about the events to come, unless that is known without."""
        self.is_decided = is_decided

    def add(self, part: Part) -> None:
        """Remember a part that cannot be settled yet: a refused event, or what is left out behind one."""
        self.parts.append(part)
        self.refused_in_a_row += part.is_refused

    def accepted(self) -> None:
        """Note that an event was accepted; all suspects are settled with it."""
        self.parts, self.refused_in_a_row, self.is_decided = [], 0, True

    def rejected(self) -> None:
        """Note that the suspects were settled as rejections, on the strength of an event accepted before."""
        self.parts = []

    def forget(self) -> None:
        """Drop what is not settled; it is read and sent again."""
        self.parts, self.refused_in_a_row, self.is_decided = [], 0, False

    @property
    def why_undecided(self) -> str:
        """Say in words for people why the last suspect is not rejected yet."""
        is_deadly = next(part.attempt.is_deadly for part in reversed(self.parts) if part.attempt)
        return self.why(DEADLY if is_deadly else UNDECIDED)

    def why(self, words: str) -> str:
        """Say in words for people what the last suspect's answer was."""
        answer = next(part.attempt.answer for part in reversed(self.parts) if part.attempt)
        return words.format(count=self.refused_in_a_row, status=answer.status, excerpt=answer.excerpt)


def halves(events: Sequence[Event], batch: Batch) -> list[list[Event]]:
    """Split the events of a batch so that each side has half of its messages."""
    middle = batch.positions[len(batch.positions) // 2]
    return [
        [event for event in events if event.position < middle],
        [event for event in events if middle <= event.position <= batch.last],
    ]
