"""A Sluice as in production on servers of its own, with a proxy before each of them and faults at named points."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.proxy import Proxy, proxied
from tests.faults.senders import PatientSender
from tests.faults.servers import ROLE, PostgresqlServer, running_postgresql_server
from tests.services import HOST, RedisServer, running_redis, wait_until
from tests.system.recorder import Recorder
from tests.system.stack import HASTE, Connected, Stack, as_in_production, running

HOOKS = Path(__file__).parent / "hooks"


@dataclass(frozen=True)
class Points:
    """Arms the points of tests/faults/hooks/sitecustomize.py in a running Sluice."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to have the points."""
        return {"FAULT_POINTS": str(self.folder), "PYTHONPATH": str(HOOKS)}

    def arm(self, point: str, action: str) -> None:
        """Let the next process that comes to the point be killed, frozen or fail there; or all, with `… when TEXT`."""
        new = self.folder / "new"
        new.write_text(action)
        new.rename(self.folder / point)

    def disarm(self) -> None:
        for file in self.folder.iterdir():
            file.unlink()

    def struck(self, point: str) -> int:
        """Wait until the fault has struck; return the number of the process."""
        wait_until(lambda: bool(self._struck(point)), f"a process at {point}", 60)
        return self._struck(point)[0]

    def _struck(self, point: str) -> list[int]:
        return [int(file.name.rpartition("-")[2]) for file in self.folder.glob(f"{point}.struck-*")]


@dataclass(frozen=True)
class Site:
    """Everything that a test can make fail."""

    stack: Stack
    postgresql: PostgresqlServer
    redis: RedisServer
    database: Proxy
    broker: Proxy
    points: Points

    def sender(self, connected: Connected) -> contextlib.closing[PatientSender]:
        return contextlib.closing(PatientSender(self.stack.port, connected.key))

    def mend(self) -> None:
        """Let everything run again, whatever a test has left behind."""
        self.points.disarm()
        self.database.mend()
        self.broker.mend()
        if self.redis.process is None:
            self.redis.start()
        if self.postgresql.process is None:
            self.postgresql.start()
        self.supervise()

    def supervise(self) -> None:
        """Start what has ended, as a supervisor does."""
        for name in ("web", "worker", "sweep"):
            process = self.stack.processes.get(name)
            if process is None or process.poll() is not None:
                self.restart(name)

    def resume(self, connected: Connected) -> None:
        """Do what the button on the connection's page does."""
        self._do("resume", connected)

    def disconnect(self, connected: Connected) -> None:
        """End a connection, so that nothing is tried for it any more."""
        self._do("disconnect", connected)

    def make_due(self, connected: Connected) -> None:
        """Let the time pass that a lane has to wait for."""
        with self.postgresql.connect(ROLE) as rows:
            rows.execute(
                "UPDATE integrations_lane SET next_attempt_at = NULL WHERE connection_id = %s",
                [connected.connection_id],
            )

    def _do(self, action: str, connected: Connected) -> None:
        program = (
            "from integrations import connections; from integrations.models import Connection;"
            f"connections.{action}(Connection.objects.get(pk='{connected.connection_id}'), by=None)"
        )
        self.stack.manage("shell", "--no-imports", "-c", program)

    def restart(self, *names: str) -> None:
        """Start processes anew, whatever state they are in."""
        self.stack.kill(*(name for name in names if name in self.stack.processes))
        self.stack.start(*names)


@contextlib.contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Run all of it for as long as the block lasts."""
    points = Points(folder / "points")
    points.folder.mkdir()
    with contextlib.ExitStack() as servers:
        postgresql = servers.enter_context(running_postgresql_server())
        redis = servers.enter_context(running_redis())
        database = servers.enter_context(proxied(postgresql.port))
        broker = servers.enter_context(proxied(redis.port))
        database_url = f"postgres://{ROLE}@{HOST}:{database.port}/{ROLE}"
        environment = as_in_production(database_url, f"redis://{HOST}:{broker.port}") | HASTE | points.variables
        stack = servers.enter_context(running(folder, environment))
        yield Site(stack, postgresql, redis, database, broker, points)


@contextlib.contextmanager
def through_proxy(recorder: Recorder) -> Iterator[tuple[Recorder, Proxy]]:
    """Put a proxy before a recorder; yields the recorder under the proxy's address as well."""
    with proxied(int(recorder.url.rpartition(":")[2])) as proxy:
        yield replace(recorder, url=f"http://{HOST}:{proxy.port}"), proxy


def thaw(process: int) -> None:
    """Let a frozen process go on."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)
