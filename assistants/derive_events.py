"""How derived events look: their properties in IBM's and in the copilot specification's names, as Segment messages.

Source: Segment, IBM Watson Assistant Source; Segment, AI copilot spec.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from assistants.sources.adapter import AssistantIdentity, Fact

# What describes a message, in the IBM events that it leads to.
CONTEXT = ("browser", "channel", "device", "pageUrl", "language", "skillsInvoked")
# Session Started describes no message that was handled.
NOT_OF_SESSIONS = ("language", "skillsInvoked")
IBM, COPILOT = "ibm", "copilot"
_FAMILIES = {IBM: frozenset({IBM}), COPILOT: frozenset({COPILOT}), "both": frozenset({IBM, COPILOT})}

_encoder = msgspec.json.Encoder()
_sorted_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Terms:
    """What deriving goes by beside the facts: the source's kind, whose names are used, whose assistant it is where."""

    kind: str
    families: frozenset[str]
    has_turns: bool
    environment_name: str
    assistant: AssistantIdentity


def families(vocabulary: str, native: str) -> frozenset[str]:
    """Return whose events a vocabulary asks for: "ibm", "copilot", "both", or "native" for what suits the source."""
    return _FAMILIES[native if vocabulary == "native" else vocabulary]


def message_id(kind: str, *parts: str) -> str:
    """Return the message ID of what is derived from these: the same each time, and short enough for everyone."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16)
    return f"{kind}-{digest.hexdigest()}"


def context_of(fact: Fact) -> dict[str, Any]:
    """Return what a fact says of the message that it belongs to."""
    ibm = fact.ibm
    return {name: ibm[name] for name in CONTEXT if name in ibm} if ibm else {}


@dataclass
class Writer:
    """Writes events in the names that are asked for; `messages` are Segment messages as JSON, in order."""

    terms: Terms
    messages: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        assistant = self.terms.assistant
        configured = {
            "accountId": assistant.account_id,
            "serviceInstance": assistant.service_instance,
            "assistantId": assistant.vendor_assistant_id,
            "environment": self.terms.environment_name,
        }
        # What is configured wins over what the source says of itself.
        self._configured = {name: value for name, value in configured.items() if value}

    def ibm(
        self, event: str, fact: Fact, context: Mapping[str, Any], defaults: Mapping[str, Any], **fixed: Any
    ) -> None:
        """Write an IBM event: of the context, what the fact says beside that (else the defaults), and what is fixed."""
        if IBM not in self.terms.families:
            return
        properties = {**defaults, **fact.ibm, **fixed}
        if fact.ibm:
            # Of the message that counts, nothing of what the fact says of another one.
            for name in CONTEXT:
                properties.pop(name, None)
        properties |= context
        properties["language"] = context.get("language") or self.terms.assistant.language
        self._track(event, fact, self._placed(properties, fact))

    def session_started(self, fact: Fact) -> None:
        """Write IBM's Session Started, which has neither language nor skills."""
        if IBM in self.terms.families:
            own = {name: value for name, value in fact.ibm.items() if name not in NOT_OF_SESSIONS}
            self._track("Session Started", fact, self._placed(own, fact))

    def copilot(self, event: str, fact: Fact, **properties: Any) -> None:
        """Write an event of the copilot specification; what the fact itself says of a property wins."""
        if COPILOT in self.terms.families:
            self._track(event, fact, {"conversationId": fact.conversation_id, **properties, **fact.copilot})

    def identify(self, fact: Fact, *, anonymous_id: str = "") -> None:
        """Write an Identify; of the same user and traits it has the same ID whichever fact it comes from."""
        traits = _sorted_encoder.encode(fact.traits).decode()
        id_ = message_id(self.terms.kind, "identify", fact.user_id, anonymous_id or fact.anonymous_id, traits)
        user = {"userId": fact.user_id, "anonymousId": anonymous_id} if anonymous_id else _user(fact)
        self._write({"type": "identify"} | user, "traits", fact.traits, fact, id_)

    def _track(self, event: str, fact: Fact, properties: dict[str, Any]) -> None:
        # False and 0 are worth sending, nothing and emptiness are not.
        properties = {name: value for name, value in properties.items() if value or value == 0}
        id_ = message_id(self.terms.kind, fact.source_id, event)
        self._write({"type": "track", "event": event} | _user(fact), "properties", properties, fact, id_)

    def _write(self, message: dict[str, Any], name: str, members: Mapping[str, Any], fact: Fact, id_: str) -> None:
        message[name] = members
        message["messageId"] = id_
        message["timestamp"] = fact.at
        if fact.context:
            message["context"] = fact.context
        self.messages.append(_encoder.encode(message))

    def _placed(self, properties: dict[str, Any], fact: Fact) -> dict[str, Any]:
        """Add which assistant it is, and where."""
        properties |= self._configured
        properties["sessionId"] = fact.conversation_id
        return properties


def _user(fact: Fact) -> dict[str, str]:
    """Return whose event it is: without any user it goes under the conversation's ID."""
    if fact.user_id:
        anonymous = {"anonymousId": fact.anonymous_id} if fact.anonymous_id else {}
        return {"userId": fact.user_id, **anonymous}
    anonymous_id = fact.anonymous_id or fact.conversation_id
    return {"anonymousId": anonymous_id} if anonymous_id else {}
