"""What an answer means: each row of the table, and how long to wait before the next try."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.segment.verdicts import Answer, Verdict, back_off, retry_delay, verdict

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SUCCESS = b'{"success": true}'


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_a_2xx_with_json_is_accepted(status: int) -> None:
    assert verdict(Answer(status, SUCCESS)) is Verdict.ACCEPTED


@pytest.mark.parametrize("body", [b'{"success":true}', b"{}", b'{"success": "false"}', b" \n{}\n", b"null", b"[]"])
def test_any_json_that_does_not_deny_success_is_accepted(body: bytes) -> None:
    assert verdict(Answer(200, body)) is Verdict.ACCEPTED


def test_a_204_is_accepted_without_a_body() -> None:
    assert verdict(Answer(204)) is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "body",
    [b'{"success": false}', b"", b"<html></html>", b"ok", b'{"success": true', b"\xff\xfe", b"[" * 100_000],
    ids=["success false", "empty", "HTML", "text", "cut off", "not UTF-8", "deep"],
)
def test_a_200_that_denies_success_or_is_no_json_speaks_of_the_connection(body: bytes) -> None:
    assert verdict(Answer(200, body)) is Verdict.CONNECTION


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_speaks_of_the_connection(status: int) -> None:
    assert verdict(Answer(status, SUCCESS)) is Verdict.CONNECTION


@pytest.mark.parametrize("status", [400, 413, 422])
def test_answers_about_the_content(status: int) -> None:
    assert verdict(Answer(status, SUCCESS)) is Verdict.CONTENT


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 406, 409, 411, 415, 421, 431, 451, 499, 501, 505, 511])
def test_answers_about_the_connection(status: int) -> None:
    assert verdict(Answer(status, SUCCESS)) is Verdict.CONNECTION


@pytest.mark.parametrize("status", [408, 410, 429, 460, 500, 502, 503, 504, 507, 508, 520, 529, 599])
def test_answers_that_ask_to_wait(status: int) -> None:
    assert verdict(Answer(status, SUCCESS)) is Verdict.WAIT


def test_no_answer_asks_to_wait() -> None:
    assert verdict(Answer(None, error="ConnectError: refused")) is Verdict.WAIT


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (1_000_000, 60)],
)
def test_the_wait_doubles_up_to_a_minute_with_a_fifth_of_jitter(attempts: int, seconds: int) -> None:
    waits = [back_off(attempts).total_seconds() for _ in range(200)]

    assert seconds * 0.8 <= min(waits) < seconds * 0.9
    assert seconds * 1.1 < max(waits) <= seconds * 1.2


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("007", 7),
        ("300", 300),
        ("301", 300),
        ("315360000", 300),
        ("9" * 5_000, 300),
        ("0", 1),
        ("Sun, 22 Nov 2026 10:00:45 GMT", 45),
        ("Sunday, 22-Nov-26 10:00:45 GMT", 45),
        ("Sun Nov 22 10:00:45 2026", 45),
        ("Sun, 22 Nov 2026 10:00:45 -0000", 45),
        ("Wed, 21 Oct 2065 07:28:00 GMT", 300),
    ],
)
def test_retry_after_is_honoured_within_bounds(retry_after: str, seconds: int) -> None:
    assert retry_delay(Answer(429, retry_after=retry_after), 5, now=NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [408, 410, 429, 460, 500, 503, 529])
def test_retry_after_is_honoured_whatever_the_status(status: int) -> None:
    assert retry_delay(Answer(status, retry_after="30"), 1, now=NOW) == timedelta(seconds=30)


@pytest.mark.parametrize(
    "retry_after",
    [
        "",
        "-5",
        "soon",
        "1.5",
        "1e3",
        "٣",  # a digit, but none of HTTP's
        "Sun, 22 Nov 2026 09:59:59 GMT",
        "Sun, 99 Nov 2026 10:00:45 GMT",
        "1 Jan 99999999999999999999 00:00:00 GMT",
        "Oct 1 07:28:00 999999999999",
    ],
)
def test_a_retry_after_that_makes_no_sense_is_ignored(retry_after: str) -> None:
    wait = retry_delay(Answer(429, retry_after=retry_after), 3, now=NOW)

    assert 3.2 <= wait.total_seconds() <= 4.8


PIECES_OF_A_DATE = ["Mon,", "1", "21", "Oct", "2065", "07:28:00", "GMT", "-5", ":", "+0000", "9999999"]


@given(st.text() | st.lists(st.sampled_from(PIECES_OF_A_DATE)).map(" ".join))
def test_no_retry_after_can_break_it_or_make_it_hasty(retry_after: str) -> None:
    wait = retry_delay(Answer(503, retry_after=retry_after), 1)

    assert timedelta(seconds=0.8) <= wait <= timedelta(seconds=300)


def test_an_excerpt_is_short_text_that_any_database_takes() -> None:
    assert Answer(400, b"\xffbad\x00" + b"x" * 1_000).excerpt == "�bad�" + "x" * 295
    assert Answer(None, error="ReadError: reset").excerpt == "ReadError: reset"
