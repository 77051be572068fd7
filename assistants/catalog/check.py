"""Compares messages with the catalog: unknown names, missing properties, properties of another type.

Constraint: every event that is received is checked, and nearly all of them are as they should be. So an entry is
compiled into a msgspec struct, and decoding the properties into it is all that a faultless event costs; only one that
does not fit is looked at property by property, which is also what the struct must agree with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from assistants import catalog
from assistants.catalog.entry import STRING_LIST, Due, Entry, Property
from assistants.catalog.ibm import STEPS
from assistants.faults import Shallow
from assistants.messages import Message

NOTHING = Raw(b"{}")

Getter = Callable[[Any], tuple[Any, ...]]


class Code(StrEnum):
    """How a message can differ from the catalog."""

    UNKNOWN_EVENT = "unknown_event"
    MISSING = "missing"
    MISTYPED = "mistyped"


@dataclass(frozen=True)
class Deviation:
    """One way in which a message differs from the catalog; types as the catalog writes them, where types differ."""

    code: Code
    property: str = ""
    expected: str = ""
    given: str = ""


UNKNOWN = Deviation(Code.UNKNOWN_EVENT)


def check(message: Message) -> tuple[Deviation, ...]:
    """Say how a message differs from the catalog, in the order of the entry's properties; never raises.

    Other calls than track have no properties that the catalog could name, and a track call without a name is nobody's.
    """
    if message.type != "track" or not message.event:
        return ()
    return check_track(message.event, message.properties)


def check_track(event: str, properties: Raw | UnsetType) -> tuple[Deviation, ...]:
    """Say how the properties of a track call differ from what the catalog says of its event."""
    checker = _CHECKERS.get(event)
    return (UNKNOWN,) if checker is None else checker.check(NOTHING if properties is UNSET else properties)


def is_known(event: str) -> bool:
    """Say whether the catalog has a track event of exactly this name."""
    return event in _CHECKERS


def is_fault(entry: Entry, deviation: Deviation) -> bool:
    """Say whether what is sent would differ, too: names are a matter of selection, and defaults are filled in."""
    if deviation.code is Code.MISSING:
        return not any(each.default for each in entry.properties if each.name == deviation.property)
    return deviation.code is Code.MISTYPED


class _Checker:
    """An entry, compiled."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.stand_ins = entry.stand_ins
        self.decode = msgspec.json.Decoder(_struct_of(entry)).decode
        self.decode_exact = msgspec.json.Decoder(_struct_of(entry, allows_others=False)).decode
        dues = [due for each in entry.properties if (due := each.due_in) and due.property]
        self.watched = list(dict.fromkeys(due.property for due in dues))
        self.values_watched = _values_of(self.watched)
        # The same few values come again and again.
        self.values_due = lru_cache(maxsize=128)(self.look_up_due)
        self.spelled = [_values_of([name, *others]) for name, others in self.stand_ins.items() if others]

    def check(self, properties: Raw) -> tuple[Deviation, ...]:
        try:
            found = self.decode(properties)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.look_closely(properties)
        return () if self.has_all_due(found) else self.look_closely(properties)

    def is_exact(self, properties: Raw) -> bool:
        try:
            found = self.decode_exact(properties)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return self.has_all_due(found)

    def has_all_due(self, found: Any) -> bool:
        due = self.values_due(self.values_watched(found))(found)
        # Comparing with UNSET is slow, and mostly all are there and neither empty nor false.
        if not all(due) and UNSET in due:
            return False
        for spellings in self.spelled:  # noqa: SIM110  mostly there are none, and a generator costs more than this
            if set(spellings(found)) == {UNSET}:
                return False
        return True

    def look_up_due(self, watched: tuple[Any, ...]) -> Getter:
        """Return what reads the properties that are due where the watched ones have these values."""
        values = dict(zip(self.watched, watched, strict=False))
        return _values_of([each.name for each in self.entry.properties if _is_due_by_value(each.due_in, values)])

    def look_closely(self, properties: Raw) -> tuple[Deviation, ...]:
        try:
            values = msgspec.json.decode(properties)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()
        if not isinstance(values, dict):
            return (Deviation(Code.MISTYPED, "properties", "Object", type_of(values)),)
        judged = (self._judge(each, values) for each in self.entry.carried)
        return tuple(deviation for deviation in judged if deviation)

    def _judge(self, each: Property, values: dict[str, Any]) -> Deviation | None:
        if each.name in values:
            value = values[each.name]
            if _is_of(each, value):
                return None
            return Deviation(Code.MISTYPED, each.name, each.type.label, type_of(value))
        if not _is_due(each.due_in, values) or any(other in values for other in self.stand_ins.get(each.name, ())):
            return None
        return Deviation(Code.MISSING, each.name)


def type_of(value: Any) -> str:
    """Name the type of a JSON value as the catalog writes types."""
    if isinstance(value, list):
        kinds = {type_of(item) for item in value}
        return f"{kinds.pop()}[]" if len(kinds) == 1 else "mixed list" if kinds else "empty list"
    names = {type(None): "null", bool: "Boolean", str: "String", dict: "Object"}
    return names.get(type(value), "Number")


def _struct_of(entry: Entry, *, allows_others: bool = True) -> type[msgspec.Struct]:
    """Make the struct into which the properties of a faultless event can be decoded."""
    fields: list[Any] = []
    for each in entry.carried:
        # Steps as objects are as good, and rare enough to be looked at closely. A tuple can be looked up by.
        type_ = tuple[str, ...] if each.type in (STEPS, STRING_LIST) else each.type.decoded_as
        type_ = Shallow if type_ is Any else type_
        due = each.due_in
        is_required = due is not None and not due.property and not entry.stand_ins.get(each.name)
        fields.append((each.name, type_) if is_required else (each.name, type_ | UnsetType, UNSET))
    name = "".join(entry.name.split())
    return msgspec.defstruct(name, fields, kw_only=True, gc=False, forbid_unknown_fields=not allows_others)


def _nothing(found: Any) -> tuple[Any, ...]:
    return ()


def _values_of(names: Sequence[str]) -> Getter:
    """Return what reads properties from a struct, as a tuple also where there is but one."""
    return attrgetter(*names, names[0]) if names else _nothing


def _is_due(due: Due | None, values: dict[str, Any]) -> bool:
    return due is not None and (not due.property or _is_due_by_value(due, values))


def _is_due_by_value(due: Due | None, values: dict[str, Any]) -> bool:
    """Say whether the property that `due` watches is its value or holds it; 1 is not true here."""
    if due is None or not due.property:
        return False
    watched = values.get(due.property)
    if isinstance(watched, list | tuple):
        return due.value in watched
    return type(watched) is type(due.value) and watched == due.value


def _is_of(each: Property, value: Any) -> bool:
    try:
        converted = msgspec.convert(value, each.type.decoded_as)
    except msgspec.ValidationError:
        return False
    # What its type cannot say: strings or objects, but not some of each.
    return each.type is not STEPS or len({type(step) for step in converted}) < 2


_CHECKERS = {entry.name: _Checker(entry) for entry in catalog.entries()}

# By the name of a track call that the catalog knows: says whether its properties are those that the catalog names, with
# no others among them, and differ from it in nothing. All of them are decoded to see that, so their numbers are in
# range, and they are no deeper than events are.
EXACT: Mapping[str | None, Callable[[Raw], bool]] = {name: checker.is_exact for name, checker in _CHECKERS.items()}
