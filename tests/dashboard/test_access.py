"""What guards every page: sign-in by default, the end of sessions, headers, and error reports without values."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from django.views.debug import ExceptionReporter, get_exception_reporter_filter
from pytest_django import DjangoAssertNumQueries

from tests.dashboard.people import PASSWORD, make_bob, signed_in

pytestmark = pytest.mark.django_db

OPEN_TO_EVERYBODY = {"healthz", "readyz", "metrics", "account:sign_in", "account:welcome", "theme"}
SAMPLES = {"int": "1", "str": "x", "slug": "x", "uuid": str(uuid.UUID(int=1)), "path": "x"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def pages(resolver: URLResolver | None = None, prefix: str = "/", names: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and an address of every page that the URL configuration knows."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield f"{names}{pattern.name}", with_samples(route, pattern)
        else:
            yield from pages(pattern, route, f"{names}{pattern.namespace}:" if pattern.namespace else names)


def with_samples(route: str, pattern: URLPattern) -> str:
    for kind, sample in SAMPLES.items():
        while f"<{kind}:" in route:
            start = route.index(f"<{kind}:")
            route = route[:start] + sample + route[route.index(">", start) + 1 :]
    return route


PAGES = list(pages())


def test_the_list_of_pages_is_complete_enough_to_mean_something() -> None:
    names = {name for name, _address in PAGES}

    assert names >= OPEN_TO_EVERYBODY
    assert {"home", "users:list", "account:password", "environments:detail", "setup:connect"} <= names
    assert not any("<" in address for _name, address in PAGES)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("name", "address"), PAGES, ids=[name for name, _address in PAGES])
def test_every_page_but_a_few_needs_somebody_signed_in(client: Client, name: str, address: str, method: str) -> None:
    answer = getattr(client, method)(address)

    is_sent_to_sign_in = answer.status_code == 302 and answer.url.startswith("/sign-in/")
    assert is_sent_to_sign_in == (name not in OPEN_TO_EVERYBODY)


def test_signing_in_leads_back_to_the_page(client: Client) -> None:
    assert client.get("/audit/?page=2").url == "/sign-in/?next=/audit/%3Fpage%3D2"


def test_a_form_sent_too_late_leads_back_to_the_page_that_held_it(client: Client) -> None:
    answer = client.post("/users/1/link/", headers={"Referer": "http://testserver/users/"})

    assert answer.url == "/sign-in/?next=/users/"


def test_a_fragment_asked_for_too_late_moves_the_whole_window(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/audit/?page=2"}

    answer = client.get("/audit/", headers=headers)

    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["HX-Redirect"] == "/sign-in/?next=/audit/%3Fpage%3D2"


def test_an_unreadable_referring_page_leads_home(client: Client) -> None:
    assert client.post("/users/1/link/", headers={"Referer": "http://["}).url == "/sign-in/?next=/"


def test_a_session_ends_after_twelve_idle_hours() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(make_bob())
        clock.shift(timedelta(hours=11, minutes=59))
        assert client.get("/account/password/").status_code == 200
        clock.shift(timedelta(hours=11, minutes=59))
        assert client.get("/account/password/").status_code == 200
        clock.shift(timedelta(hours=12, seconds=1))
        assert client.get("/account/password/").status_code == 302


def test_fragments_do_not_keep_a_session_alive() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(make_bob())
        client.get("/account/password/")
        for _ in range(5):
            clock.shift(timedelta(hours=2))
            assert client.get("/account/password/", headers={"HX-Request": "true"}).status_code == 200
        clock.shift(timedelta(hours=2, seconds=1))
        assert client.get("/account/password/").status_code == 302


def test_a_session_ends_after_seven_days_however_busy() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(make_bob())
        for _ in range(15):
            assert client.get("/account/password/").status_code == 200
            clock.shift(timedelta(hours=11))
        assert client.get("/account/password/").status_code == 200
        clock.shift(timedelta(hours=7 * 24 - 15 * 11))
        assert client.get("/account/password/").status_code == 302
        assert not Session.objects.exists()


def test_activity_is_written_every_ten_minutes_at_most() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(make_bob())
        client.get("/account/password/")
        clock.shift(timedelta(minutes=9))
        with CaptureQueriesContext(connection) as queries:
            client.get("/account/password/")
        assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_health_asks_no_database_whoever_calls(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = signed_in(make_bob())

    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", ["/sign-in/", "/account/password/", "/nowhere/"])
def test_every_page_binds_the_browser(address: str) -> None:
    headers = signed_in(make_bob()).get(address).headers

    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"].startswith("camera=()")


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: Client) -> None:
    make_bob()
    cookies = client.post("/sign-in/", {"username": "bob@example.com", "password": PASSWORD}).cookies

    assert set(cookies) == {settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_NAME}
    for cookie in cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


@pytest.mark.parametrize(
    ("chosen", "stored"), [("dark", "dark"), ("light", "light"), ("system", ""), ("", ""), ('"><script>', "")]
)
def test_the_theme_is_kept_in_a_cookie(client: Client, chosen: str, stored: str) -> None:
    answer = client.post("/theme/", {"theme": chosen, "next": "/sign-in/?next=/"})

    assert (answer.status_code, answer.url) == (302, "/sign-in/?next=/")
    assert answer.cookies["theme"].value == stored
    assert answer.cookies["theme"]["samesite"] == "Lax"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""]
)
def test_choosing_a_theme_leads_nowhere_else(client: Client, target: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target}).url == "/"


def test_a_report_of_an_error_shows_no_value_of_any_variable_or_field() -> None:
    marker = uuid.uuid4().hex
    request = RequestFactory().post("/", {"write_key": marker})
    error: Exception | None = None
    try:
        write_key = marker
        raise ValueError(f"broken by {len(write_key)} characters")
    except ValueError as caught:
        error = caught
    reporter = ExceptionReporter(request, type(error), error, error.__traceback__)

    report = reporter.get_traceback_html() + reporter.get_traceback_text()

    assert type(get_exception_reporter_filter(request)).__name__ == "NoValuesFilter"
    assert "broken by 32 characters" in report
    assert "write_key" in report
    assert marker not in report
