"""What lies in the broker: the wake-ups that were published and that no worker has taken yet."""

from queue import Empty

from celery import current_app

WAITING_SECONDS = 5.0


def take_one(*, seconds: float = WAITING_SECONDS) -> tuple[str, list[int]] | None:
    """Take the next task out of the broker, its name and arguments; None where none comes in time."""
    with current_app.connection_for_read() as broker, broker.SimpleQueue("celery") as queue:
        try:
            message = queue.get(timeout=seconds) if seconds else queue.get(block=False)
        except Empty:
            return None
        message.ack()
        return message.headers["task"], message.decode()[0]


def take_all() -> list[tuple[str, list[int]]]:
    """Take everything out of the broker that is there."""
    tasks = []
    while (task := take_one(seconds=0)) is not None:
        tasks.append(task)
    return tasks
