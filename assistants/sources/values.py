"""Read values from JSON of which nothing is certain: what is missing or of another type counts as nothing."""

from collections.abc import Mapping
from typing import Any

# What a double counts to without gaps.
LARGEST_NUMBER = 2**53


def text_of(value: Any) -> str:
    """Return a text without blanks around it; of a whole number its digits, of anything else nothing."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def first_text(*values: Any) -> str:
    """Return the first of the values that is a text and not empty."""
    for value in values:
        if text := text_of(value):
            return text
    return ""


def whole_number(value: Any) -> int | None:
    """Return a whole number, which may be written as a text; None for anything else."""
    text = text_of(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def number_of(value: Any) -> int | float | None:
    """Return a number that every reader holds as it is; None for anything else, and for larger ones."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= LARGEST_NUMBER else None


def object_at(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a path of members; an empty one where there is none."""
    for name in path:
        if not isinstance(value, dict):
            return {}
        value = value.get(name)
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def objects_in(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list."""
    return [each for each in list_of(value) if isinstance(each, dict)]
