"""A database that restarts, is cut off, full of connections, slow, or busy with somebody else's transaction."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants.intake.committer import COMMIT_SECONDS, PATIENCE_SECONDS
from tests.faults.disks import Disk, needs_root, small_disk
from tests.faults.invariants import check
from tests.faults.length import IS_LONG
from tests.faults.senders import Load, PatientSender, load
from tests.faults.servers import ROLE, running_pgbouncer
from tests.faults.site import Site
from tests.services import HOST, temporary_folder, wait_until
from tests.system.recorder import Recorder, running_recorder
from tests.system.sender import session_started
from tests.system.stack import HASTE, ROOT, Connected, Stack, as_in_production, embedded, running

OUTAGE_SECONDS = 60.0 if IS_LONG else 3.0
RESETS = 100 if IS_LONG else 15
STALL_SECONDS = 30.0 if IS_LONG else 4.0
OPEN_SECONDS = 1800.0 if IS_LONG else 5.0
WRITES = 3_000 if IS_LONG else 30
KILLS = 100 if IS_LONG else 4


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_database_that_restarts_costs_503s_and_nothing_else(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender, how: signal.Signals
) -> None:
    """C1."""
    processes = dict(site.stack.processes)
    with load(sender) as sending:
        sending.go_on_for(3)
        site.postgresql.stop(how=how)
        refusals = sender.refusals
        wait_until(lambda: sender.refusals > refusals, "a request that is turned away", 60)
        time.sleep(OUTAGE_SECONDS)
        site.postgresql.start()
        sending.go_on_for(10)

    check(site.stack, recorder, connected, sender)
    # No process had to be started again for it.
    assert site.stack.processes == processes
    assert all(process.poll() is None for process in processes.values())


def test_connections_that_are_cut_in_the_middle_of_commits_store_everything_once(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """C1: an answer of COMMIT that is lost leaves open whether it was made; the client's repeat settles it."""
    with load(sender) as sending:
        for number in range(RESETS):
            sending.go_on_for(1)
            # Each cut comes at another moment of the next request, or between two of them.
            time.sleep(0.1 + 0.002 * number)
            site.database.reset()
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)


def test_without_a_connection_to_be_had_requests_are_turned_away_in_time(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """C2."""
    with load(sender) as sending:
        sending.go_on_for(3)
        site.postgresql.limit_connections(0)
        try:
            site.postgresql.end_connections()
            refusals = sender.refusals
            wait_until(lambda: sender.refusals > refusals + 1, "requests that are turned away", 120)
        finally:
            site.postgresql.limit_connections(-1)
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)


def test_a_database_that_says_nothing_costs_503s_in_a_bounded_time(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """C3: its processes stand still, and its host still answers."""
    sender.send_numbered("before", 10)
    site.postgresql.freeze()
    try:
        began = time.monotonic()
        with site.stack.sender(connected) as impatient:
            status, _, headers = impatient.post([session_started("meanwhile-0")])
        waited = time.monotonic() - began
    finally:
        site.postgresql.thaw()

    assert (status, headers["Retry-After"] is not None) == (503, True)
    assert waited < PATIENCE_SECONDS + COMMIT_SECONDS + 5
    sender.send_numbered("meanwhile", 1)
    sender.send_numbered("after", 10)
    check(site.stack, recorder, connected, sender)


def test_a_slow_database_slows_down_and_loses_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """C3, latency and stalls: what stalls goes on where it was."""
    with load(sender) as sending:
        site.database.faults.latency_seconds = 0.05
        sending.go_on_for(3)
        site.database.faults.is_swallowing = True
        time.sleep(STALL_SECONDS)
        site.database.faults.is_swallowing = False
        sending.go_on_for(1)
        site.database.mend()
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)


def test_an_open_transaction_of_somebody_else_holds_up_nothing(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """C5: a snapshot that stays open under load."""
    with site.postgresql.connect(ROLE) as report, load(sender, events=50) as sending:
        report.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        report.execute("SELECT count(*) FROM integrations_lane").fetchall()
        sending.go_on_for(5)
        time.sleep(OPEN_SECONDS)
        sending.go_on_for(5)
        arrived = len(recorder.first_ids())
        wait_until(lambda: len(recorder.first_ids()) > arrived, "deliveries meanwhile", 60)
        report.execute("COMMIT")

    check(site.stack, recorder, connected, sender)


def test_an_append_that_stalls_holds_up_one_environment_for_a_bounded_time(
    site: Site, recorder: Recorder, connected: Connected, sender: PatientSender
) -> None:
    """C7, by the lock that an append takes."""
    sender.send_numbered("before", 10)
    with site.postgresql.connect(ROLE) as stalled, load(sender) as sending:
        stalled.execute("BEGIN")
        stalled.execute("SELECT position FROM assistants_loghead FOR UPDATE").fetchall()
        refusals = sender.refusals
        wait_until(lambda: sender.refusals > refusals, "a request that is turned away", 60)
        stalled.execute("ROLLBACK")
        sending.go_on_for(3)

    check(site.stack, recorder, connected, sender)


def test_everything_works_through_a_pgbouncer_in_transaction_mode(
    site: Site, recorder: Recorder, tmp_path: Path
) -> None:
    """C13, with a PgBouncer that is too old for prepared statements."""
    name = f"{ROLE}_behind_pgbouncer"
    site.postgresql.make_database(name)
    with running_pgbouncer(site.postgresql.port) as port:
        environment = as_in_production(f"postgres://{ROLE}@{HOST}:{port}/{name}", site.redis.url) | HASTE
        # Beside those of the site.
        environment |= {"CELERY_BROKER_URL": f"{site.redis.url}/2", "CACHE_URL": f"{site.redis.url}/3"}
        environment |= {"SLUICE_PREPARED_STATEMENTS": "off"}
        with running(tmp_path, environment) as stack:
            connected = stack.connect(recorder.url)
            with contextlib.closing(PatientSender(stack.port, connected.key)) as sender:
                with load(sender, events=100) as sending:
                    sending.go_on_for(20)
                check(stack, recorder, connected, sender)


def fill_and_empty(disk: Disk, stack: Stack, recorder: Recorder) -> None:
    """Let the disk become full under load, with requests turned away, and free again."""
    connected = stack.connect(recorder.url)
    with contextlib.closing(PatientSender(stack.port, connected.key)) as sender:
        with load(sender, events=500) as sending:
            sending.go_on_for(3)
            disk.fill()
            refusals = sender.refusals
            wait_until(lambda: sender.refusals > refusals + 2, "requests that are turned away", 120)
            disk.empty()
            sending.go_on_for(3)
        check(stack, recorder, connected, sender)


@needs_root
def test_a_full_disk_turns_requests_away_and_mends_by_itself(site: Site, recorder: Recorder, tmp_path: Path) -> None:
    """C4, where the data are; where the write-ahead log is, PostgreSQL stops."""
    name = f"{ROLE}_on_a_small_disk"
    with temporary_folder() as folder:
        folder.chmod(0o755)
        with small_disk(folder / "disk") as disk, site.postgresql.database_on(disk.folder, name):
            environment = as_in_production(f"postgres://{ROLE}@{HOST}:{site.postgresql.port}/{name}", site.redis.url)
            # Beside those of the site.
            environment |= {"CELERY_BROKER_URL": f"{site.redis.url}/4", "CACHE_URL": f"{site.redis.url}/5"} | HASTE
            with running(tmp_path, environment) as stack:
                fill_and_empty(disk, stack, recorder)


@needs_root
def test_a_full_disk_leaves_sqlite_whole(recorder: Recorder, tmp_path: Path) -> None:
    """C10, the full disk."""
    with small_disk(tmp_path / "disk") as disk, running(disk.folder, embedded() | HASTE) as stack:
        fill_and_empty(disk, stack, recorder)
        assert integrity(stack) == "ok"


@pytest.fixture
def embedded_stack(tmp_path: Path) -> Iterator[Stack]:
    with running(tmp_path, embedded() | HASTE) as stack:
        yield stack


def integrity(stack: Stack) -> str:
    """Ask SQLite, the one that Sluice uses, whether the database is whole."""
    program = (
        "from django.db import connection; cursor = connection.cursor();"
        "cursor.execute('PRAGMA integrity_check'); print(cursor.fetchone()[0])"
    )
    return stack.manage("shell", "--no-imports", "-c", program).strip()


@contextlib.contextmanager
def writer(stack: Stack, port: int) -> Iterator[Load]:
    """Send to an environment of its own by one of the web servers; all of it arrives, and nothing was turned away."""
    with running_recorder() as recorder:
        connected = stack.connect(recorder.url)
        with contextlib.closing(PatientSender(port, connected.key)) as sender:
            with load(sender, events=20) as sending:
                yield sending
            check(stack, recorder, connected, sender)
            assert sender.refusals == 0


@contextlib.contextmanager
def reads_and_checkpoints(stack: Stack) -> Iterator[None]:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _READS_AND_CHECKPOINTS]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=stack.variables(), stdout=pipe, stderr=subprocess.STDOUT)
    try:
        yield
        assert process.poll() is None, process.communicate()
    finally:
        process.kill()
        process.communicate()


def test_many_writers_readers_and_checkpoints_share_one_sqlite(embedded_stack: Stack) -> None:
    """C9: web server, worker and sweep write anyway; beside them a second web server, a reader, and checkpoints."""
    stack = embedded_stack
    second = Stack(stack.folder, stack.environment)
    second.start("web")
    try:
        with contextlib.ExitStack() as busy:
            busy.enter_context(reads_and_checkpoints(stack))
            writers = [busy.enter_context(writer(stack, port)) for port in [stack.port, second.port] * 2]
            for each in writers:
                each.go_on_for(WRITES)
    finally:
        second.kill()
    assert integrity(stack) == "ok"


_READS_AND_CHECKPOINTS = """
import time
from django.db import connection, transaction
from assistants.models import Block
while True:
    blocks = Block.objects.order_by("-last_position").iterator(chunk_size=1)
    for _, block in zip(range(50), blocks):
        time.sleep(0.005)
    # A connection that still reads cannot checkpoint.
    blocks.close()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        cursor.fetchall()
"""


def test_writers_of_sqlite_that_are_killed_leave_it_whole(embedded_stack: Stack, recorder: Recorder) -> None:
    """C10, by kill; a loss of power cannot be tested like this."""
    stack = embedded_stack
    connected = stack.connect(recorder.url)
    with contextlib.closing(PatientSender(stack.port, connected.key)) as sender:
        with load(sender, events=50) as sending:
            for number in range(KILLS):
                sending.go_on_for(2)
                stack.kill("web", "worker", "sweep")
                stack.start("web", "worker", "sweep")
                assert integrity(stack) == "ok", number
        check(stack, recorder, connected, sender)
