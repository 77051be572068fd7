"""Who may read the metrics: programs on this host, and whoever has the token; over a proxy nobody without it."""

import ipaddress

import pytest
from django.test import Client
from pytest_django import Settings

TOKEN = "3f9c0b6e7d2a4c518e6f"
ELSEWHERE = "198.51.100.7"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.SLUICE_METRICS_TOKEN = TOKEN


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_host_reads_them(client: Client, address: str) -> None:
    answer = client.get("/metrics", REMOTE_ADDR=address)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.content.decode().splitlines()[:3] == [
        "# HELP sluice_info The version that runs.",
        "# TYPE sluice_info gauge",
        'sluice_info{version="0.1.0"} 1',
    ]


@pytest.mark.parametrize("address", [ELSEWHERE, "10.0.0.1", "", "2001:db8::1"])
def test_elsewhere_needs_the_token(client: Client, address: str) -> None:
    refused = client.get("/metrics", REMOTE_ADDR=address)

    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"sluice_info" not in refused.content
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", REMOTE_ADDR=address, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "authorization", ["", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Bearer ☃"]
)
def test_anything_but_the_token_is_refused(client: Client, authorization: str) -> None:
    headers = {"Authorization": authorization}

    assert client.get("/metrics", REMOTE_ADDR=ELSEWHERE, headers=headers).status_code == 401


@pytest.mark.parametrize("authorization", ["Bearer ", "Bearer", ""])
def test_without_a_token_nobody_elsewhere_reads_them(client: Client, settings: Settings, authorization: str) -> None:
    settings.SLUICE_METRICS_TOKEN = ""

    headers = {"Authorization": authorization}
    assert client.get("/metrics", REMOTE_ADDR=ELSEWHERE, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-Forwarded-For", ELSEWHERE), ("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=x"), ("X-Real-IP", "::1")],
)
def test_what_a_proxy_on_this_host_passes_on_is_not_from_this_host(client: Client, header: str, value: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", headers={header: value}).status_code == 401


def test_a_trusted_proxy_on_this_host_is_never_this_host(client: Client, settings: Settings) -> None:
    settings.SLUICE_TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.0/8")]

    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 401
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200


def test_production_answers_without_tls(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/metrics").status_code == 200


def test_they_are_read_only(client: Client) -> None:
    assert client.post("/metrics").status_code == 405
