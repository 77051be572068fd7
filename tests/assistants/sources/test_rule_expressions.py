"""Expressions of rules: JMESPath with our functions, bounded, and with errors that say what is wrong."""

import time
from typing import Any

import pytest

from assistants.sources.generic.conversions import ExpressionFailed, is_true
from assistants.sources.generic.expressions import BadExpression, compile_expression
from assistants.sources.generic.functions import MAX_TEXT


def find(expression: str, value: Any = None) -> Any:
    return compile_expression(expression).find(value)


@pytest.mark.parametrize(
    ("expression", "value", "found"),
    [
        ("concat(a, '-', b)", {"a": "x", "b": 7}, "x-7"),
        ("concat(a, b)", {"a": "x"}, None),
        ("concat(a)", {"a": 7.0}, "7"),
        ("default(a, b, 'c')", {"a": None, "b": ""}, "c"),
        ("default(a, b)", {"a": 0, "b": 1}, 0),
        ("default(a, b)", {"a": False, "b": 1}, False),
        ("default(a)", {}, None),
        ("lower(a)", {"a": "ÄB"}, "äb"),
        ("lower(a)", {}, None),
        ("epoch_s(a)", {"a": 1795302000}, "2026-11-21T23:00:00.000+00:00"),
        ("epoch_s(a)", {"a": "1795302000.5"}, "2026-11-21T23:00:00.500+00:00"),
        ("epoch_ms(a)", {"a": 1795302000123}, "2026-11-21T23:00:00.123+00:00"),
        ("epoch_ms(a)", {}, None),
        ("from_json(a).b", {"a": '{"b": [1]}'}, [1]),
        ("from_json(a)", {}, None),
        ("hash(a, b)", {"a": "x", "b": 1}, "7253669771286a72e9d28623f212586f"),
        ("hash(a)", {}, None),
        ("strip_html(a)", {"a": "<p>One &amp; <b>two</b></p><p>3<br/>4</p>"}, "One & two\n3\n4"),
        ("strip_html(a)", {"a": "1 < 2"}, "1 < 2"),
        ("strip_html(a)", {}, None),
        ("first_text(a, b, c)", {"a": "", "b": [None, " ", "x"], "c": "y"}, "x"),
        ("first_text(a[?t=='text'].v, b)", {"a": [{"t": "text", "v": "x"}]}, "x"),
        ("first_text(a)", {}, None),
        ("regex_find(a, '[^/]+$')", {"a": "projects/p/conversations/c-1"}, "c-1"),
        ("regex_find(a, 'order (\\w-\\d+)')", {"a": "my order A-17?"}, "A-17"),
        ("regex_find(a, 'x')", {"a": "y"}, None),
        ("regex_find(a, 'x')", {}, None),
        ('"gen_ai.conversation.id"', {"gen_ai.conversation.id": "c"}, "c"),
    ],
)
def test_a_function_finds_what_it_should(expression: str, value: Any, found: Any) -> None:
    assert find(expression, value) == found


@pytest.mark.parametrize(
    ("value", "truth"), [(None, False), (False, False), ("", False), ([], False), ({}, False), (0, True), (0.0, True)]
)
def test_truth_is_jmespaths_and_not_pythons(value: Any, truth: bool) -> None:
    assert is_true(value) is truth


@pytest.mark.parametrize(
    ("expression", "value", "message"),
    [
        ("join(',', a)", {}, "join() got null; it takes array-string."),
        ("length(a)", {}, "length() got null; it takes string or array or object."),
        ("contains(a, 'x')", {}, "contains() got null; it takes array or string."),
        ("contains(a, `1`)", {"a": "x"}, "'in <string>' requires string as left operand, not int."),
        ("from_json(a)", {"a": "{"}, "from_json() got a text that is not JSON."),
        ("from_json(a)", {"a": '"\\ud800"'}, "from_json() got a text that is not JSON."),
        ("epoch_s(a)", {"a": "soon"}, "It is a text, not a number of seconds or milliseconds."),
        ("epoch_s(a)", {"a": 1e300}, "1e+300 is no time."),
        ("concat(a, b)", {"a": "x", "b": []}, "It is a list, not a text."),
        ("concat(a, b)", {"a": "x", "b": True}, "It is true or false, not a text."),
        ("concat(a)", {"a": 1.5}, "It is a number, not a text."),
        ("regex_find('x', a)", {"a": "("}, "The pattern cannot be read: missing ): (."),
        ("sort(a)", {"a": [1, "x"]}, "sort() got str; it takes array-string or array-number."),
    ],
)
def test_an_expression_that_fails_says_why(expression: str, value: Any, message: str) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        find(expression, value)

    assert str(failed.value) == message


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a[", "is not complete."),
        ("a &&", "is not complete."),
        ("a..b", "makes no sense from character 3 on: .b"),
        ("'a", "has a quotation mark at character 1 that is not closed."),
        ("a b", "makes no sense from character 3 on: b"),
        ("lowr(a)", "calls lowr(), which does not exist; there are abs, avg, ceil, concat, "),
        ("lower(a, b)", "gives lower() 2 values; it takes 1."),
        ("concat()", "gives concat() 0 values; it takes 1 or more."),
        ("join(',')", "gives join() 1 values; it takes 2."),
        ("[a][?lowr(@)]", "calls lowr()"),
        ("regex_find(a, '(')", "calls regex_find(): The pattern cannot be read: missing ): (."),
        ("regex_find(a, '(?=x)')", "calls regex_find(): The pattern cannot be read: "),
        ("a" * 1_001, "is longer than 1,000 characters."),
        ("!" * 999 + "a", "is nested too deeply."),
        ("|".join(["[@, @]"] * 20), "builds lists of lists that could grow beyond bounds."),
    ],
)
def test_an_expression_that_cannot_work_is_refused_before_it_runs(expression: str, message: str) -> None:
    with pytest.raises(BadExpression) as refused:
        compile_expression(expression)

    assert str(refused.value).startswith(message)


def test_no_pattern_takes_longer_than_the_text_is_long() -> None:
    started = time.monotonic()

    assert find("regex_find(a, '(a+)+$')", {"a": "a" * 50_000 + "b"}) is None
    assert find("regex_find(a, '(.*)*x')", {"a": "a" * 50_000}) is None
    assert time.monotonic() - started < 1


def test_a_text_that_is_put_together_is_bounded() -> None:
    with pytest.raises(ExpressionFailed, match="The text would have more than 100,000 characters"):
        find("concat(a, a)", {"a": "x" * (MAX_TEXT // 2 + 1)})


def test_hostile_markup_is_stripped_in_no_time() -> None:
    started = time.monotonic()

    find("strip_html(a)", {"a": "<" * MAX_TEXT})
    find("strip_html(a)", {"a": "<br " * 25_000})
    assert time.monotonic() - started < 1
