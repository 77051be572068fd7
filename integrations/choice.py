"""Which events of its range a replay sends once more."""

from dataclasses import dataclass

from assistants import log
from assistants.messages import Event

NOT_IN_REPLAY = "not_in_replay"


@dataclass(frozen=True)
class Choice:
    """Events of these names, as they are counted, or at these positions; None lets all through."""

    names: frozenset[str] | None = None
    positions: frozenset[int] | None = None

    def includes(self, event: Event) -> bool:
        if self.positions is not None:
            return event.position in self.positions
        return self.names is None or log.counted_name(event.message) in self.names
