"""The write key stays out of logs, of what a lane shows and of Celery's failure log, whichever part fails with it."""

import io
import logging
import traceback
from collections.abc import Iterator

import pytest

from assistants.log_filter import MaskSecrets
from integrations import connections, delivery, tasks
from integrations.models import Connection
from integrations.segment.client import SegmentClient
from integrations.segment.verdicts import Answer
from tests.fakes import FakeSegment, Reply
from tests.integrations.turns import take_turn
from tests.make import append, live_lane, make_connection, make_message

pytestmark = pytest.mark.django_db(transaction=True)

MARKER = "marker0write0key0of0these0tests0"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Catch what the handler of the settings writes."""
    handler = next(
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and any(isinstance(f, MaskSecrets) for f in handler.filters)
    )
    lines = io.StringIO()
    before = handler.setStream(lines)
    yield lines
    handler.setStream(before)


def connect(endpoint: str = "") -> Connection:
    connection = make_connection(endpoint=endpoint)
    connections.change_destination(connection, settings=connection.settings, source_name="", write_key=MARKER, by=None)
    append(connection.environment, make_message())
    return Connection.objects.get(pk=connection.pk)


class FailingClient:
    """A client that fails while it holds the key."""

    def post_batch(self, base_url: str, write_key: str, body: bytes, **options: object) -> Answer:
        assert write_key == MARKER
        raise RuntimeError("the client broke")


def test_a_client_that_breaks_with_the_key_in_its_hands_does_not_tell_it(logged: io.StringIO) -> None:
    connection = connect()

    with pytest.raises(RuntimeError) as caught:
        delivery.run_lane(live_lane(connection).pk, FailingClient())

    logging.getLogger("integrations.delivery").error("The turn failed.", exc_info=caught.value)
    assert "the client broke" in logged.getvalue()
    assert MARKER not in logged.getvalue() + "".join(traceback.format_exception(caught.value))
    assert live_lane(connection).last_error == "Sluice itself failed: RuntimeError."


def test_a_task_that_fails_leaves_no_key_in_celerys_log(logged: io.StringIO) -> None:
    connection = connect()
    Connection.objects.filter(pk=connection.pk).update(settings={"region": "sandbox", "endpoint": ""})
    lane = live_lane(connection)
    connection.versions.update(selection=[["not a pair"]])

    result = tasks.run_lane_task.apply(args=[lane.pk])

    assert result.failed()
    assert "ValueError" in logged.getvalue()
    assert MARKER not in logged.getvalue() + str(result.traceback)


def test_an_answer_that_repeats_the_key_is_kept_without_it(
    segment: FakeSegment, client: SegmentClient, logged: io.StringIO
) -> None:
    segment.replies.append(Reply(401, b'{"success": false, "message": "unknown key ' + MARKER.encode() + b'"}'))
    connection = connect(segment.url)

    take_turn(connection, client)

    assert segment.requests[0].write_key == MARKER
    assert Connection.objects.get(pk=connection.pk).status == Connection.Status.NEEDS_ATTENTION
    assert MARKER not in logged.getvalue()
    attention = Connection.objects.get(pk=connection.pk).attention
    assert "unknown key ***" in attention
    assert MARKER not in attention + live_lane(connection).deliveries.get().answer
