"""The forms of the wizard, of an extension's connections and of changes to them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from assistants import catalog
from assistants.catalog.entry import Entry
from assistants.models import Environment
from dashboard.assistant_forms import TypedNameForm
from integrations.options import NAMES, ONCE, ONCE_HELP, ONCE_LABEL, OPTIONS
from integrations.reach import endpoint_problem
from integrations.segment.regions import CUSTOM, REGIONS

EventKey = tuple[str, str]
# What a Basic user name can carry; Segment's own keys are letters and digits.
WRITE_KEY = re.compile(r"[!-9;-~]+")


def event_value(key: EventKey) -> str:
    """Write a catalog entry's key as one form value."""
    return ":".join(key)


def event_key(value: str) -> EventKey:
    """Read what `event_value` wrote."""
    type_, _, name = value.partition(":")
    return type_, name


def event_choices() -> list[tuple[str, str]]:
    """Return what can be selected as the choices of a field."""
    return [(event_value(entry.key), entry.title) for entry in catalog.everything()]


def region_choices() -> list[tuple[str, str]]:
    """Return the regions this installation offers; an own URL only where the setting allows it."""
    return [
        (key, region.label)
        for key, region in REGIONS.items()
        if key != CUSTOM or settings.SLUICE_ALLOW_CUSTOM_ENDPOINTS
    ]


class ConditionalField(forms.CharField):
    """A text that is asked for in some cases only: whether it may be empty is for the form's own cleaning to say."""

    def validate(self, value: Any) -> None:
        """Accept an empty text."""


class DestinationForm(forms.Form):
    """Where events go: the source's key and region. The key is write-only: no page ever holds it again."""

    write_key = ConditionalField(
        label="Segment key",
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text="The write key of the source in Segment. It is encrypted at once and never shown again.",
    )
    region = forms.ChoiceField(
        label="Region",
        choices=region_choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the region of your Segment workspace."},
        help_text="Where your Segment workspace keeps its data. The wrong region loses events without an error.",
    )
    endpoint = ConditionalField(
        label="Base URL",
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://events.example.com"}),
        help_text="For the region “Own URL”: what a Segment library takes as its host. Sluice adds /v1/batch.",
    )
    source_name = forms.CharField(
        label="Source name",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="The name the source has in Segment, so that you recognize it here.",
    )
    field_order = ["source_name", "write_key", "region", "endpoint"]
    # The browser cannot know in which cases a field is needed.
    use_required_attribute = False

    def __init__(self, *args: Any, key_is_kept: bool, asks_host: bool = True, **kwargs: Any) -> None:
        """`key_is_kept`: an empty key keeps the one entered before. `asks_host`: see whether an own URL answers."""
        super().__init__(*args, **kwargs)
        self.asks_host = asks_host
        self.entered_endpoint = ""
        self.needs_key = not key_is_kept
        if not settings.SLUICE_ALLOW_CUSTOM_ENDPOINTS:
            del self.fields["endpoint"]

    def clean_write_key(self) -> str:
        key: str = self.cleaned_data["write_key"]
        if not key and self.needs_key:
            raise ValidationError("Enter the Segment key.")
        if re.search(r"\s", key):
            raise ValidationError("The Segment key has spaces inside. Copy it again, in one piece.")
        if key and not WRITE_KEY.fullmatch(key):
            raise ValidationError("The Segment key has a character that no key has. Copy it again from Segment.")
        return key

    def clean_endpoint(self) -> str:
        entered = str(self.cleaned_data["endpoint"]).rstrip("/")
        # Some libraries want their host with the version; a copied address may be the whole of it.
        self.entered_endpoint = entered.removesuffix("/v1/batch").removesuffix("/v1")
        return self.entered_endpoint

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("region") == CUSTOM and "endpoint" in cleaned and (problem := self._endpoint_problem()):
            self.add_error("endpoint", problem)
        return cleaned

    def _endpoint_problem(self) -> str | None:
        if not self.entered_endpoint:
            return "Enter the URL to send to, or choose another region."
        if not self.asks_host:
            return None
        return endpoint_problem(self.entered_endpoint, allow_private=settings.SLUICE_ALLOW_PRIVATE_ENDPOINTS)

    @property
    def destination(self) -> dict[str, str]:
        """The settings of a connection, as far as they are known; empty without a valid region.

        An own URL that is wrong, or that nobody asked yet, stands under another name: it is kept and does not count.
        """
        region = self.cleaned_data.get("region", "")
        if region != CUSTOM:
            return {"region": region} if region else {}
        is_good = self.asks_host and "endpoint" in self.cleaned_data
        return {"region": CUSTOM, "endpoint" if is_good else "unchecked_endpoint": self.entered_endpoint}

    @property
    def lacks_usual_shape(self) -> bool:
        """Whether a key was entered that does not look like those Segment makes; a hint, never a reason to refuse."""
        key = self.cleaned_data.get("write_key", "")
        return bool(key) and not re.fullmatch(r"[A-Za-z0-9]{32}", key)


class ConnectForm(DestinationForm):
    """The wizard's first step; beside a connected draft it offers that environment's key."""

    reuse_key = forms.BooleanField(required=False)
    field_order = ["source_name", "write_key", "reuse_key", "region", "endpoint"]

    def __init__(self, *args: Any, draft_key_last4: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reuse_key = self.fields["reuse_key"]
        reuse_key.label = f"Use the Segment key of Draft (••••{draft_key_last4})"
        reuse_key.help_text = "Events of both environments then arrive in the same source."
        if not draft_key_last4:
            del self.fields["reuse_key"]
        elif self.data.get(self.add_prefix("reuse_key")):
            self.needs_key = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("reuse_key") and cleaned.get("write_key"):
            self.add_error("write_key", "Enter a key or use the one of Draft, not both.")
        return cleaned


class EventsForm(forms.Form):
    """Which events an environment sends."""

    events = forms.MultipleChoiceField(
        label="Events",
        choices=event_choices,
        error_messages={
            "required": "Select at least one event; without any, nothing would ever be sent.",
            "invalid_choice": "%(value)s is no event of the catalog. Reload the page and choose again.",
        },
    )

    @property
    def selection(self) -> list[EventKey]:
        """The chosen keys in catalog order; empty while there is no valid choice."""
        chosen = set(self.cleaned_data.get("events", []))
        return [entry.key for entry in catalog.everything() if event_value(entry.key) in chosen]


class EnvironmentChoiceForm(forms.Form):
    """The environment in which to open an extension."""

    def __init__(self, *args: Any, environments: Iterable[Environment], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environment"] = forms.ChoiceField(
            label="Environment",
            choices=[(each.public_id, each.label) for each in environments],
            error_messages={"required": "Choose an environment."},
        )


class ChangeForm(forms.Form):
    """A change to a connection: in live its reason, and the environment's typed name where something ends.

    `stops_something` tells that a flow of events ends or is redirected. The view decides it from what is asked for,
    never the form that was sent.
    """

    reason = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Kept in the audit trail, for the next person who wonders.",
    )
    confirmation = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, environment: Environment, stops_something: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_live = environment.kind == Environment.Kind.LIVE
        self.environment_name = environment.label
        self.fields["reason"].required = is_live
        self.fields["reason"].error_messages["required"] = "Say why: changes in live keep their reason."
        if is_live and stops_something:
            self.fields["confirmation"].label = f"Type {self.environment_name} to confirm"
            self.fields["confirmation"].error_messages["required"] = f"Type {self.environment_name} to confirm."
        else:
            del self.fields["confirmation"]

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed.casefold() != self.environment_name.casefold():
            raise ValidationError(f"This does not match. Type {self.environment_name}.")
        return typed


class PaceForm(ChangeForm):
    """How many requests a second go out, from one connection or from several together."""

    per_second = forms.IntegerField(
        label="Requests a second",
        required=False,
        min_value=1,
        max_value=1_000,
        help_text="Each request carries up to 475 KB, some 400 events. Without a number: 50 to Segment's own hosts, "
        "which is what Segment asks for, and as many as there are to an own URL.",
    )
    group = forms.CharField(
        label="Pacing group",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "pacing-groups"}),
        help_text="A name of your choice. Connections with the same name keep this pace together, as those into one "
        "Segment workspace should; the number is then that of the group.",
    )


class SwitchForm(ChangeForm):
    """One event switched on or off, against the version of the connection that the person saw."""

    event = forms.ChoiceField(choices=event_choices, widget=forms.HiddenInput)
    is_on = forms.TypedChoiceField(
        choices=[("true", "on"), ("false", "off")], coerce=lambda value: value == "true", widget=forms.HiddenInput
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class OptionsForm(ChangeForm):
    """How a connection sends what is selected: one box for each option, against the version that the person saw.

    `entries` are the events of which one may go once for each visitor.
    """

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, environment: Environment, entries: Sequence[Entry], **kwargs: Any) -> None:
        super().__init__(*args, environment=environment, stops_something=False, **kwargs)
        for option in OPTIONS:
            self.fields[option.name] = forms.BooleanField(label=option.label, help_text=option.help, required=False)
        if entries:
            self.fields[ONCE] = forms.MultipleChoiceField(
                label=ONCE_LABEL,
                help_text=ONCE_HELP,
                choices=[(event_value(entry.key), entry.title) for entry in entries],
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )
        self.order_fields([*NAMES, ONCE, "reason"])

    @property
    def boxes(self) -> list[forms.BoundField]:
        """The fields of the options, in their order."""
        return [self[name] for name in (*NAMES, ONCE) if name in self.fields]

    @property
    def options(self) -> dict[str, Any]:
        """What was chosen, by the options' names."""
        once = [list(event_key(value)) for value in self.cleaned_data.get(ONCE, ())]
        return {**{name: self.cleaned_data[name] for name in NAMES}, ONCE: once}


class SettingsForm(ChangeForm, DestinationForm):
    """Another key, region or source name, against the settings that the person saw; an empty key keeps the present."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    field_order = ["source_name", "write_key", "region", "endpoint", "reason", "confirmation"]


class RemoveForm(TypedNameForm):
    """The word DELETE, typed."""
