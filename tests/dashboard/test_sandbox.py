"""The sandbox page: what the built-in recorder took, and whose it was."""

from collections.abc import Callable

import pytest
from django.test import Client

from integrations import sandbox
from integrations.models import Connection, SandboxMessage
from tests.make import WRITE_KEY, make_assistant, make_connection, make_environment


def record(*message_ids: str, write_key: str = WRITE_KEY, **members: object) -> None:
    messages = [
        {"type": "track", "event": "Session Started", "userId": "user-1", "messageId": message_id, **members}
        for message_id in message_ids
    ]
    sandbox.record(messages, fingerprint=sandbox.fingerprint(write_key))


def use_key(connection: Connection, write_key: str) -> None:
    Connection.objects.filter(pk=connection.pk).update(write_key_fingerprint=sandbox.fingerprint(write_key))


def test_an_empty_sandbox_says_how_to_choose_it(alices: Client) -> None:
    page = alices.get("/sandbox/").content.decode()
    assert "Nothing received yet" in page
    assert "choose the region Sandbox" in page


def test_messages_are_shown_the_newest_first_with_their_json(alices: Client) -> None:
    record("m-1")
    record("m-2", event="Message <Handled>", properties={"channel": "chat"})
    page = alices.get("/sandbox/").content.decode()
    assert page.index("Message &lt;Handled&gt;") < page.index("Session Started")
    assert "&quot;channel&quot;: &quot;chat&quot;" in page
    assert "&quot;messageId&quot;: &quot;m-2&quot;" in page


def test_a_message_names_the_connection_that_sent_it_and_not_its_key(alices: Client) -> None:
    make_connection(make_environment(assistant=make_assistant(name="Care")))
    record("m-1")
    record("m-2", write_key="a key of nobody")
    page = alices.get("/sandbox/").content.decode()
    assert page.count('<span class="event__meta">Care, Draft</span>') == 1
    assert page.count('<span class="event__meta">a connection that is gone</span>') == 1
    assert WRITE_KEY not in page


def test_one_connections_messages_can_be_shown_alone(alices: Client) -> None:
    mine, other = make_connection(), make_connection()
    use_key(mine, "my key")
    use_key(other, "another key")
    record("m-1", write_key="my key", event="Mine")
    record("m-2", write_key="another key", event="Another")
    page = alices.get("/sandbox/", {"sender": sandbox.fingerprint("my key")}).content.decode()
    assert ">Mine " in page
    assert ">Another " not in page


def test_a_connection_without_messages_says_so(alices: Client) -> None:
    use_key(make_connection(), "silent key")
    record("m-1", write_key="another key")
    page = alices.get("/sandbox/", {"sender": sandbox.fingerprint("silent key")}).content.decode()
    assert "Nothing of this connection" in page


@pytest.mark.parametrize("question", [{"sender": "nobody"}, {"before": "x"}, {"before": "0"}, {"before": str(2**63)}])
def test_a_question_with_errors_is_answered_422_and_shows_no_messages(alices: Client, question: dict[str, str]) -> None:
    make_connection()
    record("m-1", event="Hidden")
    response = alices.get("/sandbox/", question)
    assert response.status_code == 422
    assert 'class="notification notification--error error-summary"' in response.content.decode()
    assert ">Hidden " not in response.content.decode()


def test_older_messages_are_a_page_further(alices: Client) -> None:
    record(*(f"m-{number}" for number in range(60)))
    newest = alices.get("/sandbox/").content.decode()
    eleventh = SandboxMessage.objects.order_by("pk")[10].pk
    assert newest.count('class="recorded__message"') == 50
    assert f'href="?before={eleventh}"' in newest
    oldest = alices.get("/sandbox/", {"before": eleventh}).content.decode()
    assert oldest.count('class="recorded__message"') == 10
    assert "Older" not in oldest.split('aria-label="Pages"')[1].split("pager__links")[1]


def test_messages_without_event_or_user_are_shown_too(alices: Client) -> None:
    record("m-1", type="identify", event=None, userId=None, anonymousId="anon-7")
    page = alices.get("/sandbox/").content.decode()
    assert ">Identify " in page
    assert "anon-7" in page


def test_the_page_takes_few_queries(alices: Client, django_assert_max_num_queries: Callable[..., object]) -> None:
    make_connection()
    record(*(f"m-{number}" for number in range(55)))
    alices.get("/sandbox/")
    with django_assert_max_num_queries(6):
        alices.get("/sandbox/")
