"""Static files are collected when they have changed, and only then."""

from pathlib import Path

import pytest
from pytest_django import Settings

from config.prepare import collect_static_files


@pytest.fixture
def source(settings: Settings, tmp_path: Path) -> Path:
    """A folder of static files that is collected into `collected` beside it."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "page.css").write_text("a { color: red }")
    settings.STATICFILES_DIRS = [source]
    settings.STATIC_ROOT = tmp_path / "collected"
    return source


def collected(source: Path) -> dict[str, str]:
    """Map the collected CSS files to their content."""
    return {path.name: path.read_text() for path in (source.parent / "collected").glob("page*.css")}


def test_the_first_time_collects_under_names_that_follow_the_content(source: Path) -> None:
    collect_static_files()
    assert len(collected(source)) == 2
    assert set(collected(source).values()) == {"a { color: red }"}


def test_nothing_is_collected_while_nothing_has_changed(source: Path) -> None:
    collect_static_files()
    (source.parent / "collected" / "page.css").write_text("untouched")
    collect_static_files()
    assert collected(source)["page.css"] == "untouched"


def test_a_change_replaces_what_was_collected(source: Path) -> None:
    collect_static_files()
    (source / "page.css").write_text("a { color: green }")
    collect_static_files()
    assert len(collected(source)) == 2
    assert set(collected(source).values()) == {"a { color: green }"}
