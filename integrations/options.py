"""What a connection's version can be told beside its selection: the words of each option, and whether it is on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assistants import catalog
from assistants.catalog.entry import Entry
from integrations.shape import AB_NAMES, MESSAGE_BODY, STEPS_AS_OBJECTS

ANONYMOUS_SESSIONS = "anonymous_sessions"
LEAVE_OUT_SCHEMA_FAULTS = "leave_out_schema_faults"
IDENTIFY_VISITORS = "identify_visitors"
COMPRESS = "compress"
ANY_ORDER = "any_order"
ONCE_LABEL = "Send only the first time for each visitor"
ONCE_HELP = (
    "The first one goes, for ever: later ones stay here with the reason. A visitor is an anonymous ID, or a user ID "
    "where there is none. Experiment Viewed counts by test, Conversion Triggered by conversion."
)
# Not a matter of on and off: the list of [type, name] pairs of what goes once for each visitor.
ONCE = "once"


@dataclass(frozen=True)
class Option:
    """One thing that is on or off, off unless somebody chose it: its name in files, and how people read either way."""

    name: str
    label: str
    help: str
    on: str
    off: str


@dataclass(frozen=True)
class Standing:
    """How an option stands in a version."""

    option: Option
    is_on: bool

    @property
    def words(self) -> str:
        return self.option.on if self.is_on else self.option.off


OPTIONS = (
    Option(
        MESSAGE_BODY,
        label="Send what people wrote",
        help="The property message_body of Message Sent, Message Received and the four events of Live Chat. It often "
        "holds personal data, so it stays here until you choose otherwise.",
        on="Message texts are sent",
        off="Message texts (message_body) stay here",
    ),
    Option(
        STEPS_AS_OBJECTS,
        label="Send steps as objects",
        help="The property stepsVisited of IBM events then holds objects with a stepId, as IBM documents it today, in "
        "place of texts such as action_202_step_001. Whatever the sender wrote, all events have the same form.",
        on="Steps are sent as objects",
        off="Steps are sent as texts",
    ),
    Option(
        AB_NAMES,
        label="Add the names of Segment's A/B Testing specification",
        help="Experiment Viewed then carries experiment_id and variation_id beside test_id and variant_id. Without "
        "this, only the latter are sent, whichever names came.",
        on="Experiments are sent under both specifications' names",
        off="Experiments are sent as test_id and variant_id",
    ),
    Option(
        ANONYMOUS_SESSIONS,
        label="Send IBM events of users who are not known",
        help="The session ID then stands in as anonymous ID. IBM's own integration leaves these events out.",
        on="IBM events without a user ID are sent with the session as anonymous ID",
        off="IBM events without a user ID are left out",
    ),
    Option(
        IDENTIFY_VISITORS,
        label="Make visitors known when they first appear",
        help="An Identify call goes before the first event of each visitor, and once more when a visitor who was "
        "anonymous is first seen with a user ID. It does not depend on whether Identify itself is selected.",
        on="Visitors are made known by an Identify call at their first event",
        off="No Identify calls are added",
    ),
    Option(
        LEAVE_OUT_SCHEMA_FAULTS,
        label="Leave out events that differ from the catalog",
        help="Events with missing or mistyped properties are then kept here, with the reason, and not sent. About "
        "names that the catalog does not have, “Other track events” decides.",
        on="Events with missing or mistyped properties are left out",
        off="Events with missing or mistyped properties are sent, with a warning here",
    ),
    Option(
        COMPRESS,
        label="Compress what is sent",
        help="Requests then go gzipped, a seventh of the size, as Segment's own libraries can send them. A host that "
        "refuses that gets them as they are.",
        on="Requests are compressed (gzip)",
        off="Requests are sent as they are",
    ),
    Option(
        ANY_ORDER,
        label="Let the order of arrival differ",
        help="Up to eight requests are then under way at once, which moves many times as much to a host that is far "
        "away. Events may arrive in another order than they came in; each keeps its own time. After a failure, some "
        "that have arrived are sent again under the same message IDs.",
        on="Up to eight requests are under way at once; the order of arrival may differ",
        off="One request at a time: events arrive in the order in which they came",
    ),
)
NAMES = tuple(option.name for option in OPTIONS)


def standings(options: Mapping[str, Any]) -> list[Standing]:
    """Say how each option stands in a version's options."""
    flags = [Standing(option, bool(options.get(option.name))) for option in OPTIONS]
    return [*flags, Standing(_once(options), bool(options.get(ONCE)))]


def once_entries(options: Mapping[str, Any]) -> list[Entry]:
    """Return the catalog's entries that go once for each visitor."""
    found = (catalog.find(type_, name) for type_, name in options.get(ONCE, ()))
    return [entry for entry in found if entry]


def _once(options: Mapping[str, Any]) -> Option:
    titles = ", ".join(entry.title for entry in once_entries(options))
    return Option(ONCE, ONCE_LABEL, ONCE_HELP, f"Once for each visitor: {titles}", "Every event is sent each time")
