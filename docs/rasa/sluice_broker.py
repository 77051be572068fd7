"""An event broker for Rasa that sends what an assistant does to Sluice. One file, and nothing beyond Python and Rasa.

Put it where Rasa finds its custom actions, such as beside endpoints.yml, and name it there:

    event_broker:
      type: sluice_broker.SluiceEventBroker
      url: https://sluice.example.com/sources/rasa/ENVIRONMENT
      token: ${SLUICE_INGEST_KEY}

Rasa calls `publish` while a customer waits for the answer. So it only queues; a thread sends the events in batches, as
lines of JSON, and tries again for as long as it takes. A queue that is full drops what comes, and says so in the log.
When Rasa ends, up to five seconds are spent on sending what is left; what is not sent then is counted in the log.

Sluice tells events apart by their content: one that is sent twice is stored once.

Further settings beside `url` and `token`, with their defaults: `max_events: 10000` and `max_bytes: 50000000` (of the
queue), `timeout_seconds: 10` (of one request).

For Rasa Open Source 3 and Rasa Pro 3, Python 3.8 and newer.
"""

from __future__ import annotations

import asyncio
import atexit
import http.client
import json
import logging
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from rasa.core.brokers.broker import EventBroker

logger = logging.getLogger(__name__)

BATCH_EVENTS = 500
BATCH_BYTES = 1_000_000
FLUSH_SECONDS = 5.0
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# How often the log may say that events are dropped or that Sluice does not take them.
SAY_EVERY_SECONDS = 60.0
# The content is at fault; sending it again would change nothing. Everything else is tried again, also a wrong key: it
# can be put right while the events wait.
CONTENT_STATUSES = frozenset({400, 413, 422})


class SluiceEventBroker(EventBroker):
    """Queues events and sends them to Sluice from a thread of its own."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        max_events: int = 10_000,
        max_bytes: int = 50_000_000,
        timeout_seconds: float = 10.0,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"The event broker's url must begin with https:// or http://, not {url!r}.")
        self.url = url
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.timeout_seconds = timeout_seconds
        self.dropped = 0
        self._headers = {"Content-Type": "application/x-ndjson", "User-Agent": "sluice-rasa-broker/1"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._said_at: dict[str, float] = {}
        self._start_afresh()
        atexit.register(self.flush)

    @classmethod
    async def from_endpoint_config(cls, broker_config: Any, event_loop: Any = None) -> SluiceEventBroker | None:
        """Make the broker of its part of endpoints.yml."""
        if broker_config is None or not broker_config.url:
            logger.error("The event broker for Sluice has no url in endpoints.yml; no events are sent.")
            return None
        return cls(broker_config.url, broker_config.token or "", **broker_config.kwargs)

    def publish(self, event: dict[str, Any]) -> None:
        """Queue an event; never waits and never raises."""
        try:
            line = json.dumps(event, separators=(",", ":"), default=str).encode()
        except (TypeError, ValueError) as error:
            self._drop(1, f"it cannot be written as JSON: {error}")
            return
        if self._process_id != os.getpid():
            # Rasa was forked: the thread stayed in the parent, and what is queued is the parent's to send.
            self._start_afresh()
        with self._changed:
            is_full = len(self._queue) >= self.max_events or self._queued_bytes + len(line) > self.max_bytes
            if not is_full:
                self._queue.append(line)
                self._queued_bytes += len(line)
                self._run_thread()
                self._changed.notify_all()
        if is_full:
            self._drop(1, "the queue is full")

    async def close(self) -> None:
        """Send what is left, as Rasa ends."""
        await asyncio.get_running_loop().run_in_executor(None, self.flush)

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until everything is sent, at most so long; return whether it is."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()
            while self._queue and self._thread is not None and self._thread.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._is_hurried = False
            unsent = len(self._queue)
        if unsent:
            logger.warning("Rasa ends, and %d events were not sent to Sluice.", unsent)
        return not unsent

    def _start_afresh(self) -> None:
        self._process_id = os.getpid()
        self._changed = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._is_hurried = False
        self._thread: threading.Thread | None = None

    def _run_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._send_all, name="sluice-broker", daemon=True)
            self._thread.start()

    def _send_all(self) -> None:
        """Send batch after batch; a batch leaves the queue once it is taken."""
        failures = 0
        most = BATCH_EVENTS
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                batch = self._next_batch(most)
            status, retry_after, reason = self._post(b"\n".join(batch))
            if 200 <= status < 300:
                failures, most = 0, BATCH_EVENTS
                self._remove(len(batch))
            elif status in CONTENT_STATUSES and len(batch) > 1:
                # One event is at fault, or they are too many: find it, and send its neighbours.
                most = len(batch) // 2
            elif status in CONTENT_STATUSES:
                self._drop(1, f"Sluice does not take it: {reason}")
                self._remove(1)
            else:
                failures += 1
                self._say("retry", "Sluice does not take events (%s); they wait and are sent again.", reason)
                self._wait(retry_after or _wait_seconds(failures))

    def _next_batch(self, most: int) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        for line in self._queue:
            size += len(line)
            if batch and (size > BATCH_BYTES or len(batch) == most):
                break
            batch.append(line)
        return batch

    def _remove(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._queued_bytes -= len(self._queue.popleft())
            self._changed.notify_all()

    def _wait(self, seconds: float) -> None:
        """Wait before the next try, or until somebody is in a hurry."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._is_hurried and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            if self._is_hurried:
                self._changed.wait(0.2)

    def _post(self, body: bytes) -> tuple[int, float, str]:
        """Return the status (0 for no answer), the seconds that Sluice asks to wait, and words for the log."""
        request = urllib.request.Request(self.url, data=body, headers=self._headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=self.timeout_seconds) as answer:
                return answer.status, 0.0, ""
        except urllib.error.HTTPError as error:
            with error:
                after = error.headers.get("Retry-After", "")
                said = error.read(300).decode(errors="replace")
            return (
                error.code,
                min(float(after), LONGEST_WAIT_SECONDS) if after.isdigit() else 0.0,
                f"{error.code} {said}",
            )
        except (OSError, ValueError, http.client.HTTPException) as error:
            return 0, 0.0, f"{type(error).__name__}: {error}"

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        self._say("drop", "An event was not sent to Sluice: %s. Dropped so far: %d.", reason, self.dropped)

    def _say(self, subject: str, words: str, *details: Any) -> None:
        """Log a warning, of one subject at most once a minute."""
        now = time.monotonic()
        if now - self._said_at.get(subject, -SAY_EVERY_SECONDS) >= SAY_EVERY_SECONDS:
            self._said_at[subject] = now
            logger.warning(words, *details)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key elsewhere, and the body nowhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _wait_seconds(failures: int) -> float:
    """Return the wait before the next try: 1 s doubled each time, at most 60 s, ± 20 %."""
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(failures - 1, 10), LONGEST_WAIT_SECONDS)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311  not a secret
