"""Several requests under way at once, for hosts that are far away; their answers are taken in the order of the log."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from integrations.ahead import Prepared
from integrations.settle import Attempt

# Eight requests of half a megabyte: at 80 ms each, some 45,000 events a second.
MAX_UNDER_WAY = 8


class Flight:
    """Batches on their way, each sent by a thread that touches nothing but the network."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._under_way: deque[tuple[Prepared, Future[Attempt] | None]] = deque()

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def is_full(self) -> bool:
        return len(self) >= MAX_UNDER_WAY

    @property
    def sent_to(self) -> int | None:
        """The end of the last batch that was sent; None where none is under way."""
        return next((prepared.batch.last for prepared, sending in reversed(self._under_way) if sending), None)

    def start(self, prepared: Prepared, send: Callable[[], Attempt] | None) -> None:
        """Send a batch; one of which nothing is to be sent waits for its turn to be settled."""
        self._executor = self._executor or ThreadPoolExecutor(MAX_UNDER_WAY, "sending")
        self._under_way.append((prepared, self._executor.submit(send) if send else None))

    def take(self) -> tuple[Prepared, Attempt | None]:
        """Wait for the answer to the oldest batch, and hand both out."""
        prepared, sending = self._under_way.popleft()
        return prepared, sending.result() if sending else None

    def take_all(self) -> list[tuple[Prepared, Attempt | None]]:
        """Wait for all answers."""
        return [self.take() for _ in range(len(self))]

    def close(self) -> None:
        """Wait for what is under way, which is dropped."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
