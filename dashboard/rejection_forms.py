"""The forms that choose rejections, and discard what was chosen."""

from typing import Any

from django import forms

from assistants.models import Environment
from dashboard.extension_forms import ChangeForm
from integrations.models import Connection, Rejection, RejectionQuerySet

MAX_ID = 2**63 - 1
# More are chosen by what they have in common.
MAX_TICKED = 200


class NumbersField(forms.Field):
    """Several whole numbers, each a value of its own in the address."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[int]:
        texts = [str(each) for each in value or []]
        if len(texts) > MAX_TICKED or not all(text.isdecimal() and int(text) <= MAX_ID for text in texts):
            raise forms.ValidationError("These rejections cannot be read. Go back and choose again.")
        return [int(text) for text in texts]


class RejectionChoice(forms.Form):
    """Which undecided rejections of a connection are meant: ticked ones, those like one of them, or all."""

    rejection = NumbersField(required=False)
    like = forms.IntegerField(min_value=1, max_value=MAX_ID, required=False, widget=forms.HiddenInput)
    all = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def chosen(self, connection: Connection) -> RejectionQuerySet:
        """Return them; none where nothing is chosen, or what cannot be."""
        return self.chosen_of(connection) if self.is_valid() else Rejection.objects.none()

    def chosen_of(self, connection: Connection) -> RejectionQuerySet:
        """Return what fields that are in order say."""
        undecided = Rejection.objects.of(connection).undecided()
        if self.cleaned_data["all"]:
            return undecided
        if like := Rejection.objects.of(connection).filter(pk=self.cleaned_data["like"]).first():
            return undecided.like(like)
        return undecided.filter(pk__in=self.cleaned_data["rejection"])


class DiscardForm(ChangeForm):
    """Why rejections are discarded: a reason in every environment, since nobody else will look at them again."""

    def __init__(self, *args: Any, environment: Environment, **kwargs: Any) -> None:
        super().__init__(*args, environment=environment, stops_something=False, **kwargs)
        self.fields["reason"].required = True
        self.fields["reason"].error_messages["required"] = "Say why: it stands beside the events from then on."
        self.fields["reason"].help_text = "Kept beside each of the events, and in the audit trail."
