"""Log lines: JSON that can be read, with what a line is about, and without secrets."""

import asyncio
import json
import logging
import threading
from io import StringIO
from logging.config import dictConfig
from typing import Any

import pytest
from django.conf import settings

from assistants.log_context import AddContext, Receive, Scope, Send, about_requests, on_lane, request_id
from assistants.log_filter import MaskSecrets
from assistants.log_lines import JsonLines


@pytest.fixture
def stream() -> StringIO:
    return StringIO()


@pytest.fixture
def logger(stream: StringIO) -> logging.Logger:
    """A logger as settings.py puts one together, in JSON."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(AddContext())
    handler.addFilter(MaskSecrets())
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("sluice.test")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    return logger


async def receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def send(message: dict[str, Any]) -> None:
    """Nobody looks at the answer."""


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_without_empty_members(logger: logging.Logger, stream: StringIO) -> None:
    logger.warning("Lane %d has “quotes”\nand lines.", 7)

    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line.pop("process") > 0
    assert line == {"level": "WARNING", "logger": "sluice.test", "message": r"Lane 7 has “quotes”\nand lines."}


def test_secrets_are_masked_in_message_and_traceback(logger: logging.Logger, stream: StringIO) -> None:
    try:
        raise ValueError("refused with Bearer abc.def")
    except ValueError:
        logger.exception("writeKey=%s was refused", "s3cret")

    (line,) = lines(stream)
    assert line["message"] == "writeKey=*** was refused"
    assert line["traceback"].endswith("ValueError: refused with Bearer ***")


def test_a_line_says_which_lane_it_is_about(logger: logging.Logger, stream: StringIO) -> None:
    with on_lane(7):
        logger.info("inside")
        with on_lane(8):
            logger.info("further in")
    logger.info("outside")

    assert [line.get("lane_id") for line in lines(stream)] == [7, 8, None]


def test_requests_at_the_same_time_are_told_apart(logger: logging.Logger, stream: StringIO) -> None:
    barrier = asyncio.Barrier(2)

    @about_requests
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await barrier.wait()
        await asyncio.to_thread(logger.info, scope["path"])

    async def both() -> None:
        scopes = [{"path": name, "headers": [(b"host", b"h"), (b"x-request-id", name.encode())]} for name in ("a", "b")]
        await asyncio.gather(*(answer(scope, receive, send) for scope in scopes))

    asyncio.run(both())
    thread = threading.Thread(target=logger.info, args=("neither",))
    thread.start()
    thread.join()

    said = {line["message"]: line.get("request_id") for line in lines(stream)}
    assert said == {"a": "a", "b": "b", "neither": None}


@pytest.mark.parametrize("given", [b"", b"two words", b"x" * 65, b"a\r\nb", "é".encode()])
def test_a_request_without_a_usable_id_gets_one_and_keeps_it(given: bytes) -> None:
    found: list[str] = []

    @about_requests
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        found.extend([request_id(), request_id()])

    asyncio.run(answer({"headers": [(b"x-request-id", given)]}, receive, send))  # type: ignore[arg-type]

    first, second = found
    assert first == second
    assert len(first) == 16
    assert int(first, 16) >= 0


def test_outside_of_requests_there_is_no_id() -> None:
    assert request_id() == ""


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_settings_put_either_form_together(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"sluice.settings.{form}"
    handlers = {"stderr": {**settings.LOGGING["handlers"]["stderr"], "formatter": form}}
    loggers = {name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}}
    dictConfig({**settings.LOGGING, "handlers": handlers, "root": {}, "loggers": loggers, "incremental": False})

    with on_lane(7):
        logging.getLogger(name).info("token=%s", "s3cret")

    said = capsys.readouterr().err
    if form == "json":
        assert (json.loads(said)["message"], json.loads(said)["lane_id"]) == ("token=***", 7)
    else:
        assert said.endswith(f"INFO {name} [lane 7]: token=***\n")
