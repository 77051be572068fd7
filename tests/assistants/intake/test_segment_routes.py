"""The Segment-compatible routes: what they take is stored as it was sent, once, in order, and answered exactly."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants import log
from assistants.intake.segment import MAX_BATCH_ITEMS, MAX_BODY_BYTES
from assistants.keys import create_ingest_key, mint, revoke_ingest_key
from assistants.lifecycle import add_environment, delete_assistant, delete_environment
from assistants.models import Environment, IngestKey
from tests.assistants.intake.conftest import TRACK, Sender, stored

PAYLOADS = Path(__file__).parent.parent.parent / "payloads" / "segment"
SUCCESS = {"success": True}
UNKNOWN_KEY = {
    "success": False,
    "code": "unknown_key",
    "message": "This key is not an active ingest key of this Sluice.",
}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_route_for_one_message_fixes_its_type(sender: Sender, slash: str) -> None:
    types = ["track", "identify", "page", "screen", "group", "alias"]
    message = {"timestamp": "2026-11-22T10:00:00Z", "userId": "u", "event": "E"}

    for type_ in types:
        response = sender.post(f"/v1/{type_}{slash}", {**message, "messageId": type_, "type": "nonsense"})

        assert (response.status_code, response.content) == (200, b'{"success":true}')
        assert response.headers["content-type"] == "application/json"
        assert response.headers["content-length"] == "16"
    assert stored(sender) == [{**message, "messageId": type_, "type": type_} for type_ in types]


def test_a_route_for_batches_stores_its_items_in_order(sender: Sender) -> None:
    items = [{**TRACK, "messageId": f"m-{n}", "timestamp": "2026-11-22T10:00:00Z"} for n in range(200)]

    for number, path in enumerate(("/v1/batch", "/v1/batch/", "/v1/import", "/v1/import/")):
        response = sender.post(path, {"batch": items[number * 50 : number * 50 + 50]})

        assert (response.status_code, response.content) == (200, b'{"success":true}')
    assert stored(sender) == items


@pytest.mark.parametrize("library", ["python", "node"])
def test_what_the_official_libraries_send_is_stored_as_it_was_sent(sender: Sender, library: str) -> None:
    captured = json.loads((PAYLOADS / f"{library}_batch.json").read_text())
    body = {**captured["body"], "writeKey": sender.key}
    headers = {name: value for name, value in captured["request"]["headers"].items() if name != "Authorization"}

    response = sender.request(
        captured["request"]["method"],
        captured["request"]["path"],
        content=msgspec.json.encode(body),
        headers=headers,
        auth=(sender.key, ""),
    )

    assert (response.status_code, response.json()) == (200, SUCCESS)
    assert stored(sender) == [
        {name: value for name, value in item.items() if value is not None} for item in body["batch"]
    ]


def test_a_key_may_come_as_basic_user_or_in_the_body_or_as_both(sender: Sender) -> None:
    for user, in_body in ((sender.key, False), ("", True), (sender.key, True)):
        for path, body in (("/v1/batch", {"batch": [TRACK]}), ("/v1/track", TRACK)):
            response = sender.post(path, {**body, "writeKey": sender.key} if in_body else body, key=user)

            assert (response.status_code, response.json()) == (200, SUCCESS)
    assert len(stored(sender)) == 6
    assert all("writeKey" not in message for message in stored(sender))


def test_a_bearer_token_beside_the_key_in_the_body_is_ignored(sender: Sender) -> None:
    response = sender.post("/v1/track", {**TRACK, "writeKey": sender.key}, key="", Authorization="Bearer abc")

    assert (response.status_code, response.json()) == (200, SUCCESS)


def test_a_key_that_opens_nothing_is_refused_with_one_answer_whatever_is_wrong_with_it(sender: Sender) -> None:
    revoked = create_ingest_key(sender.environment, label="revoked", by=None)
    revoke_ingest_key(IngestKey.objects.get(label="revoked"), by=None)
    further = add_environment(sender.environment.assistant, name="staging", by=None)
    of_deleted_environment = create_ingest_key(further, label="", by=None)
    delete_environment(further, by=None)
    forged = mint("draft")[0][: -len("123456")] + sender.key[-6:]

    for unknown in (
        "abc123",
        "é" * 50,
        "x" * 10_000,
        mint("draft")[0],
        forged,
        sender.key[:-1],
        revoked,
        of_deleted_environment,
    ):
        response = sender.post("/v1/batch", {"batch": [TRACK], "writeKey": unknown}, key="")

        assert (response.status_code, response.json()) == (401, UNKNOWN_KEY)
    assert log.head(sender.environment.pk) == log.head(further.pk) == 0


def test_the_keys_of_a_deleted_assistant_are_refused(sender: Sender) -> None:
    delete_assistant(sender.environment.assistant, by=None)

    response = sender.batch(TRACK)

    assert (response.status_code, response.json()) == (401, UNKNOWN_KEY)
    assert stored(sender) == []


def test_a_key_that_was_not_revoked_opens_no_deleted_environment(sender: Sender) -> None:
    Environment.objects.filter(pk=sender.environment.pk).update(deleted_at=timezone.now())

    response = sender.batch(TRACK)

    assert (response.status_code, response.json()) == (401, UNKNOWN_KEY)
    assert stored(sender) == []


def test_a_log_that_went_while_its_key_was_remembered_is_an_unknown_key(sender: Sender) -> None:
    assert sender.batch(TRACK).status_code == 200
    sender.environment.log_head.delete()

    response = sender.batch(TRACK)

    message = "The environment of this key does not exist any more."
    assert response.status_code == 401
    assert response.json() == {"success": False, "code": "unknown_key", "message": message}
    assert len(stored(sender)) == 1


def test_a_key_knows_when_it_was_last_used(sender: Sender) -> None:
    before = timezone.now()

    sender.batch(TRACK)
    sender.intake.close()

    (used,) = IngestKey.objects.values_list("last_used_at", flat=True)
    assert before <= used <= timezone.now()


def test_a_body_may_be_gzip_and_as_large_as_the_limit(sender: Sender) -> None:
    body = msgspec.json.encode({"batch": [TRACK]}).ljust(MAX_BODY_BYTES)

    assert sender.post("/v1/batch", body).json() == SUCCESS
    for encoding in ("gzip", "x-gzip", "GZIP"):
        assert sender.post("/v1/batch", gzip.compress(body), Content_Encoding=encoding).json() == SUCCESS
    assert len(stored(sender)) == 4


def test_a_body_may_come_in_chunks_of_unknown_number(sender: Sender) -> None:
    body = msgspec.json.encode({"batch": [TRACK]})

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]
        yield b""

    assert sender.request("POST", "/v1/batch", content=chunks(), auth=(sender.key, "")).json() == SUCCESS
    assert len(stored(sender)) == 1


def test_json_may_call_itself_plain_text(sender: Sender) -> None:
    for content_type in ("text/plain", "text/plain;charset=UTF-8", "application/json; charset=utf-8"):
        assert sender.post("/v1/batch", {"batch": [TRACK]}, Content_Type=content_type).json() == SUCCESS
    assert len(stored(sender)) == 3


def test_what_the_batch_says_for_all_is_merged_into_each_item(sender: Sender) -> None:
    own = {"context": {"app": 1}, "integrations": {"All": False}}

    sender.batch(TRACK, {**TRACK, **own}, context={"app": 2, "os": 3}, integrations={"Mixpanel": True})
    sender.batch(TRACK, context=None, integrations=None)

    first, second, third = stored(sender)
    assert (first["context"], first["integrations"]) == ({"app": 2, "os": 3}, {"Mixpanel": True})
    assert (second["context"], second["integrations"]) == ({"app": 1, "os": 3}, {"All": False, "Mixpanel": True})
    assert not {"context", "integrations"} & third.keys()


def test_a_repeated_request_gets_the_same_answer_and_is_stored_once(sender: Sender) -> None:
    items = [{**TRACK, "messageId": "m-1"}, 5, {**TRACK, "messageId": "m-2"}]

    first, again = sender.batch(*items), sender.post("/v1/batch", {"batch": items}, X_Retry_Count="1")

    assert first.content == again.content
    assert (first.status_code, again.status_code) == (200, 200)
    assert [message["messageId"] for message in stored(sender)] == ["m-1", "m-2"]


def test_a_repeated_message_id_with_another_body_keeps_the_first(sender: Sender) -> None:
    first = sender.batch({**TRACK, "messageId": "m", "event": "First"})
    other = sender.batch({**TRACK, "messageId": "m", "event": "Other"})

    assert (first.json(), other.json()) == (SUCCESS, SUCCESS)
    assert [message["event"] for message in stored(sender)] == ["First"]


def test_the_same_message_sent_by_a_hundred_at_once_is_stored_once(sender: Sender) -> None:
    async def send() -> set[tuple[int, bytes]]:
        async with sender.client() as client:
            body = {"batch": [{**TRACK, "messageId": "m"}]}
            posts = [client.post("/v1/batch", json=body, auth=(sender.key, "")) for _ in range(100)]
            return {(response.status_code, response.content) for response in await asyncio.gather(*posts)}

    assert asyncio.run(send()) == {(200, b'{"success":true}')}
    assert [message["messageId"] for message in stored(sender)] == ["m"]


def test_an_event_without_id_or_name_is_stored_for_people_to_see(sender: Sender) -> None:
    assert sender.batch({"type": "track"}, {"type": "alias"}).json() == SUCCESS
    assert [message["type"] for message in stored(sender)] == ["track", "alias"]


def test_a_batch_of_2500_items_is_stored(sender: Sender) -> None:
    assert sender.batch(*[TRACK] * MAX_BATCH_ITEMS).json() == SUCCESS
    assert log.head(sender.environment.pk) == MAX_BATCH_ITEMS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "batch": st.lists(st.just(TRACK) | json_values, max_size=4) | json_values,
        "context": json_values,
        "integrations": json_values,
        "writeKey": json_values,
        "x": json_values,
    },
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies | json_values, as_ascii=st.booleans(), cut=st.integers(0, 30))
def test_no_body_whatever_is_an_error_of_the_server(sender: Sender, body: Any, as_ascii: bool, cut: int) -> None:
    content = json.dumps(body, ensure_ascii=as_ascii).encode(errors="surrogatepass")
    content = content[: len(content) - cut] if cut < 10 else content

    for path in ("/v1/batch", "/v1/track"):
        before = log.head(sender.environment.pk)
        response = sender.post(path, content)

        assert response.status_code in {200, 400}
        assert response.json()["success"] is (response.status_code == 200)
        assert response.status_code == 200 or log.head(sender.environment.pk) == before
