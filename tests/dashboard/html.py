"""What tests read from a page: its words without the tags, and the values of its form fields."""

import html
import re

from django.http import HttpResponse


def text_of(response: HttpResponse) -> str:
    """Return the words of the page's main part, with single spaces."""
    body = response.content.decode()
    main = body.partition("<main")[2].partition("</main>")[0] or body
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main))).strip()


def tag_with(response: HttpResponse, attribute: str) -> str:
    """Return the one tag that holds `attribute`, such as `name="region"`."""
    (tag,) = [tag for tag in re.findall(r"<[a-z][^>]*>", response.content.decode()) if attribute in tag]
    return tag


def value_of(response: HttpResponse, name: str) -> str:
    """Return the value of the one field with this name."""
    found = re.search(r'\svalue="([^"]*)"', tag_with(response, f'name="{name}"'))
    return html.unescape(found[1]) if found else ""


def ticked(response: HttpResponse, name: str) -> list[str]:
    """Return the values of the ticked boxes and chosen radios with this name."""
    tags = re.findall(rf'<input[^>]*name="{name}"[^>]*>', response.content.decode())
    values = [re.findall(r'\svalue="([^"]*)"', tag) for tag in tags if re.search(r"\schecked\b", tag)]
    return [html.unescape(value) for (value,) in values]
