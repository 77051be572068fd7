"""The functions that JMESPath has in rules: its own, and those that webhooks need beside."""

import hashlib
import html
import re
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import re2
from jmespath.functions import Functions, signature

from assistants.sources.generic.conversions import ExpressionFailed, as_text, as_timestamp, is_true

if TYPE_CHECKING:
    from jmespath.functions import _Signature

MAX_TEXT = 100_000
MAX_PATTERN = 1_000
REMEMBERED = 1_024

_PARTS: "_Signature" = {"types": ["string", "number", "null"], "variadic": True}
_TEXT: "_Signature" = {"types": ["string", "null"]}
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


class RuleFunctions(Functions):
    """Of null these functions make null, so that a missing ID stays missing."""

    @signature(_PARTS)
    def _func_concat(self, *parts: Any) -> str | None:
        """Put texts and numbers together; null if one of them is."""
        if any(part is None for part in parts):
            return None
        text = "".join(as_text(part) for part in parts)
        if len(text) > MAX_TEXT:
            raise ExpressionFailed(f"The text would have more than {MAX_TEXT:,} characters.")
        return text

    @signature({"types": [], "variadic": True})
    def _func_default(self, *values: Any) -> Any:
        """Return the first that is not null and not empty."""
        return next((value for value in values if is_true(value) or value is False), None)

    @signature(_TEXT)
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @signature({"types": ["number", "string", "null"]})
    def _func_epoch_s(self, seconds: Any) -> str | None:
        return None if seconds is None else as_timestamp(seconds, unit=timedelta(seconds=1))

    @signature({"types": ["number", "string", "null"]})
    def _func_epoch_ms(self, milliseconds: Any) -> str | None:
        return None if milliseconds is None else as_timestamp(milliseconds, unit=timedelta(milliseconds=1))

    @signature(_TEXT)
    def _func_from_json(self, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError):
            raise ExpressionFailed("from_json() got a text that is not JSON.") from None

    @signature(_PARTS)
    def _func_hash(self, *parts: Any) -> str | None:
        """Return 32 hexadecimal digits that stand for the parts; null if one of them is."""
        if any(part is None for part in parts):
            return None
        given = msgspec.json.encode([as_text(part) for part in parts])
        return hashlib.sha256(given).hexdigest()[:32]

    @signature(_TEXT)
    def _func_strip_html(self, text: str | None) -> str | None:
        """Return what a person would read: tags are dropped, paragraphs become lines."""
        if text is None:
            return None
        return html.unescape(_TAG.sub("", _BREAK.sub("\n", text[:MAX_TEXT]))).strip()

    @signature({"types": [], "variadic": True})
    def _func_first_text(self, *values: Any) -> str | None:
        """Return the first text that is not empty, among the values and in lists among them."""
        for value in values:
            for found in value if isinstance(value, list) else (value,):
                if isinstance(found, str) and found.strip():
                    return found
        return None

    @signature(_TEXT, {"types": ["string"]})
    def _func_regex_find(self, text: str | None, pattern: str) -> str | None:
        """Return the first group of the first match, or the match where the pattern has no group."""
        if text is None:
            return None
        match = compile_pattern(pattern).search(text[:MAX_TEXT])
        if match is None:
            return None
        found: str | None = match[1] if match.re.groups else match[0]
        return found


@lru_cache(maxsize=REMEMBERED)
def compile_pattern(pattern: str) -> Any:
    """Compile for RE2, whose searches take time in proportion to the text, whatever the pattern."""
    if len(pattern) > MAX_PATTERN:
        raise ExpressionFailed(f"The pattern is longer than {MAX_PATTERN:,} characters.")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise ExpressionFailed(f"The pattern cannot be read: {reason}.") from None
