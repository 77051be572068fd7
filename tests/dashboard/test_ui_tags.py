"""The template tags and filters: icons, the navigation's marks, and values in words."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory

from dashboard.templatetags import ui

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_an_icon_is_drawn_in_the_colour_of_its_text_and_hidden_from_screen_readers() -> None:
    assert Template('{% icon "checkmark" 20 %}').render(Context()) == (
        '<svg class="icon" width="20" height="20" viewBox="0 0 32 32" aria-hidden="true" focusable="false">'
        '<path d="M13 24 4 15 5.414 13.586 13 21.171 26.586 7.586 28 9 13 24z"/></svg>'
    )


def test_an_icon_that_does_not_exist_is_named_in_the_error() -> None:
    with pytest.raises(TemplateSyntaxError, match="No icon is named 'unicorn'"):
        Template('{% icon "unicorn" %}').render(Context())


@pytest.mark.parametrize(
    ("path", "mark"),
    [("/users/", ' aria-current="page"'), ("/users/7/link/", ' aria-current="true"'), ("/", ""), ("/usersx/", "")],
)
def test_the_navigation_marks_the_page_and_its_parents(path: str, mark: str) -> None:
    page = RequestContext(RequestFactory().get(path))
    link = Template('{% navigation_link "users:list" "Users" %}').render(page)
    assert link == f'<li><a href="/users/"{mark}>Users</a></li>'


def test_home_is_marked_on_itself_only() -> None:
    page = RequestContext(RequestFactory().get("/users/"))
    assert Template('{% navigation_link "home" "Home" %}').render(page) == '<li><a href="/">Home</a></li>'


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (timedelta(milliseconds=-400), "just now"),
        (timedelta(seconds=-4), "4 s ago"),
        (timedelta(seconds=-59.9), "59 s ago"),
        (timedelta(minutes=-3, seconds=-20), "3 min ago"),
        (timedelta(hours=-23, minutes=-59), "23 h ago"),
        (timedelta(days=-1), "1 day ago"),
        (timedelta(days=-40), "40 days ago"),
        (timedelta(seconds=40), "in 40 s"),
    ],
)
def test_a_moment_is_said_in_its_largest_whole_unit(difference: timedelta, words: str) -> None:
    with time_machine.travel(NOW, tick=False):
        assert ui.ago(NOW + difference) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 ms"), (0.0824, "82 ms"), (1, "1 s"), (90, "1 min")])
def test_a_duration_below_a_second_is_said_in_milliseconds(seconds: float, words: str) -> None:
    assert ui.duration(seconds) == words


def test_thousands_are_grouped() -> None:
    assert [ui.grouped(number) for number in (0, 999, 12840, 1234567)] == ["0", "999", "12,840", "1,234,567"]


def test_json_keeps_its_order_and_its_letters_and_is_escaped_by_the_template() -> None:
    shown = Template("{{ value|as_json }}").render(Context({"value": {"name": "Grüße", "a": "<b>"}}))
    assert shown == "{\n  &quot;name&quot;: &quot;Grüße&quot;,\n  &quot;a&quot;: &quot;&lt;b&gt;&quot;\n}"
