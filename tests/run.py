"""Run every check and test of the project, one named stage after the other: `make test`."""

import argparse
import base64
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.services import require_programs, running_postgresql, running_redis, temporary_folder

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = sys.executable
# No stage of a healthy tree comes near this; it ends one that hangs.
STAGE_SECONDS = 1_020.0
INTERRUPTED_SECONDS = 30.0
STAGES_AT_ONCE = 2
# Thousands of examples over lines that other tests run as well: here nobody needs to note which.
CHANGED_AT_RANDOM = "tests/assistants/*/test_mutated_*.py"
# These wait most of the time, and processes of their own run what they test.
RUNNING = "tests/system"
# These make everything fail that can, on servers of their own: `make faults`. The quick ones of them run always.
FAULTS = "tests/faults"
# The whole matrix, at the pace of a machine that others use as well; and with its durations in full.
FAULTS_SECONDS, LONG_FAULTS_SECONDS = 3_600.0, 6 * 3_600.0
# What the person at the keyboard has set must not change what is tested.
FOREIGN_VARIABLES = {"ALLOWED_HOSTS", "CACHE_URL", "CELERY_BROKER_URL", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL"}
FOREIGN_VARIABLES |= {"DEBUG", "DJANGO_SETTINGS_MODULE", "EMAIL_URL", "PORT", "SECRET_KEY"}


@dataclass(frozen=True)
class Stage:
    """One command of the run and the environment variables that it gets on top."""

    name: str
    command: list[str | Path]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How a stage ended."""

    name: str
    has_passed: bool
    seconds: float

    def __str__(self) -> str:
        return f"{'passed' if self.has_passed else 'FAILED'} {self.seconds:7.1f} s  {self.name}"


def static_stages() -> list[Stage]:
    templates = sorted((ROOT / "templates").rglob("*.html"))
    manage = [PYTHON, "manage.py"]
    return [
        Stage("format of the code", [BIN / "ruff", "format", "--check", "--quiet", "."]),
        Stage("ruff", [BIN / "ruff", "check", "--quiet", "."]),
        Stage("types", [BIN / "mypy", "--no-error-summary"]),
        Stage("direction of imports", [BIN / "lint-imports", "--no-logo"]),
        Stage("format of the templates", [BIN / "djade", "--check", "--target-version", "5.2", *templates]),
        Stage("migrations are complete", [*manage, "makemigrations", "--check", "--dry-run"]),
        Stage("Django's deployment checks", [*manage, "check", "--deploy", "--fail-level", "WARNING"], production()),
    ]


def production() -> dict[str, str]:
    """Set up what a production installation has to set, with secrets of the moment."""
    return {
        "SLUICE_MODE": "production",
        "DATABASE_URL": "postgres://sluice@127.0.0.1/sluice",
        "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SLUICE_ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "SLUICE_BASE_URL": "https://sluice.example.com",
        "ALLOWED_HOSTS": "sluice.example.com",
        "CSRF_TRUSTED_ORIGINS": "https://sluice.example.com",
    }


def tests(name: str, *options: str, **environment: str) -> Stage:
    return Stage(name, [PYTHON, "-m", "pytest", "-q", "--durations=10", *options], environment)


def measured(stage: Stage) -> Stage:
    """Let a stage of tests note which lines it runs, which makes it slower; one that runs nearly all is enough."""
    interpreter, *rest = stage.command
    return replace(stage, command=[interpreter, "-m", "coverage", "run", *rest])


def stages_of_tests(on_servers: dict[str, str]) -> list[Stage]:
    """Divide the tests into stages that run side by side, the longest first, so that the last ones end together."""
    changed = map(str, sorted(ROOT.glob(CHANGED_AT_RANDOM)))
    apart = [f"--ignore={RUNNING}", f"--ignore={FAULTS}", f"--ignore-glob={CHANGED_AT_RANDOM}"]
    # What neither a browser nor the tools can show differently on another database, nor what touches none.
    different = ["-m", "not browser and not pure", *apart, "--ignore=tests/tooling"]
    return [
        tests("tests in a browser", "-m", "browser"),
        measured(tests("tests on SQLite", "-m", "not browser", *apart)),
        tests("a running Sluice on PostgreSQL and Redis", RUNNING, **on_servers),
        tests("tests on PostgreSQL and Redis", *different, **on_servers),
        tests("a running Sluice on SQLite", RUNNING),
        tests("payloads changed at random", *changed),
        tests("faults, the quick ones", FAULTS, "-m", "quick_faults"),
    ]


@contextlib.contextmanager
def production_servers() -> Iterator[dict[str, str]]:
    """Run a PostgreSQL and a Redis for as long as the block lasts; yields the variables that choose them."""
    with running_postgresql() as postgresql, running_redis() as redis:
        yield {
            "DATABASE_URL": f"{postgresql}/sluice",
            "CELERY_BROKER_URL": f"{redis.url}/0",
            "CACHE_URL": f"{redis.url}/1",
        }


def coverage_stages() -> list[Stage]:
    coverage: list[str | Path] = [PYTHON, "-m", "coverage"]
    return [
        Stage("coverage, put together", [*coverage, "combine", "--quiet"]),
        Stage("coverage, high enough", [*coverage, "report"]),
    ]


@dataclass
class Run:
    """The stages of one call, run in a data folder that is thrown away afterwards."""

    folder: Path
    stage_seconds: float = STAGE_SECONDS
    results: list[Result] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)

    def stages(self, *stages: Stage) -> None:
        """Run the stages; one that fails does not keep the others from telling what they find."""
        for stage in stages:
            print(f"\n── {stage.name}", flush=True)
            self.keep(self.result(stage, None))

    def side_by_side(self, *stages: Stage) -> None:
        """Run stages at the same time, two at once and in this order; show the output of each when all have ended."""
        print("\n── side by side:", " · ".join(stage.name for stage in stages), flush=True)
        outputs = [self.folder / f"output-{number}" for number, _ in enumerate(stages)]
        with ThreadPoolExecutor(STAGES_AT_ONCE) as pool:
            for stage, output, result in zip(stages, outputs, pool.map(self.result, stages, outputs), strict=True):
                print(f"\n── {stage.name}", output.read_text(errors="replace"), sep="\n", flush=True)
                self.keep(result)

    def keep(self, result: Result) -> None:
        self.results.append(result)
        print(result, flush=True)

    def result(self, stage: Stage, output: Path | None) -> Result:
        """Run a stage, with its output in a file or passed on."""
        start = time.monotonic()
        with output.open("wb") if output else contextlib.nullcontext() as file:
            process = subprocess.Popen(
                stage.command,
                cwd=ROOT,
                env=self.environment() | stage.environment,
                stdout=file,
                stderr=subprocess.STDOUT if file else None,
                preexec_fn=listen_to_interrupts,
            )
            has_passed = self.passes(process, stage.name)
        return Result(stage.name, has_passed, time.monotonic() - start)

    def passes(self, process: subprocess.Popen[bytes], name: str) -> bool:
        try:
            return process.wait(self.stage_seconds) == 0
        except subprocess.TimeoutExpired:
            print(f"{name} did not end within {self.stage_seconds:.0f} s", flush=True)
            interrupt(process)
            return False

    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in FOREIGN_VARIABLES and not name.startswith("SLUICE_")
        }
        return inherited | {
            "SLUICE_MODE": "embedded",
            "SLUICE_DATA_DIR": str(self.folder / "data"),
            "COVERAGE_FILE": str(self.folder / "coverage"),
        }

    def summary(self) -> bool:
        """Print what was run and tell whether all of it passed."""
        print("\n── summary", *self.results, sep="\n")
        print(f"{'':6} {time.monotonic() - self.started_at:7.1f} s  in all")
        return all(result.has_passed for result in self.results)


def listen_to_interrupts() -> None:
    """Undo what a job in the background inherits: to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Let a program say what it was at, as it does after Ctrl-C; end it if that takes long."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(INTERRUPTED_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def everything(run: Run) -> None:
    require_programs("postgres", "redis-server", "chromium")
    run.stages(*static_stages())
    with production_servers() as on_servers:
        run.side_by_side(*stages_of_tests(on_servers))
    run.stages(*coverage_stages())


def faults(run: Run, *, are_long: bool) -> None:
    require_programs("postgres", "redis-server", "pgbouncer", "faketime")
    run.stage_seconds = LONG_FAULTS_SECONDS if are_long else FAULTS_SECONDS
    # A long test is not one that hangs.
    options, variables = (["-o", "faulthandler_timeout=0"], {"SLUICE_TEST_LONG": "1"}) if are_long else ([], {})
    run.stages(tests("faults", FAULTS, *options, **variables))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.run", description=__doc__)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--quick", action="store_true", help="only the tests, on SQLite, without a browser")
    part.add_argument("--lint", action="store_true", help="only the static checks")
    part.add_argument("--faults", action="store_true", help="only the tests of faults")
    part.add_argument("--faults-long", action="store_true", help="the same with long durations")
    chosen = parser.parse_args()
    with temporary_folder() as folder:
        run = Run(folder)
        if chosen.quick:
            run.stages(tests("tests on SQLite", "-m", "not browser", f"--ignore={FAULTS}"))
        elif chosen.lint:
            run.stages(*static_stages())
        elif chosen.faults or chosen.faults_long:
            faults(run, are_long=chosen.faults_long)
        else:
            everything(run)
        sys.exit(not run.summary())


if __name__ == "__main__":
    main()
