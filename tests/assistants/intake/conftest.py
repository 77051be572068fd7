"""An intake of its own for each test, and a client that posts to it as a server would."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from assistants.intake.app import Intake
from assistants.intake.body import Receive, Scope, Send
from assistants.keys import create_ingest_key
from assistants.models import Environment
from tests.make import make_environment

HOST = "https://sluice.example.com"


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
        transport = httpx.ASGITransport(self.intake, client=(self.address, 4711))  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url=HOST, headers=self.headers)

    def post(self, path: str, body: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Post a body, as bytes or to be written as JSON, with the sender's key or another one ("" for none)."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        user = self.key if key is None else key
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, content=content, auth=(user, "") if user else None, headers=given)

    def batch(self, *items: Any, **members: Any) -> httpx.Response:
        return self.post("/v1/batch", {"batch": items, **members})


@pytest.fixture
def intake() -> Iterator[Intake]:
    intake = Intake(fallback=no_other_site)
    yield intake
    intake.close()


@pytest.fixture
def sender(intake: Intake, transactional_db: None) -> Sender:
    environment = make_environment()
    return Sender(intake, environment, create_ingest_key(environment, label="tests", by=None))
