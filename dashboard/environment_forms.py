"""The forms of what an environment keeps: for how many days."""

from django import forms

from assistants.models import MAX_RETENTION_DAYS, MIN_RETENTION_DAYS
from dashboard.extension_forms import ChangeForm


class RetentionForm(ChangeForm):
    """For how many days events are kept."""

    days = forms.IntegerField(
        label="Days",
        min_value=MIN_RETENTION_DAYS,
        max_value=MAX_RETENTION_DAYS,
        help_text=f"{MIN_RETENTION_DAYS} to {MAX_RETENTION_DAYS}.",
    )
    field_order = ["days", "reason"]
