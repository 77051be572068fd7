"""The log webhook of IBM watsonx Assistant: who may call, what is acknowledged, and what becomes of an exchange."""

import base64
import hashlib
import json
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import jwt
import pytest

from assistants.intake.answers import Unreadable
from assistants.sources.adapter import AssistantIdentity, Denied, Kind
from assistants.sources.watson import Watson
from tests.assistants.sources.watson_logs import (
    IDENTITY,
    NOBODY,
    RECEIVED_AT,
    SECRET,
    SESSION,
    Session,
    event,
    logged,
    payload,
    read,
    request,
    setup,
    step,
    token,
    turn,
)

TURN_1 = payload("message_logged_turn1_welcome_live")
TURN_2 = payload("message_logged_turn2_action_started_live")
EXPECTED = payload("expected_events_by_rules")
SECONDS = RECEIVED_AT.timestamp()


def names(messages: list[dict[str, Any]]) -> list[str]:
    return [message["event"] for message in messages]


def properties(messages: list[dict[str, Any]], event_name: str) -> dict[str, Any]:
    (found,) = [message["properties"] for message in messages if message["event"] == event_name]
    return found


def changed(log: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with values put at dotted paths; None takes a member away."""
    copy = json.loads(json.dumps(log))
    for path, value in changes.items():
        *above, last = path.split(".")
        place = copy
        for name in above:
            place = place.setdefault(name, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return copy


# --- who may call ---


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("header", ["authorization", "authentication"])
@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer ", "BEARER  "])
def test_a_token_signed_with_the_secret_is_let_in(algorithm: str, header: str, scheme: str) -> None:
    secret = "x" * 64
    given = {header: scheme + token(secret=secret, algorithm=algorithm)}
    told = setup()

    reading = Watson().read(request(TURN_1, **given), type(told)(**{**vars(told), "secret": secret}))

    assert (reading.answer.status, reading.answer.body) == (200, b"{}")
    assert len(reading.facts) == 5


@pytest.mark.parametrize("scheme", ["", "Bearer "])
@pytest.mark.parametrize("secret", ["purple unicorn", "pürple ünicorn ✓"])
def test_the_secret_itself_as_a_header_of_the_users_own_is_let_in(scheme: str, secret: str) -> None:
    told = type(setup())(**{**vars(setup()), "secret": secret})
    # A header has bytes, which a server hands on as Latin-1.
    header = (scheme + secret).encode().decode("latin-1")

    assert Watson().read(request(TURN_1, authorization=header), told).facts


def test_a_short_secret_signs_as_well() -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        signed = token(secret="purple unicorn")
    told = type(setup())(**{**vars(setup()), "secret": "purple unicorn"})

    assert Watson().read(request(TURN_1, authorization=signed), told).facts


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": "anybody", "iss": "somebody", "sub": 7, "jti": 5},
        {"iat": SECONDS + 10_000},
        {"exp": SECONDS + 1},
        {"exp": SECONDS - 59, "nbf": SECONDS + 59},
    ],
)
def test_no_claim_is_needed_and_foreign_ones_do_not_matter(claims: dict[str, Any]) -> None:
    signed = jwt.api_jws.encode(json.dumps(claims).encode(), SECRET, algorithm="HS256")

    assert Watson().read(request(TURN_1, authorization=signed), setup()).facts


def unsigned() -> str:
    header, claims = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b"{}"))
    return f"{header}.{claims}."


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-other": "1"}, "no_signature"),
        ({"authorization": ""}, "no_signature"),
        ({"authorization": "Bearer "}, "no_signature"),
        ({"authorization": token(secret="another secret of 32 characters!")}, "wrong_signature"),
        ({"authorization": token() + "x"}, "wrong_signature"),
        ({"authorization": "Bearer x.y.z"}, "wrong_signature"),
        ({"authorization": SECRET[:-1]}, "wrong_signature"),
        ({"authorization": unsigned()}, "wrong_signature"),
        ({"authentication": SECRET}, "wrong_signature"),
        ({"authorization": token({"exp": SECONDS - 61})}, "expired_token"),
        ({"authorization": token({"nbf": SECONDS + 61})}, "expired_token"),
    ],
)
def test_whoever_does_not_know_the_secret_is_denied(headers: dict[str, str], code: str) -> None:
    with pytest.raises(Denied) as denied:
        Watson().read(request(TURN_1, **headers), setup())

    assert (denied.value.code, denied.value.status) == (code, 401)


def test_without_a_secret_nobody_is_let_in() -> None:
    told = type(setup())(**{**vars(setup()), "secret": ""})

    with pytest.raises(Denied) as denied:
        Watson().read(request(TURN_1, authorization=""), told)

    assert denied.value.code == "no_secret"


# --- what is acknowledged ---


def test_a_call_record_is_acknowledged_and_not_kept() -> None:
    reading = read(payload("cdr_logged_docs"))

    assert (reading.facts, reading.answer.body, reading.is_body_kept) == ([], b"{}", False)
    assert [note.code for note in reading.notes] == ["call_record"]


@pytest.mark.parametrize("name", ["message_received", "message_processed"])
def test_a_message_that_waits_for_an_answer_gets_itself_back(name: str) -> None:
    body = b'{"event": {"name": "%s"},  "payload": { "output" : {"generic": []}, "n": 1.50 } }' % name.encode()

    reading = read(body)

    assert reading.answer.body == b'{"payload":{ "output" : {"generic": []}, "n": 1.50 }}'
    assert (reading.facts, reading.is_body_kept) == ([], False)
    assert [note.code for note in reading.notes] == ["not_a_log_webhook"]


def test_a_post_message_webhook_of_the_documentation_gets_itself_back() -> None:
    body = payload("post_message_webhook_docs")

    assert json.loads(read(body).answer.body) == {"payload": body["payload"]}


@pytest.mark.parametrize(
    "body",
    [{"event": {"name": "message_forgotten"}}, {"event": {}}, {"event": 5}, {}, [], "text", 5, {"payload": {}}],
)
def test_what_is_no_known_event_is_acknowledged_and_counted(body: Any) -> None:
    reading = read(body)

    assert (reading.facts, reading.answer.status) == ([], 200)
    assert [note.code for note in reading.notes] == ["unknown_event"]


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"\xff{}", b"{'event'}", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable) as error:
        read(body)

    assert error.value.answer.status == 400


@pytest.mark.parametrize("content", [None, [], "text"])
def test_an_event_without_an_object_is_kept_with_the_reason(content: Any) -> None:
    reading = read({"event": {"name": "message_logged"}, "payload": content})

    assert [reason.code for reason, _raw in reading.refused] == ["no_payload"]
    assert reading.answer.status == 200


# --- samples ---


def test_the_samples_become_the_events_that_the_rules_give() -> None:
    session = Session()

    for name, body in (
        ("message_logged_turn1_welcome_live", TURN_1),
        ("message_logged_turn2_action_started_live", TURN_2),
    ):
        wanted = EXPECTED[f"{name}.json"]
        messages = session.take(body["payload"])

        assert [{"event": each["event"], "properties": each["properties"]} for each in messages] == wanted["events"]
        assert {each["userId"] for each in messages} == {wanted["userId"]}
        assert not any("anonymousId" in each for each in messages)


def test_the_samples_times_are_those_of_what_happened() -> None:
    messages = Session().take(TURN_1["payload"])

    assert [message["timestamp"] for message in messages] == [
        "2023-02-24T16:11:02.114Z",
        "2023-02-24T16:11:02.201Z",
        "2023-02-24T16:11:02.310Z",
        "2023-02-24T16:11:02.310Z",
    ]


@pytest.mark.parametrize("sdk", ["python", "java"])
def test_a_fixture_with_every_field_of_the_sdk_is_read(sdk: str) -> None:
    (log,) = payload(f"list_logs_{sdk}_sdk_fixture")["logs"]

    messages = Session().take(log)

    assert names(messages) == ["Action Started", "Message Handled"]
    handled = properties(messages, "Message Handled")
    assert (handled["sessionId"], handled["browser"]) == (log["session_id"], "browser")
    assert (handled["action"], handled["actionStarted"], handled["actionCompleted"]) == ("action", True, False)


# --- one row of the property table each ---

CONTEXT = "response.context"
ASKED = "request.context"
DEBUG = "response.output.debug"
INFO = "integrations.chat.browser_info"
VISIT = event("action_visited", action_title="Pay", reason="intent")
FINISH = event("action_finished", reason="all_steps_done")
SUB_VISIT = event("action_visited", "action_2", reason="invoke_subaction")
EVENTS = f"{DEBUG}.turn_events"
ROWS: list[tuple[str, dict[str, Any], AssistantIdentity, Any]] = [
    ("accountId", {}, IDENTITY, IDENTITY.account_id),
    ("accountId", {}, NOBODY, None),
    ("serviceInstance", {}, IDENTITY, IDENTITY.service_instance),
    ("assistantId", {"assistant_id": "of the log"}, IDENTITY, IDENTITY.vendor_assistant_id),
    ("assistantId", {"assistant_id": "of the log"}, NOBODY, "of the log"),
    ("assistantId", {f"{ASKED}.system.assistant_id": "of a context"}, NOBODY, "of a context"),
    ("environment", {}, IDENTITY, "live"),
    ("sessionId", {}, IDENTITY, SESSION),
    ("sessionId", {"session_id": None}, IDENTITY, SESSION),
    ("sessionId", {"session_id": None, f"{CONTEXT}.global.session_id": "answered"}, IDENTITY, "answered"),
    (
        "sessionId",
        {
            "session_id": "",
            f"{CONTEXT}.global.session_id": None,
            f"{ASKED}.global.session_id": None,
            f"{ASKED}.conversation_id": "old",
        },
        IDENTITY,
        "old",
    ),
    ("browser", {"request.input.analytics.browser": "a", f"{CONTEXT}.{INFO}.browser_name": "b"}, IDENTITY, "a"),
    ("browser", {f"{CONTEXT}.{INFO}.browser_name": "b", f"{ASKED}.{INFO}.browser_name": "c"}, IDENTITY, "b"),
    ("browser", {f"{ASKED}.{INFO}.browser_name": "c"}, IDENTITY, "c"),
    ("browser", {}, IDENTITY, None),
    ("device", {"request.input.analytics.device": "Desktop"}, IDENTITY, "Desktop"),
    ("device", {f"{CONTEXT}.{INFO}.user_agent": "Mozilla/5.0 (iPhone)"}, IDENTITY, None),
    ("pageUrl", {"request.input.analytics.pageUrl": "https://a.example/b?c=1#d"}, IDENTITY, "https://a.example/b"),
    ("pageUrl", {f"{CONTEXT}.{INFO}.page_url": "https://a.example/#d?e"}, IDENTITY, "https://a.example/"),
    ("channel", {f"{CONTEXT}.integrations.voice_telephony": {}}, IDENTITY, "phone"),
    ("channel", {f"{CONTEXT}.integrations.chat": {}}, IDENTITY, "chat"),
    ("channel", {f"{ASKED}.integrations.chat": {}}, IDENTITY, "chat"),
    ("channel", {f"{CONTEXT}.integrations.text_messaging": {}}, IDENTITY, "sms"),
    ("channel", {f"{CONTEXT}.integrations.whatsapp": {}}, IDENTITY, "whatsapp"),
    ("channel", {f"{CONTEXT}.integrations.slack": None, f"{CONTEXT}.integrations.facebook": {}}, IDENTITY, "facebook"),
    ("channel", {f"{CONTEXT}.integrations.teams": {}}, IDENTITY, "teams"),
    ("channel", {f"{CONTEXT}.integrations.channel.name": "Web chat"}, IDENTITY, "chat"),
    ("channel", {f"{CONTEXT}.integrations.channel.name": "Phone"}, IDENTITY, "phone"),
    ("channel", {f"{CONTEXT}.integrations.channel.name": "SMS"}, IDENTITY, "sms"),
    ("channel", {f"{CONTEXT}.integrations.channel.name": "Whatsapp"}, IDENTITY, "whatsapp"),
    ("channel", {f"{CONTEXT}.integrations.channel.name": "Facebook Messenger"}, IDENTITY, "facebook"),
    ("channel", {f"{CONTEXT}.integrations.channel.name": "Kiosk"}, IDENTITY, "Kiosk"),
    ("channel", {}, IDENTITY, None),
    ("language", {"language": "pt-BR"}, IDENTITY, "pt-BR"),
    ("language", {"language": None, f"{CONTEXT}.global.system.locale": "fr"}, IDENTITY, "en"),
    ("language", {"language": None}, NOBODY, None),
    ("skillsInvoked", {EVENTS: [VISIT]}, IDENTITY, ["actions skill"]),
    ("skillsInvoked", {f"{CONTEXT}.skills": {"actions skill": {}, "main skill": {}}}, IDENTITY, None),
    (
        "skillsInvoked",
        {f"{DEBUG}.nodes_visited": [{"title": "Hours"}], EVENTS: [{"event": "search"}, VISIT]},
        IDENTITY,
        ["main skill", "actions skill", "search skill"],
    ),
    ("skillsInvoked", {EVENTS: [{"event": "conversational_search_end"}]}, IDENTITY, ["search skill"]),
    ("action", {EVENTS: [VISIT]}, IDENTITY, "action_1"),
    ("action", {EVENTS: [SUB_VISIT, step(1)]}, IDENTITY, "action_1"),
    ("action", {EVENTS: [{"event": "topic_switch_denied", "source": {"action": "action_9"}}]}, IDENTITY, None),
    ("actionTitle", {EVENTS: [event("step_visited", step="s"), VISIT]}, IDENTITY, "Pay"),
    ("actionStarted", {EVENTS: [VISIT]}, IDENTITY, True),
    ("actionStarted", {EVENTS: [event("action_visited", reason="topic_return")]}, IDENTITY, False),
    ("actionStarted", {EVENTS: [event("action_visited", reason="subaction_return")]}, IDENTITY, False),
    ("actionStarted", {EVENTS: [event("action_visited", reason="a reason of the future")]}, IDENTITY, True),
    ("actionStarted", {EVENTS: [event("action_visited")]}, IDENTITY, True),
    ("actionStarted", {}, IDENTITY, None),
    ("actionCompleted", {EVENTS: [VISIT]}, IDENTITY, False),
    ("actionCompleted", {EVENTS: [VISIT, FINISH]}, IDENTITY, True),
    ("actionCompletedReason", {EVENTS: [VISIT, FINISH]}, IDENTITY, "all_steps_done"),
    ("actionCompletedReason", {EVENTS: [VISIT]}, IDENTITY, None),
    ("actionsVisited", {EVENTS: [VISIT, step(1), SUB_VISIT, step(2)]}, IDENTITY, ["action_1", "action_2"]),
    (
        "stepsVisited",
        {EVENTS: [step(2), step(1, "action_2"), step(2), event("step_answered", step="step_003")]},
        IDENTITY,
        ["action_1_step_002", "action_2_step_001"],
    ),
    ("subaction", {EVENTS: [VISIT, SUB_VISIT]}, IDENTITY, "action_2"),
    ("subaction", {EVENTS: [VISIT]}, IDENTITY, None),
    ("handler", {EVENTS: [VISIT, event("handler_visited", handler="h_1")]}, IDENTITY, "h_1"),
    ("handler", {f"{DEBUG}.output_generic_mapping": [{"source": {"handler": "h_2"}}]}, IDENTITY, "h_2"),
    (
        "fallbackReason",
        {EVENTS: [event("action_visited", "anything_else", reason="no_action_matches")]},
        IDENTITY,
        "no_action_matches",
    ),
    (
        "fallbackReason",
        {EVENTS: [event("action_visited", "fallback", reason="Danger word detected")]},
        IDENTITY,
        "Danger word detected",
    ),
    ("fallbackReason", {EVENTS: [event("action_visited", "fallback", reason="intent")]}, IDENTITY, None),
    ("fallbackReason", {EVENTS: [event("action_visited", reason="agent_requested")]}, IDENTITY, None),
    ("branchExited", {f"{DEBUG}.branch_exited": False}, IDENTITY, None),
    ("branchExited", {f"{DEBUG}.branch_exited": False, f"{DEBUG}.nodes_visited": [{"title": "N"}]}, IDENTITY, False),
    (
        "branchExitedReason",
        {f"{DEBUG}.branch_exited_reason": "completed", f"{DEBUG}.nodes_visited": [{"title": "N"}]},
        IDENTITY,
        "completed",
    ),
    (
        "nodesVisited",
        {f"{DEBUG}.nodes_visited": [{"title": "Hours", "dialog_node": "n_1"}, {"dialog_node": "n_2"}]},
        IDENTITY,
        ["Hours", "n_2"],
    ),
    (
        "nodesVisited",
        {EVENTS: [{"event": "node_visited", "source": {"dialog_node": "n_3"}}], "response.output.nodes_visited": ["x"]},
        IDENTITY,
        ["n_3"],
    ),
    ("nodesVisited", {"response.output.nodes_visited": ["n_4", "n_5"]}, IDENTITY, ["n_4", "n_5"]),
]


@pytest.mark.parametrize(("name", "changes", "assistant", "wanted"), ROWS)
def test_a_property_is_taken_from_the_first_place_that_has_it(
    name: str, changes: dict[str, Any], assistant: AssistantIdentity, wanted: Any
) -> None:
    messages = Session(assistant=assistant).take(changed(turn(2), changes))

    assert properties(messages, "Message Handled").get(name) == wanted
    assert (name in properties(messages, "Message Handled")) is (wanted is not None)


def test_an_actions_own_events_tell_of_that_action_alone() -> None:
    events = [
        VISIT,
        step(1),
        event("action_visited", "action_2", reason="invoke_subaction", start="10:02"),
        step(1, "action_2", start="10:02"),
        event("handler_visited", "action_2", start="10:02", handler="h_1"),
        event("action_finished", "action_2", reason="ended_by_step", start="10:02"),
        event("action_visited", reason="subaction_return"),
        step(2),
        event("action_visited", "action_3", reason="invoke_subaction", start="10:03"),
    ]

    messages = Session().take(changed(turn(2), {EVENTS: events}))

    assert names(messages) == [*["Action Started"] * 3, "Action Completed", "Message Handled"]
    first, second, third = (message["properties"] for message in messages[:3])
    assert (first["action"], first["stepsVisited"], first["subaction"], first["actionCompleted"]) == (
        "action_1",
        ["action_1_step_001", "action_1_step_002"],
        "action_2",
        False,
    )
    assert "handler" not in first
    assert (second["action"], second["stepsVisited"], second["handler"]) == ("action_2", ["action_2_step_001"], "h_1")
    assert (second["actionCompleted"], second["actionCompletedReason"]) == (True, "ended_by_step")
    assert "subaction" not in second
    assert third["action"] == "action_3"
    completed = messages[3]["properties"]
    assert (completed["action"], completed["actionStarted"], completed["actionCompletedReason"]) == (
        "action_2",
        True,
        "ended_by_step",
    )
    assert "actionCompleted" not in completed
    assert all("actionStarted" not in message["properties"] for message in messages[:3])


def test_a_fallback_actions_own_events_say_why_it_ran() -> None:
    events = [VISIT, event("action_visited", "fallback", reason="agent_requested", start="10:02")]

    messages = Session().take(changed(turn(2), {EVENTS: events}))

    assert ["fallbackReason" in message["properties"] for message in messages] == [False, True, True]


# --- sessions ---


@pytest.mark.parametrize(
    ("changes", "is_started"),
    [
        ({}, True),
        ({f"{CONTEXT}.global.system.turn_count": 2}, False),
        ({f"{CONTEXT}.global.system.turn_count": None, f"{ASKED}.global.system.turn_count": 3}, False),
        ({f"{CONTEXT}.global": None, f"{ASKED}.global": None, f"{ASKED}.system.dialog_turn_counter": 1}, True),
        ({f"{CONTEXT}.global": None, f"{ASKED}.global": None, f"{ASKED}.system.dialog_turn_counter": 4}, False),
        ({f"{CONTEXT}.global": None, f"{ASKED}.global": None}, True),
    ],
)
def test_a_session_starts_with_its_first_message(changes: dict[str, Any], is_started: bool) -> None:
    messages = Session().take(changed(turn(1), changes))

    assert ("Session Started" in names(messages)) is is_started


def test_a_session_without_any_counter_starts_once() -> None:
    uncounted = {f"{CONTEXT}.global.system.turn_count": None, f"{ASKED}.global.system.turn_count": None}
    logs = [changed(turn(number), uncounted) for number in (3, 1, 2)]

    assert names(Session().take(*logs)) == ["Session Started", *["Message Handled"] * 3]


def test_a_session_started_has_neither_language_nor_skills_and_the_time_of_its_start() -> None:
    started_at = "2026-11-22T10:00:59.000Z"
    log = changed(turn(1), {f"{CONTEXT}.global.system.session_start_time": started_at, EVENTS: [VISIT]})

    started = Session().take(log)[0]

    assert started["timestamp"] == started_at
    assert set(started["properties"]) == {"accountId", "serviceInstance", "assistantId", "environment", "sessionId"}


def test_clients_of_the_stateless_api_start_no_sessions() -> None:
    assert names(Session(stateless=True).take(turn(1), turn(2))) == ["Message Handled"] * 2


def test_without_a_session_there_is_nothing_to_tell_of() -> None:
    log = changed(turn(1), {"session_id": None, f"{CONTEXT}.global": None, f"{ASKED}.global": None})

    reading = read(logged(log))

    assert (reading.facts, [note.code for note in reading.notes]) == ([], ["no_session_id"])
    assert reading.is_body_kept


# --- actions over several turns ---

IN_A_BROWSER = {
    "request.input.analytics": {"browser": "Firefox", "device": "mobile", "pageUrl": "https://shop.example/a"},
    f"{CONTEXT}.integrations.chat": {},
}
START = changed(turn(1), {**IN_A_BROWSER, EVENTS: [VISIT, step(1)]})
MIDDLE = changed(turn(2), {"language": "de", EVENTS: [step(2)]})
END = changed(turn(3), {"language": "fr", EVENTS: [{"event": "search"}, step(3), step(1), FINISH]})
WHOLE_ACTION = ["action_1_step_001", "action_1_step_002", "action_1_step_003"]


def test_the_end_of_an_action_describes_the_message_that_started_it() -> None:
    session = Session()
    session.take(START, MIDDLE)

    completed = properties(session.take(END), "Action Completed")

    assert completed == {
        "accountId": IDENTITY.account_id,
        "serviceInstance": IDENTITY.service_instance,
        "assistantId": IDENTITY.vendor_assistant_id,
        "environment": "live",
        "sessionId": SESSION,
        "browser": "Firefox",
        "device": "mobile",
        "pageUrl": "https://shop.example/a",
        "channel": "chat",
        "language": "en",
        "skillsInvoked": ["actions skill"],
        "action": "action_1",
        "actionTitle": "Pay",
        "actionStarted": False,
        "actionCompletedReason": "all_steps_done",
        "stepsVisited": WHOLE_ACTION,
    }


def test_the_end_of_an_action_whose_start_was_not_seen_describes_its_own_message() -> None:
    session = Session()
    session.take(MIDDLE)

    completed = properties(session.take(END), "Action Completed")

    assert "browser" not in completed
    assert (completed["language"], completed["skillsInvoked"]) == ("fr", ["actions skill", "search skill"])
    assert completed["stepsVisited"] == ["action_1_step_003", "action_1_step_001"]
    assert "actionTitle" not in completed


def test_a_title_is_remembered_for_all_sessions_of_the_assistant() -> None:
    session = Session()
    session.take(START)
    elsewhere = changed(END, {"session_id": "s-2", "log_id": "elsewhere"})

    messages = session.take(elsewhere)

    assert properties(messages, "Action Completed")["actionTitle"] == "Pay"
    assert properties(messages, "Message Handled")["actionTitle"] == "Pay"


def test_an_action_that_is_open_does_not_start_again() -> None:
    session = Session()
    again = changed(turn(2), {EVENTS: [event("action_visited", reason="step_validation_failed")]})
    another_run = changed(turn(3), {EVENTS: [event("action_visited", reason="intent", start="10:03")]})

    session.take(START)

    assert names(session.take(again)) == ["Message Handled"]
    assert names(session.take(another_run)) == ["Action Started", "Message Handled"]


@pytest.mark.parametrize("order", list(permutations([START, MIDDLE, END])))
def test_turns_may_come_in_any_order(order: tuple[dict[str, Any], ...]) -> None:
    session = Session()

    messages = session.take(*order)

    assert sorted(names(messages)) == [
        "Action Completed",
        "Action Started",
        "Message Handled",
        "Message Handled",
        "Message Handled",
        "Session Started",
    ]
    # Nothing stays open: the same run could not end twice, nor another begin in its place.
    assert names(session.take(changed(START, {"log_id": "later", f"{CONTEXT}.global.system.turn_count": 9}))) == [
        "Action Started",
        "Message Handled",
    ]


def test_a_step_that_comes_before_its_actions_start_is_kept_for_the_end() -> None:
    session = Session()
    session.take(MIDDLE, START)

    assert properties(session.take(END), "Action Completed")["stepsVisited"] == WHOLE_ACTION


def test_a_repeat_makes_the_same_events_or_none() -> None:
    session = Session()
    first = session.take(START)

    assert session.take(START) == []
    assert Session().take(START) == first
    assert len({message["messageId"] for message in first}) == len(first)
    assert all(len(message["messageId"]) < 100 for message in first)


def test_an_exchange_without_a_log_id_is_known_by_its_content() -> None:
    nameless = changed(START, {"log_id": None})
    session = Session()
    session.take(nameless)

    assert session.take(dict(reversed(nameless.items()))) == []
    assert session.take(changed(nameless, {"response_timestamp": "2026-11-22T10:01:02.000Z"})) != []


# --- users ---


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"response.user_id": "answered", "request.user_id": "asked"}, {"userId": "answered"}),
        ({"response.user_id": None, "request.user_id": "asked"}, {"userId": "asked"}),
        ({"response.user_id": None, "request.user_id": ""}, {"userId": "u-1"}),
        (
            {
                "response.user_id": None,
                "request.user_id": None,
                f"{CONTEXT}.global": None,
                f"{ASKED}.global": None,
                f"{ASKED}.metadata.user_id": "old",
            },
            {"userId": "old"},
        ),
        ({"response.user_id": 4711}, {"userId": "4711"}),
        (
            {
                "response.user_id": SESSION,
                "request.user_id": None,
                f"{CONTEXT}.global.system.user_id": SESSION,
                f"{ASKED}.global.system.user_id": None,
            },
            {"anonymousId": SESSION},
        ),
    ],
)
def test_a_user_is_who_is_named_unless_it_is_the_session(changes: dict[str, Any], wanted: dict[str, str]) -> None:
    log = changed(turn(1), changes)

    for message in Session().take(log):
        assert {name: message[name] for name in ("userId", "anonymousId") if name in message} == wanted
    codes = [note.code for note in read(logged(log)).notes]
    assert codes == ([] if "userId" in wanted else ["no_user_id"])


def test_user_ids_can_be_hashed() -> None:
    log = changed(turn(1), {"response.user_id": "+15550100"})

    messages = Session(hash_user_ids=True).take(log)

    assert {message["userId"] for message in messages} == {hashlib.sha256(b"+15550100").hexdigest()}


def test_ids_made_up_by_the_web_chat_can_be_anonymous() -> None:
    made_up = changed(turn(1), {"response.user_id": "anonymous_IBMuid-1"})
    session = Session(web_chat_ids_are_anonymous=True, hash_user_ids=True)

    assert {message.get("anonymousId") for message in session.take(made_up)} == {"anonymous_IBMuid-1"}
    assert all("anonymousId" not in message for message in session.take(turn(2)))


# --- further options, and what people should know ---


def test_steps_can_be_objects() -> None:
    session = Session(steps_as_objects=True)
    session.take(START, MIDDLE)

    messages = session.take(END)

    steps = [{"stepId": "step_001"}, {"stepId": "step_002"}, {"stepId": "step_003"}]
    assert properties(messages, "Action Completed")["stepsVisited"] == steps
    assert properties(messages, "Message Handled")["stepsVisited"] == [steps[2], steps[0]]


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/109.0.0.0 Safari/537.36", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) Mobile/15E148", "mobile"),
        ("Mozilla/5.0 (Linux; Android 13; Pixel 7) Chrome/109 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X200) Chrome/109 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X)", "tablet"),
        ("", None),
    ],
)
def test_a_device_can_be_guessed_where_the_client_names_none(user_agent: str, device: str | None) -> None:
    log = changed(turn(2), {f"{CONTEXT}.{INFO}.user_agent": user_agent})
    told = changed(log, {"request.input.analytics.device": "Kiosk"})

    assert properties(Session(device_from_user_agent=True).take(log), "Message Handled").get("device") == device
    assert properties(Session(device_from_user_agent=True).take(told), "Message Handled")["device"] == "Kiosk"


@pytest.mark.parametrize(
    ("environment", "snapshot", "codes"),
    [
        ("live", "4", []),
        ("live", "draft", ["snapshot_mismatch"]),
        ("draft", "draft", []),
        ("draft", "4", ["snapshot_mismatch"]),
        ("staging", "5", []),
        ("live", None, []),
    ],
)
def test_a_snapshot_of_another_environment_is_said_and_taken_all_the_same(
    environment: str, snapshot: str | None, codes: list[str]
) -> None:
    reading = read(logged(changed(turn(1), {"snapshot": snapshot})), environment=environment)

    assert [note.code for note in reading.notes] == codes
    assert reading.facts


def test_no_address_of_a_customer_is_passed_on() -> None:
    log = changed(TURN_1["payload"], {"request.input.text": "Hello"})

    assert "203.0.113.7" not in json.dumps(Session(vocabulary="both").take(log))


# --- the names of the copilot specification ---


def test_a_conversation_is_told_of_in_the_copilot_specifications_names() -> None:
    generic = [
        {"response_type": "text", "text": "Which account?"},
        {"response_type": "pause", "time": 100},
        {"response_type": "option", "title": "Accounts", "options": []},
        {"response_type": "text", "text": "Choose one."},
    ]
    log = changed(turn(1), {EVENTS: [VISIT], "response.output.generic": generic})

    messages = Session(vocabulary="copilot").take(log, changed(turn(2), {"request.input.text": ""}))

    assert [(message["event"], message["properties"]) for message in messages] == [
        ("Conversation Started", {"conversationId": SESSION}),
        (
            "Message Sent",
            {
                "conversationId": SESSION,
                "messageId": "log-1-in",
                "message_body": "question 1",
                "role": "customer",
            },
        ),
        (
            "Action Invoked",
            {
                "conversationId": SESSION,
                "messageId": "log-1-out",
                "type": "action",
                "action": "Pay",
                "role": "customer",
            },
        ),
        (
            "Message Received",
            {
                "conversationId": SESSION,
                "messageId": "log-1-out",
                "message_body": "Which account?\nChoose one.",
                "role": "agent",
            },
        ),
        ("Component Loaded", {"conversationId": SESSION, "messageId": "log-1-out", "type": "option"}),
    ]


def test_the_answer_of_an_old_dialog_is_read_as_well() -> None:
    log = changed(turn(1), {"response.output.generic": None, "response.output.text": ["One.", "Two."]})

    facts = read(logged(log)).facts

    assert [fact.text for fact in facts if fact.kind is Kind.MESSAGE_OUT] == ["One.\nTwo."]


def test_half_of_a_surrogate_pair_spoils_its_own_text_only() -> None:
    body = json.dumps(logged(turn(1))).encode().replace(b"question 1", b"question \\ud83d 1")

    facts = read(body).facts

    assert [fact.text for fact in facts if fact.kind is Kind.MESSAGE_IN] == ["question \ufffd\ufffd\ufffd 1"]


def test_times_that_are_missing_are_the_time_of_receipt() -> None:
    log = changed(turn(1), {"request_timestamp": None, "response_timestamp": None})

    times = {fact.at for fact in read(logged(log)).facts}

    assert times == {RECEIVED_AT.isoformat(timespec="milliseconds")}
