"""How a source is set up: looked up rarely, remembered for seconds, and never with a secret that cannot be read."""

import asyncio
from collections.abc import Iterator

import pytest

from assistants.intake.setups import REMEMBERED_SECONDS, SecretUnreadable, Setups, look_up
from assistants.models import Environment, Source
from assistants.sources import find, setup
from assistants.sources.adapter import Adapter, AssistantIdentity, Setup
from tests.make import make_assistant, make_environment

SECRET = "a secret of at least 32 characters"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watson() -> Adapter:
    adapter = find("watson")
    assert adapter
    return adapter


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def setups(clock: Clock) -> Iterator[Setups]:
    setups = Setups(clock, capacity=2)
    yield setups
    setups.close()


def test_all_that_is_set_up_is_found(watson: Adapter) -> None:
    assistant = make_assistant(
        name="Care", language="en", account_id="a", service_instance="s", vendor_assistant_id="v"
    )
    environment = assistant.environments.get(kind=Environment.Kind.LIVE)
    Environment.objects.filter(pk=environment.pk).update(vocabulary=Environment.Vocabulary.BOTH)
    setup.save(environment, watson, options={"stateless": True}, secret=SECRET, by=None)

    found = look_up(watson, environment.public_id)

    assert found == look_up(watson, environment.pk)
    assert found == Setup(
        environment_id=environment.pk,
        environment_name="live",
        assistant=AssistantIdentity("Care", "en", "a", "s", "v"),
        secret=SECRET,
        options={**{option.name: False for option in watson.options}, "stateless": True},
        vocabulary="both",
    )
    assert SECRET not in repr(found)
    held = look_up(watson, environment.pk, with_secret=False)
    assert held
    assert held.secret == ""


def test_a_source_that_nobody_set_up_has_its_own_options_and_no_secret(watson: Adapter) -> None:
    found = look_up(watson, make_environment().pk)

    assert found
    assert (found.secret, set(found.options.values())) == ("", {False})
    assert not Source.objects.exists()


def test_a_secret_that_cannot_be_read_is_no_empty_secret(
    setups: Setups, watson: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    environment = make_environment()
    Source.objects.create(environment=environment, kind="watson", secret="1.nonsense.AAAA")

    with pytest.raises(SecretUnreadable):
        look_up(watson, environment.pk)
    for _ in range(2):
        with pytest.raises(SecretUnreadable):
            asyncio.run(setups.find(watson, environment.pk))
    # It was looked for twice, and remembered once.
    assert len(caplog.records) == 2


def test_a_setup_is_remembered_for_seconds(setups: Setups, clock: Clock, watson: Adapter) -> None:
    environment = make_environment()

    def secret() -> str:
        found = asyncio.run(setups.find(watson, environment.public_id))
        assert found
        return found.secret

    assert secret() == ""
    setup.save(environment, watson, options={}, secret=SECRET, by=None)
    clock.now += REMEMBERED_SECONDS - 0.1
    assert secret() == ""
    clock.now += 0.1
    assert secret() == SECRET


def test_an_environment_that_is_not_there_is_remembered_as_well(setups: Setups, watson: Adapter) -> None:
    assert asyncio.run(setups.find(watson, "nobody")) is None
    environment = make_environment()
    Environment.objects.filter(pk=environment.pk).update(public_id="nobody")

    assert asyncio.run(setups.find(watson, "nobody")) is None


def test_no_more_is_remembered_than_fits(setups: Setups, watson: Adapter) -> None:
    for number in range(5):
        asyncio.run(setups.find(watson, f"nobody-{number}"))

    assert len(setups._remembered) == 2
