"""Chats with people: the events they share with copilots, and those of Segment's Live Chat specification.

Source: Segment, AI Copilot Spec (its list for live chat, which has no properties of its own) and Live Chat Spec. The
second writes every name with its prefix and every property in snake_case, and shows in its examples a message_body of
which its tables say nothing.
"""

from assistants.catalog.copilot import (
    ACTION_INVOKED,
    COMPONENT_LOADED,
    CONVERSATION_ENDED,
    CONVERSATION_STARTED,
    MEDIA_GENERATED,
    MESSAGE_BODY,
    MESSAGE_RECEIVED,
    MESSAGE_SENT,
)
from assistants.catalog.entry import NUMBER, STRING, Entry, Family, Property

# The specification has this one table for all four events.
PROPERTIES = (
    Property("agent_id", STRING, "ID of the agent.", expected=False, examples=("agent-12",)),
    Property("agent_name", STRING, "The agent's real name.", expected=False, is_private=True),
    Property("agent_username", STRING, "The agent's user name.", expected=False),
    Property("conversation_id", STRING, "ID of the conversation."),
    Property(
        "conversation_duration",
        NUMBER,
        "Seconds since the conversation began: 0 at its start, its whole length at its end.",
        expected=False,
        examples=(0, 41),
    ),
    Property("message_id", STRING, "ID of the message within the conversation.", expected=False),
    MESSAGE_BODY,
)


def _entry(happening: str, *, description: str, fires: str, time: str, seconds: int, message: str, text: str) -> Entry:
    name = f"Live Chat {happening}"
    properties = {
        "agent_id": "agent-12",
        "agent_name": "Robin Example",
        "agent_username": "robin",
        "conversation_id": "chat-730",
        "conversation_duration": seconds,
        "message_id": message,
        "message_body": text,
    }
    example = {
        "type": "track",
        "event": name,
        "userId": "customer-2071",
        "timestamp": f"2026-03-02T{time}Z",
        "properties": properties,
    }
    return Entry(name=name, description=description, fires=fires, properties=PROPERTIES, examples=(example,))


LIVE_CHAT_CONVERSATION_STARTED = _entry(
    "Conversation Started",
    description="A chat with an agent has begun.",
    fires="Once for each chat, at the customer's first message.",
    time="09:10:00.000",
    seconds=0,
    message="chat-message-1",
    text="Good morning",
)
LIVE_CHAT_MESSAGE_SENT = _entry(
    "Message Sent",
    description="The customer wrote to the agent.",
    fires="For every message of the customer.",
    time="09:10:25.120",
    seconds=25,
    message="chat-message-2",
    text="Two bills came for one order",
)
LIVE_CHAT_MESSAGE_RECEIVED = _entry(
    "Message Received",
    description="The agent wrote to the customer.",
    fires="For every message that the customer gets from the agent.",
    time="09:11:03.840",
    seconds=63,
    message="chat-message-3",
    text="One moment, please",
)
LIVE_CHAT_CONVERSATION_ENDED = _entry(
    "Conversation Ended",
    description="Customer or agent ended the chat.",
    fires="Once for each chat that somebody ends; silence ends none.",
    time="09:14:58.000",
    seconds=298,
    message="chat-message-9",
    text="Thank you",
)

LIVE_CHAT = Family(
    slug="live-chat",
    title="Live chat",
    description="Chats with people. What they share with copilots has the same names, with human_agent as role; the "
    "names with a prefix are those of Segment's Live Chat specification.",
    entries=(
        CONVERSATION_STARTED,
        MESSAGE_SENT,
        MESSAGE_RECEIVED,
        COMPONENT_LOADED,
        ACTION_INVOKED,
        MEDIA_GENERATED,
        CONVERSATION_ENDED,
        LIVE_CHAT_CONVERSATION_STARTED,
        LIVE_CHAT_MESSAGE_SENT,
        LIVE_CHAT_MESSAGE_RECEIVED,
        LIVE_CHAT_CONVERSATION_ENDED,
    ),
)
