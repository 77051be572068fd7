"""Keys stay out of answers and logs, whichever layer fails with a key in its hands."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from assistants.log_filter import MaskSecrets
from tests.assistants.intake.conftest import TRACK, Sender, stored
from tests.assistants.intake.outages import hidden_table

FAILED = {
    "success": False,
    "code": "internal_error",
    "message": "Sluice failed at this request and stored nothing of it.",
}


class Broken:
    """A part of intake that fails, and tells all it knows in its error."""

    def __init__(self, key: str) -> None:
        self.key = key

    async def open(self, text: str) -> Any:
        raise RuntimeError(f"cannot open {text}")

    async def store(self, intent: Any) -> Any:
        raise RuntimeError(f"cannot store {intent} of {self.key}, writeKey={self.key}")

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Catch what the handler of the settings writes."""
    handler = next(
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and any(isinstance(f, MaskSecrets) for f in handler.filters)
    )
    lines = io.StringIO()
    before = handler.setStream(lines)
    yield lines
    handler.setStream(before)


def assert_no_key(sender: Sender, response: httpx.Response, logged: io.StringIO) -> None:
    secret = sender.key.split("_")[3]
    assert secret[:8] not in response.text + str(response.headers)
    assert secret[:8] not in logged.getvalue()


@pytest.mark.parametrize("part", ["keyring", "committer"])
@pytest.mark.parametrize("in_body", [True, False])
def test_a_part_that_fails_names_no_key(sender: Sender, logged: io.StringIO, part: str, in_body: bool) -> None:
    getattr(sender.intake, part).close()
    setattr(sender.intake, part, Broken(sender.key))
    body = {"batch": [TRACK], **({"writeKey": sender.key} if in_body else {})}

    response = sender.post("/v1/batch", body, key="" if in_body else None)

    assert (response.status_code, response.json()) == (500, FAILED)
    assert "A request to /v1/batch failed." in logged.getvalue()
    assert "RuntimeError: cannot" in logged.getvalue()
    assert_no_key(sender, response, logged)
    assert stored(sender) == []


def test_a_body_that_fails_to_arrive_names_no_key(sender: Sender, logged: io.StringIO) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b'{"writeKey":'
        raise RuntimeError(f"lost {sender.key}")

    response = sender.request("POST", "/v1/batch", content=breaking(), auth=(sender.key, ""))

    assert (response.status_code, response.json()) == (500, FAILED)
    assert_no_key(sender, response, logged)


@pytest.mark.parametrize("table", ["assistants_ingestkey", "assistants_block", "assistants_refusal"])
def test_a_database_that_fails_names_no_key(sender: Sender, logged: io.StringIO, table: str) -> None:
    with hidden_table(table):
        response = sender.batch({**TRACK, "note": sender.key}, {"type": sender.key}, writeKey=sender.key)

    assert response.status_code == 503
    assert logged.getvalue() != ""
    assert_no_key(sender, response, logged)


def test_a_refused_request_names_no_key(sender: Sender, logged: io.StringIO) -> None:
    unknown = sender.key[:-1] + ("a" if sender.key[-1] != "a" else "b")
    for body in (
        {"batch": [TRACK], "writeKey": unknown},
        {"batch": sender.key},
        {"batch": [], "writeKey": sender.key},
        {"batch": [sender.key], "context": sender.key},
        sender.key,
    ):
        response = sender.post("/v1/batch", body)

        assert response.status_code == 400
        assert_no_key(sender, response, logged)
    response = sender.post("/v1/batch", {"batch": [TRACK]}, key=unknown)
    assert response.status_code == 401
    assert_no_key(sender, response, logged)
