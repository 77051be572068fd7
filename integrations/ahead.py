"""Composing the next batch while one is on its way, which is the time a worker would otherwise only wait."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from assistants.messages import Event
from integrations.compose import Batch


@dataclass
class Prepared:
    """A batch with the events that it was composed of; `is_begun` where its attempt is noted already."""

    events: Sequence[Event]
    batch: Batch
    is_begun: bool = False


class Ahead:
    """Has one batch at a time composed by a thread, which must touch nothing that its owner uses meanwhile."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._composing: Future[Prepared | None] | None = None

    @property
    def is_composing(self) -> bool:
        """Whether something was begun that was not taken."""
        return self._composing is not None

    def start(self, compose: Callable[[], Prepared | None]) -> None:
        """Begin to compose; what was begun before must have been taken."""
        self._executor = self._executor or ThreadPoolExecutor(1, "composing-ahead")
        self._composing = self._executor.submit(compose)

    def take(self) -> Prepared | None:
        """Wait for what was begun, if anything was, and hand it out."""
        composing, self._composing = self._composing, None
        return composing.result() if composing else None

    def close(self) -> None:
        """End the thread; what it is composing is dropped."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
