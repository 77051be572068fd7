"""Read JSON that may hold what no store takes: such characters are replaced, the rest of the document is kept."""

from typing import Any

import msgspec

from assistants.faults import mark_lone_surrogates

_decoder = msgspec.json.Decoder()


class Unclear(Exception):
    """The document cannot be read; the text says why, for people."""


def read_loosely(given: bytes | str) -> Any:
    """Decode JSON; half of a surrogate pair becomes the replacement character. Raises Unclear."""
    raw = given.encode(errors="replace") if isinstance(given, str) else given
    try:
        return _decoder.decode(raw)
    except RecursionError:
        raise Unclear("it is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return _decoder.decode(mark_lone_surrogates(raw).decode(errors="replace"))
    except RecursionError:
        raise Unclear("it is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unclear(str(error)) from None


def unpacked(given: Any) -> Any:
    """Return what a text says in JSON where it looks like an array, an object or a quoted text; else what was given."""
    if not isinstance(given, str) or given[:1] not in ("[", "{", '"'):
        return given
    try:
        return read_loosely(given)
    except Unclear:
        return given
