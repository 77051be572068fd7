"""A start brings static files up to date and invites the first admin; what keeps it from that is said in words."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from config.prepare import collect_static_files, prepare
from tests.tooling.conftest import Start


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


@pytest.mark.django_db
def test_the_first_admin_gets_a_link_until_somebody_can_sign_in(
    source: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare()
    assert f"\n{settings.SLUICE_BASE_URL}/" in capsys.readouterr().out
    admin = User.objects.get()
    assert (admin.email, admin.is_staff) == ("admin@localhost", True)
    admin.set_password("a password of some length")
    admin.save()
    prepare()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SLUICE_MODE": "sideways"}, "SLUICE_MODE must be 'production' or 'embedded', not 'sideways'."),
        ({"SLUICE_DATA_DIR": "/proc/nowhere"}, "[Errno 2] No such file or directory: '/proc/nowhere'"),
        (
            {"CACHE_URL": "pigeon://loft"},
            "CACHE_URL cannot be read (ImproperlyConfigured): see .env.example.",
        ),
    ],
)
def test_a_start_that_fails_says_why_in_one_line(
    start: Start, tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    output, _ = start("config.prepare", **{"SLUICE_DATA_DIR": str(tmp_path)} | variables).communicate(timeout=30)
    assert output == f"Sluice cannot start: {message}\n"
