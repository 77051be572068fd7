"""How a process that runs for long treats its memory."""

import gc


def spare_garbage_collection() -> None:
    """Look for garbage less often: what the program consists of stays, and what is made meanwhile goes by itself."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
