"""A log of ten million events: what intake, delivery and the debugger lose by it, and what it takes of the disk."""

import json
import statistics
import uuid

import psycopg

from bench.results import Row, hundredths, thousands
from bench.stage import CONNECTIONS, EVENTS, PER_REQUEST, Bench, unconnected
from tests.system.stack import Connected

GROWN = 10_000_000
TIMES_SLOWER, BYTES_PER_EVENT = 1.5, 450
# The newest events, those of one name, and a page in the middle; each several times, on the server.
PAGES = """
import json, statistics, time
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from assistants import log
from assistants.models import Environment
environment = Environment.objects.get(kind="draft", assistant__name={name!r})
client = Client(SERVER_NAME="127.0.0.1")
client.force_login(User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)[0])
page = reverse("debugger:list", args=[environment.public_id])
half = log.head(environment.pk) // 2
times = []
for address in (page, page + "?name=Message+Handled", page + "?before=" + str(half)):
    each = []
    for _ in range(8):
        begin = time.perf_counter()
        answer = client.get(address, secure=True)
        each.append((time.perf_counter() - begin) * 1000)
        assert answer.status_code == 200, answer.status_code
    times.append(statistics.median(each[1:]))
print(json.dumps(times))
"""


def rows(bench: Bench, steady: float) -> list[Row]:
    """Compare with an empty log in the same minutes; `steady` is the rate from end to end there."""
    small = intake(bench, unconnected(bench.stack).key)
    small_pages = pages(bench, bench.connected)
    before = disk_bytes(bench)
    grown_place = unconnected(bench.stack)
    for _ in range(GROWN // EVENTS):
        bench.load(uuid.uuid4().hex[:5], EVENTS, PER_REQUEST, CONNECTIONS, keys=[grown_place.key])
    bench.stack.check_ledger()
    per_event = (disk_bytes(bench) - before) / GROWN
    grown = intake(bench, grown_place.key)
    connected = bench.stack.connect_to(grown_place, bench.recorder.url, "Message Handled")
    delivered = statistics.median(bench.delivered(connected).rate for _ in range(3))
    grown_pages = pages(bench, connected)
    slower = max(late / early for late, early in zip(grown_pages, small_pages, strict=True))
    return [
        row("intake", small / grown, f"{thousands(grown)} for {thousands(small)} events/s"),
        row("delivery", steady / delivered, f"{thousands(delivered)} for {thousands(steady)} events/s"),
        row("debugger", slower, f"{said(grown_pages)} for {said(small_pages)} ms: newest, filtered, in the middle"),
        Row(
            "disk an event takes, indexes and keys included",
            f"≤ {BYTES_PER_EVENT} bytes",
            f"{per_event:.0f} bytes",
            per_event <= BYTES_PER_EVENT,
        ),
    ]


def row(what: str, slower: float, figures: str) -> Row:
    name = f"{what} with {GROWN // 1_000_000} million events in the log, times as long as with few"
    return Row(name, f"≤ {TIMES_SLOWER}", f"{hundredths(slower)} ({figures})", slower <= TIMES_SLOWER)


def intake(bench: Bench, key: str) -> float:
    """Return how many events a second are acknowledged with nothing connected, the median of three runs."""
    rates = []
    for _ in range(3):
        timing = bench.load(uuid.uuid4().hex[:5], EVENTS, PER_REQUEST, CONNECTIONS, keys=[key])
        rates.append(EVENTS / (max(timing["answered"]) - min(timing["sent"])))
        bench.stack.check_ledger()
    return statistics.median(rates)


def pages(bench: Bench, connected: Connected) -> list[float]:
    """Return the server's milliseconds for three pages of the debugger."""
    bench.stack.manage("collectstatic", "--no-input", "--verbosity", "0")
    said = bench.stack.manage("shell", "--no-imports", "-c", PAGES.format(name=connected.assistant))
    times: list[float] = json.loads(said)
    return times


def disk_bytes(bench: Bench) -> int:
    """Return what all tables take of the disk, with their indexes."""
    with psycopg.connect(bench.stack.environment["DATABASE_URL"]) as database:
        found = database.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert found
    return int(found[0])


def said(times: list[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in times)
