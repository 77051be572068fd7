"""Processes that must not outlive the one that started them.

A worker process of the web server that outlives its server goes on answering on the same port, beside the next server
and with old code; one of Celery that loses its parent while it starts waits for ever. Both happen when the parent is
killed without a chance to say goodbye.
"""

import multiprocessing
import os
import select
import signal
import threading


def end_with_parent() -> None:
    """End this process as soon as the one that spawned it is gone; does nothing in a process that nobody spawned."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        end_with(parent.pid)


def end_with(process: int) -> None:
    """Ask this process to stop as soon as another one is gone, or now if it is already.

    Does nothing where the system has no file descriptors for processes (they are Linux's).
    """
    if not hasattr(os, "pidfd_open"):
        return
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        stop()
    else:
        threading.Thread(target=stop_after, args=(descriptor,), name="end-with-parent", daemon=True).start()


def stop_after(descriptor: int) -> None:
    select.select([descriptor], [], [])
    stop()


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
