"""An assistant's runtime as a good client library is: it repeats, the same and in order, what nobody acknowledged."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.services import wait_until
from tests.system.sender import Sender, session_started

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.1


@dataclass
class PatientSender(Sender):
    """Repeats each request until it is acknowledged; `refusals` counts answers of 503, `broken` connections that ended.

    An answer is 200 or a 503 that says what to do: anything else fails the test. One that takes longer than the
    connection's patience is a connection that ended.
    """

    refusals: int = 0
    broken: int = 0

    def send_numbered(self, prefix: str, count: int) -> None:
        messages = [session_started(f"{prefix}-{number}") for number in range(count)]
        wait_until(lambda: self._is_taken(messages), "an acknowledgement of intake", PATIENCE_SECONDS)

    def _is_taken(self, messages: list[dict[str, object]]) -> bool:
        try:
            status, said, headers = self.post(messages)
        except (OSError, http.client.HTTPException):
            self.broken += 1
            self.close()
            return False
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            assert b"Nothing was stored; send it again." in said
            assert int(headers["retry-after"]) >= 1
            self.refusals += 1
            return False
        assert (status, said) == (200, b'{"success":true}'), (status, said)
        self.acknowledged += [str(message["messageId"]) for message in messages]
        return True


@dataclass
class Load:
    """Sends small batches for as long as it runs."""

    sender: PatientSender
    events: int = 10
    name: str = "load"
    requests: int = 0
    failure: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            while not self._stop.is_set():
                self.sender.send_numbered(f"{self.name}-{self.requests}", self.events)
                self.requests += 1
                self._stop.wait(PAUSE_SECONDS)
        except BaseException as error:  # noqa: BLE001  told by the test that waits for it
            self.failure = error

    def go_on_for(self, requests: int) -> None:
        """Return once so many more requests were acknowledged."""
        until = self.requests + requests
        wait_until(lambda: self.failure is not None or self.requests >= until, "more acknowledgements", 120)
        assert self.failure is None, self.failure

    def stop(self) -> None:
        self._stop.set()


@contextlib.contextmanager
def load(sender: PatientSender, *, events: int = 10) -> Iterator[Load]:
    """Send in the background for as long as the block lasts; what is under way is acknowledged before it ends."""
    sending = Load(sender, events)
    thread = threading.Thread(target=sending.run, name="load")
    thread.start()
    try:
        yield sending
    finally:
        sending.stop()
        thread.join()
    assert sending.failure is None, sending.failure
