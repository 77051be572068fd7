"""Pages and apps as senders: leave to send, the settings of their library, and keys that anybody can read."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytest_django import Settings

from assistants import log
from assistants.intake import app, browser
from assistants.intake.app import Intake
from assistants.intake.segment import METRICS_PATH, PATHS
from assistants.keys import create_browser_key, create_ingest_key, mint, revoke_ingest_key
from assistants.models import IngestKey, Refusal
from tests.assistants.intake.conftest import TRACK, Sender, stored
from tests.make import make_environment

PAYLOADS = Path(__file__).parent.parent.parent / "payloads" / "segment"
SHOP, ELSEWHERE = "https://shop.example", "https://elsewhere.example"
SHORT = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}
UNKNOWN_KEY = {
    "success": False,
    "code": "unknown_key",
    "message": "This key is not an active ingest key of this Sluice.",
}
SERVER_KEY_IN_PUBLIC = {
    "success": False,
    "code": "server_key_in_public",
    "message": "This is a server key, but a page or an app used it, where anybody can read it. Give the page a browser "
    "key of the same environment, and revoke this one if others could see it.",
}


def origin_not_allowed(sender: str) -> dict[str, Any]:
    message = f"This browser key may not be used {sender}. Its allowed origins are listed on its page in Sluice."
    return {"success": False, "code": "origin_not_allowed", "message": message}


def visitor_of(intake: Intake, *origins: str) -> Sender:
    """Return somebody who sends with a browser key for these origins, of an environment of its own."""
    environment = make_environment()
    key = create_browser_key(environment, label="tests", origins=origins, by=None)
    return Sender(intake, environment, key.browser_text)


@pytest.fixture
def visitor(intake: Intake, transactional_db: None) -> Sender:
    return visitor_of(intake)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", [*sorted(PATHS), "/v1/projects/any/settings"])
def test_a_preflight_is_answered_on_every_route_without_a_key(stranger: Sender, path: str, slash: str) -> None:
    response = stranger.request(
        "OPTIONS",
        path + slash,
        headers={
            "Origin": ELSEWHERE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
    )

    assert (response.status_code, response.content) == (204, b"")
    assert dict(response.headers) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, x-retry-count",
        "access-control-max-age": "86400",
        "access-control-expose-headers": "retry-after",
    }


def test_a_preflight_elsewhere_finds_nothing(stranger: Sender) -> None:
    assert stranger.request("OPTIONS", "/v1/nothing").status_code == 404


def test_every_route_for_one_message_has_a_short_name(visitor: Sender) -> None:
    message = {"timestamp": "2026-11-22T10:00:00Z", "userId": "u", "event": "E"}

    for number, (letter, _) in enumerate(SHORT.items()):
        response = visitor.post(f"/v1/{letter}{'/' * (number % 2)}", {**message, "messageId": letter})
        assert (response.status_code, response.content) == (200, b'{"success":true}')

    assert stored(visitor) == [{**message, "messageId": letter, "type": type_} for letter, type_ in SHORT.items()]


def test_b_takes_batches(visitor: Sender) -> None:
    items = [{**TRACK, "messageId": f"m-{n}", "timestamp": "2026-11-22T10:00:00Z"} for n in range(3)]

    for path in ("/v1/b", "/v1/b/"):
        assert visitor.post(path, {"batch": items, "writeKey": visitor.key}, key="").status_code == 200

    assert stored(visitor) == items


def test_what_the_library_for_pages_sends_is_stored_as_it_was_sent(visitor: Sender) -> None:
    captured = json.loads((PAYLOADS / "browser_track.json").read_text())
    body = {**captured["body"], "writeKey": visitor.key}

    response = visitor.request(
        captured["request"]["method"],
        captured["request"]["path"],
        content=msgspec.json.encode(body),
        headers={name: value for name, value in captured["request"]["headers"].items() if name != "Authorization"},
        auth=(visitor.key, ""),
    )

    assert (response.status_code, response.json()) == (200, {"success": True})
    assert response.headers["access-control-allow-origin"] == "*"
    assert stored(visitor) == [{name: value for name, value in body.items() if name not in ("writeKey", "sentAt")}]


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain;charset=UTF-8", "application/json", "x/y", ""])
def test_a_body_may_call_itself_anything(visitor: Sender, content_type: str) -> None:
    body = msgspec.json.encode({**TRACK, "writeKey": visitor.key})

    assert visitor.post("/v1/t", body, key="", Content_Type=content_type).status_code == 200


def test_what_the_library_measures_of_itself_is_taken_and_not_kept(visitor: Sender) -> None:
    body = {"series": [{"type": "Counter", "metric": "analytics_js.invoke", "value": 1, "tags": {}}]}

    for path in (METRICS_PATH, f"{METRICS_PATH}/"):
        response = visitor.post(path, body, key="", Origin=ELSEWHERE)
        assert (response.status_code, response.content) == (200, b'{"success":true}')
    assert visitor.post(METRICS_PATH, b"x" * 512_001).status_code == 400
    assert log.head(visitor.environment.pk) == 0


@pytest.mark.parametrize(
    ("base_url", "host", "protocol"),
    [
        ("https://sluice.example.com", "sluice.example.com/v1", "https"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000/v1", "http"),
        ("https://example.com/sluice", "example.com/sluice/v1", "https"),
    ],
)
def test_the_settings_name_this_installation_and_the_key(
    visitor: Sender, settings: Settings, base_url: str, host: str, protocol: str
) -> None:
    settings.SLUICE_BASE_URL = base_url

    response = visitor.request("GET", f"/v1/projects/{visitor.key}/settings", headers={"Origin": ELSEWHERE})

    assert response.status_code == 200
    segment = response.json()["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == (visitor.key, host, protocol)
    assert response.json()["metrics"] == {"sampleRate": 0}
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "public, max-age=60"
    assert response.headers["content-type"] == "application/json"


def test_the_settings_are_for_public_keys_that_work(visitor: Sender) -> None:
    server_key = create_ingest_key(visitor.environment, label="server", by=None)
    revoked = create_browser_key(visitor.environment, label="", origins=[], by=None)
    revoke_ingest_key(revoked, by=None)

    for unknown in (mint("browser")[0], revoked.browser_text, "nonsense"):
        response = visitor.request("GET", f"/v1/projects/{unknown}/settings")
        assert (response.status_code, response.json()) == (401, UNKNOWN_KEY)
        assert response.headers["access-control-allow-origin"] == "*"
    response = visitor.request("GET", f"/v1/projects/{server_key}/settings")
    assert (response.status_code, response.json()) == (403, SERVER_KEY_IN_PUBLIC)


@pytest.mark.parametrize("path", ["/v1/projects//settings", "/v1/projects/a/b/settings", "/v1/projects/a"])
def test_beside_the_settings_there_is_nothing(stranger: Sender, path: str) -> None:
    assert stranger.request("GET", path).status_code == 404


def test_the_settings_are_only_read(stranger: Sender) -> None:
    response = stranger.post(f"/v1/projects/{stranger.key}/settings", {})

    assert (response.status_code, response.json()["message"]) == (400, "The settings are read with GET, not POST.")


def test_a_browser_key_without_origins_may_be_used_from_everywhere(visitor: Sender) -> None:
    for headers in ({}, {"Origin": SHOP}, {"Origin": "null"}):
        assert visitor.post("/v1/t", TRACK, **headers).status_code == 200
    assert len(stored(visitor)) == 3


@pytest.mark.parametrize("path", ["/v1/t", "/v1/track", "/v1/b", "/v1/batch", "/v1/import"])
def test_a_browser_key_is_held_to_its_origins(intake: Intake, transactional_db: None, path: str) -> None:
    visitor = visitor_of(intake, SHOP, "http://localhost:3000")
    body = {"batch": [TRACK]} if path in ("/v1/b", "/v1/batch", "/v1/import") else TRACK

    for allowed in (SHOP, "http://localhost:3000"):
        assert visitor.post(path, body, Origin=allowed).status_code == 200
    for refused in (ELSEWHERE, "http://shop.example", "https://shop.example:8443", "https://a.shop.example", "null"):
        response = visitor.post(path, body, Origin=refused)
        assert (response.status_code, response.json()) == (403, origin_not_allowed(f"from {refused}"))
        assert response.headers["access-control-allow-origin"] == "*"
    response = visitor.post(path, body)
    assert (response.status_code, response.json()) == (403, origin_not_allowed("without the header Origin"))
    assert len(stored(visitor)) == 2


def test_who_is_turned_away_is_counted_where_people_see_it(intake: Intake, transactional_db: None) -> None:
    visitor = visitor_of(intake, SHOP)

    for _ in range(3):
        visitor.post("/v1/t", TRACK, Origin=ELSEWHERE)

    row = Refusal.objects.get()
    assert (row.environment, row.source, row.code, row.count) == (
        visitor.environment,
        app.SOURCE,
        "origin_not_allowed",
        3,
    )
    assert (row.message, row.sample) == (origin_not_allowed(f"from {ELSEWHERE}")["message"], ELSEWHERE)
    assert IngestKey.objects.get().last_used_at is None


def test_a_very_long_origin_is_cut(intake: Intake, transactional_db: None) -> None:
    visitor = visitor_of(intake, SHOP)

    response = visitor.post("/v1/t", TRACK, Origin=f"https://{'x' * 5_000}.example")

    assert response.json() == origin_not_allowed(f"from https://{'x' * 92}")
    assert len(Refusal.objects.get().sample) == 500


def test_the_settings_are_given_to_every_origin(intake: Intake, transactional_db: None) -> None:
    visitor = visitor_of(intake, SHOP)

    assert (
        visitor.request("GET", f"/v1/projects/{visitor.key}/settings", headers={"Origin": ELSEWHERE}).status_code == 200
    )


@pytest.mark.parametrize("path", ["/v1/t", "/v1/track"])
def test_a_server_key_in_a_page_is_refused_and_counted(sender: Sender, path: str) -> None:
    response = sender.post(path, TRACK, Origin=SHOP)

    assert (response.status_code, response.json()) == (403, SERVER_KEY_IN_PUBLIC)
    assert response.headers["access-control-allow-origin"] == "*"
    assert (Refusal.objects.get().code, Refusal.objects.get().sample) == ("server_key_in_public", SHOP)
    assert stored(sender) == []
    assert sender.post(path, TRACK).status_code == 200


@pytest.mark.parametrize("path", ["/otlp/v1/traces", "/sources/rasa/<environment>"])
def test_a_browser_key_opens_nothing_but_the_segment_routes(visitor: Sender, path: str) -> None:
    address = path.replace("<environment>", visitor.environment.public_id)

    response = visitor.post(address, b"{}", key="", Authorization=f"Bearer {visitor.key}")

    assert response.status_code == 403
    assert "A browser key works on the Segment routes only." in response.text
    assert log.head(visitor.environment.pk) == 0


def test_a_phone_sends_compressed_text_with_its_key_in_the_body_alone(visitor: Sender) -> None:
    items = [{**TRACK, "messageId": "m-1", "timestamp": datetime(2026, 11, 22, tzinfo=UTC).isoformat()}]
    body = gzip.compress(
        msgspec.json.encode({"batch": items, "sentAt": "2026-11-22T00:00:01Z", "writeKey": visitor.key})
    )

    response = visitor.post("/v1/b", body, key="", Content_Encoding="gzip", Content_Type="text/plain")

    assert response.status_code == 200
    assert stored(visitor) == items


def test_an_answer_to_wait_may_be_read_by_the_page(visitor: Sender) -> None:
    statuses = [visitor.post("/v1/t", TRACK, key=mint("browser")[0]).status_code for _ in range(61)]
    response = visitor.post("/v1/t", TRACK, key=mint("browser")[0])

    assert statuses[-1] == response.status_code == 429
    assert response.headers["retry-after"] == "60"
    assert (b"access-control-expose-headers", b"retry-after") in browser.CORS
    assert response.headers["access-control-expose-headers"] == "retry-after"
