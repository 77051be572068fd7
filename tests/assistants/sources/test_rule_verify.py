"""How requests to a source by rules prove themselves: vectors of vendors, and what their own libraries sign."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from standardwebhooks.webhooks import Webhook

from assistants.sources.adapter import Denied, Setup
from assistants.sources.generic.config import parse
from assistants.sources.generic.verify import verify
from tests.assistants.sources.reading import RECEIVED_AT, load, request, setup

SECRET = "not-a-real-secret-but-long-enough"
NOW = str(int(RECEIVED_AT.timestamp()))
BODY = b'{"type": "message.created"}'


def try_out(
    proof: dict[str, Any], headers: dict[str, str], *, body: bytes = BODY, at: Any = RECEIVED_AT, **settings: Any
) -> str:
    """Return the code with which a request is denied; nothing if it proves itself."""
    told: Setup = setup(**{"secret": SECRET, "is_keyed": False, **settings})
    asked = replace(request(body, headers), received_at=at)
    try:
        verify(parse({"verify": proof}).verify, asked, told)
    except Denied as denied:
        return denied.code
    return ""


def sign(signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(SECRET.encode(), signed, getattr(hashlib, algorithm)).digest()


def test_an_ingest_key_proves_a_request() -> None:
    assert try_out({"kind": "key"}, {}, is_keyed=True) == ""
    assert try_out({"kind": "key"}, {}) == "unknown_key"


def test_no_proof_lets_everybody_in() -> None:
    assert try_out({"kind": "none"}, {}, secret="") == ""


def test_a_header_may_hold_the_secret() -> None:
    proof = {"kind": "header", "header": "X-Secret"}

    assert try_out(proof, {"x-secret": SECRET}) == ""
    assert try_out(proof, {"x-secret": SECRET + "x"}) == "wrong_secret"
    assert try_out(proof, {"x-secret": "é"}) == "wrong_secret"
    assert try_out(proof, {"x-secret": "é".encode().decode("latin-1")}, secret="é") == ""
    assert try_out(proof, {}) == "wrong_secret"
    assert try_out(proof, {"x-secret": ""}, secret="") == "no_secret"


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_basic_authorization_holds_the_secret_as_password() -> None:
    anybody, alice = {"kind": "basic"}, {"kind": "basic", "user": "alice"}

    assert try_out(anybody, basic("bob", SECRET)) == try_out(alice, basic("alice", SECRET)) == ""
    assert try_out(alice, basic("bob", SECRET)) == "wrong_secret"
    assert try_out(anybody, basic("bob", "wrong")) == "wrong_secret"
    assert try_out(anybody, {"authorization": f"Bearer {SECRET}"}) == "wrong_secret"
    assert try_out(anybody, {"authorization": "Basic !"}) == "wrong_secret"
    assert try_out(anybody, basic("", ""), secret="") == "no_secret"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_an_hmac_proves_the_body(algorithm: str, encoding: str) -> None:
    proof = {"kind": "hmac", "header": "X-Signature", "prefix": "v=", "algorithm": algorithm, "encoding": encoding}
    digest = sign(BODY, algorithm)
    text = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()

    assert try_out(proof, {"x-signature": f"v={text}"}) == ""
    assert try_out(proof, {"x-signature": f"v={text}"}, body=BODY + b" ") == "wrong_signature"
    assert try_out(proof, {"x-signature": text}) == "no_signature"
    assert try_out(proof, {"x-signature": "v=?"}) == "wrong_signature"
    assert try_out(proof, {}) == "no_signature"
    assert try_out(proof, {"x-signature": f"v={text}"}, secret="") == "no_secret"


def test_slacks_published_vector_is_right() -> None:
    # Slack, Verifying requests from Slack: the example with its signing secret, which is no secret.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        b"foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
        b"hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="
        b"398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    proof = {
        "kind": "hmac",
        "header": "X-Slack-Signature",
        "prefix": "v0=",
        "template": "v0:{ts}:{body}",
        "ts_header": "X-Slack-Request-Timestamp",
    }
    headers = {
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "x-slack-request-timestamp": "1531420618",
    }
    signed_at = RECEIVED_AT - timedelta(seconds=RECEIVED_AT.timestamp() - 1531420618)

    assert try_out(proof, headers, body=body, at=signed_at, secret="8f742231b10e8888abcd99yyyzzz85a5") == ""
    assert try_out(proof, headers, body=body, secret="8f742231b10e8888abcd99yyyzzz85a5") == "stale_signature"


def test_a_header_may_hold_timestamp_and_signatures_together() -> None:
    proof = {
        "kind": "hmac",
        "header": "Stripe-Signature",
        "pattern": "t={ts},v1={signature}",
        "template": "{ts}.{body}",
    }
    right = sign(f"{NOW}.".encode() + BODY).hex()

    assert try_out(proof, {"stripe-signature": f"t={NOW},v1={right},v0=old"}) == ""
    assert try_out(proof, {"stripe-signature": f"t={NOW}, v1={'0' * 64}, v1={right}"}) == ""
    assert try_out(proof, {"stripe-signature": f"t={int(NOW) + 1},v1={right}"}) == "wrong_signature"
    assert try_out(proof, {"stripe-signature": f"t={NOW}"}) == "no_signature"
    assert try_out(proof, {"stripe-signature": f"v1={sign(b'.' + BODY).hex()}"}) == "stale_signature"


@pytest.mark.parametrize(("age", "code"), [(0, ""), (300, ""), (-300, ""), (301, "stale_signature")])
@pytest.mark.parametrize("unit", [1, 1000])
def test_a_timestamp_may_be_so_old_in_seconds_or_milliseconds(age: int, code: str, unit: int) -> None:
    proof = {
        "kind": "hmac",
        "header": "X-Signature",
        "template": "{id}.{ts}.{body}",
        "ts_header": "T",
        "id_header": "I",
    }
    timestamp = str((int(NOW) - age) * unit)
    signature = sign(f"m-1.{timestamp}.".encode() + BODY).hex()

    assert try_out(proof, {"x-signature": signature, "t": timestamp, "i": "m-1"}) == code


def test_the_body_is_not_looked_through_for_placeholders() -> None:
    proof = {"kind": "hmac", "header": "X-Signature", "template": "{body}.{ts}", "ts_header": "T"}
    body = b'{"a": "{ts}{id}"}'

    assert try_out(proof, {"x-signature": sign(body + b"." + NOW.encode()).hex(), "t": NOW}, body=body) == ""


def test_what_the_standard_webhooks_library_signs_is_taken() -> None:
    secret = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    signature = Webhook(secret).sign("msg_1", RECEIVED_AT, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": NOW, "webhook-signature": f"v1a,zz v1,AAAA {signature}"}
    proof = {"kind": "standard_webhooks"}

    assert try_out(proof, headers, secret=secret) == try_out(proof, headers, secret=secret[6:]) == ""
    assert try_out(proof, {**headers, "webhook-id": "msg_2"}, secret=secret) == "wrong_signature"
    assert try_out(proof, {**headers, "webhook-signature": "v1a,zz"}, secret=secret) == "no_signature"
    assert try_out(proof, headers, secret=secret, at=RECEIVED_AT + timedelta(seconds=301)) == "stale_signature"
    assert try_out(proof, headers, secret="whsec_?") == "no_secret"
    assert try_out(proof, headers, secret="") == "no_secret"


def test_the_captured_vector_of_standard_webhooks_is_right() -> None:
    sample = load("recipes/standard_webhooks.json")
    secret = "whsec_c2VnbWVudC1icmlkZ2UtZXhhbXBsZS1rZXktMzJieXQ="

    assert try_out({"kind": "standard_webhooks"}, dict(sample.headers), body=sample.bytes, secret=secret) == ""


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
def test_what_pyjwt_signs_is_taken(algorithm: str, scheme: str) -> None:
    key = SECRET * 2
    token = jwt.encode({"aud": "others", "sub": "x", "iat": NOW + "0"}, key, algorithm)

    assert try_out({"kind": "jwt"}, {"authorization": scheme + token}, secret=key) == ""
    assert try_out({"kind": "jwt", "header": "X-T"}, {"x-t": token}, secret=key) == ""
    assert try_out({"kind": "jwt"}, {"authorization": token + "x"}, secret=key) == "wrong_signature"
    assert try_out({"kind": "jwt"}, {"authorization": token}, secret="short") == "wrong_signature"


def test_a_token_is_taken_with_a_short_secret_and_only_by_the_algorithms_named() -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode({}, "purple unicorn", "HS512")
    only = {"kind": "jwt", "algorithms": ["HS256"]}

    assert try_out({"kind": "jwt"}, {"authorization": token}, secret="purple unicorn") == ""
    assert try_out(only, {"authorization": token}, secret="purple unicorn") == "wrong_signature"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": int(NOW) - 59}, ""),
        ({"exp": int(NOW) - 61}, "expired_token"),
        ({"nbf": int(NOW) + 59}, ""),
        ({"nbf": int(NOW) + 61}, "expired_token"),
        ({"exp": True}, ""),
    ],
)
def test_a_token_holds_for_its_time(claims: dict[str, Any], code: str) -> None:
    assert try_out({"kind": "jwt"}, {"authorization": jwt.encode(claims, SECRET, "HS256")}) == code


def test_a_token_that_is_none_or_unsigned_is_not_taken() -> None:
    unsigned = jwt.encode({}, "", "none")

    assert try_out({"kind": "jwt"}, {"authorization": unsigned}) == "wrong_signature"
    assert try_out({"kind": "jwt"}, {"authorization": "Bearer x"}) == "wrong_signature"
    assert try_out({"kind": "jwt"}, {}) == "no_signature"
    assert try_out({"kind": "jwt"}, {"authorization": unsigned}, secret="") == "no_secret"
