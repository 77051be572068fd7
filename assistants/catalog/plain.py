"""Segment's plain calls, which are selected as a kind: everything that no family names."""

from assistants.catalog.entry import STRING, UNSTATED, Entry, Family, Property

OTHER_TRACK_EVENTS = "*"

IDENTIFY = Entry(
    type="identify",
    name="",
    label="Identify",
    description="Who a user is, with their traits.",
    fires="Each time a sender makes an identify call: when a user becomes known, or their traits change.",
    identifiers=(
        Property("userId", STRING, "ID of a known user; the sender's own, not one of its database.", expected=False),
        Property("anonymousId", STRING, "ID of a visitor of whom nobody knows yet who it is.", expected=False),
    ),
    examples=(
        {
            "type": "identify",
            "userId": "customer-2071",
            "anonymousId": "visitor-88",
            "timestamp": "2026-03-02T08:41:10.004Z",
            "traits": {"plan": "plus"},
        },
    ),
)
PAGE = Entry(
    type="page",
    name="",
    label="Page",
    description="A user viewed a page of a website.",
    fires="Each time a sender makes a page call.",
    examples=({"type": "page", "userId": "customer-2071", "name": "Orders", "properties": {"path": "/orders"}},),
)
SCREEN = Entry(
    type="screen",
    name="",
    label="Screen",
    description="A user viewed a screen of an app.",
    fires="Each time a sender makes a screen call.",
    examples=({"type": "screen", "anonymousId": "visitor-88", "name": "Orders", "properties": {}},),
)
GROUP = Entry(
    type="group",
    name="",
    label="Group",
    description="A user belongs to a group, such as a company, with the group's traits.",
    fires="Each time a sender makes a group call.",
    identifiers=(Property("groupId", STRING, "ID of the group."),),
    examples=({"type": "group", "userId": "customer-2071", "groupId": "team-9", "traits": {"name": "Nine"}},),
)
ALIAS = Entry(
    type="alias",
    name="",
    label="Alias",
    description="Two IDs are the same user.",
    fires="Each time a sender makes an alias call.",
    identifiers=(
        Property("previousId", STRING, "ID under which the user was known so far."),
        Property("userId", STRING, "ID under which the user is known from now on."),
    ),
    examples=({"type": "alias", "userId": "customer-2071", "previousId": "visitor-88"},),
)
OTHER = Entry(
    type="track",
    name=OTHER_TRACK_EVENTS,
    label="Other track events",
    description="Every track event that is not listed here by name, such as a purchase made in a conversation.",
    fires="Each time a sender tracks an event under a name of its own.",
    properties=(
        Property("conversationId", UNSTATED, "ID of the conversation in which the user acted."),
        Property("messageId", UNSTATED, "ID of the chat message that it has to do with.", expected=False),
    ),
    examples=(
        {
            "type": "track",
            "event": "Order Placed",
            "userId": "customer-2071",
            "timestamp": "2026-03-02T08:47:31.220Z",
            "properties": {"conversationId": "conversation-41", "messageId": "message-12", "total": 18.4},
        },
    ),
)

PLAIN = Family(
    slug="plain",
    title="Other calls",
    description="Calls that a Segment library can make beside the events above. They pass as they come.",
    entries=(IDENTIFY, PAGE, SCREEN, GROUP, ALIAS, OTHER),
)
