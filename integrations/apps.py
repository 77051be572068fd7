"""The Django app of who listens: extensions, connections, lanes and delivery."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "integrations"

    def ready(self) -> None:
        # Models can be imported from here on only.
        from assistants import log
        from integrations import checks
        from integrations.wake import waker

        checks.register()
        log.on_appended(waker.appended)
