"""Which events of its range a replay sends once more."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistants import log
from assistants.messages import Event

NOT_IN_REPLAY = "not_in_replay"


@dataclass(frozen=True)
class Choice:
    """Events of these names, as they are counted, or at these positions, in order; None lets all through."""

    names: frozenset[str] | None = None
    positions: Sequence[int] | None = None
    _known: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", frozenset(self.positions or ()))

    def includes(self, event: Event) -> bool:
        if self.positions is not None:
            return event.position in self._known
        return self.names is None or log.counted_name(event.message) in self.names

    def next_behind(self, position: int) -> int | None:
        """Return the first position behind another one that is known to be chosen; None where it has to be read."""
        if self.positions is None:
            return None
        index = bisect_right(self.positions, position)
        return self.positions[index] if index < len(self.positions) else None
