"""Chatwoot: its webhooks, signed by newer releases, with an ingest key in the URL from older ones.

Source: chatwoot/chatwoot, app/listeners/webhook_listener.rb and app/presenters/conversations/event_data_presenter.rb;
its pull request 13573 for the signature, its issue 12867 for ratings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assistants.faults import Refused, excerpt
from assistants.messages import EPOCH
from assistants.sources.adapter import Denied, Fact, Kind, Note, Reading, Request, Setup, Source
from assistants.sources.canonical import digest
from assistants.sources.pieces import BadPiece, check_text, whole
from assistants.sources.signatures import check_age, check_signature
from assistants.sources.values import number_of, object_at, text_of

TOLERANCE_SECONDS = 300
_PREFIX = "sha256="
# Inside a conversation the same is said by numbers.
_MESSAGE_TYPES = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_ROLES = {"agent_bot": "ai_agent", "user": "human_agent"}
_COMPONENTS = frozenset({"article", "cards", "form", "input_select"})
# Events that may be subscribed to and that no event of the catalog tells of.
_SILENT = frozenset({"conversation_updated", "conversation_typing_on", "conversation_typing_off", "inbox_created"})


class Chatwoot(Source):
    """Conversations in Chatwoot, of bots and of people."""

    kind = "chatwoot"
    title = "Chatwoot"
    description = "Conversations, messages, ratings and contacts of Chatwoot, by its webhooks."
    proof = (
        "Tested with bodies composed from Chatwoot's source code only: there is no client that could send them, and no "
        "delivery of a real Chatwoot was captured."
    )
    vocabulary = "both"
    secret_label = "Webhook secret"  # noqa: S105  a label, no secret
    # Chatwoot shows it when a webhook is added, from the releases on that sign.
    secret_help = "Chatwoot shows it beside the webhook. Without one, use the URL that ends in an ingest key."  # noqa: S105

    def read(self, request: Request, setup: Setup) -> Reading:
        """Verify the signature where a secret is set, else ask for an ingest key; read the one event of the body."""
        _verify(request, setup)
        check_text(request.body)
        piece = whole(request.body)
        if isinstance(piece, BadPiece):
            return Reading(refused=[(piece.reason, piece.raw)])
        if not isinstance(piece.value, dict) or not isinstance(piece.value.get("event"), str):
            reason = "A webhook of Chatwoot is an object with a text “event”; this is not."
            return Reading(refused=[(Refused("not_a_chatwoot_event", reason), piece.raw)])
        return _read(_Event(piece.value, piece.value["event"], request))


def _verify(request: Request, setup: Setup) -> None:
    if not setup.secret:
        if not setup.is_keyed:
            raise Denied(
                "unknown_key", "The request brings no ingest key, and this source has no secret to verify it by."
            )
        return
    timestamp = request.headers.get("x-chatwoot-timestamp", "")
    signature = request.headers.get("x-chatwoot-signature", "")
    check_signature(
        [signature.removeprefix(_PREFIX)] if signature.startswith(_PREFIX) else [],
        secret=setup.secret.encode(),
        signed=f"{timestamp}.".encode() + request.body,
    )
    check_age(timestamp, at=request.received_at, tolerance_seconds=TOLERANCE_SECONDS)


class _Incomplete(Exception):
    """An event lacks what it needs to be told of; says what."""


@dataclass(frozen=True)
class _Event:
    """One webhook: its members, what happened, and the request that brought it."""

    members: Mapping[str, Any]
    name: str
    request: Request

    @property
    def conversation(self) -> Mapping[str, Any]:
        """The conversation: nested in a message, the event itself where the event is about one."""
        if self.name.startswith("conversation_"):
            return self.members
        return object_at(self.members, "conversation") or object_at(self.members, "current_conversation")

    @property
    def customer(self) -> Mapping[str, Any]:
        """The contact on the other side, whoever wrote."""
        contact = object_at(self.conversation, "meta", "sender") or object_at(self.members, "contact")
        if contact:
            return contact
        sender = object_at(self.members, "sender")
        if sender.get("type") == "contact" or _message_type(self.members) == "incoming":
            return sender
        return {"id": object_at(self.conversation, "contact_inbox").get("contact_id")}

    @property
    def delivery(self) -> str:
        """What is the same whenever this webhook is sent again."""
        return self.request.headers.get("x-chatwoot-delivery") or digest(self.members)

    @property
    def delivered_at(self) -> str:
        return _time(_number(self.request.headers.get("x-chatwoot-timestamp", ""))) or (
            self.request.received_at.isoformat(timespec="milliseconds")
        )

    def fact(self, kind: Kind, key: str, *, conversation_id: str, at: str, **words: Any) -> Fact:
        """Return a fact; `key` is the same whenever Chatwoot tells of it again."""
        seen = self.members.get("event_info") if self.name == "webwidget_triggered" else None
        where = seen if isinstance(seen, dict) else object_at(self.conversation, "additional_attributes")
        page = _page(where)
        return Fact(
            kind=kind,
            source_id=f"{key} {kind}",
            conversation_id=conversation_id,
            at=at or self.delivered_at,
            user_id=_user_id(self.customer),
            ibm=_seen_with(where, page, "Channel::WebWidget" if seen else self.conversation.get("channel")),
            context={"page": {"url": page}} if page else {},
            **words,
        )

    def conversation_id(self) -> str:
        id_ = text_of(self.conversation.get("id"))
        if not id_:
            raise _Incomplete("The event does not say which conversation it belongs to.")
        return id_

    def message_id(self) -> str:
        id_ = text_of(self.members.get("id"))
        if not id_:
            raise _Incomplete("The message has no ID.")
        return id_


def _read(event: _Event) -> Reading:
    reader = _READERS.get(event.name)
    if reader is None:
        unknown = Note("unknown_event", f"Chatwoot sent an event of the kind {excerpt(event.name)}.")
        return Reading(notes=[] if event.name in _SILENT else [unknown])
    try:
        found = reader(event)
    except _Incomplete as error:
        return Reading(refused=[(Refused("incomplete_event", str(error)), event.request.body)])
    return Reading(notes=[found]) if isinstance(found, Note) else Reading(facts=found)


def _conversation_created(event: _Event) -> list[Fact]:
    """Return that a conversation began, and nothing of its messages: they may be later ones (issues 12608, 13608)."""
    id_ = event.conversation_id()
    at = _time(event.members.get("created_at"))
    return [event.fact(Kind.CONVERSATION_OPENED, f"conversation {id_}", conversation_id=id_, at=at)]


def _message_created(event: _Event) -> list[Fact] | Note:
    if event.members.get("private") is True:
        return Note("private_message", "A private note of the team was left out.")
    type_ = _message_type(event.members)
    if type_ == "activity":
        return Note(
            "activity_message", "A message of Chatwoot's own, such as “Conversation was resolved”, was left out."
        )
    if type_ not in ("incoming", "outgoing", "template"):
        raise _Incomplete("The message says neither that it is incoming nor that it is outgoing.")
    message_id = event.message_id()
    text, shape = text_of(event.members.get("content")), text_of(event.members.get("content_type"))
    key, place = f"message {message_id}", {"conversation_id": event.conversation_id(), "message_id": message_id}
    at = _time(event.members.get("created_at"))
    if type_ == "incoming":
        return [event.fact(Kind.MESSAGE_IN, key, at=at, text=text, role="customer", **place)]
    role = _ROLES.get(str(object_at(event.members, "sender").get("type")), "")
    facts = [event.fact(Kind.MESSAGE_OUT, key, at=at, text=text, role=role, **place)]
    if shape in _COMPONENTS:
        facts.append(event.fact(Kind.COMPONENT, key, at=at, type=shape, **place))
    return facts


def _message_updated(event: _Event) -> list[Fact]:
    """Return a rating, if the update is one: the answer to a survey is written into the survey's message.

    The message is updated again for other reasons; a rating that stays the same is told of once.
    """
    if event.members.get("content_type") != "input_csat":
        return []
    answer = object_at(event.members, "content_attributes", "submitted_values", "csat_survey_response")
    rating = number_of(answer.get("rating"))
    if rating is None:
        return []
    message_id = event.message_id()
    return [
        event.fact(
            Kind.FEEDBACK,
            f"rating {message_id} {rating}",
            conversation_id=event.conversation_id(),
            message_id=message_id,
            at=_time(event.members.get("updated_at")) or event.delivered_at,
            rating=rating,
        )
    ]


def _status_changed(event: _Event) -> list[Fact]:
    if event.members.get("status") != "resolved":
        return []
    at = _time(event.members.get("updated_at")) or _time(event.members.get("timestamp"))
    return [
        event.fact(Kind.CONVERSATION_CLOSED, f"closed {event.delivery}", conversation_id=event.conversation_id(), at=at)
    ]


def _widget_opened(event: _Event) -> list[Fact]:
    """Return that a visitor opened the widget, maybe before there is any conversation."""
    id_ = text_of(event.conversation.get("id")) or text_of(event.members.get("source_id")) or _user_id(event.customer)
    if not id_:
        raise _Incomplete("The event says neither which conversation nor which contact it is about.")
    at = event.delivered_at
    return [event.fact(Kind.SESSION_OPENED, f"opened {event.delivery}", conversation_id=id_, at=at, opened_at=at)]


def _contact_seen(event: _Event) -> list[Fact]:
    contact = event.members
    user_id = _user_id(contact)
    if not user_id:
        raise _Incomplete("The contact has neither an identifier nor an ID.")
    traits = {
        trait: contact[member]
        for trait, member in (("name", "name"), ("email", "email"), ("phone", "phone_number"))
        if isinstance(contact.get(member), str) and contact[member]
    }
    return [
        Fact(
            kind=Kind.USER_SEEN,
            source_id=f"contact {digest([user_id, traits])}",
            conversation_id=f"contact {user_id}",
            at=event.delivered_at,
            user_id=user_id,
            traits=traits,
        )
    ]


_READERS: dict[str, Callable[[_Event], list[Fact] | Note]] = {
    "contact_created": _contact_seen,
    "contact_updated": _contact_seen,
    "conversation_created": _conversation_created,
    "conversation_status_changed": _status_changed,
    "message_created": _message_created,
    "message_updated": _message_updated,
    "webwidget_triggered": _widget_opened,
}


def _message_type(message: Mapping[str, Any]) -> Any:
    type_ = message.get("message_type")
    return _MESSAGE_TYPES.get(type_) if isinstance(type_, int) else type_


def _user_id(contact: Mapping[str, Any]) -> str:
    """Return whom the team knows the contact as, else Chatwoot's own ID."""
    return text_of(contact.get("identifier")) or text_of(contact.get("id"))


def _time(value: Any) -> str:
    """Return ISO 8601 of either form that Chatwoot writes times in; nothing for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        return (EPOCH + timedelta(seconds=value)).isoformat(timespec="milliseconds")
    except OverflowError:
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _page(where: Mapping[str, Any]) -> str:
    """Return the page without what follows its path, where personal data may stand."""
    referer = where.get("referer")
    return referer.partition("#")[0].partition("?")[0] if isinstance(referer, str) else ""


def _seen_with(where: Mapping[str, Any], page: str, channel: Any) -> dict[str, Any]:
    """Return what Chatwoot knows of the visitor's browser and of the channel, in IBM's names."""
    browser = object_at(where, "browser")
    seen = {
        "browser": browser.get("browser_name"),
        "device": browser.get("device_name"),
        "pageUrl": page,
        "channel": _channel(channel),
    }
    return {name: value for name, value in seen.items() if isinstance(value, str) and value}


def _channel(channel: Any) -> str:
    """Return a channel such as Channel::WebWidget by the name that it has in events."""
    name = channel.removeprefix("Channel::").lower() if isinstance(channel, str) else ""
    return {"webwidget": "chat", "twiliosms": "sms"}.get(name, name)
