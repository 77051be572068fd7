"""What an item of a request must not hold, whatever its source: the faults that no store or reader can live with."""

import re
from dataclasses import dataclass
from math import isinf
from typing import Any

import msgspec
from msgspec import Raw

from assistants.log_filter import mask

MAX_MESSAGE_BYTES = 32_768
MAX_DEPTH = 32
# A number whose integer part has more digits can be beyond what a double holds: a reader would see infinity.
MAX_NUMBER_DIGITS = 308

# What is looked for in the raw JSON, because decoding hides it: of two equal keys both are sent on, one is decoded.
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# So many digits in a row cannot be missed by looking at every hundredth byte: three of them follow one another there.
_SAMPLE_EVERY = (MAX_NUMBER_DIGITS + 1) // 3
_has_sampled_digits = re.compile(rb"[0-9]{3}").search
_LONG_NUMBER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{%d,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?" % (MAX_NUMBER_DIGITS + 1))
_NO_BRACKET = re.compile(rb"[^][{}]+")
# An escape: a surrogate pair, half of one (its digits are the group), or any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_anything = msgspec.json.Decoder()
# Five levels. Telling by decoding how deep an item goes costs nothing beyond the decoding. Integers are read as what
# every reader can hold, so that one that is out of range does not fit.
_Leaf = bool | float | str | None
_Level4 = _Leaf | list[_Leaf] | dict[str, _Leaf]
_Level3 = _Leaf | list[_Level4] | dict[str, _Level4]
_Level2 = _Leaf | list[_Level3] | dict[str, _Level3]
Shallow = _Leaf | list[_Level2] | dict[str, _Level2]
_decode_shallow = msgspec.json.Decoder(dict[str, Shallow]).decode


@dataclass(frozen=True)
class Refused:
    """Why an item of a request was not taken: a code for programs, a message for people."""

    code: str
    message: str


def find_fault(item: bytes) -> Refused | None:
    """Look for what no store and no reader downstream can be trusted with, the same on every database.

    Half of a surrogate pair may come as JSON's escape or as `mark_lone_surrogates` writes it.
    """
    if not item.startswith(b"{"):
        given = excerpt(item[:200].decode(errors="replace"))
        return Refused("not_an_object", f"An item must be a JSON object, not {given}.")
    if len(item) > MAX_MESSAGE_BYTES:
        return Refused("message_too_large", f"The item has {len(item):,} bytes; the limit is {MAX_MESSAGE_BYTES:,}.")
    try:
        is_shallow = _decode(item)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        return _decoding_fault(error, item)
    if has_unicode_escape(item) and _NUL.search(item):
        return Refused("nul_character", "A key or a text contains the NUL character (\\u0000).")
    if _has_sampled_digits(item[::_SAMPLE_EVERY]) and _has_number_out_of_range(item):
        return _number_out_of_range()
    if not is_shallow and _depth(item) > MAX_DEPTH:
        return _too_deep()
    return None


def has_unicode_escape(item: bytes) -> bool:
    """Say whether a character may be written as an escape of its number, as halves of surrogate pairs and NUL are."""
    # Looking for one byte is many times faster than looking for two, and mostly there is no such byte.
    return b"\\" in item and b"\\u" in item


def is_plain_object(raw: bytes | Raw) -> bool:
    """Say whether JSON is an object that is as little nested as events are, with all numbers in range.

    Where there are escapes of characters, it may have a fault all the same.
    """
    try:
        _decode_shallow(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def read_json(raw: bytes) -> Any:
    """Return the value of any JSON text, which need not be a message, or Refused with why it cannot be read."""
    try:
        return _anything.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        return _decoding_fault(error, raw)


def mark_lone_surrogates(raw: bytes) -> bytes:
    """Write each escape that is half of a surrogate pair as bytes that are not UTF-8.

    The JSON decoder stops at such an escape, wherever it stands; at the bytes it stops only where the text is used. So
    the fault is the one text's, and everything beside it can be read.
    """
    return _ESCAPE.sub(_marked, raw)


def excerpt(text: str) -> str:
    """Quote the beginning of what a sender wrote, for a message to people; what looks like a secret is masked."""
    text = mask(text[:200])
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def _marked(escape: re.Match[bytes]) -> bytes:
    return chr(int(escape[1], 16)).encode(errors="surrogatepass") if escape[1] else escape[0]


def _decode(item: bytes) -> bool:
    """Decode an item, which shows most faults; return whether it is as little nested as events are."""
    try:
        _decode_shallow(item)
    except msgspec.ValidationError:
        _anything.decode(item)
        return False
    return True


def _decoding_fault(error: Exception, item: bytes) -> Refused:
    """Say why an item could not be decoded."""
    match error:
        case RecursionError():
            return _too_deep()
        case msgspec.ValidationError():
            return _number_out_of_range()
        case UnicodeDecodeError():
            return _lone_surrogate()
    return _lone_surrogate() if mark_lone_surrogates(item) != item else _invalid_json(error)


def _depth(item: bytes) -> int:
    """Return how deep valid JSON is nested."""
    depth = deepest = 0
    for bracket in _NO_BRACKET.sub(b"", _TEXT.sub(b"", item)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _has_number_out_of_range(item: bytes) -> bool:
    return any(isinf(float(number)) for number in _LONG_NUMBER.findall(_TEXT.sub(b'""', item)))


def _too_deep() -> Refused:
    return Refused("too_deep", f"The item is nested more than {MAX_DEPTH} levels deep.")


def _number_out_of_range() -> Refused:
    return Refused("number_out_of_range", "A number is too large for any reader to hold.")


def _lone_surrogate() -> Refused:
    return Refused("lone_surrogate", "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).")


def _invalid_json(error: Exception) -> Refused:
    return Refused("invalid_json", f"The item is not valid JSON: {error}.")
