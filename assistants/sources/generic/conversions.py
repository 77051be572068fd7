"""Turn what an expression finds into texts, times and JSON, or say why that cannot be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from assistants.messages import EPOCH

_encoder = msgspec.json.Encoder()


class ExpressionFailed(Exception):
    """An expression that found no value because of an error; the message says which."""


def is_true(value: Any) -> bool:
    """Tell whether JMESPath takes a value for true: everything but null, false, and what is empty. 0 is true."""
    return not (value is None or value is False or (isinstance(value, str | list | dict) and not value))


def as_text(value: Any) -> str:
    """Write a value that identifies something, or is part of a text. Raises ExpressionFailed for what is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise ExpressionFailed(f"It is {_kind(value)}, not a text.")


def as_json(value: Any) -> bytes:
    """Write a value as JSON. Raises ExpressionFailed where it is none: expressions can also find expressions."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise ExpressionFailed("It found something that is not JSON.") from None


def as_timestamp(value: Any, *, unit: timedelta) -> str:
    """Write a number of units since 1970 as ISO 8601. Raises ExpressionFailed for what is no such number."""
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionFailed(f"It is {_kind(value)}, not a number of seconds or milliseconds.")
    try:
        moment = EPOCH + value * unit
    except (OverflowError, ValueError):
        raise ExpressionFailed(f"{value} is no time.") from None
    return moment.isoformat(timespec="milliseconds")


def as_iso(value: Any) -> str:
    """Return a text that is ISO 8601; without a zone it is UTC. Raises ExpressionFailed for anything else."""
    if not isinstance(value, str):
        raise ExpressionFailed(f"It is {_kind(value)}, not ISO 8601; a number needs the type epoch_s or epoch_ms.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ExpressionFailed("It is not ISO 8601, such as 2026-11-21T23:00:00Z.") from None
    return value if moment.tzinfo else moment.replace(tzinfo=UTC).isoformat()


def _number(text: str) -> Any:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"
