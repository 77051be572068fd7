"""The limits of guessing: who guesses has to wait, wherever they claim to be, and nobody else."""

import ipaddress
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.utils import timezone
from pytest_django import Settings

from tests.dashboard.people import ELSEWHERE, NEW_PASSWORD, PASSWORD, make_alice, make_bob, sign_in, signed_in

pytestmark = pytest.mark.django_db

ATTACKER = "203.0.113.66"


def guess(username: str, times: int, *, address: str = ATTACKER) -> list[int]:
    return [sign_in(username, f"guess {number}", address=address).status_code for number in range(times)]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as coordinates:
        yield coordinates


def test_the_fifth_wrong_password_closes_the_account_to_that_network_alone(clock: time_machine.Traveller) -> None:
    make_bob()

    assert guess("bob@example.com", 5) == [422, 422, 422, 422, 429]

    assert sign_in("bob@example.com", address=ATTACKER).status_code == 429
    assert sign_in("bob@example.com", address=ELSEWHERE).status_code == 302


def test_the_page_of_a_closed_account_says_for_how_long(clock: time_machine.Traveller) -> None:
    guess("bob@example.com", 5)
    clock.shift(timedelta(minutes=4, seconds=30))

    answer = sign_in("bob@example.com", address=ATTACKER)

    assert answer.headers["Retry-After"] == "630"
    assert "Try again in 11 minutes." in answer.content.decode()


def test_an_account_opens_again_after_fifteen_minutes_even_if_the_guessing_went_on(
    clock: time_machine.Traveller,
) -> None:
    make_bob()
    guess("bob@example.com", 5)
    clock.shift(timedelta(minutes=14, seconds=59))
    assert guess("bob@example.com", 3) == [429, 429, 429]

    clock.shift(timedelta(seconds=2))

    assert sign_in("bob@example.com", address=ATTACKER).status_code == 302


def test_a_forged_forwarded_address_neither_evades_the_limit_nor_closes_the_account_to_others() -> None:
    make_bob()
    forged = [f"192.0.2.{number}" for number in range(4)]

    answers = [
        sign_in("bob@example.com", "wrong", address=ATTACKER, **{"X-Forwarded-For": address}).status_code
        for address in [*forged, ELSEWHERE]
    ]

    assert answers == [422, 422, 422, 422, 429]
    assert sign_in("bob@example.com", address=ELSEWHERE).status_code == 302


def test_behind_a_trusted_proxy_each_client_has_a_limit_of_its_own(settings: Settings) -> None:
    settings.SLUICE_TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    make_bob()

    answers = [
        sign_in("bob@example.com", "wrong", address="10.0.0.1", **{"X-Forwarded-For": f"192.0.2.{n}, {ATTACKER}"})
        for n in range(5)
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429]
    from_elsewhere = sign_in("bob@example.com", address="10.0.0.1", **{"X-Forwarded-For": ELSEWHERE})
    assert from_elsewhere.status_code == 302


def test_addresses_of_one_ipv6_network_share_a_limit() -> None:
    make_bob()

    answers = [sign_in("bob@example.com", "wrong", address=f"2001:db8:1:2::{n}").status_code for n in range(1, 6)]

    assert answers == [422, 422, 422, 422, 429]
    assert sign_in("bob@example.com", address="2001:db8:1:3::1").status_code == 302


def test_fifty_failures_at_any_accounts_close_sign_in_to_a_network(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make_bob()

    answers = [sign_in(f"user{number // 4}@example.com", "wrong", address=ATTACKER) for number in range(50)]

    assert [answer.status_code for answer in answers] == [422] * 49 + [429]
    assert sign_in("bob@example.com", address=ATTACKER).status_code == 429
    assert sign_in("bob@example.com", address=ELSEWHERE).status_code == 302


def test_signing_in_to_ones_own_account_does_not_reset_the_guesses_at_another() -> None:
    make_alice()
    make_bob()
    guess("alice@example.com", 4)

    assert sign_in("bob@example.com", address=ATTACKER).status_code == 302

    assert guess("alice@example.com", 1) == [429]


def test_signing_in_forgets_ones_own_typing_mistakes() -> None:
    make_bob()
    guess("bob@example.com", 4, address=ELSEWHERE)

    assert sign_in("bob@example.com").status_code == 302

    assert guess("bob@example.com", 4, address=ELSEWHERE) == [422] * 4


def test_no_password_that_was_tried_is_stored() -> None:
    bob = make_bob()
    sign_in("bob@example.com", "marker-one")
    form = {"current_password": "marker-two", "new_password1": "marker-three", "new_password2": "marker-three"}
    signed_in(bob).post("/account/password/", form)

    stored = " ".join(str(row) for row in AccessAttempt.objects.values())
    assert AccessAttempt.objects.count() == 2
    assert "bob@example.com" in stored
    assert "marker" not in stored


def test_guessing_the_current_password_in_a_stolen_session_is_limited() -> None:
    client = signed_in(make_bob())
    form = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}

    answers = [client.post("/account/password/", form | {"current_password": f"guess {n}"}) for n in range(5)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429]
    assert client.post("/account/password/", form | {"current_password": PASSWORD}).status_code == 429
    assert sign_in("bob@example.com").status_code == 302
