"""IBM watsonx Assistant: its log webhook, signed with the secret of the environment.

Source: IBM Cloud docs, watson-assistant, webhook-log.md. IBM's own receivers read the token as it stands, without a
scheme, while the documentation's example names the header Authentication; both are taken.
"""

import hmac
from typing import Any

import msgspec
from msgspec import Raw

from assistants.faults import Refused, excerpt
from assistants.intake.answers import Answer, Unreadable
from assistants.sources.adapter import Denied, Note, Option, Reading, Request, Setup, Source
from assistants.sources.otlp.loose_json import Unclear, read_loosely
from assistants.sources.pieces import check_text
from assistants.sources.tokens import read_token
from assistants.sources.watson_log import read_log

LOGGED = "message_logged"
CALL_RECORD = "cdr_logged"
# These events wait for an answer, which takes the message's place.
SYNCHRONOUS = ("message_received", "message_processed")
BEARER = "bearer"


class _Enveloped(msgspec.Struct):
    payload: Raw


_enveloped_decoder = msgspec.json.Decoder(_Enveloped)


class Watson(Source):
    """One item of the log per request; the environment is the one whose address was called."""

    kind = "watson"
    title = "IBM watsonx Assistant"
    description = "Messages, sessions and actions of an assistant, by its log webhook."
    proof = (
        "Tested with payloads composed after IBM's documentation and its published log fixtures, signed by PyJWT. IBM "
        "publishes no captured request."
    )
    vocabulary = "ibm"
    has_turns = True
    secret_label = "Webhook secret"  # noqa: S105  a label, no secret
    secret_help = "The same text as in the log webhook's field “Secret”. It signs every request."  # noqa: S105
    options: tuple[Option, ...] = (
        Option(
            name="stateless",
            label="Clients use the stateless API",
            help="Nothing in a request tells so. The stateless API has no sessions, so Session Started is left out.",
        ),
        Option(
            name="steps_as_objects",
            label="Steps as objects",
            help="Send stepsVisited as objects with a stepId, in place of texts such as action_202_step_001.",
        ),
        Option(
            name="device_from_user_agent",
            label="Guess the device",
            help="Where the client does not name its device, take desktop, mobile or tablet from its user agent.",
        ),
        Option(
            name="hash_user_ids",
            label="Hash user IDs",
            help="Send the SHA-256 of user IDs, in hexadecimal. IBM takes phone numbers for user IDs on some channels.",
        ),
        Option(
            name="web_chat_ids_are_anonymous",
            label="Web chat's own IDs are anonymous",
            help="Send IDs that begin with anonymous_IBMuid- as anonymousId. IBM itself takes them for user IDs.",
        ),
    )

    def read(self, request: Request, setup: Setup) -> Reading:
        """Verify the request and read its one event; what is no event of the log is acknowledged all the same."""
        _verify(request, setup)
        check_text(request.body)
        try:
            body = read_loosely(request.body)
        except Unclear as error:
            raise Unreadable(400, "invalid_request", f"Malformed JSON: {error}.") from None
        name = _event_name(body)
        if name == LOGGED:
            return _logged(body, request, setup)
        if name == CALL_RECORD:
            # It holds phone numbers, and no event is made of it.
            return Reading(
                notes=[Note("call_record", "Call records are acknowledged and not used.")], is_body_kept=False
            )
        if name in SYNCHRONOUS:
            return _echo(name, body, request)
        said = f"The event is named {excerpt(name)}." if name else "The body names no event."
        return Reading(notes=[Note("unknown_event", said)])


def _verify(request: Request, setup: Setup) -> None:
    """Return if the request is IBM's: signed with the secret, or by a header of the user's own that is the secret.

    Raises Denied.
    """
    if not setup.secret:
        raise Denied("no_secret", "This source has no secret yet, so no request can be verified.")
    authorization = _without_scheme(request.headers.get("authorization", ""))
    if _equal(authorization, setup.secret):
        return
    tokens = [token for token in (authorization, _without_scheme(request.headers.get("authentication", ""))) if token]
    if not tokens:
        raise Denied("no_signature", "The request brings no token.")
    denied: Denied | None = None
    for token in tokens:
        try:
            read_token(token, secret=setup.secret, at=request.received_at)
        except Denied as error:
            denied = denied or error
        else:
            return
    raise denied or Denied("wrong_signature", "The token is not signed with the secret of this source.")


def _without_scheme(header: str) -> str:
    scheme, _, rest = header.strip().partition(" ")
    return rest.strip() if scheme.lower() == BEARER else header.strip()


def _equal(header: str, secret: str) -> bool:
    """Compare a header with the secret; headers come as Latin-1, whatever they were written in."""
    given = header.encode("latin-1", errors="replace")
    return hmac.compare_digest(given, secret.encode())


def _event_name(body: Any) -> str:
    event = body.get("event") if isinstance(body, dict) else None
    name = event.get("name") if isinstance(event, dict) else event
    return name if isinstance(name, str) else ""


def _logged(body: dict[str, Any], request: Request, setup: Setup) -> Reading:
    log = body.get("payload")
    if not isinstance(log, dict):
        return Reading(refused=[(Refused("no_payload", "The event has no object “payload”."), request.body)])
    facts, notes = read_log(log, setup, received_at=request.received_at)
    return Reading(facts=facts, notes=notes)


def _echo(name: str, body: dict[str, Any], request: Request) -> Reading:
    """Give a message back as it came: the assistant waits for it."""
    try:
        payload = bytes(_enveloped_decoder.decode(request.body).payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        payload = msgspec.json.encode(body.get("payload"))
    said = f"This address is set as a webhook for {name}, which holds up the chat. Set it as log webhook instead."
    return Reading(
        notes=[Note("not_a_log_webhook", said)],
        answer=Answer(200, b'{"payload":' + payload + b"}"),
        is_body_kept=False,
    )
