"""Ask the system about processes."""

import os
from pathlib import Path

from tests.services import wait_until


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def is_running(number: int) -> bool:
    """Tell whether a process is there and not just waiting for somebody to read how it ended."""
    try:
        return ") Z " not in Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def child(parent: int, words: str) -> int | None:
    """Find the child of a process whose command line contains `words`."""
    for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if is_running(int(number)) and words in Path(f"/proc/{number}/cmdline").read_text().replace("\0", " "):
            return int(number)
    return None


def wait_for_child(parent: int, words: str, *, other_than: int | None = None) -> int:
    """Return the child whose command line contains `words`, as soon as there is one that is not `other_than`."""
    wait_until(lambda: child(parent, words) not in {None, other_than}, f"the start of {words}")
    found = child(parent, words)
    assert found is not None
    return found
