"""Run Sluice on this machine: prepare, then keep web server, worker and sweep going until told to stop.

Everything stays in one process group, so Ctrl-C and a kill of the group reach each process. A child that ends is
started again: nothing is lost with it, because all state is in the database.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from types import FrameType

HOST = "127.0.0.1"
STOP_SECONDS = 20.0
# A child that ran this long was healthy: when it ends, its successor does not wait for its predecessors' failures.
HEALTHY_SECONDS = 30.0
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 10.0
TICK_SECONDS = 0.1


def commands(port: int) -> dict[str, list[str]]:
    """Name the processes that make a running Sluice and what starts each."""
    python = sys.executable
    web = [python, "-m", "granian", "--interface", "asgi", "--host", HOST, "--port", str(port), "--no-ws"]
    # Whoever runs this as root knows; Celery's warning about it would be the first thing to read.
    celery = [python, "-W", "ignore:You're running the worker with superuser", "-m", "celery", "--app", "config"]
    worker = [*celery, "--quiet", "worker", "--pool", "prefork", "--concurrency", "4"]
    return {
        "web": [*web, "--workers-kill-timeout", "10", "--log-level", "warning", "config.asgi:application"],
        "worker": [*worker, "--without-gossip", "--without-mingle", "--loglevel", "WARNING"],
        "sweep": [python, "manage.py", "sweep"],
    }


@dataclass
class Child:
    """A process that has to run, its present incarnation, and when the next one may start."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    delay_seconds: float = FIRST_DELAY_SECONDS

    def keep_running(self, now: float) -> None:
        """Start the process if it is due; notice that it has ended and set when the next one may start."""
        if self.process is None:
            if now >= self.start_at:
                self.process, self.started_at = start(self.command), now
            return
        status = self.process.poll()
        if status is not None:
            self.process = None
            self.delay_next_start(now, ending(status))

    def delay_next_start(self, now: float, reason: str) -> None:
        if now - self.started_at >= HEALTHY_SECONDS:
            self.delay_seconds = FIRST_DELAY_SECONDS
        say(f"{self.name} {reason}; starting it again in {self.delay_seconds:.0f} s")
        self.start_at = now + self.delay_seconds
        self.delay_seconds = min(self.delay_seconds * 2, LONGEST_DELAY_SECONDS)

    def send(self, signal_number: int) -> None:
        if self.process is not None:
            self.process.send_signal(signal_number)

    def wait(self, until: float) -> bool:
        """Tell whether the process has ended by `until` (monotonic seconds)."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True


@dataclass
class Supervisor:
    """Keeps its children running until a signal asks it to stop."""

    children: list[Child]
    port: int
    stop_seconds: float = STOP_SECONDS
    is_stopping: bool = False
    is_announced: bool = False

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.ask_to_stop)
        while not self.is_stopping:
            for child in self.children:
                child.keep_running(time.monotonic())
            self.announce()
            time.sleep(TICK_SECONDS)
        self.stop()

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True

    def announce(self) -> None:
        """Say once where Sluice is, as soon as it answers there."""
        if not self.is_announced and answers(self.port):
            self.is_announced = True
            say(f"Sluice is running. Sign in at http://{HOST}:{self.port}/ (Ctrl-C stops it)")

    def stop(self) -> None:
        """Ask all children to finish what they are at; kill those that take longer than stop_seconds."""
        say("Stopping …")
        until = time.monotonic() + self.stop_seconds
        for child in self.children:
            child.send(signal.SIGTERM)
        for child in self.children:
            if not child.wait(until):
                say(f"{child.name} did not stop within {self.stop_seconds:.0f} s and was killed")
                child.send(signal.SIGKILL)
                child.wait(time.monotonic() + 1.0)


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that leaves Ctrl-C, which reaches all of the group, to the supervisor."""
    return subprocess.Popen(command, preexec_fn=ignore_interrupts)


def ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def answers(port: int) -> bool:
    """Ask the web server whether it is there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def say(text: str) -> None:
    print(text, flush=True)


def chosen_port() -> int:
    """Read PORT and make sure that it is free; exits with a message that says what to do about it."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"PORT must be a number between 1 and 65535, not {text!r}.")
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            sys.exit(f"Sluice cannot use port {port} of {HOST}: {error.strerror}. For another one: PORT=8001 make run")
    return port


def prepare() -> int:
    """Prepare in a process of its own, which takes its memory with it; returns its exit status."""
    process = start([sys.executable, "-m", "config.prepare"])
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 128 + signal.SIGINT


def main() -> None:
    os.environ.setdefault("SLUICE_MODE", "embedded")
    port = chosen_port()
    os.environ["PORT"] = str(port)
    if status := prepare():
        sys.exit(status)
    children = [Child(name, command) for name, command in commands(port).items()]
    Supervisor(children, port).run()


if __name__ == "__main__":
    main()
