"""The forms of a source: its secret and options, and whose names the events of an environment carry."""

from collections.abc import Sequence
from typing import Any

from django import forms

from assistants.models import Environment
from assistants.sources.adapter import Adapter, Option, OptionKind
from assistants.sources.setup import MAX_SECRET, MAX_TEXT
from dashboard.extension_forms import ChangeForm

SECRET = "secret"  # noqa: S105  the name of a field
# An option may have any name that a field of the form has as well.
PREFIX = "option-"


class LinesField(forms.CharField):
    """A text of which each line that is not empty counts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in (super().to_python(value) or "").splitlines())
        return [line for line in lines if line]


class SourceForm(ChangeForm):
    """A source's secret, which is write-only, and the options that its adapter has; later changes in live ask why."""

    secret = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_SECRET,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    use_required_attribute = False

    def __init__(self, *args: Any, adapter: Adapter, environment: Environment, is_change: bool, **kwargs: Any) -> None:
        super().__init__(*args, environment=environment, stops_something=False, **kwargs)
        self.adapter = adapter
        # Rules have a page of their own.
        self.shown_options = [option for option in adapter.options if option.kind is not OptionKind.RULES]
        for option in self.shown_options:
            self.fields[PREFIX + option.name] = option_field(option)
        if adapter.secret_label:
            self.fields[SECRET].label = adapter.secret_label
            self.fields[SECRET].help_text = adapter.secret_help
        else:
            del self.fields[SECRET]
        if not (is_change and self.fields["reason"].required):
            del self.fields["reason"]
        self.order_fields([SECRET, *(PREFIX + option.name for option in self.shown_options), "reason", "seen"])

    @property
    def has_settings(self) -> bool:
        """Whether there is anything to enter at all."""
        return bool(self.adapter.secret_label or self.shown_options)

    @property
    def option_fields(self) -> Sequence[forms.BoundField]:
        return [self[PREFIX + option.name] for option in self.shown_options]

    @property
    def options(self) -> dict[str, Any]:
        return {option.name: self.cleaned_data[PREFIX + option.name] for option in self.shown_options}

    @property
    def new_secret(self) -> str | None:
        """The secret that was entered; None keeps the present one."""
        return self.cleaned_data.get(SECRET) or None

    @property
    def given_reason(self) -> str:
        return str(self.cleaned_data.get("reason", ""))


def option_initial(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of options as what the form shows at first."""
    return {PREFIX + name: value for name, value in values.items()}


def option_field(option: Option) -> forms.Field:
    """Return the field in which an option is entered."""
    words: dict[str, Any] = {"label": option.label, "help_text": option.help, "required": False}
    match option.kind:
        case OptionKind.FLAG:
            return forms.BooleanField(**words)
        case OptionKind.CHOICE:
            return forms.ChoiceField(choices=option.choices, widget=forms.RadioSelect, **words | {"required": True})
        case OptionKind.LINES:
            return LinesField(**words)
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(max_length=MAX_TEXT, widget=widget, **words)


class VocabularyForm(ChangeForm):
    """Whose names derived events carry from now on; in live that ends one kind of event and begins another."""

    vocabulary = forms.ChoiceField(
        label="Whose names",
        choices=Environment.Vocabulary.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whose names events carry."},
    )
    field_order = ["vocabulary", "reason", "confirmation"]

    def __init__(self, *args: Any, environment: Environment, **kwargs: Any) -> None:
        initial = {"vocabulary": environment.vocabulary}
        super().__init__(*args, environment=environment, stops_something=True, initial=initial, **kwargs)
