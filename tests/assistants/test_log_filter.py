"""The log filter: whatever looks like a secret is not written, and nobody forges a line."""

import logging
from io import StringIO
from typing import Any

import pytest

from assistants.keys import mint
from assistants.log_filter import MaskSecrets, mask


def written(message: str, *args: Any, error: BaseException | None = None) -> str:
    """Return what a handler with the filter writes."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskSecrets())
    record = logging.LogRecord("t", logging.ERROR, __file__, 1, message, args, None)
    if error:
        record.exc_info = (type(error), error, error.__traceback__)
    handler.handle(record)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("POST with Basic c2VjcmV0Og== refused", "POST with Basic *** refused"),
        ("authorization: bearer abc.def-ghi", "authorization: bearer ***"),
        ('{"writeKey": "s3cret", "batch": []}', '{"writeKey": ***, "batch": []}'),
        ("write_key='s3 cret', label='x'", "write_key=***, label='x'"),
        ("?token=s3cret&page=2", "?token=***&page=2"),
        ("redis://worker:s3cret@redis:6379/0 is away", "redis://***@redis:6379/0 is away"),
        ("Gone: /welcome/MQ/c1x2-9f8e7d/", "Gone: /welcome/***/"),
        ("events 12, position 40, key of draft", "events 12, position 40, key of draft"),
        ("https://api.segment.io/v1/batch answered 200", "https://api.segment.io/v1/batch answered 200"),
    ],
)
def test_secrets_are_masked_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert written("%s", text) == f"{masked}\n"


def test_an_ingest_key_keeps_only_its_public_id() -> None:
    text, public_id, _digest = mint("live")

    assert written("no such key: %s", text) == f"no such key: slu_live_{public_id}_***\n"


def test_a_traceback_is_masked_too() -> None:
    text, *_ = mint("draft")
    try:
        raise ValueError(f"refused {text}")
    except ValueError as error:
        lines = written("failed", error=error)

    assert "ValueError: refused slu_draft_" in lines
    assert text not in lines


def test_a_message_stays_on_its_line() -> None:
    assert written("user %s", "bob\r\n2026-01-01 INFO forged") == "user bob\\r\\n2026-01-01 INFO forged\n"


def test_a_message_whose_arguments_do_not_fit_is_still_written() -> None:
    assert written("%d events", "many") == "%d events (arguments do not fit)\n"
