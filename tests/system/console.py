"""Commands of manage.py for a Sluice that is under test, without loading Django anew for each of them."""

import gc
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import django
from django.core.checks import run_checks
from django.core.management import execute_from_command_line

ROOT = Path(__file__).resolve().parent.parent.parent


class Console:
    """A process that has loaded Django and forks for each command, so that each one still begins as a new process.

    `folder` takes what a command prints.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.output, self.errors = folder / "console-output", folder / "console-errors"
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.console", self.output, self.errors],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command; the result is that of `subprocess.run` with its output captured as text."""
        assert self.process.stdin
        assert self.process.stdout
        with self.lock:
            print(json.dumps(arguments), file=self.process.stdin, flush=True)
            status = int(self.process.stdout.readline())
            return subprocess.CompletedProcess(arguments, status, self.output.read_text(), self.errors.read_text())

    def close(self) -> None:
        self.process.communicate()


def serve(output: str, errors: str) -> None:
    """Run the commands that come in, one a line, and answer each with the status with which it ended."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    # Every command does this first; what it loads need not be loaded by each of them.
    run_checks()
    # A fork that looks for garbage, at its end at the latest, would copy all that is loaded: many times its own work.
    gc.freeze()
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            use_as(1, output)
            use_as(2, errors)
            sys.argv = ["manage.py", *json.loads(line)]
            # The end of this call is the end of the program, as in manage.py, with all that Python does then.
            execute_from_command_line(sys.argv)
            return
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def use_as(descriptor: int, path: str) -> None:
    """Let what this process writes to a descriptor go into a file, from its beginning."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, descriptor)
    os.close(file)


if __name__ == "__main__":
    serve(*sys.argv[1:])
