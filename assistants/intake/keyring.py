"""Which environment an ingest key opens: looked up rarely, remembered for seconds, and guarded against guessing."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hmac import compare_digest

from django.db import close_old_connections, connection

from assistants import keys
from assistants.models import IngestKey

# A revoked key stops working within this time; an unknown one costs the database one look-up in it.
REMEMBERED_SECONDS = 2.0
REMEMBERED_KEYS = 10_000
# Wrong keys from one address in a minute; behind it come 429s, for wrong keys only.
WRONG_PER_MINUTE = 60
WATCHED_ADDRESSES = 10_000


@dataclass(frozen=True)
class Opened:
    """An environment that a valid key opens. A browser key may be used from its `origins` only, if it has any."""

    environment_id: int
    key_id: int
    is_browser_key: bool = False
    origins: frozenset[str] = frozenset()


class Keyring:
    """The keys seen lately by this process; `clock` tells seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, capacity: int = REMEMBERED_KEYS) -> None:
        self._clock = clock
        self._capacity = capacity
        self._remembered: OrderedDict[bytes, tuple[float, Opened | None]] = OrderedDict()
        # One thread: Django's connections belong to threads, and the event loop must not wait for a database.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keyring")

    async def open(self, text: str) -> Opened | None:
        """Return what the key opens; None for a key that is malformed, unknown or revoked.

        Raises the database's errors.
        """
        now = self._clock()
        remembered = self._remembered.get(keys.digest(text))
        if remembered and remembered[0] > now:
            return remembered[1]
        parsed = keys.parse(text)
        if parsed is None:
            return None
        opened = await asyncio.get_running_loop().run_in_executor(self._executor, _look_up, parsed)
        self._remembered[parsed.digest] = (now + REMEMBERED_SECONDS, opened)
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)
        return opened

    def close(self) -> None:
        """End the thread that asks the database."""
        self._executor.shutdown()


class GuessLimit:
    """Counts wrong keys per address and minute; `clock` tells seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, int] = {}

    def count(self, address: str) -> bool:
        """Note one wrong key; return whether this address has used up its minute."""
        minute = int(self._clock() // 60)
        if minute != self._minute or len(self._counts) > WATCHED_ADDRESSES:
            self._minute, self._counts = minute, {}
        self._counts[address] = self._counts.get(address, 0) + 1
        return self._counts[address] > WRONG_PER_MINUTE


def _look_up(parsed: keys.ParsedKey) -> Opened | None:
    close_old_connections()
    try:
        key = IngestKey.objects.filter(
            public_id=parsed.public_id,
            revoked_at__isnull=True,
            environment__deleted_at__isnull=True,
            environment__assistant__deleted_at__isnull=True,
        ).first()
    finally:
        connection.close()
    if key is None or not compare_digest(bytes(key.digest), parsed.digest):
        return None
    return Opened(
        environment_id=key.environment_id,
        key_id=key.pk,
        is_browser_key=key.is_browser_key,
        origins=frozenset(key.origins),
    )
