"""The same work with nothing around it, as a measure of what the product around it costs.

Two processes on a PostgreSQL of the same kind, the same client, the same recorder: a WSGI callable that parses, keys,
compresses and stores each request in one statement with one commit; and a loop that reads behind a cursor, cuts batches
of the same size, sends them and moves the cursor. No users, no checks of content, no selection, no message IDs of a
connection's own, no leases, no counts: what is lost here stays lost, and nobody would see it.
"""

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
from isal import isal_zlib

from bench.events import message_ids
from bench.processes import cpu_seconds
from bench.results import Throughput
from bench.stage import ARRIVAL_SECONDS, CONNECTIONS, EVENTS, PER_REQUEST, ROOT, Bench, run_program
from tests.services import HOST, free_port, wait_until

DATABASE, RECORDER = "BARE_DATABASE", "BARE_RECORDER"
THREADS = 8
BATCH_BYTES, BLOCKS_PER_READ = 474_000, 200
IDLE_SECONDS = 0.002
TABLES = """
CREATE TABLE head (id int PRIMARY KEY, position bigint NOT NULL, cursor bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO head VALUES (1, 0, 0);
CREATE TABLE block (last_position bigint PRIMARY KEY, body bytea NOT NULL);
ALTER TABLE block ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE key (digest bytea PRIMARY KEY, position bigint NOT NULL);
"""
# One statement: positions, keys and block. A repeat would be a hole here, which is one more thing that is left out.
STORE = b"""
WITH moved AS (UPDATE head SET position = position + $1 RETURNING position),
keys AS (INSERT INTO key SELECT digest, position - ordinal FROM moved, unnest($2::bytea[]) WITH ORDINALITY
    AS given (digest, ordinal) ON CONFLICT DO NOTHING)
INSERT INTO block SELECT position, $3 FROM moved
"""


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


class _Item(msgspec.Struct):
    messageId: str  # noqa: N815  Segment's own name
    type: str
    event: str = ""


_batch = msgspec.json.Decoder(_Batch)
_item = msgspec.json.Decoder(_Item)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_own = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Store one request."""
    items = _batch.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))).batch
    digests = [blake2b(_item.decode(item).messageId.encode(), digest_size=16).digest() for item in items]
    body = isal_zlib.compress(b"[%b]" % b",".join(items), 1)
    if not hasattr(_own, "cursor"):
        _own.cursor = psycopg.RawCursor(psycopg.connect(os.environ[DATABASE], autocommit=True))
    _own.cursor.execute(STORE, [len(items), BinaryArray(digests), body], prepare=True)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{"success":true}']


class BinaryArray(list[bytes]):
    """Bytes that go to the server as a binary array: as text they would take twenty times as long."""


class _ArrayDumper(psycopg.adapt.Dumper):
    format = psycopg.pq.Format.BINARY
    oid = psycopg.adapters.types["bytea"].array_oid

    def dump(self, obj: list[bytes]) -> bytes:
        head = b"".join(number.to_bytes(4, "big") for number in (1, 0, 17, len(obj), 1))
        return head + b"".join([len(each).to_bytes(4, "big") + each for each in obj])


psycopg.adapters.register_dumper(BinaryArray, _ArrayDumper)


def deliver() -> None:
    """Send what is stored, in order, for ever."""
    host = urlsplit(os.environ[RECORDER])
    segment = http.client.HTTPConnection(str(host.hostname), host.port)
    cursor = psycopg.RawCursor(psycopg.connect(os.environ[DATABASE], autocommit=True))
    position = 0
    while True:
        cursor.execute(
            b"SELECT last_position, body FROM block WHERE last_position > $1 ORDER BY last_position LIMIT $2",
            [position, BLOCKS_PER_READ],
            binary=True,
        )
        blocks = cursor.fetchall()
        if not blocks:
            time.sleep(IDLE_SECONDS)
        items: list[msgspec.Raw] = []
        size = 0
        for _, body in blocks:
            for item in _items.decode(isal_zlib.decompress(body)):
                size += len(bytes(item)) + 1
                if size > BATCH_BYTES:
                    send(segment, items)
                    items, size = [], len(bytes(item))
                items.append(item)
        if items:
            send(segment, items)
            position = blocks[-1][0]
            cursor.execute(b"UPDATE head SET cursor = $1", [position])


def send(segment: http.client.HTTPConnection, items: list[msgspec.Raw]) -> None:
    body = b'{"batch":[%b],"sentAt":"2026-01-01T00:00:00.000Z"}' % b",".join(items)
    segment.request("POST", "/v1/batch", body, {"Authorization": "Basic YmFyZTo=", "Content-Type": "application/json"})
    answer = segment.getresponse()
    assert answer.status == 200, answer.status
    answer.read()


@contextlib.contextmanager
def running(bench: Bench) -> Iterator["Bare"]:
    """Run both processes on a database of their own."""
    name = f"bare_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(f"{bench.postgresql.url}/postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    url, port = f"{bench.postgresql.url}/{name}", free_port()
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(TABLES.encode())
    environment = os.environ | {DATABASE: url, RECORDER: bench.recorder.url}
    web = ["-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port), "--no-ws"]
    web += ["--blocking-threads", str(THREADS), "--log-level", "warning", "bench.bare:application"]
    commands = [web, ["-c", "from bench.bare import deliver; deliver()"]]
    processes = [subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment) for command in commands]
    try:
        wait_until(lambda: answers(port), "the bare web server")
        yield Bare(bench, port, [process.pid for process in processes] + [bench.postgresql.process])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    with contextlib.suppress(OSError), contextlib.closing(connection):
        connection.connect()
        return True
    return False


class Bare:
    """The bare loop at work; measured as the product is."""

    def __init__(self, bench: Bench, port: int, roots: list[int]) -> None:
        self.bench, self.port, self.roots = bench, port, roots

    def batches(self) -> Throughput:
        run = uuid.uuid4().hex[:5]
        before = cpu_seconds(self.roots)
        timing = run_program("bench.load", self.port, "key", run, EVENTS, PER_REQUEST, CONNECTIONS)
        self.bench.recorder.wait_for(EVENTS, ARRIVAL_SECONDS)
        used = cpu_seconds(self.roots) - before
        received = self.bench.recorder.take()
        assert sorted(received.ids) == sorted(message_ids(run, EVENTS))
        begin = min(timing["sent"])
        return Throughput(
            events=EVENTS,
            seconds=max(received.times) - begin,
            accepted_seconds=max(timing["answered"]) - begin,
            cpu_seconds=used,
            requests=received.requests,
        )
