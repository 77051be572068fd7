"""A PostgreSQL that keeps its promises: with fsync, as installed, on a disk, and nobody else's."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services import HOST, free_port, postgresql_answers, program, wait_until


@dataclass(frozen=True)
class Postgresql:
    """A server's URL without database, and the number of the process that all its others descend from."""

    url: str
    process: int


@contextlib.contextmanager
def durable_postgresql(folder: Path) -> Iterator[Postgresql]:
    """Run a PostgreSQL with its defaults in `folder`; as the user postgres for root, whom PostgreSQL refuses."""
    user = "postgres" if os.geteuid() == 0 else None
    groups: list[str] | None = [] if user else None
    if user:
        shutil.chown(folder, user, user)
    port, quiet = free_port(), subprocess.DEVNULL
    initialise = [program("initdb"), "--auth=trust", "--username=postgres", f"--pgdata={folder}/cluster"]
    subprocess.run(initialise, check=True, stdout=quiet, cwd=folder, user=user, group=user, extra_groups=groups)
    options = ["-D", f"{folder}/cluster", "-p", str(port), "-k", str(folder), "-c", f"listen_addresses={HOST}"]
    with (folder / "postgresql.log").open("wb") as log:
        serve = [program("postgres"), *options]
        server = subprocess.Popen(serve, stderr=log, cwd=folder, user=user, group=user, extra_groups=groups)
        try:
            url = f"postgres://postgres@{HOST}:{port}"
            wait_until(lambda: postgresql_answers(url), "an answer of postgres")
            yield Postgresql(url, server.pid)
        finally:
            # A fast shutdown: it does not wait for clients that are still connected.
            server.send_signal(signal.SIGINT)
            server.wait()
