"""Sluice as it is run: its own commands as processes, on a database, a broker and a port of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml

from config.run import answers, commands
from tests.run import production
from tests.services import HOST, free_port, wait_until
from tests.system.console import Console
from tests.system.sender import Sender
from tests.tooling.processes import group_exists, is_running

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = sys.executable
WRITE_KEY = "a-write-key-that-no-log-may-show"
# What `make test` chose for the tests themselves; Sluice gets its own.
CHOSEN_FOR_TESTS = {"DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL", "SLUICE_MODE", "SLUICE_DATA_DIR"}
# A worker that was killed holds its lane for the length of a lease: these make the tests quick, not different.
HASTE = {"SLUICE_REQUEST_SECONDS": "1.5", "SLUICE_LEASE_SECONDS": "2", "SLUICE_SWEEP_SECONDS": "0.25"}
LINES_SHOWN = 40


@dataclass(frozen=True)
class Connected:
    """An environment of an assistant of its own: the ID of its connection, and an ingest key."""

    connection_id: uuid.UUID
    key: str
    assistant: str = ""

    def derived(self, message_id: str) -> str:
        """Compute which message ID an event must arrive with."""
        return str(uuid.uuid5(self.connection_id, message_id))


@dataclass(frozen=True)
class Unconnected:
    """An environment that sends nothing: an ingest key, and its assistant."""

    key: str
    assistant: str


@dataclass
class Stack:
    """The processes of one Sluice. `environment` holds the variables that set it up, `folder` its data and logs."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    console: Console | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self, *names: str) -> None:
        """Start the processes of these names (web, worker, sweep), each in a process group of its own."""
        for name in names:
            with self.log_file(name).open("ab") as log:
                self.processes[name] = self._popen(commands(self.port)[name], log)
        if "web" in names:
            self.wait_until(lambda: answers(self.port), "an answer of the web server")

    def supervise(self) -> subprocess.Popen[bytes]:
        """Start everything as `make run` does, by the supervisor."""
        with self.log_file("run").open("ab") as log:
            self.processes["run"] = self._popen([PYTHON, "-m", "config.run"], log)
        self.wait_until(lambda: answers(self.port), "an answer of the web server")
        return self.processes["run"]

    def kill(self, *names: str) -> None:
        """Kill the processes of these names (all without one) with everything they have started."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name)
            if group_exists(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if self.console and not names:
            self.console.close()
            self.console = None

    def children(self, name: str) -> list[int]:
        """Return the numbers of the running processes that a process has started."""
        # Any thread of the parent may have started them.
        lists = Path(f"/proc/{self.processes[name].pid}/task").glob("*/children")
        numbers = [int(number) for file in lists for number in file.read_text().split()]
        return [number for number in numbers if is_running(number)]

    def manage(self, *arguments: str | Path) -> str:
        """Run a command of manage.py and return what it printed; raises AssertionError where it fails."""
        ended = self._run(*map(str, arguments))
        assert ended.returncode == 0, f"{ended.args} ended with {ended.returncode}: {ended.stderr}{ended.stdout}"
        return ended.stdout

    def connect(self, endpoint: str, events: Sequence[str] = ("Session Started",), **options: Any) -> Connected:
        """Set up an assistant whose draft sends these events to `endpoint`."""
        name = f"Assistant {uuid.uuid4().hex[:8]}"
        self.apply(name, sending(endpoint, events, **options))
        return Connected(self._connection_id(name), self.create_key(name), name)

    def connect_many(self, count: int, endpoint: str, event: str) -> list[Connected]:
        """Set up as many assistants, whose drafts send one kind of event to `endpoint`."""
        return [self.connect(endpoint, [event]) for _ in range(count)]

    def connect_to(self, place: Unconnected, endpoint: str, event: str) -> Connected:
        """Have an environment send one kind of event to `endpoint` that sent nothing before."""
        self.apply(place.assistant, sending(endpoint, [event]))
        return Connected(self._connection_id(place.assistant), place.key, place.assistant)

    def apply(self, assistant: str, draft: Mapping[str, Any]) -> None:
        """Set up an assistant's draft as a file would say it."""
        file = self.folder / "plan.yaml"
        file.write_text(yaml.safe_dump({"assistants": [{"name": assistant, "environments": {"draft": draft}}]}))
        self.manage("apply", file)

    def create_key(self, assistant: str) -> str:
        return self.manage("create_ingest_key", assistant, "draft").splitlines()[-1]

    def disconnect(self, connected: Connected) -> None:
        """End a connection for good."""
        program = (
            "from integrations import connections; from integrations.models import Connection;"
            f"connections.disconnect(Connection.objects.get(pk={str(connected.connection_id)!r}), by=None)"
        )
        self.manage("shell", "--no-imports", "-c", program)

    def browser_key(self, connected: Connected, *origins: str) -> str:
        """Make a browser key of the same environment, for these origins or for all."""
        named = [word for origin in origins for word in ("--origin", origin)]
        return self.manage("create_ingest_key", connected.assistant, "draft", "--browser", *named).splitlines()[-1]

    def stored(self, connected: Connected) -> list[dict[str, Any]]:
        """Return the messages in the log of the environment, in order."""
        program = (
            "from assistants import log; from assistants.messages import to_json;"
            "from assistants.models import Environment;"
            f"environment = Environment.objects.get(kind='draft', assistant__name={connected.assistant!r});"
            "events = log.read(environment.pk, after=0, limit=1_000_000);"
            "print(*(to_json(event.message).decode() for event in events if event.message), sep='\\n')"
        )
        return [json.loads(line) for line in self.manage("shell", "--no-imports", "-c", program).splitlines() if line]

    def sender(self, connected: Connected) -> contextlib.closing[Sender]:
        return contextlib.closing(Sender(self.port, connected.key))

    def wait_until(self, is_true: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait as `tests.services.wait_until`; where it takes too long, show what the processes wrote last."""
        try:
            wait_until(is_true, what, seconds)
        except TimeoutError as error:
            error.add_note(self.last_lines())
            raise

    def check_ledger(self) -> None:
        """Wait until no lane has anything left to read, and check that the account of each one adds up."""
        self.wait_until(self._is_everything_read, "the end of the backlog")
        self.manage("check_ledger")

    def logs(self) -> str:
        """Return everything that the processes wrote."""
        return "".join(file.read_text(errors="replace") for file in sorted(self.folder.glob("*.log")))

    def last_lines(self) -> str:
        lines = {file.stem: file.read_text(errors="replace").splitlines() for file in sorted(self.folder.glob("*.log"))}
        return "\n".join(f"── {name}\n" + "\n".join(written[-LINES_SHOWN:]) for name, written in lines.items())

    def variables(self) -> dict[str, str]:
        """Return the environment variables of its processes."""
        inherited = {name: value for name, value in os.environ.items() if name not in CHOSEN_FOR_TESTS}
        return inherited | {"SLUICE_DATA_DIR": str(self.folder), "PORT": str(self.port)} | self.environment

    def log_file(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _is_everything_read(self) -> bool:
        """The ledger is read while lanes move here, so only how much is waiting counts, not whether it adds up."""
        lanes = [line for line in self._run("check_ledger").stdout.splitlines() if line.startswith("lane ")]
        return bool(lanes) and all("; waiting 0:" in line for line in lanes)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        if self.console is None:
            self.console = Console(self.folder, self.variables())
        return self.console.run(list(arguments))

    def _connection_id(self, assistant: str) -> uuid.UUID:
        program = (
            "from integrations.models import Connection;"
            f"print(Connection.objects.get(environment__assistant__name={assistant!r}).pk)"
        )
        return uuid.UUID(self.manage("shell", "--no-imports", "-c", program).strip())

    def _popen(self, command: list[str], log: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def sending(endpoint: str, events: Sequence[str], **options: Any) -> dict[str, Any]:
    """Say of an environment that it sends these events to `endpoint`."""
    return {"segment": {"write_key": WRITE_KEY, "region": endpoint, "events": list(events), **options}}


def embedded() -> dict[str, str]:
    """Set up a Sluice that needs no server."""
    return {"SLUICE_MODE": "embedded"}


def as_in_production(database: str, redis: str) -> dict[str, str]:
    """Set up a Sluice on this database and this Redis; both are URLs."""
    return production() | {
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": f"{redis}/0",
        "CACHE_URL": f"{redis}/1",
        "ALLOWED_HOSTS": HOST,
        "SLUICE_ALLOW_CUSTOM_ENDPOINTS": "on",
        "SLUICE_ALLOW_PRIVATE_ENDPOINTS": "on",
    }


@contextlib.contextmanager
def on_servers(postgresql: str, redis: str) -> Iterator[dict[str, str]]:
    """Set up a Sluice as in production, on a new database of this PostgreSQL, dropped afterwards, and on this Redis."""
    server, _, name = postgresql.rpartition("/")
    name = f"{name}_system_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield as_in_production(f"{server}/{name}", redis)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextlib.contextmanager
def running(folder: Path, environment: dict[str, str]) -> Iterator[Stack]:
    """Run web server, worker and sweep, with tables in place, for as long as the block lasts."""
    stack = Stack(folder, environment)
    stack.manage("migrate", "--verbosity", "0")
    try:
        stack.start("web", "worker", "sweep")
        yield stack
    finally:
        stack.kill()
