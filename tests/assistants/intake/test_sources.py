"""The routes of sources: who may call for which environment, what is stored of it, and that it is all or nothing."""

import asyncio
import base64
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ibm_watson.assistant_v2 import Log, LogCollection

from assistants import keys, log
from assistants.intake import sources as routes
from assistants.intake.keyring import WRONG_PER_MINUTE
from assistants.intake.sources import MAX_BODY_BYTES, MAX_EVENTS, PATIENCE_SECONDS
from assistants.keys import create_ingest_key, mint
from assistants.lifecycle import delete_assistant
from assistants.models import (
    Assistant,
    Block,
    Conversation,
    Environment,
    EventKey,
    HeldPart,
    IngestKey,
    Refusal,
    Source,
    SourcePayload,
    SourceTally,
)
from assistants.sources import adapters, find, setup
from assistants.sources.adapter import Fact, Kind, Reading
from assistants.sources.payloads import body_of
from tests.assistants.intake.conftest import Sender, stored
from tests.assistants.intake.outages import hidden_table, stalled
from tests.assistants.sources import watson_logs
from tests.assistants.sources.mutations import changed, mutations
from tests.assistants.sources.watson_logs import SECRET, token
from tests.clients.driven import drives
from tests.make import make_assistant, make_environment

UNKNOWN_KEY = {
    "success": False,
    "code": "unknown_key",
    "message": "This key is not an active ingest key of this Sluice.",
}
TURN_1 = watson_logs.payload("message_logged_turn1_welcome_live")
TURN_2 = watson_logs.payload("message_logged_turn2_action_started_live")
EXPECTED = watson_logs.payload("expected_events_by_rules")
HELLO = {"say": "Hello", "conversation": "c-1", "user": "u-1", "id": "1"}
TABLES = (Block, EventKey, Conversation, HeldPart, SourcePayload, Refusal)


@pytest.fixture
def watson(sender: Sender) -> Sender:
    """A sender whose live environment is set up as the samples' events expect it."""
    assistant = sender.environment.assistant
    identity = watson_logs.IDENTITY
    Assistant.objects.filter(pk=assistant.pk).update(
        language=identity.language,
        account_id=identity.account_id,
        service_instance=identity.service_instance,
        vendor_assistant_id=identity.vendor_assistant_id,
    )
    sender.environment = assistant.environments.get(kind=Environment.Kind.LIVE)
    set_secret(sender.environment, SECRET)
    return sender


def set_secret(environment: Environment, secret: str, **options: Any) -> None:
    adapter = find("watson")
    assert adapter
    setup.save(environment, adapter, options=options, secret=secret, by=None)


def path_of(environment: Environment, kind: str = "watson", *rest: str) -> str:
    return "/".join(["/sources", kind, environment.public_id, *rest])


def post(sender: Sender, path: str, body: Any, **headers: str) -> httpx.Response:
    return sender.post(path, body, key="", **headers)


def log_webhook(sender: Sender, body: Any, *, signed: str | None = None, **headers: str) -> httpx.Response:
    return post(sender, path_of(sender.environment), body, Authorization=signed or token(), **headers)


def say(sender: Sender, body: Any = HELLO, **headers: str) -> httpx.Response:
    return post(sender, path_of(sender.environment, "helloworld", sender.key), body, **headers)


def tallies(environment: Environment) -> dict[str, tuple[int, str]]:
    rows = SourceTally.objects.filter(environment=environment)
    return {row.code: (row.count, row.detail) for row in rows}


def rows_stored() -> list[int]:
    return [model.objects.count() for model in TABLES]


# --- what is taken ---


def test_the_samples_are_stored_as_the_events_that_the_rules_give(watson: Sender) -> None:
    for name, body in (
        ("message_logged_turn1_welcome_live", TURN_1),
        ("message_logged_turn2_action_started_live", TURN_2),
    ):
        before = len(stored(watson))
        response = log_webhook(watson, body)

        assert (response.status_code, response.content) == (200, b"{}")
        wanted = EXPECTED[f"{name}.json"]
        new = stored(watson)[before:]
        assert [{"event": each["event"], "properties": each["properties"]} for each in new] == wanted["events"]
        assert {each["userId"] for each in new} == {wanted["userId"]}
    assert {event.source for event in log.read(watson.environment.pk, after=0, limit=10)} == {"watson"}
    assert tallies(watson.environment) == {"taken": (2, "")}


@drives("ibm-watson")
@drives("PyJWT")
def test_logs_as_ibms_own_library_models_them_are_read_alike(watson: Sender) -> None:
    for body in (TURN_1, TURN_2):
        log_ = Log.from_dict(body["payload"]).to_dict()

        assert log_webhook(watson, {**body, "payload": log_}).status_code == 200
    # Its model of a turn's events has no steps.
    wanted = [
        {name: value for name, value in each["properties"].items() if name != "stepsVisited"}
        for of_one in EXPECTED.values()
        for each in of_one["events"]
    ]
    assert [message["properties"] for message in stored(watson)] == wanted


@drives("ibm-watson")
@pytest.mark.parametrize("sdk", ["python", "java"])
def test_a_log_with_every_field_of_ibms_library_is_taken(watson: Sender, sdk: str) -> None:
    logs = LogCollection.from_dict(watson_logs.payload(f"list_logs_{sdk}_sdk_fixture")).to_dict()["logs"]

    for log_ in logs:
        assert log_webhook(watson, watson_logs.logged(log_)).status_code == 200
    assert [message["event"] for message in stored(watson)] == ["Action Started", "Message Handled"]


def test_a_repeat_answers_the_same_and_changes_nothing(watson: Sender) -> None:
    first = log_webhook(watson, TURN_1)
    before, states = rows_stored(), list(Conversation.objects.values_list("state", flat=True).order_by("digest"))

    for _ in range(3):
        again = log_webhook(watson, TURN_1)

        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert rows_stored() == before
    assert list(Conversation.objects.values_list("state", flat=True).order_by("digest")) == states
    assert tallies(watson.environment) == {"taken": (4, "")}


def test_a_repeat_within_one_group_is_stored_once(watson: Sender) -> None:
    async def send() -> list[int]:
        async with watson.client() as client:
            content, headers = json.dumps(TURN_1), {"Authorization": token()}
            path = path_of(watson.environment)
            return [
                response.status_code
                for response in await asyncio.gather(
                    *[client.post(path, content=content, headers=headers) for _ in range(20)]
                )
            ]

    assert asyncio.run(send()) == [200] * 20
    assert len(stored(watson)) == 4
    assert SourcePayload.objects.count() == 1


def test_a_body_is_kept_compressed_with_harmless_headers_only(watson: Sender) -> None:
    log_webhook(
        watson,
        TURN_1,
        Content_Type="application/json; charset=utf-8",
        X_Request_Id="r-1",
        Ce_Type="logged",
        Cookie="c=1",
        X_Api_Key="k",
        X_Signature="s",
        X_Auth_Token_Id="t",
        User_Agent="IBM",
    )

    (kept,) = SourcePayload.objects.all()
    assert json.loads(body_of(kept)) == TURN_1
    assert len(bytes(kept.body)) < len(body_of(kept))
    assert kept.headers == {
        "content-type": "application/json; charset=utf-8",
        "x-request-id": "r-1",
        "ce-type": "logged",
    }
    assert (kept.kind, kept.events, kept.error, kept.environment_id) == ("watson", 4, "", watson.environment.pk)


def test_a_source_that_nobody_set_up_gets_its_row_when_it_is_heard(sender: Sender) -> None:
    assert say(sender).status_code == 200
    sender.intake.close()

    (source,) = Source.objects.all()
    assert (source.environment_id, source.kind, source.secret, source.options) == (
        sender.environment.pk,
        "helloworld",
        "",
        {},
    )
    assert source.last_seen_at
    assert timezone.now() - source.last_seen_at < timedelta(minutes=1)


def test_hearing_a_source_leaves_its_setup_alone(watson: Sender) -> None:
    before = Source.objects.get()
    assert log_webhook(watson, TURN_1).status_code == 200
    watson.intake.close()

    after = Source.objects.get()
    assert (after.secret, after.options, after.created_at) == (before.secret, before.options, before.created_at)
    assert after.last_seen_at


def test_the_environments_vocabulary_names_the_events(sender: Sender) -> None:
    Environment.objects.filter(pk=sender.environment.pk).update(vocabulary=Environment.Vocabulary.IBM)

    assert say(sender).status_code == 200
    assert stored(sender) == []

    Environment.objects.filter(pk=sender.environment.pk).update(vocabulary=Environment.Vocabulary.COPILOT)
    sender.intake.sources.setups._remembered.clear()
    say(sender, {**HELLO, "id": "2"})
    assert [message["event"] for message in stored(sender)] == ["Message Sent"]


def test_notes_are_counted_with_the_words_of_the_last_one(watson: Sender) -> None:
    unknown = [{"event": {"name": name}} for name in ("first", "second")]
    for body in (*unknown, watson_logs.payload("cdr_logged_docs")):
        assert log_webhook(watson, body).status_code == 200

    assert tallies(watson.environment) == {
        "taken": (3, ""),
        "unknown_event": (2, "The event is named “second”."),
        "call_record": (1, "Call records are acknowledged and not used."),
    }
    assert [json.loads(body_of(kept)) for kept in SourcePayload.objects.all()] == unknown


def test_a_message_that_waits_for_its_answer_gets_itself_back(watson: Sender) -> None:
    body = watson_logs.payload("post_message_webhook_docs")

    response = log_webhook(watson, body)

    assert (response.status_code, response.json()) == (200, {"payload": body["payload"]})
    assert (stored(watson), SourcePayload.objects.count()) == ([], 0)


def test_what_cannot_be_mapped_is_kept_with_the_reason(sender: Sender) -> None:
    response = say(sender, {"shout": "Hello"})

    assert (response.status_code, response.content) == (200, b"{}")
    (kept,) = SourcePayload.objects.all()
    assert (json.loads(body_of(kept)), kept.events) == ({"shout": "Hello"}, 0)
    assert kept.error == "There is no text “say” in the body."
    (refusal,) = Refusal.objects.all()
    assert (refusal.source, refusal.code, refusal.count) == ("helloworld", "nothing_said", 1)


def test_an_event_that_no_store_can_hold_is_refused_by_itself(sender: Sender) -> None:
    response = say(sender, {**HELLO, "user": "x" * 40_000})

    assert response.status_code == 200
    assert stored(sender) == []
    assert [(row.code, row.count) for row in Refusal.objects.all()] == [("message_too_large", 2)]
    assert SourcePayload.objects.get().error.startswith("The item has 40,")


def test_clean_bodies_are_kept_up_to_a_budget(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "PAYLOADS_PER_MINUTE", 2)

    for number in range(5):
        say(sender, {**HELLO, "id": str(number)})
    say(sender, {"shout": "Hello"})

    # A change of the minute begins another budget.
    assert 3 <= SourcePayload.objects.count() <= 5
    assert SourcePayload.objects.exclude(error="").count() == 1
    assert len(stored(sender)) == 6


# --- where a request goes ---


@pytest.mark.parametrize(
    "path",
    ["/sources/", "/sources", "/sources/nobody/abc", "/sources/watson/", "/sources/watson/a%00b", "/sources/watson/é"],
)
def test_an_address_of_no_source_is_not_found(sender: Sender, path: str) -> None:
    response = post(sender, path, {})

    if path == "/sources":
        assert response.status_code == 299
    else:
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_an_environment_that_is_not_there_is_not_found(sender: Sender) -> None:
    gone = make_environment()
    delete_assistant(gone.assistant, by=None)

    for path in (path_of(gone), "/sources/watson/nobody", path_of(gone, "helloworld", sender.key)):
        response = post(sender, path, TURN_1, Authorization=token())

        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert rows_stored() == [0] * len(TABLES)
    assert SourceTally.objects.count() == 0


def test_an_environment_that_goes_meanwhile_is_not_found(sender: Sender) -> None:
    assert say(sender).status_code == 200
    Environment.objects.get(pk=sender.environment.pk).log_head.delete()

    response = say(sender, {**HELLO, "id": "2"})

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert SourcePayload.objects.count() == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_source_takes_posts_only(watson: Sender, method: str) -> None:
    response = watson.request(method, path_of(watson.environment))

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert (response.content == b"") is (method == "HEAD")


def test_the_rest_of_an_address_and_slashes_at_its_end_do_no_harm(watson: Sender) -> None:
    for number, rest in enumerate([[""], ["", ""], ["anything", "else"]]):
        log_ = watson_logs.logged(watson_logs.turn(number + 1))
        response = post(watson, path_of(watson.environment, "watson", *rest), log_, Authorization=token())

        assert response.status_code == 200
    assert len(stored(watson)) == 4


# --- who may send ---


def test_a_wrong_signature_is_counted_with_the_address_and_nothing_else_is_kept(watson: Sender) -> None:
    wrong = token(secret="another secret of 32 characters!")

    for _ in range(2):
        response = log_webhook(watson, TURN_1, signed=wrong)

        assert (response.status_code, response.json()["code"]) == (401, "wrong_signature")
    assert tallies(watson.environment) == {"wrong_signature": (2, "From 203.0.113.9.")}
    assert rows_stored() == [0] * len(TABLES)
    assert Source.objects.get().last_seen_at is None


def test_the_secret_of_another_environment_does_not_sign(watson: Sender) -> None:
    draft = watson.environment.assistant.environments.get(kind=Environment.Kind.DRAFT)
    set_secret(draft, "the secret of another environment")

    response = post(watson, path_of(draft), TURN_1, Authorization=token())

    assert (response.status_code, response.json()["code"]) == (401, "wrong_signature")
    assert log.head(draft.pk) == 0


def test_a_new_secret_holds_within_seconds(watson: Sender) -> None:
    assert log_webhook(watson, TURN_1).status_code == 200
    set_secret(watson.environment, "a new secret of 32 or more characters")
    watson.intake.sources.setups._remembered.clear()

    assert log_webhook(watson, TURN_2).status_code == 401


def test_guessing_is_slowed_down_and_the_right_ones_are_not(watson: Sender) -> None:
    wrong = token(secret="another secret of 32 characters!")

    statuses = [log_webhook(watson, TURN_1, signed=wrong).status_code for _ in range(WRONG_PER_MINUTE + 5)]

    # A change of the minute would begin another count.
    assert 429 in statuses
    assert set(statuses) == {401, 429}
    response = log_webhook(watson, TURN_1, signed=wrong)
    assert (response.json()["code"], response.headers["retry-after"]) == ("too_many_wrong_keys", "60")
    assert log_webhook(watson, TURN_1).status_code == 200
    watson.address = "203.0.113.10"
    assert log_webhook(watson, TURN_1, signed=wrong).status_code == 401


def authorizations(key: str) -> list[dict[str, str]]:
    basic = [base64.b64encode(text.encode()).decode() for text in (f"{key}:", f"{key}:anything", f"pk-lf-1:{key}")]
    return [
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer   {key}"},
        {"Authorization": f"Bearer%20{key}"},
        {"Authorization": key},
        *({"Authorization": f"Basic {text}"} for text in basic),
        {"X-Api-Key": key},
        {"X-Amz-Firehose-Access-Key": key},
    ]


def test_a_key_may_come_in_the_address_or_a_header(sender: Sender) -> None:
    bodies = iter({**HELLO, "id": str(number)} for number in range(100))

    for headers in authorizations(sender.key):
        response = post(sender, path_of(sender.environment, "helloworld"), next(bodies), **headers)
        assert response.status_code == 200, headers
    assert say(sender, next(bodies)).status_code == 200
    assert len([each for each in stored(sender) if each["event"] == "Message Sent"]) == 10
    sender.intake.close()
    assert IngestKey.objects.get().last_used_at


def test_a_key_that_opens_something_else_or_nothing_is_refused(sender: Sender) -> None:
    other = create_ingest_key(make_environment(), label="", by=None)
    public = keys.create_browser_key(sender.environment, label="", origins=[], by=None).browser_text
    place = path_of(sender.environment, "helloworld")
    cases = [
        ({}, "", 401, "no_key"),
        ({"Authorization": "Bearer abc"}, "", 401, "no_key"),
        ({"Authorization": "Basic !!!"}, "", 401, "no_key"),
        ({"Authorization": f"Bearer {mint('live')[0]}"}, "", 401, "unknown_key"),
        ({}, mint("live")[0], 401, "unknown_key"),
        ({}, "slu_live_nonsense", 401, "unknown_key"),
        ({}, other, 401, "wrong_environment"),
        ({"Authorization": f"Bearer {other}"}, "", 401, "wrong_environment"),
        ({}, public, 403, "browser_key"),
    ]

    for headers, key, status, code in cases:
        response = post(sender, f"{place}/{key}" if key else place, HELLO, **headers)
        assert (response.status_code, response.json()["code"]) == (status, code)

    assert rows_stored() == [0] * len(TABLES)
    assert {code: count for code, (count, _) in tallies(sender.environment).items()} == {
        "no_key": 3,
        "unknown_key": 3,
        "wrong_environment": 2,
        "browser_key": 1,
    }


def test_a_secret_that_cannot_be_decrypted_lets_nobody_in(watson: Sender, caplog: pytest.LogCaptureFixture) -> None:
    Source.objects.update(secret="1.00000000.AAAAAAAAAAAAAAAAAAAAAAAA")

    response = log_webhook(watson, TURN_1)

    assert (response.status_code, response.json()["code"]) == (503, "secret_unreadable")
    assert response.headers["retry-after"]
    assert SECRET not in caplog.text


# --- fixed paths ---


def test_on_a_fixed_path_the_key_tells_the_environment(sender: Sender) -> None:
    other = make_environment()
    other_key = create_ingest_key(other, label="", by=None)

    for key, environment in ((sender.key, sender.environment), (other_key, other)):
        for headers in authorizations(key):
            response = post(sender, "/otlp/v1/traces", {"resourceSpans": []}, **headers)
            assert (response.status_code, response.content) == (200, b"{}"), headers
        assert tallies(environment)["taken"] == (9, "")


def test_on_a_fixed_path_a_wrong_key_is_refused_and_guessing_slowed_down(sender: Sender) -> None:
    for headers, code in (
        ({}, "no_key"),
        ({"Authorization": "Bearer abc"}, "unknown_key"),
        ({"Authorization": f"Bearer {mint('live')[0]}"}, "unknown_key"),
    ):
        response = post(sender, "/otlp/v1/traces", {}, **headers)
        assert (response.status_code, response.json()["code"]) == (401, code)

    statuses = {post(sender, "/otlp/v1/traces", {}).status_code for _ in range(WRONG_PER_MINUTE + 1)}
    assert statuses == {401, 429}
    assert SourceTally.objects.count() == 0


def test_a_path_beside_the_fixed_ones_belongs_to_the_other_site(sender: Sender) -> None:
    assert post(sender, "/otlp/v1/profiles", {}).status_code == 299


# --- bodies ---


def test_a_body_may_be_compressed_and_come_in_pieces(watson: Sender) -> None:
    content = json.dumps(TURN_1).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    zipped = log_webhook(watson, gzip.compress(content), Content_Encoding="gzip")
    chunked = watson.request("POST", path_of(watson.environment), content=pieces(), headers={"Authorization": token()})

    assert (zipped.status_code, chunked.status_code) == (200, 200)
    assert len(stored(watson)) == 4


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b" " * (MAX_BODY_BYTES + 1), {}, 413, "payload_too_large"),
        (gzip.compress(b" " * (MAX_BODY_BYTES + 1)), {"Content_Encoding": "gzip"}, 413, "payload_too_large"),
        (b"no gzip", {"Content_Encoding": "gzip"}, 400, "invalid_gzip"),
        (b"{}", {"Content_Encoding": "br"}, 415, "unsupported_encoding"),
        (b"", {}, 400, "invalid_request"),
        (b"{", {}, 400, "invalid_request"),
        (b"\xff", {}, 400, "invalid_request"),
    ],
)
def test_a_body_that_cannot_be_read_is_answered_and_counted(
    watson: Sender, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = log_webhook(watson, content, **headers)

    assert (response.status_code, response.json()["code"]) == (status, code)
    ((counted, (count, detail)),) = tallies(watson.environment).items()
    assert (counted, count, detail) == (code, 1, response.json()["message"])
    assert rows_stored() == [0] * len(TABLES)


def test_a_large_body_within_the_limit_is_taken(watson: Sender) -> None:
    log_ = watson_logs.turn(1, padding="x" * (MAX_BODY_BYTES - 2_000))

    assert log_webhook(watson, watson_logs.logged(log_)).status_code == 200
    assert len(stored(watson)) == 2


def test_a_request_that_would_make_too_many_events_is_refused_as_a_whole(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = find("helloworld")
    assert adapter
    said = [Fact(kind=Kind.MESSAGE_IN, source_id=str(n), conversation_id="c", at="") for n in range(MAX_EVENTS + 1)]
    monkeypatch.setattr(type(adapter), "read", lambda *_: Reading(facts=said))

    response = say(sender)

    assert (response.status_code, response.json()["code"]) == (413, "too_many_events")
    assert rows_stored() == [0] * len(TABLES)


def test_a_fact_that_cannot_be_written_down_is_refused_by_itself(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = find("helloworld")
    assert adapter
    common = {"kind": Kind.MESSAGE_IN, "conversation_id": "c", "at": ""}
    said = [
        Fact(source_id="1", text="\ud800", **common),
        Fact(source_id="2", copilot={"n": 2**70}, **common),
        Fact(source_id="3", text=5, **common),
        Fact(source_id="4", text="fine", **common),
    ]
    monkeypatch.setattr(type(adapter), "read", lambda *_: Reading(facts=said))

    assert say(sender).status_code == 200

    assert [message["properties"].get("message_body") for message in stored(sender)] == [None, "fine"]
    assert [(row.code, row.count) for row in Refusal.objects.all()] == [("unusable_fact", 3)]


# --- nothing half done ---


@pytest.mark.parametrize(
    "table",
    [
        "assistants_loghead",
        "assistants_eventkey",
        "assistants_block",
        "assistants_conversation",
        "assistants_sourcepayload",
        "assistants_sourcetally",
    ],
)
def test_an_outage_in_the_middle_stores_nothing_and_ends_by_itself(watson: Sender, table: str) -> None:
    with hidden_table(table):
        response = log_webhook(watson, TURN_1)

        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert response.headers["retry-after"]
    assert rows_stored() == [0] * len(TABLES)
    assert log_webhook(watson, TURN_1).status_code == 200
    assert len(stored(watson)) == 4


def test_a_vendor_is_answered_in_time_where_the_database_is_stuck(watson: Sender) -> None:
    assert log_webhook(watson, TURN_1).status_code == 200
    key = create_ingest_key(watson.environment, label="", by=None)

    async def send() -> tuple[httpx.Response, float]:
        async with watson.client() as client:
            body = {"type": "track", "event": "E", "userId": "u"}
            ahead = asyncio.create_task(client.post("/v1/track", json=body, auth=(key, "")))
            await asyncio.sleep(0.3)
            started_at = time.monotonic()
            path, headers = path_of(watson.environment), {"Authorization": token()}
            response = await client.post(path, json=TURN_2, headers=headers)
            seconds = time.monotonic() - started_at
            release.set()
            assert (await ahead).status_code == 200
            return response, seconds

    with stalled(watson.environment) as release:
        response, seconds = asyncio.run(send())

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert PATIENCE_SECONDS <= seconds < 4
    assert [message["event"] for message in stored(watson)][4:] == ["E"]
    assert log_webhook(watson, TURN_2).status_code == 200
    assert len(stored(watson)) == 7


def test_a_database_that_does_not_say_who_is_calling_is_an_outage(watson: Sender) -> None:
    with hidden_table("assistants_source"):
        assert log_webhook(watson, TURN_1).status_code == 503


def test_a_denied_request_is_denied_while_the_database_is_away(watson: Sender) -> None:
    assert log_webhook(watson, TURN_1).status_code == 200
    wrong = token(secret="another secret of 32 characters!")

    with hidden_table("assistants_sourcetally"):
        assert log_webhook(watson, TURN_1, signed=wrong).status_code == 401


def test_an_adapter_that_fails_is_an_answer_and_a_line_in_the_log(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = find("helloworld")
    assert adapter

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(adapter), "read", fail)

    response = say(sender)

    assert (response.status_code, response.json()["code"]) == (400, "unreadable")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["The source helloworld failed at a request."]
    assert sender.key not in caplog.text
    assert rows_stored() == [0] * len(TABLES)


def test_segments_own_events_share_a_commit_with_a_sources(watson: Sender) -> None:
    key = create_ingest_key(watson.environment, label="", by=None)

    async def send() -> set[int]:
        async with watson.client() as client:
            segment = [
                client.post("/v1/track", json={"type": "track", "event": "E", "userId": "u"}, auth=(key, ""))
                for _ in range(10)
            ]
            logs = [watson_logs.logged(watson_logs.turn(number)) for number in range(1, 9)]
            webhooks = [
                client.post(path_of(watson.environment), json=body, headers={"Authorization": token()}) for body in logs
            ]
            return {response.status_code for response in await asyncio.gather(*segment, *webhooks)}

    assert asyncio.run(send()) == {200}
    names = [message["event"] for message in stored(watson)]
    assert (names.count("E"), names.count("Message Handled"), names.count("Session Started")) == (10, 8, 1)


def test_two_environments_of_one_vendor_keep_their_conversations_apart(watson: Sender) -> None:
    draft = watson.environment.assistant.environments.get(kind=Environment.Kind.DRAFT)
    set_secret(draft, SECRET)

    for environment in (watson.environment, draft):
        assert post(watson, path_of(environment), TURN_1, Authorization=token()).status_code == 200

    for environment in (watson.environment, draft):
        messages = [event.message for event in log.read(environment.pk, after=0, limit=10)]
        assert next(message.event for message in messages if message) == "Session Started"
        assert len(messages) == 4


@pytest.mark.parametrize("name", ["message_logged_turn1_welcome_live", "message_logged_turn2_action_started_live"])
def test_a_sample_changed_at_random_is_answered_and_never_stored_in_part(watson: Sender, name: str) -> None:
    document = watson_logs.payload(name)

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=mutations(document), cut=st.integers(0, 60))
    def check(changes: list[Any], cut: int) -> None:
        content = json.dumps(changed(document, changes)).encode()
        content = content[: len(content) - cut] if cut < 5 else content
        before, payloads = log.head(watson.environment.pk), SourcePayload.objects.count()

        response = log_webhook(watson, content)

        assert response.status_code in {200, 400}
        after = log.head(watson.environment.pk)
        if response.status_code != 200:
            assert (after, SourcePayload.objects.count()) == (before, payloads)
            return
        again = log_webhook(watson, content)
        assert (again.status_code, again.content) == (200, response.content)
        assert log.head(watson.environment.pk) == after
        assert sum(event.message is None for event in log.read(watson.environment.pk, after=before, limit=100)) == 0

    check()


def test_every_source_answers_nonsense_with_an_answer(sender: Sender) -> None:
    for adapter in adapters():
        places = [f"{path_of(sender.environment, adapter.kind, sender.key)}", *adapter.paths]
        for place in places:
            for content in (b"", b"{}", b"[]", b"null", b"\x00\xff", b'{"a": [1, {"b": null}]}', b"0" * 1000):
                response = sender.post(place, content)

                assert response.status_code < 500, (place, content)


def test_other_assistants_are_not_touched(watson: Sender) -> None:
    bystander = make_assistant().environments.get(kind=Environment.Kind.LIVE)

    log_webhook(watson, TURN_1)

    assert log.head(bystander.pk) == 0
    assert SourceTally.objects.filter(environment=bystander).count() == 0
