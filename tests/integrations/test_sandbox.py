"""The sandbox: answers as Segment does, keeps each message once, and forgets the oldest."""

import base64
import io
import json
from typing import Any

import pytest

from integrations import sandbox
from integrations.clients import segment_client
from integrations.models import SandboxMessage
from integrations.sandbox import KEPT_MESSAGES, TRIM_ABOVE, fingerprint, recorded, recorder
from tests.integrations.turns import append_new, outcomes, sent_ids, take_turn
from tests.make import WRITE_KEY, make_connection

pytestmark = pytest.mark.django_db


def post(body: bytes, key: str = "k") -> tuple[str, Any]:
    said: list[str] = []
    authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    environ = {"wsgi.input": io.BytesIO(body), "HTTP_AUTHORIZATION": authorization}
    answer = b"".join(recorder(environ, lambda status, headers: said.append(status)))
    return said[0], json.loads(answer)


def batch(*message_ids: str, **members: Any) -> bytes:
    return json.dumps({"batch": [{"messageId": message_id, **members} for message_id in message_ids]}).encode()


def kept() -> list[str]:
    return [message.message_id for message in recorded(limit=KEPT_MESSAGES * 2)]


def test_messages_are_kept_as_they_came_and_answered_as_segment_does() -> None:
    assert post(batch("m-1", "m-2", event="Grüße"), key="key-1") == ("200 OK", {"success": True})

    newest, oldest = recorded()
    assert [json.loads(message.body)["messageId"] for message in (newest, oldest)] == ["m-2", "m-1"]
    assert json.loads(newest.body) == {"messageId": "m-2", "event": "Grüße"}
    assert newest.write_key_fingerprint == fingerprint("key-1") != fingerprint("key-2")


def test_a_message_id_is_kept_once_whoever_sends_it() -> None:
    post(batch("m-1", event="first"), key="key-1")
    post(batch("m-1", "m-2", event="second"), key="key-2")
    post(batch("m-3", "m-3"))

    assert kept() == ["m-3", "m-2", "m-1"]
    assert json.loads(recorded()[-1].body)["event"] == "first"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"{}", b'{"batch": 5}', b'{"batch": null}', b'{"batch": [1]}', b"\xff", b'"x"']
)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    assert post(body) == ("400 Bad Request", {"success": False, "message": "malformed JSON"})
    assert kept() == []


def test_an_empty_batch_is_fine() -> None:
    assert post(b'{"batch": []}')[0] == "200 OK"


@pytest.mark.parametrize("authorization", ["", "Basic", "Basic !!!", "Bearer x", "Basic /w=="])
def test_without_a_readable_key_messages_are_kept_all_the_same(authorization: str) -> None:
    environ = {"wsgi.input": io.BytesIO(batch("m-1")), "HTTP_AUTHORIZATION": authorization}

    recorder(environ, lambda status, headers: None)

    assert kept() == ["m-1"]


def test_the_newest_thousand_are_kept() -> None:
    for start in range(0, TRIM_ABOVE, 400):
        post(batch(*(f"m-{number}" for number in range(start, start + 400))))
    assert SandboxMessage.objects.count() == TRIM_ABOVE == 1_200

    post(batch("m-1200"))

    assert kept() == [f"m-{number}" for number in range(1_200, 200, -1)]


def test_of_a_batch_that_is_too_large_the_end_is_kept() -> None:
    post(batch(*(f"m-{number}" for number in range(2_500))))

    assert kept() == [f"m-{number}" for number in range(2_499, 1_499, -1)]


def test_pages_go_back_from_a_row() -> None:
    post(batch("a", "b", "c"))
    newest = recorded(limit=1)

    assert [message.message_id for message in newest] == ["c"]
    assert [message.message_id for message in recorded(before=newest[0].pk)] == ["b", "a"]


def test_a_fingerprint_does_not_give_the_key_away() -> None:
    assert fingerprint(WRITE_KEY) == "8d99704ee067"
    assert len({fingerprint(str(number)) for number in range(1_000)}) == 1_000


def test_a_connection_to_the_sandbox_delivers_there() -> None:
    connection = make_connection()
    messages = append_new(connection.environment, 3)

    take_turn(connection, segment_client())

    assert outcomes(connection) == {"accepted": 3}
    assert kept() == sent_ids(connection, messages)[::-1]
    assert {message.write_key_fingerprint for message in recorded()} == {sandbox.fingerprint(WRITE_KEY)}
