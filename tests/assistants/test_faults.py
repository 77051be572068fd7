"""Faults: what makes an item unfit for any store or reader, what only looks like it, and the words for each."""

from datetime import UTC, datetime

import msgspec
import pytest

from assistants.faults import MAX_MESSAGE_BYTES, Refused, find_fault, mark_lone_surrogates
from assistants.items import read_message
from assistants.messages import Message, to_json

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def read(item: bytes) -> Message | Refused:
    return read_message(item, received_at=NOW)


def raw_track(member: bytes) -> bytes:
    return b'{"type":"track","messageId":"m-1","timestamp":"2026-11-22T10:00:00Z",' + member + b"}"


@pytest.mark.parametrize(
    ("item", "code", "message"),
    [
        (b"null", "not_an_object", "An item must be a JSON object, not “null”."),
        (b'"x"', "not_an_object", 'An item must be a JSON object, not “"x"”.'),
        (b"[1]", "not_an_object", "An item must be a JSON object, not “[1]”."),
        (b"1" * 50, "not_an_object", f"An item must be a JSON object, not “{'1' * 40}…”."),
        (b"", "not_an_object", "An item must be a JSON object, not “”."),
        (
            b"{}",
            "unknown_type",
            "The item has no type; it must be one of alias, group, identify, page, screen, track.",
        ),
        (
            b'{"type":"Track"}',
            "unknown_type",
            "The type “Track” is not one of alias, group, identify, page, screen, track.",
        ),
        (
            b'{"type":7}',
            "unknown_type",
            "The type must be a text, one of alias, group, identify, page, screen, track.",
        ),
        (b'{"a":1e400}', "number_out_of_range", "A number is too large for any reader to hold."),
        (b'{"a":' + b"9" * 309 + b"}", "number_out_of_range", "A number is too large for any reader to hold."),
        (b'{"a":[-' + b"1" * 5000 + b"]}", "number_out_of_range", "A number is too large for any reader to hold."),
        (b'{"a":"\\u0000"}', "nul_character", "A key or a text contains the NUL character (\\u0000)."),
        (b'{"b":{"a\\\\\\u0000":1}}', "nul_character", "A key or a text contains the NUL character (\\u0000)."),
        (
            b'{"a":"\\ud800"}',
            "lone_surrogate",
            "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).",
        ),
        (
            b'{"a":"\\uDC00\\ud800"}',
            "lone_surrogate",
            "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).",
        ),
        (
            b'{"\\ud83d":1}',
            "lone_surrogate",
            "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).",
        ),
        (
            b'{"a":"\xed\xa0\x80"}',
            "lone_surrogate",
            "A key or a text contains half of a surrogate pair (\\ud800 to \\udfff).",
        ),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "too_deep", "The item is nested more than 32 levels deep."),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "too_deep", "The item is nested more than 32 levels deep."),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep", "The item is nested more than 32 levels deep."),
    ],
)
def test_what_cannot_be_taken_is_refused_with_code_and_reason(item: bytes, code: str, message: str) -> None:
    assert read(item) == Refused(code, message)


@pytest.mark.parametrize(
    "item", [b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}', b"{", b'{"a":"\x01"}', b'{"a":1}x', b"{'a':1}"]
)
def test_what_is_not_json_is_refused(item: bytes) -> None:
    fault = find_fault(item)

    assert fault is not None
    assert fault.code == "invalid_json"
    assert fault.message.startswith("The item is not valid JSON: ")


def test_an_item_may_have_32768_bytes_and_not_one_more() -> None:
    filler = b"x" * (MAX_MESSAGE_BYTES - len(raw_track(b'"a":""')))
    largest, too_large = raw_track(b'"a":"%s"' % filler), raw_track(b'"a":"x%s"' % filler)

    assert isinstance(read(largest), Message)
    assert read(too_large) == Refused("message_too_large", "The item has 32,769 bytes; the limit is 32,768.")


@pytest.mark.parametrize(
    "member",
    [
        # Allowed, though it looks like one of the faults.
        b'"a":' + b"9" * 308,
        b'"a":' + b"1" * 309,
        b'"a":' + b"9" * 309 + b".5e-9",
        b'"a":"' + b"9" * 400 + b'"',
        b'"a":0.' + b"9" * 400,
        b'"a":1e-' + b"0" * 400 + b"1",
        b'"a":"\\\\u0000"',
        b'"a":"\\\\ud800"',
        b'"a":"\\ud83d\\ude00"',
        b'"a":' + b"[" * 30 + b"]" * 30,
        b'"a":[' + b"{}," * 100 + b"{}]",
        b'"a":"' + b"[{" * 100 + b'"',
        b'"a":"\\"' + b"[{" * 100 + b'"',
        b'"a":[9223372036854775808,18446744073709551616,-0,1e308]',
        b'"__proto__":{"$ne":"../..\'; DROP TABLE x; {{7*7}}"}',
        '"a":"<img onerror=x>\u202e\\n"'.encode(),
    ],
)
def test_what_only_looks_like_a_fault_is_kept_byte_for_byte(member: bytes) -> None:
    message = read(raw_track(b'"properties":{%s}' % member))

    assert isinstance(message, Message)
    assert b'"properties":{%s}' % member in to_json(message)


@pytest.mark.parametrize(
    ("hidden", "code"),
    [
        (b'"\\u0000"', "nul_character"),
        (b"2" * 309, "number_out_of_range"),
        (b"1e400", "number_out_of_range"),
        (b'"\\udfff"', "lone_surrogate"),
        (b"[" * 40 + b"]" * 40, "too_deep"),
    ],
)
def test_a_fault_cannot_hide_behind_a_second_key_of_the_same_name(hidden: bytes, code: str) -> None:
    refused = read(raw_track(b'"properties":{"a":%s,"a":1}' % hidden))

    assert isinstance(refused, Refused)
    assert refused.code == code


def test_a_reason_never_quotes_an_ingest_key() -> None:
    key = "slu_live_Ab3dEf9h_0123456789abcdefghijklmnopqrstuvw"
    for item in (f'"{key}"'.encode(), msgspec.json.encode({"type": key})):
        refused = read(item)

        assert isinstance(refused, Refused)
        assert "slu_live_Ab3dEf9h_***" in refused.message
        assert "0123456789" not in refused.message


def test_a_lone_surrogate_is_marked_and_everything_else_stays_as_it_is() -> None:
    raw = rb'["\ud83d\ude00", "\\ud800", "\ud800x", "\n", "\ude00\ud83d"]'

    assert mark_lone_surrogates(raw) == rb'["\ud83d\ude00", "\\ud800", "' + b"\xed\xa0\x80x" + rb'", "\n", "' + (
        b"\xed\xb8\x80\xed\xa0\xbd" + b'"]'
    )
