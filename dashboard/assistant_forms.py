"""The forms of assistants, their environments and their ingest keys."""

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError

from assistants.models import Assistant, Environment
from assistants.origins import NotAnOrigin, read_origins

if TYPE_CHECKING:
    AssistantModelForm = forms.ModelForm[Assistant]
    EnvironmentModelForm = forms.ModelForm[Environment]
else:
    # Django's form classes take a parameter in type hints only.
    AssistantModelForm = EnvironmentModelForm = forms.ModelForm

CRN_EXAMPLE = "crn:v1:bluemix:public:conversation:us-south:a/<ACCOUNT>:<INSTANCE>::"
# A CRN is always ten parts with colons between; the account is the seventh, the instance the eighth.
CRN_PARTS = 10
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)


class Service(NamedTuple):
    """What a service CRN says of an assistant's whereabouts."""

    account_id: str
    service_instance: str


def read_crn(text: str) -> Service:
    """Take the account and the instance out of a service CRN; raises ValidationError that names the part amiss."""
    parts = text.split(":")
    if parts[0] != "crn":
        raise ValidationError(f"A service CRN begins with “crn:”, like {CRN_EXAMPLE}.")
    if len(parts) != CRN_PARTS:
        raise ValidationError(
            f"A service CRN has {CRN_PARTS} parts with colons between them; this one has {len(parts)}. "
            "Copy the whole of it, with the colons at its end."
        )
    account_id, service_instance = parts[6], parts[7]
    if not account_id.startswith("a/") or account_id == "a/":
        raise ValidationError("The seventh part of the CRN should be the account, written a/ and its ID.")
    if not service_instance:
        raise ValidationError("The eighth part of the CRN, the service instance, is empty.")
    return Service(account_id.removeprefix("a/"), service_instance)


class AssistantForm(AssistantModelForm):
    """An assistant's name and what its events say of where it runs."""

    service_crn = forms.CharField(
        label="Service CRN",
        required=False,
        max_length=500,
        help_text=f"Fills in the account ID and the service instance below. It looks like {CRN_EXAMPLE}",
    )

    class Meta:
        model = Assistant
        fields = ["name", "language", "service_crn", "account_id", "service_instance", "vendor_assistant_id"]
        labels = {
            "account_id": "Account ID",
            "service_instance": "Service instance",
            "vendor_assistant_id": "Assistant ID at its vendor",
        }
        help_texts = {
            "name": "As your team calls it, such as Customer Care.",
            "language": "Language tag, such as en or pt-BR: the property language of events.",
            "account_id": "The property accountId of events.",
            "service_instance": "The property serviceInstance of events.",
            "vendor_assistant_id": "The property assistantId of events.",
        }

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        # The constraint speaks only of assistants that are not deleted, and Django checks no such condition in a form.
        if Assistant.objects.present().filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(f"An assistant named “{name}” exists already. Choose another name.")
        return name

    def clean_language(self) -> str:
        language: str = self.cleaned_data["language"]
        if language and not LANGUAGE_TAG.fullmatch(language):
            raise ValidationError(f"“{language}” is not a language tag. Write it like en or pt-BR.")
        return language

    def clean_service_crn(self) -> str:
        crn: str = self.cleaned_data["service_crn"]
        if crn:
            read_crn(crn)
        return crn

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if crn := cleaned.get("service_crn"):
            cleaned.update(read_crn(crn)._asdict())
        return cleaned

    @property
    def values(self) -> dict[str, str]:
        """The columns to store, without the CRN that two of them came from."""
        return {field: value for field, value in self.cleaned_data.items() if field != "service_crn"}


class EnvironmentForm(EnvironmentModelForm):
    """The name of a further environment of one assistant; give the form an instance that knows its assistant."""

    class Meta:
        model = Environment
        fields = ["name"]
        help_texts = {
            "name": "Letters, digits, hyphens and underscores, such as staging: the property environment of events."
        }

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].lower()
        namesakes = self.instance.assistant.environments.present().filter(name=name)
        if namesakes.exclude(pk=self.instance.pk).exists():
            raise ValidationError(f"This assistant has an environment named “{name}” already.")
        return name


class OriginsField(forms.CharField):
    """Web origins, one a line; clean, a list of them as browsers send them."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocapitalize": "off"})

    def __init__(self, **options: Any) -> None:
        help_text = "One a line, such as https://www.example.com. Leave it empty to allow every page and app."
        super().__init__(**{"label": "Allowed origins", "required": False, "help_text": help_text, **options})

    def clean(self, value: Any) -> list[str]:
        try:
            return read_origins([super().clean(value)])
        except NotAnOrigin as error:
            raise ValidationError(str(error)) from None


class IngestKeyForm(forms.Form):
    """What a new ingest key is for, and who will use it: a server, or pages and apps."""

    SERVER, BROWSER = "server", "browser"

    label = forms.CharField(
        max_length=100,
        help_text="Who will use it, such as Web chat backend. It helps you to revoke the right one later.",
    )
    kind = forms.ChoiceField(
        label="Where it is used",
        choices=[
            (SERVER, "On a server, which can keep a secret: a server key"),
            (BROWSER, "In a web page or an app, where everybody can read it: a browser key"),
        ],
        initial=SERVER,
        widget=forms.RadioSelect,
    )
    origins = OriginsField()

    def clean(self) -> dict[str, Any]:
        """Forget what is written for the origins of a server key: it has none, and the field is not in sight."""
        if self.cleaned_data.get("kind") == self.SERVER:
            self.errors.pop("origins", None)
            self.cleaned_data["origins"] = []
        return self.cleaned_data

    @property
    def is_for_browsers(self) -> bool:
        return bool(self.cleaned_data["kind"] == self.BROWSER)


class OriginsForm(forms.Form):
    """From where a browser key may be used."""

    origins = OriginsField()


class ReasonForm(forms.Form):
    """Why something is done; goes into the audit trail."""

    reason = forms.CharField(required=False, max_length=500, help_text="Kept in the audit trail.")


class TypedNameForm(ReasonForm):
    """The name of what goes away, typed to show that this one is meant."""

    confirmation = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    field_order = ["confirmation", "reason"]

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["confirmation"].label = f"Type {name} to confirm"

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self.name:
            raise ValidationError(f"This does not match. Type {self.name} exactly, capitals included.")
        return typed
