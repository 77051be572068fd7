"""The ledger: what a lane has read is what became of it, and whatever does not add up is found."""

import threading

import pytest
from django.db import connection as database

from integrations import delivery, ledger, replay
from integrations.ledger import Account
from integrations.models import EventTotal, Lane
from integrations.replay import Scope
from integrations.segment.client import SegmentClient
from tests.integrations.turns import append_new, take_turn
from tests.make import live_lane, make_assistant, make_connection, make_environment

pytestmark = pytest.mark.django_db


def test_an_account_for_each_lane(client: SegmentClient) -> None:
    connection = make_connection(make_environment(assistant=make_assistant(name="Care")))
    append_new(connection.environment, 3)
    append_new(connection.environment, 2, "Message Handled")
    take_turn(connection, client)
    append_new(connection.environment, 4)

    live, index = live_lane(connection), Lane.objects.get(kind=Lane.Kind.INDEX)
    assert ledger.accounts() == [
        Account(live.pk, "Care / draft", "live", 5, 4, {"accepted": 3, "event_not_selected": 2}),
        Account(index.pk, "Care / draft", "index", 0, 9, {}),
    ]
    assert [account.difference for account in ledger.accounts()] == [0, 0]


@pytest.mark.parametrize(("change", "difference"), [(-1, 1), (2, -2)])
def test_a_count_that_is_wrong_is_found(client: SegmentClient, change: int, difference: int) -> None:
    connection = make_connection()
    append_new(connection.environment, 3)
    take_turn(connection, client)

    EventTotal.objects.filter(lane=live_lane(connection)).update(count=3 + change)

    assert ledger.accounts()[0].difference == difference


def test_a_cursor_that_moved_without_its_counts_is_found() -> None:
    connection = make_connection()
    Lane.objects.filter(connection=connection).update(cursor=3)

    assert ledger.accounts()[0].difference == 3


@pytest.mark.django_db(transaction=True)
def test_lanes_add_up_while_they_move(client: SegmentClient) -> None:
    connection = make_connection()
    lane_id = live_lane(connection).pk
    is_over = threading.Event()

    def deliver() -> None:
        try:
            for _ in range(30):
                append_new(connection.environment, 2)
                delivery.run_lane(lane_id, client)
        finally:
            is_over.set()
            database.close()

    worker = threading.Thread(target=deliver)
    worker.start()
    differences = set()
    while not is_over.is_set():
        differences |= {account.difference for account in ledger.accounts()}
    worker.join()

    assert differences <= {0}
    assert ledger.accounts()[0].read == 60


def test_a_replay_has_an_account_of_its_own(client: SegmentClient) -> None:
    connection = make_connection(make_environment(assistant=make_assistant(name="Care")))
    append_new(connection.environment, 3)
    append_new(connection.environment, 2, "Message Handled")
    take_turn(connection, client)
    scope = Scope(2, 5, frozenset({"Session Started"}))
    done, waits, stopped = (replay.start(connection, scope, has_new_ids=False, by=None) for _ in range(3))
    delivery.run_lane(done.lane_id, client)
    replay.stop(stopped, by=None)

    accounts = {account.lane_id: account for account in ledger.accounts()}
    outcomes = {"accepted": 2, "not_in_replay": 2}
    assert accounts[done.lane_id] == Account(done.lane_id, "Care / draft", "replay", 4, 0, outcomes, start=1)
    assert accounts[waits.lane_id] == Account(waits.lane_id, "Care / draft", "replay", 0, 4, {}, start=1)
    assert accounts[stopped.lane_id] == Account(
        stopped.lane_id, "Care / draft", "replay", 0, 0, {}, start=1, is_over=True
    )
    assert {account.difference for account in accounts.values()} == {0}
