"""The keyring: what it remembers and for how long, and how far somebody gets who guesses."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.utils import timezone

from assistants.intake.keyring import (
    REMEMBERED_SECONDS,
    WATCHED_ADDRESSES,
    WRONG_PER_MINUTE,
    GuessLimit,
    Keyring,
    Opened,
)
from assistants.keys import create_ingest_key, mint, revoke_ingest_key
from assistants.models import IngestKey
from tests.assistants.intake.conftest import TRACK, Sender, stored
from tests.assistants.intake.outages import hidden_table
from tests.make import make_environment

TOO_MANY = {"success": False, "code": "too_many_wrong_keys", "message": "Too many unknown keys from this address."}


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(clock: Clock, transactional_db: None) -> Iterator[Keyring]:
    keyring = Keyring(clock)
    yield keyring
    keyring.close()


def opened(keyring: Keyring, text: str) -> Opened | None:
    return asyncio.run(keyring.open(text))


def test_a_key_opens_its_environment(keyring: Keyring) -> None:
    environment, other = make_environment(), make_environment()
    key, other_key = (create_ingest_key(e, label="", by=None) for e in (environment, other))

    assert opened(keyring, key) == Opened(environment.pk, IngestKey.objects.get(environment=environment).pk)
    assert opened(keyring, other_key) == Opened(other.pk, IngestKey.objects.get(environment=other).pk)


def test_several_keys_of_one_environment_are_active_at_once(keyring: Keyring) -> None:
    environment = make_environment()
    for _ in range(3):
        found = opened(keyring, create_ingest_key(environment, label="", by=None))
        assert found is not None
        assert found.environment_id == environment.pk


def test_a_revoked_key_works_on_for_two_seconds_at_most(keyring: Keyring, clock: Clock) -> None:
    key = create_ingest_key(make_environment(), label="", by=None)
    first = opened(keyring, key)
    revoke_ingest_key(IngestKey.objects.get(), by=None)

    clock.seconds += REMEMBERED_SECONDS - 0.01
    assert opened(keyring, key) == first
    clock.seconds += 0.01
    assert opened(keyring, key) is None
    assert REMEMBERED_SECONDS == 2.0


def test_asking_again_and_again_does_not_make_a_revoked_key_last(keyring: Keyring, clock: Clock) -> None:
    key = create_ingest_key(make_environment(), label="", by=None)
    opened(keyring, key)
    revoke_ingest_key(IngestKey.objects.get(), by=None)

    answers = []
    for _ in range(5):
        clock.seconds += REMEMBERED_SECONDS / 4
        answers.append(opened(keyring, key) is not None)

    assert answers == [True, True, True, False, False]


def test_an_unknown_key_is_remembered_as_well(keyring: Keyring, clock: Clock) -> None:
    text, public_id, digest = mint("draft")
    assert opened(keyring, text) is None
    IngestKey.objects.create(environment=make_environment(), public_id=public_id, digest=digest)

    assert opened(keyring, text) is None
    clock.seconds += REMEMBERED_SECONDS
    assert opened(keyring, text) is not None


def test_the_right_public_id_with_another_secret_opens_nothing(keyring: Keyring) -> None:
    text, *_ = mint("draft")
    create_ingest_key(make_environment(), label="", by=None)
    IngestKey.objects.update(public_id=text.split("_")[2])

    assert opened(keyring, text) is None


@pytest.mark.parametrize("text", ["", "slu_draft", "é", "\0", "slu_draft_00000000_" + "0" * 33])
def test_what_cannot_be_a_key_is_turned_away_without_asking_the_database(text: str) -> None:
    keyring = Keyring()

    assert opened(keyring, text) is None
    keyring.close()


def test_a_key_is_forgotten_early_where_there_is_no_room(clock: Clock, transactional_db: None) -> None:
    first, second = (create_ingest_key(make_environment(), label="", by=None) for _ in range(2))
    keyring = Keyring(clock, capacity=1)
    assert opened(keyring, first) is not None
    IngestKey.objects.update(revoked_at=timezone.now())

    assert opened(keyring, first) is not None
    assert opened(keyring, second) is None
    assert opened(keyring, first) is None
    keyring.close()


def test_wrong_keys_of_one_address_are_counted_by_the_minute(clock: Clock) -> None:
    limit = GuessLimit(clock)

    assert [limit.count("203.0.113.9") for _ in range(WRONG_PER_MINUTE + 2)] == [False] * WRONG_PER_MINUTE + [True] * 2
    assert limit.count("198.51.100.7") is False
    clock.seconds += 60
    assert limit.count("203.0.113.9") is False


def test_the_limit_watches_only_so_many_addresses(clock: Clock) -> None:
    limit = GuessLimit(clock)

    for number in range(WATCHED_ADDRESSES * 2):
        assert limit.count(str(number)) is False


def test_guessing_ends_in_429_for_wrong_keys_and_never_for_a_valid_one(sender: Sender, clock: Clock) -> None:
    sender.intake.guesses = GuessLimit(clock)
    wrong = mint("draft")[0]
    statuses = [sender.post("/v1/track", TRACK, key=wrong).status_code for _ in range(WRONG_PER_MINUTE)]
    refused = sender.post("/v1/track", TRACK, key=wrong)

    assert set(statuses) == {401}
    assert (refused.status_code, refused.json(), refused.headers["retry-after"]) == (429, TOO_MANY, "60")
    assert sender.post("/v1/track", TRACK).status_code == 200
    assert sender.post("/v1/track", TRACK, key=wrong).status_code == 429
    assert len(stored(sender)) == 1


def test_a_forged_forwarded_address_neither_evades_the_limit_nor_locks_out_others(sender: Sender, clock: Clock) -> None:
    sender.intake.guesses = GuessLimit(clock)
    wrong = mint("draft")[0]
    for number in range(WRONG_PER_MINUTE):
        sender.post("/v1/track", TRACK, key=wrong, X_Forwarded_For=f"198.51.100.{number % 250}, 192.0.2.1")

    assert sender.post("/v1/track", TRACK, key=wrong, X_Forwarded_For="192.0.2.1").status_code == 429
    other = Sender(sender.intake, sender.environment, sender.key, address="192.0.2.1")
    assert other.post("/v1/track", TRACK, key=wrong).status_code == 401


def test_a_key_that_cannot_be_looked_up_is_an_outage_and_not_a_wrong_key(sender: Sender) -> None:
    with hidden_table("assistants_ingestkey"):
        response = sender.batch(TRACK)

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json() == {
        "success": False,
        "code": "unavailable",
        "message": "The database is not available. Nothing was stored; send it again.",
    }
    assert sender.batch(TRACK).status_code == 200
