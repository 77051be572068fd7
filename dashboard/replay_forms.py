"""The forms of a replay: which events to send once more, and how."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.http import urlencode

from assistants.models import Environment
from dashboard.extension_forms import ChangeForm
from dashboard.rejection_forms import MAX_ID, RejectionChoice
from integrations import replay
from integrations.models import Connection
from integrations.replay import Scope

MAX_NAMES = 200
NOTHING_THERE = "The connection has passed no event there that is still kept. It reaches from {:,} to {:,}."
SAME, NEW = "same", "new"


def _position() -> forms.IntegerField:
    return forms.IntegerField(min_value=1, max_value=MAX_ID, required=False)


def _moment() -> forms.DateTimeField:
    return forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )


class RangeForm(forms.Form):
    """Events between two places of the log, each a time of receipt or a position, of some names or of all."""

    since = _moment()
    first = _position()
    until = _moment()
    last = _position()
    name = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    # Where nothing was entered, the form was sent all the same.
    look = forms.BooleanField(required=False, widget=forms.HiddenInput)

    scope: Scope

    def __init__(self, *args: Any, connection: Connection, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.fields["name"] = forms.MultipleChoiceField(
            label="Events",
            choices=[(name, name) for name in names],
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="Without a choice, events of all names are looked at. Names of the last seven days.",
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for moment, position in (("since", "first"), ("until", "last")):
            if cleaned.get(moment) and cleaned.get(position):
                self.add_error(position, "Enter a time or a position, not both.")
        if not self.errors:
            self.scope = self._scope(cleaned)
            if self.scope.first > self.scope.last:
                raise ValidationError(NOTHING_THERE.format(*replay.reach(self.connection)))
        return cleaned

    def _scope(self, cleaned: dict[str, Any]) -> Scope:
        """Cut what was asked for to what there is."""
        first, last = replay.reach(self.connection)
        environment_id = self.connection.environment_id
        asked_first, asked_last = cleaned.get("first"), cleaned.get("last")
        if cleaned.get("since"):
            asked_first = replay.position_at(environment_id, cleaned["since"])
        if cleaned.get("until"):
            asked_last = replay.position_at(environment_id, cleaned["until"]) - 1
        return Scope(
            max(first, asked_first or first),
            last if asked_last is None else min(last, asked_last),
            frozenset(cleaned.get("name", ())),
        )

    @property
    def address(self) -> str:
        """What was asked for with the positions found, so that what starts is what was looked at."""
        ends = [("first", str(self.scope.first)), ("last", str(self.scope.last))]
        return urlencode([*ends, *(("name", name) for name in sorted(self.scope.names))])


class RejectedForm(RejectionChoice):
    """The events of chosen rejections."""

    scope: Scope

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        scope = None if self.errors else replay.of_rejections(self.connection, self.chosen_of(self.connection))
        if scope is None:
            raise ValidationError("No rejection is chosen that can be replayed.")
        self.scope = scope
        return cleaned

    @property
    def address(self) -> str:
        asked = cast("QueryDict", self.data)
        return urlencode([(name, value) for name in self.fields for value in asked.getlist(name)])

    @staticmethod
    def is_meant(query: QueryDict) -> bool:
        """Say whether an address is about rejections."""
        return any(name in query for name in RejectionChoice.base_fields)


class StartForm(ChangeForm):
    """How to send the events: under which message IDs, and in live why."""

    message_ids = forms.ChoiceField(
        label="Message IDs",
        choices=[(SAME, "The same message IDs"), (NEW, "New message IDs")],
        initial=SAME,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose under which message IDs to send."},
    )
    field_order = ["message_ids", "reason"]

    def __init__(self, *args: Any, environment: Environment, **kwargs: Any) -> None:
        super().__init__(*args, environment=environment, stops_something=False, **kwargs)

    @property
    def has_new_ids(self) -> bool:
        return bool(self.cleaned_data["message_ids"] == NEW)
