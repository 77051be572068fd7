"""What every template may use: icons, links of the navigation, and filters that put values into words."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.template.context import RequestContext
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import charts

ICONS = Path(__file__).resolve().parents[2] / "static" / "vendor" / "carbon-icons"
FRAME = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'

register = template.Library()
register.filter(charts.sparkline)


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """Draw a vendored icon in the colour of the text beside it; hidden from screen readers, so put a word there."""
    return format_html(
        '<svg class="icon" width="{}" height="{}" viewBox="0 0 32 32" aria-hidden="true" focusable="false">{}</svg>',
        size,
        size,
        _shapes(name),
    )


@cache
def _shapes(name: str) -> SafeString:
    file = ICONS / f"{name}.svg"
    if not file.is_file():
        raise template.TemplateSyntaxError(f"No icon is named {name!r}; the icons are the files of {ICONS.name}/.")
    return SafeString(file.read_text().strip().removeprefix(FRAME).removesuffix("</svg>"))


@register.simple_block_tag(end_name="endcode")
def code(content: SafeString, label: str, is_line: bool = False) -> SafeString:
    """Draw what stands inside as text to copy: several lines, or one that wraps (`is_line`)."""
    context = {"text": SafeString(content.strip("\n")), "label": label, "is_line": is_line}
    return render_to_string("components/_code.html", context)


@register.simple_tag(takes_context=True)
def navigation_link(context: RequestContext, url_name: str, label: str) -> SafeString:
    """Draw one entry of the navigation, marked where the reader is on that page or below it."""
    address = reverse(url_name)
    return format_html('<li><a href="{}"{}>{}</a></li>', address, _current(context, address), label)


def _current(context: RequestContext, address: str) -> SafeString:
    path = context.request.path
    if path == address:
        return SafeString(' aria-current="page"')
    is_below = address != "/" and path.startswith(address)
    return SafeString(' aria-current="true"' if is_below else "")


@register.filter
def ago(moment: datetime) -> str:
    """Say how long ago a moment was, or how soon it will be: "4 s ago", "in 3 min", "2 days ago"."""
    seconds = (timezone.now() - moment).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    return f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(-seconds)}"


@register.filter
def duration(seconds: float) -> str:
    """Say a length of time in its largest whole unit, from milliseconds to days."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, length in (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}s" if unit == "day" and count > 1 else f"{count} {unit}"
    return f"{seconds:.0f} s"


@register.filter
def grouped(number: int) -> str:
    """Write a whole number with a comma between thousands."""
    return f"{number:,}"


@register.filter
def as_json(value: Any) -> str:
    """Write a value as indented JSON for people to read; the template escapes it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
