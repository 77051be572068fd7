"""Store patiently: a command can wait for a database that is busy or away, where a request cannot."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")
ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 60.0


class StillAway(Exception):
    """The database took nothing in all the tries."""

    def __init__(self) -> None:
        super().__init__("The database is busy or away. Start again later: nothing will be stored twice.")


def patiently(store: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """Return what `store` returns, which is tried up to five times, each time after a longer wait. Raises StillAway."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return store()
        except (OperationalError, InterfaceError):
            connection.close()
            if attempt < ATTEMPTS:
                pause(_wait_seconds(attempt))
    raise StillAway


def _wait_seconds(attempt: int) -> float:
    """Return the wait after a try: 1 s doubled each time, at most 60 s, ± 20 %."""
    return min(2.0 ** (attempt - 1), LONGEST_WAIT_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311  not a secret
