"""An intake of its own for each test, and a client that posts to it as a server would."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from assistants import log
from assistants.intake.app import Intake
from assistants.intake.body import Receive, Scope, Send
from assistants.keys import create_ingest_key, mint
from assistants.messages import to_json
from assistants.models import Environment
from tests.make import make_environment

HOST = "http://localhost"
TRACK = {"type": "track", "event": "Session Started", "userId": "u"}


async def no_other_site(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"the other site"})


@dataclass
class Sender:
    """Posts with one environment's ingest key, from one address."""

    intake: Intake
    environment: Environment
    key: str
    address: str = "203.0.113.9"
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with self.client() as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.intake, client=(self.address, 4711))
        return httpx.AsyncClient(transport=transport, base_url=HOST, headers=self.headers)

    def post(self, path: str, body: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Post a body, as bytes or to be written as JSON, with the sender's key or another one ("" for none)."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        user = self.key if key is None else key
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, content=content, auth=(user, "") if user else None, headers=given)

    def batch(self, *items: Any, **members: Any) -> httpx.Response:
        return self.post("/v1/batch", {"batch": items, **members})


def stored(sender: Sender) -> list[dict[str, Any]]:
    """Return the messages in the log of the sender's environment, in order."""
    events = log.read(sender.environment.pk, after=0, limit=10_000)
    return [json.loads(to_json(event.message)) for event in events if event.message]


@pytest.fixture
def intake() -> Iterator[Intake]:
    intake = Intake(fallback=no_other_site)
    yield intake
    intake.close()


@pytest.fixture
def sender(intake: Intake, transactional_db: None) -> Iterator[Sender]:
    environment = make_environment()
    yield Sender(intake, environment, create_ingest_key(environment, label="tests", by=None))
    # Its threads must be done with the database before that goes.
    intake.close()


@pytest.fixture
def stranger(intake: Intake) -> Sender:
    """Someone whose requests must be refused before a database is asked: a test without one cannot reach it."""
    return Sender(intake, Environment(), mint("draft")[0])
