"""Processes that must not outlive the one that started them."""

import os
import select
import signal
import threading


def end_with_parent() -> None:
    """Ask this process to stop as soon as its parent is gone, also if that was killed without a chance to say so.

    A server's worker process that outlived its server would go on answering beside the next server, with old code.
    Does nothing where the system has no file descriptors for processes (they are Linux's).
    """
    if not hasattr(os, "pidfd_open") or os.getppid() <= 1:
        return
    parent = os.pidfd_open(os.getppid())
    threading.Thread(target=_stop_after, args=(parent,), name="end-with-parent", daemon=True).start()


def _stop_after(parent: int) -> None:
    select.select([parent], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
