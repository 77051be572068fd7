"""The forms of what an environment keeps: for how many days, and of whom not any more."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from assistants.models import MAX_RETENTION_DAYS, MIN_RETENTION_DAYS
from dashboard.extension_forms import ChangeForm

MAX_USER_ID = 1_000


class RetentionForm(ChangeForm):
    """For how many days events are kept."""

    days = forms.IntegerField(
        label="Days",
        min_value=MIN_RETENTION_DAYS,
        max_value=MAX_RETENTION_DAYS,
        help_text=f"{MIN_RETENTION_DAYS} to {MAX_RETENTION_DAYS}.",
    )
    field_order = ["days", "reason"]


class EraseForm(ChangeForm):
    """The ID of a person to erase, and once more to show that this one is meant."""

    user_id = forms.CharField(
        label="User ID",
        max_length=MAX_USER_ID,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text="Exactly as events carry it, as userId, anonymousId or previousId.",
    )
    repeated = forms.CharField(
        label="Type the user ID again to confirm",
        max_length=MAX_USER_ID,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    field_order = ["user_id", "repeated", "reason"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "user_id" in cleaned and cleaned.get("repeated", cleaned["user_id"]) != cleaned["user_id"]:
            self.add_error("repeated", ValidationError("This does not match. Type the same user ID twice."))
        return cleaned
