"""The Django app of who speaks: assistants, intake and the log."""

from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "assistants"
