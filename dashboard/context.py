"""What every page's frame shows: the theme, the version, and whether something needs attention."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from integrations.models import Connection
from integrations.version import VERSION

THEMES = ("light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's variables; the count is a callable, so that only pages that show it ask the database."""
    chosen = request.COOKIES.get("theme", "")
    return {
        "theme": chosen if chosen in THEMES else "",
        "version": VERSION,
        "attention_count": Connection.objects.needing_attention().count,
        "is_embedded": settings.EMBEDDED,
    }
