"""A PostgreSQL of one's own that can be stopped in each of its ways and comes back, and a PgBouncer before it."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.services import (
    HOST,
    free_port,
    postgresql_answers,
    program,
    require_programs,
    temporary_folder,
    wait_until,
)

ROLE = "sluice"
# What was committed survives the death of the server's processes; that of the machine is not tested.
SETTINGS = (f"listen_addresses={HOST}", "fsync=off", "synchronous_commit=on", "max_connections=60")
PGBOUNCER = """\
[databases]
* = host={host} port={target_port}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
max_client_conn = 200
default_pool_size = 10
ignore_startup_parameters = extra_float_digits
"""


def server_user() -> str | None:
    """Under whom servers run: root's are refused by themselves."""
    return "postgres" if os.geteuid() == 0 else None


def popen(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    user = server_user()
    quiet = subprocess.DEVNULL
    groups: list[str] | None = [] if user else None
    return subprocess.Popen(
        command, stdout=quiet, stderr=quiet, cwd=folder, user=user, group=user, extra_groups=groups, process_group=0
    )


@dataclass
class PostgresqlServer:
    """Keeps its data in `folder` and its port; Sluice's database belongs to a role without special rights."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def admin_url(self) -> str:
        return f"postgres://postgres@{HOST}:{self.port}"

    def initialise(self) -> None:
        if user := server_user():
            shutil.chown(self.folder, user, user)
        made = popen(
            [
                program("initdb"),
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                f"--pgdata={self.folder}/cluster",
            ],
            self.folder,
        )
        assert made.wait() == 0

    def start(self) -> None:
        options = ["-D", f"{self.folder}/cluster", "-p", str(self.port), "-k", str(self.folder)]
        self.process = popen([program("postgres"), *options, *(f"-c{each}" for each in SETTINGS)], self.folder)
        wait_until(lambda: postgresql_answers(self.admin_url), "an answer of postgres")

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is a fast shutdown, SIGQUIT an immediate one, after which it has to recover."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Let all of its processes stand still; the system goes on to take connections and bytes for them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        assert self.process is not None
        lists = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        for process in [self.process.pid, *(int(number) for each in lists for number in each.read_text().split())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, what)

    def make_database(self, name: str = ROLE) -> None:
        """Make a database, and the role it belongs to where it is missing."""
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
            connection.execute(f"CREATE DATABASE {name} OWNER {ROLE}".encode())

    @contextlib.contextmanager
    def database_on(self, disk: Path, name: str) -> Iterator[None]:
        """Keep a database of this name on a disk of its own for as long as the block lasts."""
        if user := server_user():
            shutil.chown(disk, user, user)
        with self.connect() as connection:
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'".encode())
            connection.execute(f"CREATE DATABASE {name} OWNER {ROLE} TABLESPACE {name}".encode())
            try:
                yield
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
                connection.execute(f"DROP TABLESPACE {name}".encode())

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(f"{self.admin_url}/{database}", autocommit=True)

    def end_connections(self) -> None:
        """End all connections of Sluice's role."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [ROLE]
            ).fetchall()

    def limit_connections(self, count: int) -> None:
        """Let Sluice's role have so many connections; -1 is without a limit."""
        with self.connect() as connection:
            connection.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT {count}".encode())


@contextlib.contextmanager
def running_postgresql_server() -> Iterator[PostgresqlServer]:
    require_programs("postgres")
    with temporary_folder() as folder:
        server = PostgresqlServer(folder)
        server.initialise()
        server.start()
        try:
            server.make_database()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def running_pgbouncer(target_port: int) -> Iterator[int]:
    """Run a PgBouncer in transaction mode before a PostgreSQL; yields its port."""
    require_programs("pgbouncer")
    with temporary_folder() as folder:
        port = free_port()
        file = folder / "pgbouncer.ini"
        file.write_text(PGBOUNCER.format(host=HOST, target_port=target_port, port=port, folder=folder))
        users = folder / "users"
        users.write_text(f'"postgres" ""\n"{ROLE}" ""\n')
        if user := server_user():
            for each in (folder, file, users):
                shutil.chown(each, user, user)
        process = popen([program("pgbouncer"), str(file)], folder)
        try:
            wait_until(lambda: postgresql_answers(f"postgres://postgres@{HOST}:{port}"), "an answer of pgbouncer")
            yield port
        finally:
            process.kill()
            process.wait()
