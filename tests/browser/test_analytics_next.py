"""Segment's library for pages, in a browser and from another origin: what it sends is in the log as it sent it."""

import json
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from assistants import log
from assistants.keys import create_browser_key, create_ingest_key
from assistants.messages import to_json
from assistants.models import Environment, IngestKey, Refusal
from tests.browser.site import Site, running_site
from tests.clients.driven import drives
from tests.make import make_environment
from tests.services import wait_until
from tests.system.stack import Stack

pytestmark = [pytest.mark.django_db(transaction=True), drives("@segment/analytics-next")]

CALLS: list[list[Any]] = [
    ["track", "Session Started", {"sessionId": "7d0a", "text": "Où est 🚚?"}],
    ["identify", "user-1", {"plan": "plus"}],
    ["track", "Message Sent", {"conversationId": "c1", "role": "customer"}],
    ["page", "Help", "Orders", {"topic": "returns"}],
    ["screen", "Cart"],
    ["group", "team-9", {"name": "Nine"}],
    ["alias", "user-1", "visitor-1"],
]
PATHS = ["/v1/t", "/v1/i", "/v1/t", "/v1/p", "/v1/s", "/v1/g", "/v1/a"]
NPM = """
<script src="/analytics-next.js"></script>
<script>window.ours = AnalyticsNext.AnalyticsBrowser.load({settings}, {options})</script>
"""


class Visit:
    """A visit to the site, with all that the page asked of Sluice, except for the preflights, which no page sees."""

    def __init__(self, page: Page, site: Site, sluice: str) -> None:
        self.page, self.site, self.sluice = page, site, sluice
        self._asked: list[Request] = []
        self.elsewhere: list[str] = []
        page.on("request", self._note)

    @property
    def asked(self) -> list[Request]:
        # Playwright tells of what has happened only while it is asked something.
        self.page.title()
        return self._asked

    def _note(self, request: Request) -> None:
        if request.url.startswith(self.sluice):
            self._asked.append(request)
        elif not request.url.startswith(self.site.url):
            self.elsewhere.append(request.url)

    def forget(self) -> None:
        """Forget what was asked so far."""
        self.asked.clear()

    def paths(self) -> list[str]:
        return [request.url.removeprefix(self.sluice) for request in self.asked]

    def posts(self) -> list[dict[str, Any]]:
        return [json.loads(request.post_data or "") for request in self.asked if request.method == "POST"]

    def load_from_npm(self, key: str, **options: Any) -> None:
        settings = {"writeKey": key, "cdnURL": self.sluice}
        self.site.head = NPM.replace("{settings}", json.dumps(settings)).replace("{options}", json.dumps(options))
        self.page.goto(f"{self.site.url}/orders?from=mail")

    def make(self, calls: list[list[Any]]) -> None:
        """Make the calls one after the other, each once the one before it was answered."""
        self.page.evaluate(
            "async calls => { for (const [method, ...given] of calls) await ours[method](...given) }", calls
        )


@pytest.fixture
def visit(context: BrowserContext, page: Page, server: Stack) -> Iterator[Visit]:
    with running_site() as site:
        visit = Visit(page, site, server.url)
        yield visit
        page.goto("about:blank")
        assert visit.elsewhere == []


@pytest.fixture
def environment(transactional_db: None) -> Environment:
    return make_environment()


def stored(environment: Environment) -> list[dict[str, Any]]:
    events = log.read(environment.pk, after=0, limit=1_000)
    return [json.loads(to_json(event.message)) for event in events if event.message]


def as_stored(post: dict[str, Any]) -> dict[str, Any]:
    """Take off what belongs to the request, and the IDs that say nothing."""
    return {name: value for name, value in post.items() if name not in ("writeKey", "sentAt") and value is not None}


def browser_key(environment: Environment, *origins: str) -> str:
    return create_browser_key(environment, label="page", origins=origins, by=None).browser_text


def test_loaded_with_our_address_it_sends_every_call_to_us(visit: Visit, environment: Environment) -> None:
    key = browser_key(environment, visit.site.url)

    visit.load_from_npm(key)
    visit.make(CALLS)

    assert visit.paths() == [f"/v1/projects/{key}/settings", *PATHS]
    assert all("authorization" in request.all_headers() for request in visit.asked[1:])
    posts = visit.posts()
    messages = stored(environment)
    assert messages == [as_stored(post) for post in posts]
    assert [message["type"] for message in messages] == [call[0] for call in CALLS]
    assert [message.get("userId") for message in messages] == [None, *["user-1"] * 6]
    assert messages[0]["context"]["page"] == {
        "path": "/orders",
        "referrer": "",
        "search": "?from=mail",
        "title": "Orders",
        "url": f"{visit.site.url}/orders?from=mail",
    }
    assert {post["writeKey"] for post in posts} == {key}
    assert IngestKey.objects.get().last_used_at is not None


def test_it_may_send_batches(visit: Visit, environment: Environment) -> None:
    strategy = {"strategy": "batching", "config": {"size": 3, "timeout": 10_000}}
    visit.load_from_npm(browser_key(environment), integrations={"Segment.io": {"deliveryStrategy": strategy}})
    visit.make([["track", "Message Sent", {"number": number}] for number in range(6)])

    wait_until(lambda: len(stored(environment)) == 6, "the arrival of both batches")

    assert visit.paths()[1:] == ["/v1/b", "/v1/b"]
    assert stored(environment) == [as_stored(message) for post in visit.posts() for message in post["batch"]]
    assert [message["properties"]["number"] for message in stored(environment)] == list(range(6))


def test_the_snippet_of_the_dashboard_loads_it_from_here(
    visit: Visit, environment: Environment, alices: Page, base_url: str
) -> None:
    browser_key(environment)
    alices.goto(f"{base_url}/environments/{environment.public_id}/")
    alices.locator("summary", has_text="Web page").click()
    visit.site.head = unescape(alices.get_by_role("region", name="Web page").inner_text())
    visit.forget()

    visit.page.goto(f"{visit.site.url}/orders?ajs_uid=user-1")
    visit.page.evaluate("analytics.track('Message Sent', { conversationId: 'c1' })")
    wait_until(lambda: len(stored(environment)) == 3, "the arrival of page, identify and track")

    loaded = [request.url for request in visit.asked if request.resource_type == "script"]
    assert [url.rpartition("/")[2].partition(".")[0] for url in loaded] == ["analytics", "queryString"]
    by_type = {message["type"]: message for message in stored(environment)}
    assert by_type["page"]["properties"]["url"] == f"{visit.site.url}/orders?ajs_uid=user-1"
    assert by_type["identify"]["userId"] == "user-1"
    assert by_type["track"]["event"] == "Message Sent"


def test_a_page_that_its_key_does_not_name_is_refused_and_counted(visit: Visit, environment: Environment) -> None:
    visit.load_from_npm(browser_key(environment, "https://shop.example"))
    visit.make(CALLS[:2])

    answers = [request.response() for request in visit.asked[1:]]
    assert [answer.status for answer in answers if answer] == [403, 403]
    assert stored(environment) == []
    refusal = Refusal.objects.get()
    assert (refusal.code, refusal.sample, refusal.count) == ("origin_not_allowed", visit.site.url, 2)


def test_a_server_key_in_a_page_never_gets_as_far_as_sending(visit: Visit, environment: Environment) -> None:
    key = create_ingest_key(environment, label="server", by=None)

    visit.load_from_npm(key)
    expect(visit.page.get_by_role("heading")).to_be_visible()
    wait_until(lambda: Refusal.objects.exists(), "the refusal")

    assert visit.paths() == [f"/v1/projects/{key}/settings"]
    assert Refusal.objects.get().code == "server_key_in_public"
    assert stored(environment) == []
