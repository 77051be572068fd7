"""Chatwoot: its webhooks become facts; signed where a secret is set, else with an ingest key."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from assistants.intake.answers import Unreadable
from assistants.sources.adapter import Denied, Kind, Reading
from assistants.sources.chatwoot import Chatwoot
from tests.assistants.sources.reading import expected, load, names, request, setup
from tests.assistants.sources.recipes import read_named

SECRET = "not-a-real-secret"
SIGNED_AT = "1795302000"
MESSAGE = load("chatwoot/message_incoming.json").body
RATING = load("chatwoot/rating.json").body


def read(body: Any, *, headers: dict[str, str] | None = None, **settings: Any) -> Reading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Chatwoot().read(request(raw, headers), setup(**settings))


def signed(body: bytes, *, secret: str = SECRET, timestamp: str = SIGNED_AT) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-chatwoot-timestamp": timestamp, "x-chatwoot-signature": f"sha256={digest}"}


@pytest.mark.parametrize("name", names("chatwoot"))
def test_a_payload_becomes_the_events_kept_beside_it(name: str) -> None:
    assert read_named(name) == expected(name)


def test_a_signature_is_verified_as_chatwoot_makes_it() -> None:
    body = b'{"event": "label_created"}'
    # HMAC-SHA256 of "1795302000." and the body, made with openssl dgst.
    headers = {
        "x-chatwoot-timestamp": SIGNED_AT,
        "x-chatwoot-signature": "sha256=da0d18fb480b7eedf6ea0013dfa5818a7dfbc6cc87e4deb41ebd57999e5e9249",
    }

    assert headers == signed(body)
    assert read(body, headers=headers, secret=SECRET, is_keyed=False).notes[0].code == "unknown_event"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x-chatwoot-signature": ""}, "no_signature"),
        ({"x-chatwoot-signature": "sha256="}, "no_signature"),
        ({"x-chatwoot-signature": "sha256=" + "0" * 64}, "wrong_signature"),
        ({"x-chatwoot-signature": "sha256=zz"}, "wrong_signature"),
        ({"x-chatwoot-timestamp": "1795302001"}, "wrong_signature"),
        (signed(b"{}", secret="another"), "wrong_signature"),
        (signed(b"{}", timestamp="1795301704"), "stale_signature"),
        (signed(b"{}", timestamp="1795302306"), "stale_signature"),
        (signed(b"{}", timestamp="soon"), "stale_signature"),
    ],
)
def test_a_request_that_is_not_signed_right_is_denied(change: dict[str, str], code: str) -> None:
    with pytest.raises(Denied) as denied:
        read(b"{}", headers={**signed(b"{}"), **change}, secret=SECRET)

    assert (denied.value.code, denied.value.status) == (code, 401)


@pytest.mark.parametrize("timestamp", ["1795301705", "1795302305"])
def test_a_signature_holds_for_five_minutes(timestamp: str) -> None:
    assert read(b"{}", headers=signed(b"{}", timestamp=timestamp), secret=SECRET).refused[0][0].code == (
        "not_a_chatwoot_event"
    )


def test_without_a_secret_an_ingest_key_is_needed() -> None:
    assert read(MESSAGE).facts != []
    with pytest.raises(Denied) as denied:
        read(MESSAGE, is_keyed=False)
    assert denied.value.code == "unknown_key"


def test_with_a_secret_an_ingest_key_does_not_stand_for_a_signature() -> None:
    with pytest.raises(Denied) as denied:
        read(MESSAGE, secret=SECRET, is_keyed=True)
    assert denied.value.code == "no_signature"


def test_a_message_sent_again_has_the_same_ids() -> None:
    first = read(MESSAGE, headers={"x-chatwoot-delivery": "d-1"})
    again = read(MESSAGE, headers={"x-chatwoot-delivery": "d-1"})

    assert first.facts == again.facts


def test_an_end_that_is_told_again_is_known_by_its_delivery_and_a_later_end_is_another() -> None:
    resolved = load("chatwoot/conversation_resolved.json").body
    ids = [read(resolved, headers={"x-chatwoot-delivery": delivery}).facts[0].source_id for delivery in ("a", "a", "b")]

    assert ids[0] == ids[1] != ids[2]


def test_a_rating_is_told_of_once_though_its_message_is_updated_again() -> None:
    again = {**RATING, "source_id": "changed"}
    better = json.loads(json.dumps(RATING).replace('"rating": 5', '"rating": 4'))

    ids = [read(body).facts[0].source_id for body in (RATING, again, better)]

    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("rating", [None, "5", True, {}])
def test_an_update_without_a_rating_is_no_feedback(rating: Any) -> None:
    answer = {"submitted_values": {"csat_survey_response": {"rating": rating}}}

    assert read({**RATING, "content_attributes": answer}) == Reading()


@pytest.mark.parametrize(("number", "kind"), [(0, Kind.MESSAGE_IN), (1, Kind.MESSAGE_OUT), (3, Kind.MESSAGE_OUT)])
def test_the_type_of_a_message_may_be_a_number(number: int, kind: Kind) -> None:
    assert [fact.kind for fact in read({**MESSAGE, "message_type": number}).facts] == [kind]


@pytest.mark.parametrize("body", [{**MESSAGE, "message_type": 2}, {**MESSAGE, "message_type": "activity"}])
def test_chatwoots_own_messages_are_left_out_and_noted(body: Any) -> None:
    reading = read(body)

    assert (reading.facts, [note.code for note in reading.notes]) == ([], ["activity_message"])


def test_a_contact_is_known_by_the_teams_identifier_else_by_chatwoots_id() -> None:
    contact = load("chatwoot/contact_created.json").body

    assert read(contact).facts[0].user_id == "user-1"
    assert read({**contact, "identifier": None}).facts[0].user_id == "1537"


def test_an_outgoing_message_belongs_to_the_customer_and_not_to_who_wrote_it() -> None:
    outgoing = load("chatwoot/message_of_person.json").body
    without_contact = {name: value for name, value in outgoing["conversation"].items() if name != "meta"}

    assert read(outgoing).facts[0].user_id == "user-1"
    assert read({**outgoing, "conversation": without_contact}).facts[0].user_id == "1537"


@pytest.mark.parametrize(
    "body",
    [
        {**MESSAGE, "id": None},
        {**MESSAGE, "conversation": None},
        {**MESSAGE, "message_type": "rumour"},
        {"event": "conversation_created"},
        {"event": "contact_created"},
        {"event": "webwidget_triggered"},
    ],
)
def test_an_event_that_lacks_what_it_is_about_is_refused_and_answered_200(body: Any) -> None:
    reading = read(body)

    assert (reading.facts, reading.answer.status) == ([], 200)
    assert [reason.code for reason, _ in reading.refused] == ["incomplete_event"]


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"event": 7}', b"{}"])
def test_what_is_no_event_is_refused_and_kept(body: bytes) -> None:
    assert [(reason.code, raw) for reason, raw in read(body).refused] == [("not_a_chatwoot_event", body)]


@pytest.mark.parametrize("body", [b"", b"event=message_created", b'{"event": '])
def test_a_body_that_is_no_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(body)

    assert refused.value.answer.status == 400
