"""Measure what the intake of each source costs, beside the Segment route with as many events a request.

`python -m bench.sources` runs by itself; `make bench` writes its table into docs/performance.md.
"""

import base64
import json
import sys
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass

import psycopg
import yaml

from assistants import sources
from bench.events import message_ids, requests
from bench.load import Load
from bench.results import Cost
from bench.source_requests import SENDERS, SETUPS, Sender, Sent
from bench.stage import Bench, prepared
from tests.services import wait_until

CONNECTIONS = 16
SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """An environment of its own that nothing is connected to, its key, and its log in the database."""

    port: int
    public_id: str
    key: str
    database: psycopg.Connection[tuple[int]]

    def head(self) -> int:
        row = self.database.execute(
            "SELECT position FROM assistants_loghead JOIN assistants_environment AS e ON e.id = environment_id "
            "WHERE e.public_id = %s",
            [self.public_id],
        ).fetchone()
        return row[0] if row else 0

    def send(self, bodies: list[bytes], answer_end: bytes) -> float:
        """Send whole requests as fast as they are answered; return when the first one went (monotonic seconds)."""
        load = Load(self.port, bodies, 0.0, answer_end=answer_end)
        load.run(CONNECTIONS)
        assert load.failures == []
        return min(load.sent)


def place(bench: Bench, kinds: list[str]) -> Place:
    name = f"Assistant {uuid.uuid4().hex[:8]}"
    setups = {kind: SETUPS[kind] for kind in kinds if kind in SETUPS}
    file = bench.stack.folder / "sources.yaml"
    file.write_text(yaml.safe_dump({"assistants": [{"name": name, "environments": {"draft": {"sources": setups}}}]}))
    applied = json.loads(bench.stack.manage("apply", file))
    key = bench.stack.manage("create_ingest_key", name, "draft").splitlines()[-1]
    database = psycopg.connect(bench.stack.environment["DATABASE_URL"], autocommit=True)
    return Place(bench.stack.port, applied["assistants"][0]["environments"]["draft"]["public_id"], key, database)


def whole_request(sender: Sender, sent: Sent, at: Place) -> bytes:
    path = sender.path.format(id=at.public_id, key=at.key)
    key = base64.b64encode(f"{at.key}:any".encode()).decode()
    headers = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        **({"authorization": f"Basic {key}"} if sender.sends_key else {}),
        **sent.headers,
        "content-length": str(len(sent.body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + sent.body


def cost(bench: Bench, sender: Sender) -> Cost:
    """Measure one source; one that holds its parts back has not to answer for that time."""
    count = sender.requests
    at = place(bench, [sender.kind])
    bodies = [whole_request(sender, sender.request(number), at) for number in range(count)]
    begin = at.send(bodies, sender.answer_end)
    events, seconds = settled(at, begin)
    adapter = sources.find(sender.kind)
    assert adapter is not None
    rate = events / max(seconds - adapter.hold_seconds, 0.001)
    return Cost(sender.kind, events / count, rate, segment_rate(bench, round(events / count), count))


def settled(at: Place, begin: float) -> tuple[int, float]:
    """Wait until the log grows no more; return its events, and the seconds until the last of them was there."""
    head, grown_at, quiet = 0, begin, 0.0
    while head == 0 or quiet < 4.0:
        now = time.monotonic()
        if (found := at.head()) != head:
            head, grown_at = found, now
        quiet = now - grown_at
        assert now - begin < SETTLE_SECONDS * 3, "nothing was stored"
        time.sleep(0.01)
    return head, grown_at - begin


def segment_rate(bench: Bench, per_request: int, count: int) -> float:
    at = place(bench, [])
    ids = message_ids(uuid.uuid4().hex[:5], per_request * count)
    path = "/v1/batch" if per_request > 1 else "/v1/track"
    begin = at.send(list(requests(path, at.key, ids, per_request=per_request)), b'{"success":true}')
    wait_until(lambda: at.head() == len(ids), "the last event", SETTLE_SECONDS)
    return len(ids) / (time.monotonic() - begin)


def costs(bench: Bench, rounds: int, kinds: Collection[str] = ()) -> list[Cost]:
    """Measure every source, or those named; of the rounds the one with the middle ratio counts."""
    found = []
    for sender in SENDERS:
        if not kinds or sender.kind in kinds:
            each = sorted((cost(bench, sender) for _ in range(rounds)), key=lambda cost: cost.ratio)
            found.append(each[len(each) // 2])
            print(found[-1], flush=True)
    return found


def main() -> None:
    with prepared() as bench:
        costs(bench, 1, sys.argv[1:])


if __name__ == "__main__":
    main()
