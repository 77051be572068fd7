"""Segment's plain calls, which are selected as a kind: everything that no family names."""

from assistants.catalog.entry import Entry, Family

OTHER_TRACK_EVENTS = "*"

IDENTIFY = Entry(
    type="identify",
    name="",
    label="Identify",
    description="Who a user is, with their traits.",
    fires="Each time a sender makes an identify call.",
    examples=({"type": "identify", "userId": "customer-2071", "traits": {"plan": "plus"}},),
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
    examples=({"type": "group", "userId": "customer-2071", "groupId": "team-9", "traits": {"name": "Nine"}},),
)
ALIAS = Entry(
    type="alias",
    name="",
    label="Alias",
    description="Two IDs are the same user.",
    fires="Each time a sender makes an alias call.",
    examples=({"type": "alias", "userId": "customer-2071", "previousId": "visitor-88"},),
)
OTHER = Entry(
    type="track",
    name=OTHER_TRACK_EVENTS,
    label="Other track events",
    description="Every track event that is not listed here by name.",
    fires="Each time a sender tracks an event under a name of its own.",
    examples=({"type": "track", "event": "Order Placed", "userId": "customer-2071", "properties": {"total": 18.4}},),
)

PLAIN = Family(
    slug="plain",
    title="Other calls",
    description="Calls that a Segment library can make beside the events above. They pass as they come.",
    entries=(IDENTIFY, PAGE, SCREEN, GROUP, ALIAS, OTHER),
)
