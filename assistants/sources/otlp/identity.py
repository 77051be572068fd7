"""Whose conversation a span belongs to: the attributes that name the conversation and the user, in order of trust."""

from collections.abc import Mapping
from typing import Any

from assistants.sources.otlp.loose_json import unpacked
from assistants.sources.otlp.messages import identifier

CONVERSATION = (
    "gen_ai.conversation.id",
    "session.id",
    "langfuse.session.id",
    "traceloop.association.properties.conversation_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "langsmith.metadata.session_id",
    "langsmith.metadata.conversation_id",
    "langsmith.metadata.thread_id",
    "ai.telemetry.metadata.conversationId",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.threadId",
    "ai.telemetry.metadata.chatId",
)
USER = (
    "user.id",
    "enduser.id",
    "langfuse.user.id",
    "gen_ai.user",
    "traceloop.association.properties.user_id",
    "langsmith.metadata.user_id",
    "ai.telemetry.metadata.userId",
)
# OpenInference's catch-all, in JSON.
METADATA = "metadata"
ALL = frozenset((*CONVERSATION, *USER, METADATA))


def conversation_of(attributes: Mapping[str, Any], named: str) -> str:
    """Return the conversation's ID, or nothing; the attribute `named` by an admin counts more than all others."""
    return _first(attributes, (named, *CONVERSATION) if named else CONVERSATION)


def user_of(attributes: Mapping[str, Any]) -> str:
    """Return the user's ID, or nothing."""
    found = _first(attributes, USER)
    if found or METADATA not in attributes:
        return found
    metadata = unpacked(attributes[METADATA])
    return identifier(metadata.get("user_id")) if isinstance(metadata, dict) else ""


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if name in attributes and (found := identifier(attributes[name])):
            return found
    return ""
