"""Processor time of whole families of processes, as Linux accounts for it."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return what these processes and all that they started have used so far, ended ones included."""
    roots = list(roots)
    while True:
        # One that ends meanwhile is found in its parent's account, the next time.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            numbers = [number for root in roots for number in family(root)]
            return sum(_used(number) for number in numbers) / TICKS_PER_SECOND


def family(root: int) -> list[int]:
    """Return the numbers of a process and of all that descend from it."""
    family = [root]
    for parent in family:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            family += [int(number) for number in task.read_text().split()]
    return family


def _used(number: int) -> int:
    """Return the ticks of a process: its own and those of children that have ended."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15])
