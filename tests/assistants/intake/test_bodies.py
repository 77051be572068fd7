"""Bodies that cannot be read, each with the exact answer; all are refused before a key is looked up."""

import asyncio
import base64
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from assistants.intake.app import Intake
from assistants.intake.segment import MAX_BODY_BYTES, MAX_LISTED_ITEMS
from config.asgi import application
from tests.assistants.intake.conftest import Sender

BATCH = b'{"batch":[{"type":"track"}]}'
SURROGATE = "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff)."


def failure(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "code": code, "message": message}


EMPTY = failure("invalid_request", "The body is empty.")
NO_OBJECT = failure("invalid_request", "The body must be a JSON object.")
NO_BATCH_OBJECT = failure("invalid_request", "The body must be a JSON object with a list “batch”.")
NO_KEY = failure(
    "invalid_write_key",
    "An invalid write key was provided: give an ingest key of this Sluice as Basic user name or as writeKey.",
)
TOO_LARGE = failure("payload_too_large", "Exceeds the payload limit of 512,000 bytes after inflating.")
INVALID_GZIP = failure("invalid_gzip", "The body says it is gzip, but cannot be unpacked.")
CUT_GZIP = failure("invalid_gzip", "The gzip body is cut off, or more follows behind its end.")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_a_post_brings_messages(stranger: Sender, method: str) -> None:
    response = stranger.request(method, "/v1/batch", auth=(stranger.key, ""))

    message = f"Malformed JSON: send a POST with a body, not a {method}."
    assert (response.status_code, response.json()) == (400, failure("invalid_request", message))


def test_paths_beside_the_routes_are_not_intakes(stranger: Sender) -> None:
    assert stranger.post("/v2/batch", {}).text == "the other site"
    assert stranger.post("/", {}).text == "the other site"
    response = stranger.post("/v1/nothing", {})
    message = "There is no /v1/nothing here; batches go to /v1/batch."
    assert (response.status_code, response.json()) == (404, failure("not_found", message))


def test_the_server_answers_intakes_paths_itself_and_hands_the_others_to_django(stranger: Sender) -> None:
    server = Sender(application, stranger.environment, stranger.key)

    assert server.post("/v1/batch", b"").json() == EMPTY
    assert server.request("GET", "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/v1/import/"])
@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_refused(stranger: Sender, path: str, body: bytes) -> None:
    response = stranger.post(path, body)

    assert (response.status_code, response.json()) == (400, EMPTY)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"5", b"[[]]", b"true", b"1e400"])
def test_a_body_that_is_no_object_is_refused(stranger: Sender, body: bytes) -> None:
    batch, single = stranger.post("/v1/batch", body), stranger.post("/v1/track", body)

    assert (batch.status_code, batch.json()) == (400, NO_BATCH_OBJECT)
    assert (single.status_code, single.json()) == (400, NO_OBJECT)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "The body has no “batch”."),
        (b'{"batch":null}', "The body has no “batch”."),
        (b'{"batch":{}}', "“batch” must be a list."),
        (b'{"batch":5,"x":1e400}', "“batch” must be a list."),
        (b'{"x":"\\ud800","batch":5}', "“batch” must be a list."),
        (b'{"batch":5', "Malformed JSON: Input data was truncated."),
        (BATCH[:-1], "Malformed JSON: Input data was truncated."),
        (BATCH + b"}", "Malformed JSON: trailing characters (byte 29)."),
        (b'{"batch":[NaN]}', "Malformed JSON: invalid character (byte 10)."),
        (b'{"batch":[Infinity]}', "Malformed JSON: invalid character (byte 10)."),
        (b"event=Session+Started&userId=u", "Malformed JSON: invalid character (byte 0)."),
        (b"<batch><event/></batch>", "Malformed JSON: invalid character (byte 0)."),
        (b"\xef\xbb\xbf" + BATCH, "Malformed JSON: invalid character (byte 0)."),
        (b'{"batch":[\xff]}', "The body is not UTF-8: byte 10 is wrong."),
        (b'{"batch":[{"type":"\xed\xa0\x80"}]}', "The body is not UTF-8: byte 19 is wrong."),
        (BATCH.decode().encode("utf-16"), "The body is not UTF-8: byte 0 is wrong."),
        (BATCH.decode().encode("utf-16-be"), "Malformed JSON: invalid character (byte 0)."),
    ],
)
def test_a_batch_that_cannot_be_read_is_refused_with_what_is_wrong(stranger: Sender, body: bytes, message: str) -> None:
    response = stranger.post("/v1/batch", body)

    assert (response.status_code, response.json()) == (400, failure("invalid_request", message))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"event":"E"', "Malformed JSON: Input data was truncated."),
        (b'{"event":NaN}', "Malformed JSON: invalid character (byte 9)."),
        (b'\xef\xbb\xbf{"event":"E"}', "Malformed JSON: invalid character (byte 0)."),
        (b"event=E", "Malformed JSON: invalid character (byte 0)."),
        (b'{"event":"\xff"}', "The body is not UTF-8: byte 10 is wrong."),
    ],
)
def test_a_single_message_that_cannot_be_read_is_refused(stranger: Sender, body: bytes, message: str) -> None:
    response = stranger.post("/v1/track", body)

    assert (response.status_code, response.json()) == (400, failure("invalid_request", message))


@pytest.mark.parametrize("opening", [b'{"batch":[', b'{"batch":', b'{"context":', b'{"a":'])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_a_hundred_thousand_levels_are_refused(stranger: Sender, path: str, opening: bytes) -> None:
    response = stranger.post(path, opening + b"[" * 100_000 + b"]" * 100_000 + b"}")

    assert (response.status_code, response.json()) == (400, failure("too_deep", "The body is nested too deeply."))


def test_a_batch_without_items_is_refused(stranger: Sender) -> None:
    response = stranger.batch()

    assert (response.status_code, response.json()) == (400, failure("empty_batch", "The batch holds no items."))


def test_a_body_full_of_next_to_nothing_is_refused_as_a_whole(stranger: Sender) -> None:
    response = stranger.batch(*[0] * (MAX_LISTED_ITEMS + 1))

    message = "A batch may hold 2,500 items, not 10,001."
    assert (response.status_code, response.json()) == (400, failure("batch_too_long", message))


@pytest.mark.parametrize("name", ["context", "integrations"])
@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (b"5", "not_an_object", "An item must be a JSON object, not “5”."),
        (b'{"a":"\\u0000"}', "nul_character", "A key or a text contains the NUL character (\\u0000)."),
        (b'{"a":"\\ud800"}', "lone_surrogate", SURROGATE),
        (b'{"a":1e400}', "number_out_of_range", "A number is too large for any reader to hold."),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep", "The item is nested more than 32 levels deep."),
        (b'{"a":"%s"}' % (b"x" * 40_000), "message_too_large", "The item has 40,008 bytes; the limit is 32,768."),
    ],
)
def test_what_the_batch_says_for_all_is_looked_through_as_items_are(
    stranger: Sender, name: str, value: bytes, code: str, message: str
) -> None:
    response = stranger.post("/v1/batch", b'{"batch":[{"type":"track"}],"%s":%s}' % (name.encode(), value))

    assert (response.status_code, response.json()) == (400, failure(code, f"The batch's {name}: {message}"))


@pytest.mark.parametrize("body", [{}, {"writeKey": None}, {"writeKey": ""}])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_a_request_without_a_key_is_refused(stranger: Sender, path: str, body: dict[str, Any]) -> None:
    response = stranger.post(path, {"batch": [{"type": "track"}], **body}, key="")

    assert (response.status_code, response.json()) == (400, NO_KEY)


@pytest.mark.parametrize("value", [b"5", b"true", b'["x"]', b'{"a":1}', b"1e400", b'"\\ud800"'])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_a_key_in_the_body_has_to_be_a_text(stranger: Sender, path: str, value: bytes) -> None:
    response = stranger.post(path, b'{"batch":[{"type":"track"}],"writeKey":%s}' % value)

    assert (response.status_code, response.json()) == (400, failure("invalid_request", "writeKey must be a text."))


def test_two_keys_that_differ_are_refused(stranger: Sender) -> None:
    response = stranger.batch({"type": "track"}, writeKey="another")

    message = "The Authorization header and writeKey name different keys."
    assert (response.status_code, response.json()) == (400, failure("key_mismatch", message))


@pytest.mark.parametrize("header", ["Basic %%%", "Basic /////w==", "Basic a"])
def test_a_header_that_is_not_base64_is_refused(stranger: Sender, header: str) -> None:
    response = stranger.post("/v1/track", {"writeKey": stranger.key}, key="", Authorization=header)

    message = "The Basic Authorization header is not valid base64."
    assert (response.status_code, response.json()) == (400, failure("invalid_authorization", message))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (gzip.compress(BATCH)[:-12], CUT_GZIP),
        (gzip.compress(BATCH)[:-4], CUT_GZIP),
        (gzip.compress(BATCH) + b"more", CUT_GZIP),
        (b"\x1f\x8b", CUT_GZIP),
        (b"", CUT_GZIP),
        (BATCH, INVALID_GZIP),
        (zlib.compress(BATCH), INVALID_GZIP),
        (gzip.compress(BATCH)[:-8] + b"\0" * 8, INVALID_GZIP),
    ],
)
def test_gzip_that_cannot_be_unpacked_is_refused(stranger: Sender, body: bytes, expected: dict[str, Any]) -> None:
    response = stranger.post("/v1/batch", body, Content_Encoding="gzip")

    assert (response.status_code, response.json()) == (400, expected)


def test_a_gzip_bomb_is_refused_before_it_takes_memory(stranger: Sender) -> None:
    bomb = gzip.compress(b"0" * 50_000_000, compresslevel=1)
    assert len(bomb) < MAX_BODY_BYTES
    tracemalloc.start()
    try:
        response = stranger.post("/v1/batch", bomb, Content_Encoding="gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (response.status_code, response.json()) == (400, TOO_LARGE)
    assert peak < 10_000_000


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_another_encoding_is_refused(stranger: Sender, encoding: str) -> None:
    response = stranger.post("/v1/batch", gzip.compress(BATCH), Content_Encoding=encoding)

    message = f"Content-Encoding '{encoding}' is not supported; use gzip or none."
    assert (response.status_code, response.json()) == (415, failure("unsupported_encoding", message))


def test_a_body_of_more_than_512000_bytes_is_refused(stranger: Sender) -> None:
    body = BATCH.ljust(MAX_BODY_BYTES + 1)
    plain = stranger.post("/v1/batch", body)
    packed = stranger.post("/v1/batch", gzip.compress(body), Content_Encoding="gzip")

    assert (plain.status_code, plain.json()) == (400, TOO_LARGE)
    assert (packed.status_code, packed.json()) == (400, TOO_LARGE)


def test_chunks_without_end_are_refused_at_the_limit(stranger: Sender) -> None:
    taken = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            taken.append(1)
            yield b" " * 100_000

    response = stranger.request("POST", "/v1/batch", content=endless(), auth=(stranger.key, ""))

    assert (response.status_code, response.json()) == (400, TOO_LARGE)
    assert len(taken) == 6


def ask(intake: Intake, *events: dict[str, Any], headers: dict[str, str]) -> list[Any]:
    """Let intake answer a request that the server passes on in these events; reading on beyond them is an error."""
    waiting, answers = list(events), []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def keep(event: Any) -> None:
        answers.append(event)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/v1/batch", "headers": raw, "client": None}
    asyncio.run(intake(scope, receive, keep))
    return answers


def test_a_declared_length_beyond_the_limit_is_refused_unread(stranger: Sender) -> None:
    start, body = ask(stranger.intake, headers={"content-length": "512001"})

    assert start["status"] == 400
    assert json.loads(body["body"]) == TOO_LARGE


def test_a_client_that_goes_away_in_the_middle_gets_no_answer(stranger: Sender) -> None:
    events = {"type": "http.request", "body": b'{"batch":', "more_body": True}, {"type": "http.disconnect"}

    assert ask(stranger.intake, *events, headers={}) == []


def test_a_body_that_does_not_arrive_in_time_is_refused(stranger: Sender) -> None:
    slow = Intake(fallback=stranger.intake.fallback, body_seconds=0.05)

    async def dripping() -> AsyncIterator[bytes]:
        yield b'{"batch":'
        await asyncio.Event().wait()

    response = Sender(slow, stranger.environment, stranger.key).request("POST", "/v1/batch", content=dripping())

    message = "The body did not arrive within 0.05 seconds."
    assert (response.status_code, response.json()) == (408, failure("timeout", message))


def test_the_key_is_read_from_the_header_without_its_colon_and_whatever_the_scheme_is_called(stranger: Sender) -> None:
    for credentials in ("another", "another:", "another:password"):
        for scheme in ("Basic", "basic", "BASIC "):
            header = f"{scheme} {base64.b64encode(credentials.encode()).decode()}"
            response = stranger.post("/v1/track", {"writeKey": stranger.key}, key="", Authorization=header)

            assert response.json()["code"] == "key_mismatch"
    response = stranger.post("/v1/track", msgspec.json.encode({}), key="", Authorization="Bearer another")
    assert response.json() == NO_KEY
