"""Keeps the workers free when a whole host is slow: its connections wait, and now and then one of them tries it.

A lane that fails has a back-off of its own. But a request that times out holds a worker for all that time, and hundreds
of connections to the same host would hold all workers for ever, with others behind them. What a process learns of a
host holds for every connection that it serves; each process learns by itself, so nothing has to be shared.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from integrations.segment.verdicts import Answer, Verdict, back_off, verdict

# A failure that took no longer than this held nobody up.
SLOW_MS = 1_000
# So many slow failures one after the other, of whichever connections, speak of the host.
FAILURES = 2


@dataclass
class _Host:
    failures: int = 0
    closed_until: float = 0.0


class Breaker:
    """What one process knows of hosts; `clock` tells seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hosts: dict[str, _Host] = {}

    def wait(self, base_url: str) -> timedelta | None:
        """Return how long to leave a host alone; None where it may be tried now."""
        host = self._hosts.get(base_url)
        left = host.closed_until - self._clock() if host else 0.0
        return timedelta(seconds=left) if left > 0 else None

    def note(self, base_url: str, answer: Answer) -> None:
        """Learn from an answer, or from the want of one."""
        if verdict(answer) is not Verdict.WAIT:
            self._hosts.pop(base_url, None)
        elif answer.duration_ms >= SLOW_MS:
            host = self._hosts.setdefault(base_url, _Host())
            host.failures += 1
            if host.failures >= FAILURES:
                host.closed_until = self._clock() + back_off(host.failures).total_seconds()


breaker = Breaker()
