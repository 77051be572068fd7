"""The commands of operations: one pass of the sweep, and the check of the ledger with its exit code."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from integrations.models import EventTotal
from integrations.segment.client import SegmentClient
from tests.integrations.elsewhere import manage
from tests.integrations.turns import append_new, outcomes, take_turn
from tests.make import live_lane, make_assistant, make_connection, make_environment


@pytest.mark.django_db
def test_the_ledger_is_told_lane_by_lane(client: SegmentClient) -> None:
    connection = make_connection(make_environment(assistant=make_assistant(name="Care")))
    append_new(connection.environment, 1_500)
    append_new(connection.environment, 2, "Message Handled")
    take_turn(connection, client)
    append_new(connection.environment, 1)
    live = live_lane(connection)
    out = StringIO()

    call_command("check_ledger", stdout=out)

    assert out.getvalue().splitlines() == [
        f"lane {live.pk} (live, Care / draft): read 1,502 = accepted 1,500, event_not_selected 2; waiting 1: ok",
        f"lane {live.pk + 1} (index, Care / draft): read 0 = nothing; waiting 1,503: ok",
        "2 lanes add up.",
    ]


@pytest.mark.django_db
def test_a_ledger_that_does_not_add_up_is_an_error(client: SegmentClient) -> None:
    connection = make_connection()
    append_new(connection.environment, 5)
    take_turn(connection, client)
    EventTotal.objects.filter(lane=live_lane(connection)).update(count=3)
    out = StringIO()

    with pytest.raises(CommandError, match=r"^1 of 2 lanes do not add up\.$"):
        call_command("check_ledger", stdout=out)

    assert "read 5 = accepted 3; waiting 0: OFF BY 2" in out.getvalue()


@pytest.mark.django_db
def test_an_empty_ledger_adds_up() -> None:
    out = StringIO()

    call_command("check_ledger", stdout=out)

    assert out.getvalue() == "0 lanes add up.\n"


@pytest.mark.django_db(transaction=True)
def test_the_exit_codes_of_the_ledger_check(client: SegmentClient) -> None:
    connection = make_connection()
    append_new(connection.environment, 5)
    take_turn(connection, client)
    assert manage("check_ledger").returncode == 0

    EventTotal.objects.filter(lane=live_lane(connection)).update(count=3)
    ended = manage("check_ledger")

    assert ended.returncode == 1
    assert ended.stderr.strip() == "CommandError: 1 of 2 lanes do not add up."


@pytest.mark.django_db(transaction=True)
def test_one_pass_of_the_sweep_ends() -> None:
    connection = make_connection()
    append_new(connection.environment, 3)

    ended = manage("sweep", "--once", CELERY_BROKER_URL="redis://127.0.0.1:1/0", CACHE_URL="redis://127.0.0.1:1/0")

    assert ended.returncode == 0, ended.stderr
    assert outcomes(connection) == {"accepted": 3}
