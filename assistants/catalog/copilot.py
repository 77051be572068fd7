"""The events of a conversation with an AI copilot, whoever built it.

Source: Segment, AI Copilot Spec. Its examples print `"action": "track"` in place of a type, and one of them a role
outside the properties; what intake makes of that is in `assistants/intake/printed_forms.py`.
"""

from assistants.catalog.entry import NUMBER, STRING, Entry, Family, Property
from assistants.catalog.plain import IDENTIFY, OTHER

CONVERSATION_ID = Property("conversationId", STRING, "ID of the conversation.")
MESSAGE_BODY = Property(
    "message_body",
    STRING,
    "Text of the message. Left out on the way to Segment unless the connection's options say otherwise.",
    expected=False,
    is_private=True,
)
USER, CONVERSATION = "customer-2071", "conversation-41"


def _message_id(description: str = "ID of the message within the conversation.", *, expected: bool = True) -> Property:
    return Property("messageId", STRING, description, expected=expected)


def _role(default: str, description: str, *, expected: bool = True) -> Property:
    return Property(
        "role",
        STRING,
        description,
        expected=expected,
        default=default,
        examples=(default, "ai_agent", "human_agent", "task_automation_agent"),
    )


def _example(event: str, time: str, **properties: str | float) -> dict[str, object]:
    return {
        "type": "track",
        "event": event,
        "userId": USER,
        "timestamp": f"2026-03-02T{time}Z",
        "properties": {"conversationId": CONVERSATION, **properties},
    }


CONVERSATION_STARTED = Entry(
    name="Conversation Started",
    description="A conversation has begun.",
    fires="Once for each conversation, at the customer's first message and before it.",
    properties=(CONVERSATION_ID,),
    examples=(_example("Conversation Started", "08:45:02.310"),),
)
MESSAGE_SENT = Entry(
    name="Message Sent",
    description="The user added a message to the conversation.",
    fires="For every message of the user, the first one included.",
    properties=(CONVERSATION_ID, _message_id(), MESSAGE_BODY, _role("customer", "Who sent the message.")),
    examples=(
        _example(
            "Message Sent",
            "08:45:02.311",
            messageId="message-1",
            message_body="Can I still change the address?",
            role="customer",
        ),
    ),
)
MESSAGE_RECEIVED = Entry(
    name="Message Received",
    description="The copilot, or a person in its place, answered in text or voice.",
    fires="For every ordinary answer to a message.",
    properties=(CONVERSATION_ID, _message_id(), MESSAGE_BODY, _role("agent", "What kind of agent answered.")),
    examples=(
        _example(
            "Message Received",
            "08:45:04.027",
            messageId="message-2",
            message_body="Yes, until the parcel leaves us.",
            role="ai_agent",
        ),
    ),
)
CONVERSATION_ENDED = Entry(
    name="Conversation Ended",
    description="Customer or agent ended the conversation, or deleted it.",
    fires="Once for each conversation that somebody ends; silence ends none.",
    properties=(
        CONVERSATION_ID,
        Property("message_count", NUMBER, "How many messages the conversation had.", expected=False, examples=(9,)),
    ),
    examples=(_example("Conversation Ended", "08:52:40.000", message_count=12),),
)
ACTION_INVOKED = Entry(
    name="Action Invoked",
    aliases=("Tool Invoked",),
    description="The copilot or the user made use of a tool, such as a call to another system.",
    fires="Each time a tool or a custom capability is used.",
    properties=(
        CONVERSATION_ID,
        _message_id("ID of the message that led to it."),
        Property("type", STRING, "Kind of tool.", examples=("Parcel Tracking",)),
        Property("action", STRING, "What was done with the tool.", examples=("fetch status",)),
        _role("customer", "Who made use of the tool.", expected=False),
    ),
    examples=(
        _example(
            "Action Invoked",
            "08:45:03.114",
            messageId="message-2",
            type="Order Service",
            action="look up address",
            role="ai_agent",
        ),
    ),
)
MEDIA_GENERATED = Entry(
    name="Media Generated",
    description="The model made an image, a video or a sound.",
    fires="For each medium that the model makes.",
    properties=(
        CONVERSATION_ID,
        _message_id("ID of the message that shows it."),
        Property("type", STRING, "Kind of medium.", examples=("image", "video", "audio")),
        Property("sub_type", STRING, "Format of the data.", expected=False, examples=("gif", "mp4", "wav")),
        _role("agent", "Who made the medium.", expected=False),
    ),
    examples=(
        _example("Media Generated", "08:46:20.660", messageId="message-6", type="image", sub_type="png", role="agent"),
    ),
)
COMPONENT_LOADED = Entry(
    name="Component Loaded",
    aliases=("Custom Component Loaded",),
    description="The user was shown a component of its own kind, neither text nor voice.",
    fires="Each time such a component is shown.",
    properties=(
        CONVERSATION_ID,
        _message_id("ID of the message that shows it."),
        Property("type", STRING, "Kind of component.", examples=("Delivery Map",)),
    ),
    examples=(_example("Component Loaded", "08:46:59.301", messageId="message-8", type="Address Form"),),
)
FEEDBACK_SUBMITTED = Entry(
    name="Feedback Submitted",
    description="A user rated a message, or the conversation as a whole.",
    fires="For each rating.",
    properties=(
        CONVERSATION_ID,
        _message_id("ID of the message that was rated. Absent where the conversation was.", expected=False),
        Property("rating", NUMBER, "The rating, on the sender's own scale.", examples=(4,)),
    ),
    examples=(_example("Feedback Submitted", "08:51:07.480", messageId="message-10", rating=4),),
)

COPILOT = Family(
    slug="copilot",
    title="AI copilot",
    description="Conversations with any assistant, under the names of Segment's AI copilot specification.",
    entries=(
        CONVERSATION_STARTED,
        MESSAGE_SENT,
        MESSAGE_RECEIVED,
        CONVERSATION_ENDED,
        ACTION_INVOKED,
        MEDIA_GENERATED,
        COMPONENT_LOADED,
        FEEDBACK_SUBMITTED,
        IDENTIFY,
        OTHER,
    ),
)
