"""The wizard as its pages send it: what is asked, what is said where, and that the key never comes back."""

import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from assistants import catalog
from assistants.encryption import decrypt
from assistants.models import Environment
from dashboard.extension_forms import event_value
from integrations import connections, options, setup
from integrations.models import Connection, PendingSetup, SandboxMessage
from tests.dashboard.html import tag_with, text_of, ticked, value_of
from tests.fakes import Reply, running_segment
from tests.make import make_assistant, make_connection, make_environment

pytestmark = pytest.mark.django_db

KEY = "abcdefghijklmnopqrstuvwxyz123f9K"
CONNECT = {"source_name": "Care", "write_key": KEY, "region": "sandbox"}


class Wizard:
    """One environment's wizard in Alice's browser."""

    def __init__(self, client: Client, environment: Environment) -> None:
        self.client = client
        self.environment = environment

    def url(self, step: str) -> str:
        return reverse(f"setup:{step}", args=[self.environment.assistant_id, self.environment.public_id])

    def see(self, step: str) -> HttpResponse:
        return self.client.get(self.url(step))

    def send(self, step: str, action: str = "next", **fields: object) -> HttpResponse:
        return self.client.post(self.url(step), {"_action": action, **fields})

    @property
    def kept(self) -> PendingSetup:
        return PendingSetup.objects.get(environment=self.environment)


@pytest.fixture
def wizard(alices: Client) -> Wizard:
    environment = make_environment()
    setup.begin(environment, by=None)
    return Wizard(alices, environment)


@pytest.fixture
def live_wizard(alices: Client) -> Wizard:
    draft = make_connection(selection=[("track", "Session Started"), ("group", "")])
    environment = make_environment("live", draft.environment.assistant)
    setup.begin(environment, by=None)
    return Wizard(alices, environment)


@pytest.fixture(autouse=True)
def _the_key_never_comes_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look into every answer of every test of this module."""
    answers: list[bytes] = []
    request = Client.request

    def watched(self: Client, **environ: object) -> HttpResponse:
        answer = request(self, **environ)
        answers.append(answer.content + str(answer.headers).encode() + str(answer.cookies).encode())
        return answer

    monkeypatch.setattr(Client, "request", watched)
    yield
    assert answers
    assert [answer for answer in answers if KEY.encode() in answer] == []


# --- The way through ---


def test_from_connect_to_close(wizard: Wizard) -> None:
    assert wizard.send("connect", **CONNECT).headers["Location"] == wizard.url("events")
    events = ["track:Session Started", "track:Message Handled", "identify:"]
    assert wizard.send("events", events=events).headers["Location"] == wizard.url("review")
    review = text_of(wizard.see("review"))
    for fact in ("Source name Care", "Segment key ••••••••3f9K", "Region Sandbox", "Session Started", "Identify"):
        assert fact in review
    assert wizard.send("review").headers["Location"] == wizard.url("done")
    made = Connection.objects.get()
    assert connections.selection_of(made) == {
        ("track", "Session Started"),
        ("track", "Message Handled"),
        ("identify", ""),
    }
    done = text_of(wizard.see("done"))
    assert "Segment is connected in the draft environment" in done
    assert "after 14 days" in done
    assert "Close" in done


def test_finish_pressed_twice_leads_both_times_to_the_one_connection(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    wizard.send("events", events=["identify:"])
    assert [wizard.send("review").headers["Location"] for _ in range(2)] == [wizard.url("done")] * 2
    assert Connection.objects.count() == 1


def test_an_unfinished_wizard_goes_on_where_it_was_left(wizard: Wizard, alices: Client) -> None:
    wizard.send("connect", **CONNECT)
    overview = reverse("extensions:overview", args=[wizard.environment.assistant_id])
    assert alices.post(overview).headers["Location"] == wizard.url("events")
    wizard.send("events", events=["identify:"])
    assert alices.post(overview).headers["Location"] == wizard.url("review")


@pytest.mark.parametrize("step", ["events", "review"])
def test_a_later_step_leads_to_the_first_incomplete_one(wizard: Wizard, step: str) -> None:
    assert wizard.see(step).headers["Location"] == wizard.url("connect")
    assert wizard.send(step, events=["identify:"]).headers["Location"] == wizard.url("connect")
    assert wizard.kept.selection is None


@pytest.mark.parametrize("step", ["connect", "events", "review", "done"])
def test_without_a_setup_every_step_leads_to_where_one_begins(alices: Client, step: str) -> None:
    wizard = Wizard(alices, make_environment())
    overview = reverse("extensions:overview", args=[wizard.environment.assistant_id])
    assert wizard.see(step).headers["Location"] == overview


@pytest.mark.parametrize("step", ["connect", "events", "review"])
def test_once_connected_every_step_leads_to_the_end(alices: Client, step: str) -> None:
    wizard = Wizard(alices, make_connection().environment)
    assert wizard.see(step).headers["Location"] == wizard.url("done")


def test_an_environment_is_found_below_its_own_assistant_only(wizard: Wizard, alices: Client) -> None:
    address = reverse("setup:connect", args=[make_assistant().pk, wizard.environment.public_id])
    assert alices.get(address).status_code == 404


def test_cancelling_deletes_what_was_entered(wizard: Wizard, alices: Client) -> None:
    wizard.send("connect", **CONNECT)
    answer = alices.post(wizard.url("cancel"))
    assert answer.headers["Location"] == reverse("integrations:list", args=[wizard.environment.assistant_id])
    assert PendingSetup.objects.count() == 0
    assert alices.get(wizard.url("cancel")).status_code == 405


# --- Connect ---


def test_connect_shows_the_clicks_in_segment_and_where_to_sign_up(wizard: Wizard) -> None:
    page = wizard.see("connect")
    words = text_of(page)
    for click in ("Log in to Segment", "Sign up for free account", "Add Source", "IBM Watson Assistant", "HTTP API"):
        assert click in words
    assert "applies to the draft environment only" in words
    assert 'target="_blank" rel="noopener noreferrer"' in tag_with(page, 'href="https://app.segment.com/login"')
    assert ticked(page, "region") == ["us"]
    assert 'type="password"' in tag_with(page, 'name="write_key"')


def test_enter_goes_on_and_sends_no_test_event(wizard: Wizard) -> None:
    form = wizard.see("connect").content.decode().partition("<main")[2].partition("<form")[2]
    assert re.findall(r'name="_action" value="(\w+)"', form) == ["next", "test", "next", "back", "next"]


def test_the_key_field_stays_empty_and_shows_the_last_four(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    page = wizard.see("connect")
    assert value_of(page, "write_key") == ""
    assert "••••••••3f9K" in text_of(page)
    assert value_of(page, "source_name") == "Care"
    assert ticked(page, "region") == ["sandbox"]


def test_spaces_around_the_key_are_not_part_of_it(wizard: Wizard) -> None:
    wizard.send("connect", **{**CONNECT, "write_key": f"  {KEY}\n"})
    assert decrypt(wizard.kept.write_key, context=wizard.kept.secret_context) == KEY


def test_an_empty_key_is_asked_for_once_and_then_kept(wizard: Wizard) -> None:
    answer = wizard.send("connect", **{**CONNECT, "write_key": "  "})
    assert answer.status_code == 422
    assert "Enter the Segment key." in text_of(answer)
    assert 'aria-invalid="true"' in tag_with(answer, 'name="write_key"')
    wizard.send("connect", **CONNECT)
    assert wizard.send("connect", **{**CONNECT, "write_key": ""}).headers["Location"] == wizard.url("events")
    assert wizard.kept.write_key_last4 == "3f9K"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("two parts", "spaces inside"),
        ("tab\tinside", "spaces inside"),
        ("key:with-colon", "a character that no key has"),
        ("schlüssel", "a character that no key has"),
        ("zero\u200bwidth", "a character that no key has"),
        ("nul\x00inside", "Null characters are not allowed"),
        ("x" * 201, "at most 200 characters"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_at_the_field(wizard: Wizard, key: str, words: str) -> None:
    answer = wizard.send("connect", **{**CONNECT, "write_key": key})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert key not in answer.content.decode()
    assert wizard.kept.write_key == ""


def test_a_mistake_in_one_field_loses_nothing_of_the_others(wizard: Wizard) -> None:
    fields = {"source_name": "Care", "write_key": KEY, "region": "custom", "endpoint": "not a url"}
    answer = wizard.send("connect", **fields)
    assert answer.status_code == 422
    assert value_of(answer, "endpoint") == "not a url"
    assert value_of(answer, "source_name") == "Care"
    assert ticked(answer, "region") == ["custom"]
    assert "••••••••3f9K" in text_of(answer)
    later = wizard.see("connect")
    assert (value_of(later, "endpoint"), ticked(later, "region")) == ("not a url", ["custom"])


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("", "Enter the URL to send to, or choose another region."),
        ("ftp://events.example.com", "The URL must begin with https:// or http://."),
        ("https://user:pass@events.example.com", "must not contain a user name or password"),
        ("http://127.0.0.1:9", "127.0.0.1 cannot be reached."),
    ],
)
def test_an_own_url_that_cannot_be_used_is_refused_at_the_field(wizard: Wizard, endpoint: str, words: str) -> None:
    answer = wizard.send("connect", **{**CONNECT, "region": "custom", "endpoint": endpoint})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert setup.next_step(wizard.kept) is setup.Step.CONNECT


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/batch", "/v1/batch/"])
def test_an_own_url_that_answers_is_taken_as_far_as_its_base(wizard: Wizard, ending: str) -> None:
    with running_segment() as segment:
        answer = wizard.send("connect", **{**CONNECT, "region": "custom", "endpoint": f"{segment.url}{ending}"})
        assert answer.headers["Location"] == wizard.url("events")
        assert wizard.kept.settings == {"region": "custom", "endpoint": segment.url}
        assert segment.requests == []


def test_another_region_forgets_the_own_url(wizard: Wizard) -> None:
    wizard.send("connect", **{**CONNECT, "region": "eu", "endpoint": "http://127.0.0.1:9"})
    assert wizard.kept.settings == {"region": "eu"}


def test_an_own_url_is_offered_only_where_the_setting_allows_it(wizard: Wizard, settings: Settings) -> None:
    assert "Own URL" in text_of(wizard.see("connect"))
    settings.SLUICE_ALLOW_CUSTOM_ENDPOINTS = False
    assert "Own URL" not in text_of(wizard.see("connect"))
    answer = wizard.send("connect", **{**CONNECT, "region": "custom", "endpoint": "https://events.example.com"})
    assert answer.status_code == 422
    assert wizard.kept.settings == {}


def test_an_unusual_key_gives_a_hint_and_passes(wizard: Wizard, alices: Client) -> None:
    answer = wizard.send("connect", **{**CONNECT, "write_key": "short"})
    assert answer.headers["Location"] == wizard.url("events")
    assert "does not look like most keys" in text_of(wizard.see("events"))


def test_a_usual_key_gives_no_hint(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    assert "does not look like most keys" not in text_of(wizard.see("events"))


def test_a_test_event_shows_the_status_and_how_little_it_proves(wizard: Wizard) -> None:
    answer = wizard.send("connect", "test", **CONNECT)
    assert answer.status_code == 200
    words = text_of(answer)
    assert "Accepted, not confirmed: status 200" in words
    assert "Segment gives this answer even to a key that it does not know." in words
    nonce = re.search(r"nonce ([0-9a-f]{16})", words)
    assert nonce is not None
    assert nonce[1] in SandboxMessage.objects.get().body


def test_a_refused_test_event_shows_what_was_answered(wizard: Wizard) -> None:
    with running_segment() as segment:
        segment.replies.append(Reply(403, b"forbidden here"))
        answer = wizard.send("connect", "test", **{**CONNECT, "region": "custom", "endpoint": segment.url})
    assert "Not accepted: status 403" in text_of(answer)
    assert "forbidden here" in text_of(answer)


def test_no_test_event_goes_out_while_a_field_is_wrong(wizard: Wizard) -> None:
    assert wizard.send("connect", "test", **{**CONNECT, "write_key": "two parts"}).status_code == 422
    assert SandboxMessage.objects.count() == 0


def test_back_from_connect_keeps_what_is_valid(wizard: Wizard) -> None:
    answer = wizard.send(
        "connect", "back", source_name="Care", write_key=KEY, region="custom", endpoint="http://x.example"
    )
    assert answer.headers["Location"] == reverse("extensions:overview", args=[wizard.environment.assistant_id])
    later = wizard.see("connect")
    assert (value_of(later, "source_name"), value_of(later, "endpoint")) == ("Care", "http://x.example")
    assert wizard.kept.write_key_last4 == "3f9K"
    # Nobody asked the host yet, so Connect has to be passed once more.
    assert setup.next_step(wizard.kept) is setup.Step.CONNECT


# --- Select events ---


def test_the_table_has_every_event_with_its_properties(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    page = wizard.see("events")
    words = text_of(page)
    assert "0 of 24 events selected" in words
    for entry in catalog.everything():
        assert entry.title in words
    assert page.content.decode().count('scope="row" role="rowheader">accountId<') == 4
    assert ticked(page, "events") == []
    assert boxes(page) == [event_value(entry.key) for entry in (*catalog.entries(), *catalog.plain_calls().entries)]


def boxes(page: HttpResponse) -> list[str]:
    return re.findall(r'type="checkbox" name="events" value="([^"]*)"', page.content.decode())


def kept_aside(page: HttpResponse) -> list[str]:
    return re.findall(r'type="hidden" name="events" value="([^"]*)"', page.content.decode())


def test_an_event_of_several_families_has_one_box_and_is_referred_to(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    body = wizard.see("events").content.decode()
    assert body.count('data-mirrors="check-message-sent"') == 1
    assert body.count('data-mirrors="check-identify"') == 2
    assert 'aria-label="Message Sent (Live chat)"' in body
    assert body.count('href="#event-message-sent"') == 1
    ids = re.findall(r'\sid="([^"]*)"', body)
    assert len(set(ids)) == len(ids)


def test_a_search_shows_what_it_finds_and_keeps_every_tick(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    chosen = ["track:Message Handled", "track:Message Sent", "identify:"]
    page = wizard.send("events", "search", events=chosen, q="Message sent")
    assert page.status_code == 200
    assert boxes(page) == ["track:Message Sent", "track:Live Chat Message Sent"]
    assert ticked(page, "events") == ["track:Message Sent"]
    assert kept_aside(page) == ["track:Message Handled", "identify:"]
    assert "2 of 24 events" in text_of(page)
    assert "3 of 24 events selected" in text_of(page)
    assert value_of(page, "q") == "Message sent"
    assert wizard.kept.selection is None
    everything = wizard.send("events", "search", events=chosen, q="")
    assert sorted(ticked(everything, "events")) == sorted(chosen)
    assert kept_aside(everything) == []


def test_an_event_that_is_found_only_away_from_home_is_ticked_there(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    page = wizard.send("events", "search", events=["track:Message Sent"], q="live chat")
    assert "track:Message Sent" in boxes(page)
    assert ticked(page, "events") == ["track:Message Sent"]
    assert kept_aside(page) == []


@pytest.mark.parametrize("query", ["", "rating"])
def test_a_family_is_ticked_and_unticked_by_buttons_as_far_as_it_is_shown(wizard: Wizard, query: str) -> None:
    wizard.send("connect", **CONNECT)
    copilot = {event_value(entry.key) for entry in catalog.families()[1].entries}
    shown = {"track:Feedback Submitted"} if query else copilot
    page = wizard.send("events", "tick:copilot", events=["track:Session Started"], q=query)
    assert {*ticked(page, "events"), *kept_aside(page)} == {"track:Session Started", *shown}
    page = wizard.send("events", "untick:copilot", events=[*copilot, "track:Session Started"], q=query)
    assert {*ticked(page, "events"), *kept_aside(page)} == {"track:Session Started", *copilot} - shown
    assert wizard.kept.selection is None


def test_a_family_that_does_not_exist_changes_nothing(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    assert ticked(wizard.send("events", "tick:lost", events=["identify:"]), "events") == ["identify:"]


def test_review_says_how_the_events_will_be_sent(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    wizard.send("events", events=["track:Message Sent"])
    words = text_of(wizard.see("review"))
    for standing in options.standings({}):
        assert standing.words in words
    assert "Message texts (message_body) stay here" in words


@pytest.mark.parametrize(("events", "is_offered"), [(["identify:"], True), (["track:*"], False)])
def test_samples_are_offered_after_finish(wizard: Wizard, events: list[str], is_offered: bool) -> None:
    wizard.send("connect", **CONNECT)
    wizard.send("events", events=events)
    wizard.send("review")
    assert ("Send one sample of each selected event" in text_of(wizard.see("done"))) is is_offered


def test_no_event_selected_is_said_at_the_table(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    answer = wizard.send("events")
    assert answer.status_code == 422
    assert text_of(answer).count("Select at least one event") == 2
    assert 'href="#id_events"' in answer.content.decode()
    assert wizard.kept.selection is None


def test_an_event_that_does_not_exist_is_refused_and_the_ticks_stay(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    answer = wizard.send("events", events=["identify:", "track:Session Ended"])
    assert answer.status_code == 422
    assert "track:Session Ended is no event of the catalog" in text_of(answer)
    assert ticked(answer, "events") == ["identify:"]


@pytest.mark.parametrize("events", [[], ["identify:", "track:*"]])
def test_back_from_events_saves_first(wizard: Wizard, events: list[str]) -> None:
    wizard.send("connect", **CONNECT)
    assert wizard.send("events", "back", events=events).headers["Location"] == wizard.url("connect")
    assert ticked(wizard.see("events"), "events") == events


def test_back_from_review_leads_to_the_ticked_events(wizard: Wizard) -> None:
    wizard.send("connect", **CONNECT)
    wizard.send("events", events=["identify:"])
    assert wizard.send("review", "back").headers["Location"] == wizard.url("events")
    assert ticked(wizard.see("events"), "events") == ["identify:"]
    assert Connection.objects.count() == 0


# --- Live ---


def test_live_starts_with_copy_from_draft(live_wizard: Wizard) -> None:
    assert "Copy from Draft" in text_of(live_wizard.see("connect"))
    assert live_wizard.send("connect", "copy").headers["Location"] == live_wizard.url("connect")
    page = live_wizard.see("connect")
    assert ticked(page, "region") == ["sandbox"]
    assert live_wizard.kept.selection == [["group", ""], ["track", "Session Started"]]
    assert live_wizard.kept.write_key == ""
    assert live_wizard.send("connect", region="sandbox").status_code == 422


def test_live_uses_the_key_of_draft_only_when_told_to(live_wizard: Wizard) -> None:
    live_wizard.send("connect", "copy")
    answer = live_wizard.send("connect", region="sandbox", reuse_key="on")
    assert answer.headers["Location"] == live_wizard.url("events")
    assert live_wizard.kept.write_key_last4 == "abcd"
    assert live_wizard.send("review").headers["Location"] == live_wizard.url("done")
    assert "connected in the live environment" in text_of(live_wizard.see("done"))


def test_one_key_is_enough(live_wizard: Wizard) -> None:
    answer = live_wizard.send("connect", **CONNECT, reuse_key="on")
    assert answer.status_code == 422
    assert "Enter a key or use the one of Draft, not both." in text_of(answer)


def test_draft_has_nothing_to_copy_and_says_so(wizard: Wizard) -> None:
    assert "Copy from Draft" not in text_of(wizard.see("connect"))
    answer = wizard.send("connect", "copy")
    assert answer.headers["Location"] == reverse("integrations:list", args=[wizard.environment.assistant_id])
    assert "There is no finished draft environment to copy from." in text_of(
        wizard.client.get(answer.headers["Location"])
    )


def test_live_is_not_finished_when_draft_is_gone(live_wizard: Wizard) -> None:
    live_wizard.send("connect", "copy")
    live_wizard.send("connect", region="sandbox", reuse_key="on")
    draft = setup.draft_connection(live_wizard.environment)
    assert draft is not None
    connections.disconnect(draft, by=None)
    answer = live_wizard.send("review")
    assert "complete configuration for the draft" in text_of(live_wizard.client.get(answer.headers["Location"]))
    assert Connection.objects.present().count() == 0


def test_a_step_that_fails_shows_no_key_even_on_the_debug_page(wizard: Wizard, settings: Settings) -> None:
    settings.DEBUG, settings.SLUICE_ENCRYPTION_KEYS = True, []
    wizard.client.raise_request_exception = False

    response = wizard.send("connect", **CONNECT)

    assert response.status_code == 500
    assert "Traceback" in response.content.decode()
    assert KEY not in response.content.decode()
    assert wizard.kept.write_key == ""
