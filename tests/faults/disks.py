"""A small disk of one's own that can be filled to the last byte and emptied again; only root can mount one."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE = "64m"
CHUNK = bytes(65_536)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk that is full soon")


@dataclass(frozen=True)
class Disk:
    """A file system in memory, mounted at `folder`."""

    folder: Path

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("ab", buffering=0) as file:
            while self._write(file.fileno()):
                pass

    def empty(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _write(self, descriptor: int) -> bool:
        try:
            return os.write(descriptor, CHUNK) > 0
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017  whatever else goes wrong is another error
            return False


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Mount a small disk at a folder for as long as the block lasts."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
