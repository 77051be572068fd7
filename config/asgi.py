"""One server for both worlds: intake as a bare ASGI callable, and Django for everything else."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from assistants.intake.app import Intake  # noqa: E402  Django's registry must be ready before models are imported.
from assistants.log_context import about_requests  # noqa: E402
from assistants.memory import spare_garbage_collection  # noqa: E402
from config.lifetime import end_with_parent  # noqa: E402
from integrations.wake import waker  # noqa: E402

application = about_requests(Intake(fallback=django_application, start=waker.start))
end_with_parent()
spare_garbage_collection()
