"""A logging filter that masks what looks like a secret, as the last line of defence before a line is written."""

import logging
import re

MASK = "***"
_FORMATTER = logging.Formatter()

# Each pattern keeps what helps to find the culprit (group 1) and drops the secret behind it.
_SECRETS = [
    # An ingest key keeps its public id.
    re.compile(r"\b(slu_[a-z]+_[0-9A-Za-z]{8}_)[0-9A-Za-z]+"),
    # HTTP credentials.
    re.compile(r"\b((?:Basic|Bearer)\s+)[\w.~+/=-]+", re.IGNORECASE),
    # A named value, as in JSON, a query string, a keyword argument or a header.
    re.compile(
        r"""((?:write_?key|webhook_?secret|secret|password|token|api_?key)["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"'}\])]+)""",
        re.IGNORECASE,
    ),
    # The user name and password of a URL, such as a broker's.
    re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@]+(?=@)", re.IGNORECASE),
    # One-time links.
    re.compile(r"(/welcome/)[^\s/\"']+/[^\s/\"']+"),
]
_LINE_BREAKS = {ord("\r"): r"\r", ord("\n"): r"\n"}


def mask(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced by three asterisks."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


class MaskSecrets(logging.Filter):
    """Masks message and traceback of each record, and keeps a message on one line so that nobody can forge a second.

    Belongs on the handlers: a filter on a logger does not see the records of the loggers below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = mask(_message(record)).translate(_LINE_BREAKS)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        if record.stack_info:
            record.stack_info = mask(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    """Format the record's message; a mismatch of template and arguments is noted instead of losing the record."""
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} (arguments do not fit)"
