"""The four events of an IBM watsonx Assistant: messages, sessions, and actions as they start and complete.

Source: Segment, IBM Watson Assistant Source; IBM, segment-event-reference.md. Where the two differ, Segment's page is
followed, which is what the events' consumers were built for.
"""

import msgspec

from assistants.catalog.entry import BOOLEAN, STRING, STRING_LIST, Due, Entry, Family, Property, PropertyType, Skill


class Step(msgspec.Struct, rename="camel"):
    """A step as newer IBM documentation shows it."""

    step_id: str
    step_title: str = ""


STEP_OBJECTS = PropertyType(
    "Object[]",
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["stepId"],
            "properties": {"stepId": {"type": "string"}, "stepTitle": {"type": "string"}},
        },
    },
    list[Step],
)
# Newer IBM documentation shows objects in place of strings; an event holds the one or the other, never both.
STEPS = PropertyType("String[]", {"anyOf": [STRING_LIST.schema, STEP_OBJECTS.schema]}, list[str | Step])
ENDED = Due("once the action has ended", "actionCompleted", value=True)
# The one channel on which a page, a browser and a device are behind every message.
WEB_CHAT = "chat"

# What the examples have in common.
ANYWHERE = {
    "accountId": "7d1f0c22a9",
    "assistantId": "e0b6e1f4-6a2b-4b0e-9d0a-5f1c8c9b7a10",
    "environment": "live",
    "serviceInstance": "1f6a3c5e-2d47-4f63-8f5b-0a4f5f2f7c11",
    "sessionId": "a9c6a1c0-4c58-4a1e-b1a6-33d5f1f4b7d2",
}
IN_A_BROWSER = {
    **ANYWHERE,
    "browser": "Chrome",
    "channel": "chat",
    "device": "mobile",
    "pageUrl": "https://shop.example/orders",
}


def _common(*, message: str, place: str, session: str) -> tuple[Property, ...]:
    """Return the nine properties of all four events, worded for the message and moment that an event describes."""
    absent = "Absent on channels that have none, such as phone."
    return (
        Property("accountId", STRING, "ID of the IBM account in which the assistant runs."),
        Property("assistantId", STRING, "ID of the assistant."),
        Property(
            "browser",
            STRING,
            f"Browser from which {message} was sent. {absent}",
            channel=WEB_CHAT,
            examples=("Firefox",),
        ),
        Property("channel", STRING, f"Channel of {message}.", examples=("chat", "phone")),
        Property(
            "device",
            STRING,
            f"Type of device on which {message} was written. {absent}",
            channel=WEB_CHAT,
            examples=("desktop",),
        ),
        Property("environment", STRING, f"Environment in which {place}.", examples=("draft", "live")),
        Property(
            "pageUrl", STRING, f"Address of the web page from which {message} was sent. {absent}", channel=WEB_CHAT
        ),
        Property("serviceInstance", STRING, "ID of the service instance that hosts the assistant."),
        Property("sessionId", STRING, f"ID of {session}."),
    )


def _spoken(*, message: str) -> tuple[Property, ...]:
    """Return the two properties of every event but Session Started."""
    return (
        Property("language", STRING, "Language of the assistant.", examples=("en",)),
        Property(
            "skillsInvoked",
            STRING_LIST,
            f"Skills that took part in answering {message}.",
            examples=("main skill", "actions skill"),
        ),
    )


def _steps(description: str, skill: Skill = Skill.ALL) -> Property:
    prefix = "Each step carries the ID of its action in front."
    return Property(
        "stepsVisited", STEPS, f"{description} {prefix}", expected=False, skill=skill, examples=("action_202_step_001",)
    )


MESSAGE_HANDLED = Entry(
    name="Message Handled",
    description="The assistant has finished handling a message.",
    fires="Once for each message that the assistant has answered.",
    needs_user_id=True,
    properties=(
        *_common(message="the message", place="the message was handled", session="its session"),
        *_spoken(message="the message"),
        Property("action", STRING, "ID of the action that ran.", skill=Skill.ACTIONS, examples=("action_202",)),
        Property("actionTitle", STRING, "Title of the action that ran.", skill=Skill.ACTIONS),
        Property("actionStarted", BOOLEAN, "Whether the action began with this message.", skill=Skill.ACTIONS),
        Property("actionCompleted", BOOLEAN, "Whether the action ended with this message.", skill=Skill.ACTIONS),
        Property(
            "actionCompletedReason",
            STRING,
            "Why the action ended. Absent while it goes on.",
            expected=False,
            skill=Skill.ACTIONS,
            due=ENDED,
            examples=("all_steps_done", "fallback"),
        ),
        Property("actionsVisited", STRING_LIST, "IDs of all actions that took part in answering.", skill=Skill.ACTIONS),
        Property(
            "fallbackReason",
            STRING,
            "Why the fallback action ran, such as a person being asked for or no action matching.",
            expected=False,
            skill=Skill.ACTIONS,
            examples=("agent_requested", "no_action_matches"),
        ),
        Property(
            "handler",
            STRING,
            "Name of the handler that was called, if one was.",
            expected=False,
            skill=Skill.ACTIONS,
            examples=("validation_not_found_handler",),
        ),
        _steps("Steps that ran while the message was handled.", Skill.ACTIONS),
        Property(
            "subaction", STRING, "ID of the action that was called as a subaction.", expected=False, skill=Skill.ACTIONS
        ),
        Property("branchExited", BOOLEAN, "Whether the conversation left the dialog branch.", skill=Skill.DIALOG),
        Property(
            "branchExitedReason",
            STRING,
            "Why the conversation left the branch.",
            expected=False,
            skill=Skill.DIALOG,
            examples=("completed", "fallback"),
        ),
        Property("nodesVisited", STRING_LIST, "Dialog nodes that ran: the title, else the ID.", skill=Skill.DIALOG),
    ),
    examples=(
        {
            "type": "track",
            "event": "Message Handled",
            "userId": "customer-2071",
            "timestamp": "2026-03-02T08:41:17.530Z",
            "properties": {
                **IN_A_BROWSER,
                "language": "en",
                "skillsInvoked": ["actions skill"],
                "action": "action_118",
                "actionTitle": "Where is my order?",
                "actionStarted": True,
                "actionCompleted": True,
                "actionCompletedReason": "all_steps_done",
                "actionsVisited": ["action_118", "action_240"],
                "stepsVisited": ["action_118_step_001", "action_240_step_014", "action_118_step_002"],
                "subaction": "action_240",
            },
        },
        {
            "type": "track",
            "event": "Message Handled",
            "userId": "customer-2071",
            "timestamp": "2026-03-02T08:42:03.004Z",
            "properties": {
                **ANYWHERE,
                "channel": "phone",
                "language": "en",
                "skillsInvoked": ["main skill"],
                "branchExited": True,
                "branchExitedReason": "completed",
                "nodesVisited": ["Opening hours", "node_6_1718000000000"],
            },
        },
    ),
)

SESSION_STARTED = Entry(
    name="Session Started",
    description="A new session with the assistant has begun.",
    fires="Once for each session, except for clients of the stateless API.",
    needs_user_id=True,
    properties=_common(message="the message that started the session", place="it started", session="the session"),
    examples=(
        {
            "type": "track",
            "event": "Session Started",
            "userId": "customer-2071",
            "timestamp": "2026-03-02T08:41:15.902Z",
            "properties": IN_A_BROWSER,
        },
    ),
)


def _action_properties(
    *, message: str, place: str, twin: Property, steps: str, reason_due: Due
) -> tuple[Property, ...]:
    """Return the nineteen properties of an event about an action; `twin` tells of its other end in the same turn."""
    return (
        *_common(message=message, place=place, session="the session in which the action started"),
        *_spoken(message=message),
        Property("action", STRING, "ID of the action.", examples=("action_202", "welcome", "fallback")),
        Property("actionTitle", STRING, "Title of the action."),
        twin,
        Property(
            "actionCompletedReason",
            STRING,
            "Why the action ended. Absent while it goes on.",
            expected=False,
            due=reason_due,
            examples=("all_steps_done", "fallback"),
        ),
        Property(
            "fallbackReason",
            STRING,
            "Why the fallback action ran; on events about that action only.",
            expected=False,
            examples=("agent_requested", "no_action_matches"),
        ),
        Property("handler", STRING, "Name of the handler that the action called, if it called one.", expected=False),
        _steps(steps),
        Property("subaction", STRING, "ID of the action that this one called as a subaction.", expected=False),
    )


ACTION_STARTED = Entry(
    name="Action Started",
    description="Processing of an action, or of a subaction, has begun.",
    fires="Each time an action begins. Coming back from a subaction or another topic begins nothing.",
    needs_user_id=True,
    properties=_action_properties(
        message="the message that started the action",
        place="the action started",
        twin=Property("actionCompleted", BOOLEAN, "Whether the action also ended in the turn that began it."),
        steps="Steps of the action that ran in the turn that began it.",
        reason_due=ENDED,
    ),
    examples=(
        {
            "type": "track",
            "event": "Action Started",
            "userId": "customer-2071",
            "timestamp": "2026-03-02T08:41:17.118Z",
            "properties": {
                **IN_A_BROWSER,
                "language": "en",
                "skillsInvoked": ["actions skill"],
                "action": "action_118",
                "actionTitle": "Where is my order?",
                "actionCompleted": False,
                "stepsVisited": ["action_118_step_001"],
            },
        },
    ),
)

ACTION_COMPLETED = Entry(
    name="Action Completed",
    description="Processing of an action, or of a subaction, has ended.",
    fires="Each time an action ends, whatever the reason.",
    needs_user_id=True,
    properties=_action_properties(
        message="the message that started the action (maybe some turns ago)",
        place="the action completed",
        twin=Property("actionStarted", BOOLEAN, "Whether the action also began in the turn that ended it."),
        steps="Steps of the action that ran, over all its turns.",
        reason_due=Due("as the action has ended"),
    ),
    examples=(
        {
            "type": "track",
            "event": "Action Completed",
            "userId": "customer-2071",
            "timestamp": "2026-03-02T08:43:50.771Z",
            "properties": {
                **IN_A_BROWSER,
                "language": "en",
                "skillsInvoked": ["actions skill"],
                "action": "fallback",
                "actionTitle": "Fallback",
                "actionStarted": True,
                "actionCompletedReason": "all_steps_done",
                "fallbackReason": "agent_requested",
                "stepsVisited": [{"stepId": "step_001", "stepTitle": "Hand over to a person"}],
            },
        },
    ),
)

IBM = Family(
    slug="ibm",
    title="IBM watsonx Assistant",
    description="What a watsonx Assistant reports of its conversations.",
    entries=(MESSAGE_HANDLED, SESSION_STARTED, ACTION_STARTED, ACTION_COMPLETED),
)
