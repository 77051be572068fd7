"""The wizard's steps: what they keep and for how long, what they refuse, and that they may be taken twice at once."""

import base64
import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection as database
from django.utils import timezone
from pytest_django import Settings

from assistants.encryption import decrypt
from assistants.models import AuditEntry
from integrations import connections, setup
from integrations.models import Connection, ConnectionVersion, PendingSetup, SandboxMessage
from integrations.setup import SetupError, Step
from tests.fakes import Reply, running_segment
from tests.make import append, live_lane, make_assistant, make_connection, make_environment, make_message

KEY = "wizard-write-key-3f9K"
SANDBOX = {"region": "sandbox"}
SELECTION = [("track", "Session Started"), ("identify", "")]

pytestmark = pytest.mark.django_db


def make_alice() -> User:
    return User.objects.create_user("alice@example.com")


def make_setup(kind: str = "draft", *, through: Step = Step.REVIEW) -> PendingSetup:
    """Begin a setup and complete the steps before `through`; live gets its connected draft."""
    assistant = make_assistant()
    if kind != "draft":
        make_connection(make_environment("draft", assistant), selection=SELECTION)
    pending = setup.begin(make_environment(kind, assistant), by=None)
    if through is Step.CONNECT:
        return pending
    setup.save_connect(pending, settings=SANDBOX, source_name="Care", write_key=KEY)
    return pending if through is Step.EVENTS else setup.save_events(pending, SELECTION)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# --- Begin ---


def test_a_setup_lasts_seven_days_and_names_who_began_it() -> None:
    alice, environment = make_alice(), make_environment()
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
        pending = setup.begin(environment, by=alice)
        assert pending.expires_at == timezone.now() + timedelta(days=7)
    assert pending.created_by == alice
    assert setup.next_step(pending) is Step.CONNECT
    entry = AuditEntry.objects.get(action="extension.added")
    assert (entry.actor, entry.environment, entry.target) == (alice, environment, "Segment Extension")


def test_begun_again_an_unfinished_setup_goes_on() -> None:
    pending = make_setup(through=Step.EVENTS)
    again = setup.begin(pending.environment, by=None)
    assert again == pending
    assert again.write_key_last4 == "3f9K"
    assert setup.next_step(again) is Step.EVENTS
    assert actions().count("extension.added") == 1


def test_an_expired_setup_is_gone_with_its_key() -> None:
    pending = make_setup(through=Step.EVENTS)
    PendingSetup.objects.filter(pk=pending.pk).update(expires_at=timezone.now())
    assert setup.pending(pending.environment) is None
    again = setup.begin(pending.environment, by=None)
    assert (again.pk != pending.pk, again.write_key, again.settings) == (True, "", {})
    assert PendingSetup.objects.count() == 1


@pytest.mark.parametrize("kind", ["live", "other"])
def test_only_draft_can_be_the_first(kind: str) -> None:
    environment = make_environment("live")
    environment.kind = kind
    environment.save()
    with pytest.raises(SetupError, match="complete configuration for the draft environment before"):
        setup.begin(environment, by=None)
    assert PendingSetup.objects.count() == 0


def test_a_draft_that_is_begun_does_not_open_live() -> None:
    pending = make_setup()
    with pytest.raises(SetupError, match="draft"):
        setup.begin(make_environment("live", pending.environment.assistant), by=None)


def test_a_connected_environment_needs_no_setup() -> None:
    connection = make_connection()
    with pytest.raises(SetupError, match="Segment is connected in the Draft environment already"):
        setup.begin(connection.environment, by=None)


# --- Connect and Select events ---


def test_the_key_is_encrypted_from_the_first_moment_and_bound_to_its_row() -> None:
    pending = make_setup(through=Step.EVENTS)
    stored = PendingSetup.objects.get(pk=pending.pk)
    assert KEY not in stored.write_key
    assert decrypt(stored.write_key, context=f"pending-setup:{pending.pk}") == KEY
    assert (stored.write_key_last4, stored.settings, stored.source_name) == ("3f9K", SANDBOX, "Care")


def test_an_empty_key_keeps_the_one_entered_before() -> None:
    pending = make_setup(through=Step.EVENTS)
    before = pending.write_key
    setup.save_connect(pending, settings={"region": "eu"}, source_name="Other", write_key="")
    stored = PendingSetup.objects.get(pk=pending.pk)
    assert (stored.write_key, stored.settings, stored.source_name) == (before, {"region": "eu"}, "Other")


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        ({}, Step.CONNECT),
        ({"region": "mars"}, Step.CONNECT),
        ({"region": "custom"}, Step.CONNECT),
        ({"region": "custom", "unchecked_endpoint": "https://events.example.com"}, Step.CONNECT),
        ({"region": "custom", "endpoint": "https://events.example.com"}, Step.EVENTS),
        ({"region": "us"}, Step.EVENTS),
    ],
)
def test_connect_is_complete_with_a_key_and_somewhere_to_send_to(settings: dict[str, str], step: Step) -> None:
    pending = make_setup(through=Step.CONNECT)
    setup.save_connect(pending, settings=settings, source_name="", write_key=KEY)
    assert setup.next_step(pending) is step


def test_without_a_key_connect_is_not_complete() -> None:
    pending = make_setup(through=Step.CONNECT)
    setup.save_connect(pending, settings=SANDBOX, source_name="", write_key="")
    assert setup.next_step(pending) is Step.CONNECT


def test_an_empty_selection_is_kept_and_is_not_complete() -> None:
    pending = make_setup()
    setup.save_events(pending, [])
    assert PendingSetup.objects.get(pk=pending.pk).selection == []
    assert setup.next_step(pending) is Step.EVENTS


def test_a_step_that_comes_late_does_not_bring_a_finished_setup_back() -> None:
    pending = make_setup()
    setup.finish(pending, by=None)
    with pytest.raises(SetupError, match="finished, cancelled or has expired"):
        setup.save_connect(pending, settings=SANDBOX, source_name="", write_key=KEY)
    assert PendingSetup.objects.count() == 0


# --- Try the key ---


def test_a_trial_goes_straight_to_the_sandbox_with_its_nonce() -> None:
    pending = make_setup(through=Step.EVENTS)
    trial = setup.try_key(pending)
    assert (trial.is_accepted, trial.answer.status) == (True, 200)
    message = SandboxMessage.objects.get()
    assert trial.nonce in message.body
    assert PendingSetup.objects.get(pk=pending.pk).test_accepted_at is not None
    assert pending.environment.log_head.position == 0


def test_a_trial_presents_the_pending_key() -> None:
    pending = make_setup(through=Step.CONNECT)
    with running_segment() as segment:
        setup.save_connect(
            pending, settings={"region": "custom", "endpoint": segment.url}, source_name="", write_key=KEY
        )
        trial = setup.try_key(pending)
        assert [(request.path, request.write_key) for request in segment.requests] == [("/v1/batch", KEY)]
    assert [message["properties"]["nonce"] for message in segment.accepted] == [trial.nonce]


def test_a_refused_trial_keeps_its_answer_and_withdraws_an_earlier_success() -> None:
    pending = make_setup(through=Step.CONNECT)
    with running_segment() as segment:
        setup.save_connect(
            pending, settings={"region": "custom", "endpoint": segment.url}, source_name="", write_key=KEY
        )
        setup.try_key(pending)
        segment.replies.append(Reply(401, b"who are you"))
        trial = setup.try_key(pending)
    assert (trial.is_accepted, trial.answer.status, trial.answer.excerpt) == (False, 401, "who are you")
    assert PendingSetup.objects.get(pk=pending.pk).test_accepted_at is None


def test_an_unreachable_host_is_a_result_and_no_error() -> None:
    pending = make_setup(through=Step.CONNECT)
    with running_segment() as segment:
        closed = segment.url
    setup.save_connect(pending, settings={"region": "custom", "endpoint": closed}, source_name="", write_key=KEY)
    trial = setup.try_key(pending)
    assert (trial.is_accepted, trial.answer.status) == (False, None)
    assert KEY not in trial.answer.excerpt


def test_another_key_or_region_has_to_be_tried_anew() -> None:
    pending = make_setup(through=Step.EVENTS)
    setup.try_key(pending)
    setup.save_connect(pending, settings=SANDBOX, source_name="Renamed", write_key="")
    assert PendingSetup.objects.get(pk=pending.pk).test_accepted_at is not None
    setup.save_connect(pending, settings={"region": "eu"}, source_name="Renamed", write_key="")
    assert PendingSetup.objects.get(pk=pending.pk).test_accepted_at is None


def test_nothing_is_sent_before_there_is_a_key() -> None:
    with pytest.raises(SetupError, match="Enter the Segment key"):
        setup.try_key(make_setup(through=Step.CONNECT))
    assert SandboxMessage.objects.count() == 0


def test_a_key_that_cannot_be_read_any_more_is_asked_for_again(settings: Settings) -> None:
    pending = make_setup()
    settings.SLUICE_ENCRYPTION_KEYS = [base64.b64encode(b"k" * 32).decode()]
    for step in (setup.try_key, lambda row: setup.finish(row, by=None)):
        with pytest.raises(SetupError, match="Enter it again"):
            step(pending)
    assert Connection.objects.count() == 0
    setup.save_connect(pending, settings=SANDBOX, source_name="Care", write_key=KEY)
    assert setup.finish(pending, by=None).write_key_last4 == "3f9K"


# --- Copy from draft ---


def test_live_takes_over_everything_of_draft_but_its_key() -> None:
    pending = make_setup("live", through=Step.CONNECT)
    setup.copy_from_draft(pending)
    stored = PendingSetup.objects.get(pk=pending.pk)
    assert stored.settings == SANDBOX
    assert stored.selection == [["identify", ""], ["track", "Session Started"]]
    assert (stored.write_key, stored.write_key_last4) == ("", "")
    assert setup.next_step(stored) is Step.CONNECT


def test_the_key_of_draft_is_encrypted_anew_where_it_is_used_again() -> None:
    pending = make_setup("live", through=Step.CONNECT)
    draft = setup.draft_connection(pending.environment)
    assert draft is not None
    setup.reuse_draft_key(setup.copy_from_draft(pending))
    stored = PendingSetup.objects.get(pk=pending.pk)
    assert stored.write_key != draft.write_key
    assert decrypt(stored.write_key, context=stored.secret_context) == decrypt(
        draft.write_key, context=draft.secret_context
    )
    assert stored.write_key_last4 == draft.write_key_last4
    assert setup.next_step(stored) is Step.REVIEW


def test_draft_has_no_draft_to_copy_from() -> None:
    with pytest.raises(SetupError, match="no finished draft"):
        setup.copy_from_draft(make_setup(through=Step.CONNECT))


# --- Finish and cancel ---


def test_finish_makes_the_connection_and_removes_the_setup() -> None:
    alice, pending = make_alice(), make_setup()
    append(pending.environment, make_message(), make_message())
    made = Connection.objects.get(pk=setup.finish(pending, by=alice).pk)
    assert (made.environment, made.settings, made.source_name) == (pending.environment, SANDBOX, "Care")
    assert decrypt(made.write_key, context=made.secret_context) == KEY
    assert connections.selection_of(made) == set(SELECTION)
    assert (live_lane(made).start, live_lane(made).cursor) == (2, 2)
    assert PendingSetup.objects.count() == 0
    assert ConnectionVersion.objects.get().created_by == alice
    assert actions()[-2:] == ["extension.added", "connection.added"]


def test_what_the_trial_proved_is_carried_over() -> None:
    pending = make_setup()
    setup.try_key(pending)
    pending.refresh_from_db()
    made = Connection.objects.get(pk=setup.finish(pending, by=None).pk)
    assert made.test_accepted_at == pending.test_accepted_at
    assert made.confirmed_at is None


def test_finish_sent_twice_gives_one_connection() -> None:
    pending = make_setup()
    assert setup.finish(pending, by=None) == setup.finish(pending, by=None)
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("through", [Step.CONNECT, Step.EVENTS])
def test_an_incomplete_setup_cannot_be_finished(through: Step) -> None:
    pending = make_setup(through=through)
    with pytest.raises(SetupError, match="not complete"):
        setup.finish(pending, by=None)
    assert (Connection.objects.count(), PendingSetup.objects.count()) == (0, 1)


def test_a_cancelled_setup_cannot_be_finished() -> None:
    pending = make_setup()
    setup.cancel(pending, by=None)
    setup.cancel(pending, by=None)
    with pytest.raises(SetupError, match="cancelled or has expired"):
        setup.finish(pending, by=None)
    assert (Connection.objects.count(), PendingSetup.objects.count()) == (0, 0)
    assert actions().count("setup.cancelled") == 1


def test_live_stays_closed_when_draft_is_disconnected_in_the_meantime() -> None:
    pending = make_setup("live")
    draft = setup.draft_connection(pending.environment)
    assert draft is not None
    connections.disconnect(draft, by=None)
    with pytest.raises(SetupError, match="draft"):
        setup.finish(pending, by=None)
    assert PendingSetup.objects.filter(pk=pending.pk).exists()


def test_a_connection_made_elsewhere_in_the_meantime_is_left_alone() -> None:
    pending = make_setup()
    made = make_connection(pending.environment)
    with pytest.raises(SetupError, match="connected in the Draft environment already"):
        setup.finish(pending, by=None)
    assert list(Connection.objects.all()) == [made]
    assert PendingSetup.objects.filter(pk=pending.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_finish_with_the_same_connection() -> None:
    pending = make_setup()
    barrier = threading.Barrier(2)
    finished: list[Connection] = []

    def press_finish() -> None:
        barrier.wait()
        try:
            finished.append(setup.finish(pending, by=None))
        finally:
            database.close()

    threads = [threading.Thread(target=press_finish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == 2
    assert finished[0] == finished[1]
    assert (Connection.objects.count(), PendingSetup.objects.count()) == (1, 0)
