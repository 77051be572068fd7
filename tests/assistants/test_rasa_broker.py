"""The event broker for Rasa: it never holds up an answer, sends in order, tries again, and says what it dropped.

Rasa itself needs Python 3.10 or older, so a base class of the same form stands in for its own.
"""

import asyncio
import atexit
import importlib.util
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.services import wait_until

FILE = Path(__file__).parent.parent.parent / "docs" / "rasa" / "sluice_broker.py"
STAND_IN = "class EventBroker:\n    async def close(self): ...\n"


class Sluice:
    """A server that keeps the lines it takes; `answers` (status, headers) are given first, in order, then 200s."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/sources/rasa/abc"
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.taken: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.is_open = threading.Event()
        self.is_open.set()

    @property
    def numbers(self) -> list[int]:
        return [event["n"] for event in self.taken]


@contextmanager
def running_sluice() -> Iterator[Sluice]:
    sluice: Sluice

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sluice.is_open.wait(30)
            lines = [json.loads(line) for line in body.split(b"\n")]
            sluice.sizes.append(len(lines))
            sluice.headers.append(dict(self.headers.items()))
            status, headers = sluice.answers.pop(0) if sluice.answers else (200, {})
            if status == 200:
                sluice.taken += lines
            self.send_response(status)
            for name, value in {"Content-Length": "2", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sluice = Sluice(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield sluice
    finally:
        sluice.is_open.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sluice() -> Iterator[Sluice]:
    with running_sluice() as sluice:
        yield sluice


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the file as Rasa would, with a base class in the place of Rasa's."""
    for name in ("rasa", "rasa.core", "rasa.core.brokers", "rasa.core.brokers.broker"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    exec(STAND_IN, sys.modules["rasa.core.brokers.broker"].__dict__)  # noqa: S102  the stand-in above
    spec = importlib.util.spec_from_file_location("sluice_broker", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FIRST_WAIT_SECONDS", 0.05)
    return module


def make(module: ModuleType, url: str, **settings: Any) -> Any:
    """Make a broker as Rasa does of its part of endpoints.yml."""
    part = SimpleNamespace(url=url, token="a-key", kwargs=settings)
    return asyncio.run(module.SluiceEventBroker.from_endpoint_config(part))


def publish(broker: Any, *numbers: int) -> None:
    for number in numbers:
        broker.publish({"event": "user", "sender_id": "s", "timestamp": 1795304400.5, "n": number})


def test_events_arrive_in_their_order_with_the_key(module: ModuleType, sluice: Sluice) -> None:
    broker = make(module, sluice.url)

    publish(broker, *range(1_200))

    assert broker.flush()
    assert sluice.numbers == list(range(1_200))
    assert max(sluice.sizes) <= 500
    assert sluice.headers[0]["Authorization"] == "Bearer a-key"
    assert sluice.headers[0]["Content-Type"] == "application/x-ndjson"


def test_publishing_does_not_wait_for_sluice(module: ModuleType, sluice: Sluice) -> None:
    broker = make(module, sluice.url)
    sluice.is_open.clear()

    started = time.monotonic()
    publish(broker, *range(1_000))
    took = time.monotonic() - started
    sluice.is_open.set()

    assert took < 1
    assert broker.flush()
    assert sluice.numbers == list(range(1_000))


@pytest.mark.parametrize("status", [500, 503, 429, 401, 404, 301])
def test_what_is_not_taken_is_sent_again(
    module: ModuleType, sluice: Sluice, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker = make(module, sluice.url)
    sluice.answers = [(status, {"Location": "http://127.0.0.1:9/", "Retry-After": "0"})] * 3

    publish(broker, 1, 2)
    wait_until(lambda: sluice.numbers == [1, 2], "the events")

    assert broker.flush()
    assert sum("do not take" in line or "does not take events" in line for line in caplog.messages) == 1
    assert broker.dropped == 0


def test_an_address_where_nobody_answers_holds_the_events(module: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    broker = make(module, "http://127.0.0.1:9/", timeout_seconds=1)

    publish(broker, 1, 2)

    assert not broker.flush(0.3)
    atexit.unregister(broker.flush)
    assert "Rasa ends, and 2 events were not sent to Sluice." in caplog.messages


def test_an_event_at_fault_is_found_and_its_neighbours_are_sent(
    module: ModuleType, sluice: Sluice, caplog: pytest.LogCaptureFixture
) -> None:
    broker = make(module, sluice.url)
    sluice.is_open.clear()
    publish(broker, 0)
    wait_until(lambda: broker._thread is not None, "the thread")
    publish(broker, 1, 2, 3, 4)
    # The first batch may hold any of them: it is refused until one event stands alone.
    sluice.answers = [(400, {}), (400, {}), (400, {})]
    sluice.is_open.set()

    assert broker.flush(20)
    assert broker.dropped == 1
    assert sluice.numbers == [1, 2, 3, 4]
    assert any(
        line.startswith("An event was not sent to Sluice: Sluice does not take it: 400") for line in caplog.messages
    )


def test_a_full_queue_drops_what_comes_and_says_so(
    module: ModuleType, sluice: Sluice, caplog: pytest.LogCaptureFixture
) -> None:
    broker = make(module, sluice.url, max_events=3)
    sluice.is_open.clear()

    publish(broker, *range(10))
    sluice.is_open.set()

    assert broker.flush()
    assert sluice.numbers == [0, 1, 2]
    assert broker.dropped == 7
    assert [line for line in caplog.messages if "queue is full" in line] == [
        "An event was not sent to Sluice: the queue is full. Dropped so far: 1."
    ]


def test_a_queue_is_bounded_in_bytes_too(module: ModuleType, sluice: Sluice) -> None:
    broker = make(module, sluice.url, max_bytes=200)
    sluice.is_open.clear()

    publish(broker, *range(10))
    sluice.is_open.set()

    assert broker.flush()
    assert len(sluice.taken) + broker.dropped == 10
    assert broker.dropped >= 7


def test_what_is_no_json_is_dropped_and_never_raised(module: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    broker = make(module, "http://127.0.0.1:9/")
    circle: dict[str, Any] = {}
    circle["self"] = circle

    broker.publish(circle)

    assert broker.dropped == 1
    assert "it cannot be written as JSON" in caplog.messages[0]


def test_closing_sends_what_is_left(module: ModuleType, sluice: Sluice) -> None:
    broker = make(module, sluice.url)

    publish(broker, 1, 2, 3)
    asyncio.run(broker.close())

    assert sluice.numbers == [1, 2, 3]


def test_without_a_url_rasa_runs_without_a_broker(module: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    assert make(module, "") is None
    assert asyncio.run(module.SluiceEventBroker.from_endpoint_config(None)) is None
    assert "has no url" in caplog.messages[0]
    with pytest.raises(ValueError, match="must begin with https"):
        make(module, "sluice.example.com")


def test_a_program_that_ends_sends_what_is_left(sluice: Sluice, tmp_path: Path) -> None:
    package = tmp_path / "rasa" / "core" / "brokers"
    package.mkdir(parents=True)
    (package / "broker.py").write_text(STAND_IN)
    program = (
        "import sys; from sluice_broker import SluiceEventBroker\n"
        "broker = SluiceEventBroker(sys.argv[1], 'a-key')\n"
        "for n in range(50): broker.publish({'n': n})\n"
    )

    subprocess.run(
        [sys.executable, "-c", program, sluice.url],
        env={"PYTHONPATH": f"{tmp_path}:{FILE.parent}"},
        check=True,
        timeout=60,
    )

    assert sluice.numbers == list(range(50))


def test_a_forked_program_starts_a_queue_of_its_own(sluice: Sluice, tmp_path: Path) -> None:
    package = tmp_path / "rasa" / "core" / "brokers"
    package.mkdir(parents=True)
    (package / "broker.py").write_text(STAND_IN)
    program = (
        "import os, sys; from sluice_broker import SluiceEventBroker\n"
        "broker = SluiceEventBroker(sys.argv[1], 'a-key')\n"
        "broker.publish({'n': 0}); broker.flush()\n"
        "child = os.fork()\n"
        "broker.publish({'n': 1 if child else 2})\n"
        "broker.flush()\n"
        "if child: os.waitpid(child, 0)\n"
    )

    subprocess.run(
        [sys.executable, "-c", program, sluice.url],
        env={"PYTHONPATH": f"{tmp_path}:{FILE.parent}"},
        check=True,
        timeout=60,
    )

    assert sorted(sluice.numbers) == [0, 1, 2]
