"""JSON that people take with them as a file."""

from typing import Any

from django.http import JsonResponse
from django.utils.text import slugify


def json_file(content: dict[str, Any], *, name: str, is_shown: bool = False, content_type: str = "") -> JsonResponse:
    """Answer with indented JSON under a file name; `is_shown` lets the browser show it in place of saving it."""
    disposition = "inline" if is_shown else "attachment"
    return JsonResponse(
        content,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'{disposition}; filename="{slugify(name)}.json"'},
        content_type=content_type or "application/json",
    )
