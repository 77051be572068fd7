"""The servers and the browser that the tests need: throw-away servers, of programs that Debian's packages bring."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

HOST = "127.0.0.1"
START_SECONDS = 60.0
# Data that are thrown away need not survive a loss of power.
UNSAFE_AND_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# The package that brings each program.
PACKAGES = {"postgres": "postgresql", "redis-server": "redis-server", "chromium": "chromium"}
PACKAGES |= {"pgbouncer": "pgbouncer", "faketime": "faketime"}


def find_program(name: str) -> Path | None:
    """Find a program on the path, or where Debian keeps the newest PostgreSQL."""
    if found := shutil.which(name):
        return Path(found)
    return max(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), default=None, key=lambda path: int(path.parts[4]))


def program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return str(found)


def require_programs(*names: str) -> None:
    """Install the packages of the programs that are missing; where that is not possible, exits and says what to do."""
    missing = [PACKAGES[name] for name in names if find_program(name) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"The tests need more programs. On Debian, as root: apt-get install {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", "-q", *command], check=True, env=environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until(is_true: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Return as soon as `is_true()`; raises TimeoutError that names `what` after so many seconds."""
    until = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that a server under another user can reach, and remove it with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class RedisServer:
    """A Redis of one's own, to be stopped and emptied at will; it comes back on the same port."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", HOST, "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([program("redis-server"), *options], stdout=subprocess.DEVNULL)
        wait_until(self.answers, "an answer of redis-server")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def answers(self) -> bool:
        with redis.Redis(host=HOST, port=self.port) as client, contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False


@contextlib.contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a Redis for as long as the block lasts; never the machine's own, whose data are not ours to flush."""
    require_programs("redis-server")
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """Yield the URL, without database, of a PostgreSQL for as long as the block lasts; never the machine's own.

    What that one holds is not ours, and it takes the time to be safe from a loss of power.
    """
    require_programs("postgres")
    with temporary_folder() as folder, own_postgresql(folder, free_port()) as url:
        yield url


@contextlib.contextmanager
def own_postgresql(folder: Path, port: int) -> Iterator[str]:
    """Run a PostgreSQL with its data in `folder`; as the user postgres for root, whom PostgreSQL refuses."""
    user = "postgres" if os.geteuid() == 0 else None
    groups: list[str] | None = [] if user else None
    if user:
        shutil.chown(folder, user, user)
    cluster = f"{folder}/cluster"
    initialise = [program("initdb"), "--auth=trust", "--username=postgres", "--no-sync", f"--pgdata={cluster}"]
    quiet = subprocess.DEVNULL
    subprocess.run(initialise, check=True, stdout=quiet, cwd=folder, user=user, group=user, extra_groups=groups)
    settings = [f"listen_addresses={HOST}", *UNSAFE_AND_QUICK]
    options = ["-D", cluster, "-p", str(port), "-k", str(folder), *(f"-c{setting}" for setting in settings)]
    serve = [program("postgres"), *options]
    server = subprocess.Popen(serve, stderr=quiet, cwd=folder, user=user, group=user, extra_groups=groups)
    url = f"postgres://postgres@{HOST}:{port}"
    try:
        wait_until(lambda: postgresql_answers(url), "an answer of postgres")
        yield url
    finally:
        # A fast shutdown: it does not wait for clients that are still connected.
        server.send_signal(signal.SIGINT)
        server.wait()


def postgresql_answers(url: str) -> bool:
    try:
        psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
