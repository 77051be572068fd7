"""What an item of a request must not hold, whatever its source: the faults that no store or reader can live with."""

import re
from dataclasses import dataclass

import msgspec

from assistants.log_filter import mask

MAX_MESSAGE_BYTES = 32_768
MAX_DEPTH = 32
# An integer with more digits can be beyond what a double holds: a reader would see infinity.
MAX_NUMBER_DIGITS = 308

# What is looked for in the raw JSON, because decoding hides it: of two equal keys both are sent on, one is decoded.
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_DIGITS_TO_ZERO = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_MANY_ZEROS = b"0" * (MAX_NUMBER_DIGITS + 1)
_HUGE_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{%d}" % (MAX_NUMBER_DIGITS + 1))
_NO_BRACKET = re.compile(rb"[^][{}]+")
# An escape: a surrogate pair, half of one (its digits are the group), or any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_anything = msgspec.json.Decoder()


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
        _anything.decode(item)
    except RecursionError:
        return _too_deep()
    except msgspec.ValidationError:
        return _number_out_of_range()
    except UnicodeDecodeError:
        return _lone_surrogate()
    except msgspec.DecodeError as error:
        return _lone_surrogate() if mark_lone_surrogates(item) != item else _invalid_json(error)
    if b"\\u0000" in item and _NUL.search(item):
        return Refused("nul_character", "A key or a text contains the NUL character (\\u0000).")
    if _MANY_ZEROS in item.translate(_DIGITS_TO_ZERO) and _HUGE_INTEGER.search(_TEXT.sub(b'""', item)):
        return _number_out_of_range()
    if item.count(b"{") + item.count(b"[") > MAX_DEPTH and _depth(item) > MAX_DEPTH:
        return _too_deep()
    return None


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


def _depth(item: bytes) -> int:
    """Return how deep valid JSON is nested."""
    depth = deepest = 0
    for bracket in _NO_BRACKET.sub(b"", _TEXT.sub(b"", item)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _too_deep() -> Refused:
    return Refused("too_deep", f"The item is nested more than {MAX_DEPTH} levels deep.")


def _number_out_of_range() -> Refused:
    return Refused("number_out_of_range", "A number is too large for any reader to hold.")


def _lone_surrogate() -> Refused:
    return Refused("lone_surrogate", "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).")


def _invalid_json(error: msgspec.DecodeError) -> Refused:
    return Refused("invalid_json", f"The item is not valid JSON: {error}.")
