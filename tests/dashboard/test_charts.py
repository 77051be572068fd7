"""Sparklines: heights scaled to the tallest bar, and the same numbers in words."""

import re

from dashboard.charts import sparkline


def words(counts: list[int]) -> list[str]:
    return re.findall(r"<title>(.*)</title>", sparkline(counts))


def bars(counts: list[int]) -> list[str]:
    return re.findall(r"M[^z]+z", sparkline(counts))


def test_a_sparkline_is_one_image_with_a_title_and_a_path() -> None:
    assert sparkline([1, 2]) == (
        '<svg class="sparkline" role="img" width="7" height="24" viewBox="0 0 7 24">'
        "<title>Per hour, 2 hours: lowest 1, highest 2, last 2</title>"
        '<path d="M0 24v-12h3v12zM4 24v-24h3v24z"/></svg>'
    )


def test_twenty_four_bars_take_95_pixels() -> None:
    counts = [*range(1, 24), 48]
    assert 'width="95" height="24" viewBox="0 0 95 24"' in sparkline(counts)
    assert len(bars(counts)) == 24


def test_an_hour_without_events_has_no_bar_and_a_single_event_is_still_visible() -> None:
    assert bars([0, 1, 4800]) == ["M4 24v-1h3v1z", "M8 24v-24h3v24z"]


def test_the_numbers_are_said_in_words() -> None:
    assert words([3, 1200, 7]) == ["Per hour, 3 hours: lowest 3, highest 1,200, last 7"]


def test_a_quiet_day_says_so_and_draws_nothing() -> None:
    assert words([0] * 24) == ["Nothing in 24 hours"]
    assert bars([0] * 24) == []
