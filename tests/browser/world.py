"""An installation as it looks after some weeks: every state a page can show, made by the product's own functions."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from assistants import erasure, keys, lifecycle, log
from assistants.faults import Refused
from assistants.intake import refusals
from assistants.intake.browser import find_misuse
from assistants.intake.keyring import Opened
from assistants.models import Assistant, Block, Environment, IngestKey
from dashboard import people
from integrations import connections, erase, expiry, incidents, rejections, replay, setup, watch
from integrations.clients import segment_client
from integrations.delivery import run_lane
from integrations.fates import fates
from integrations.incidents import Found
from integrations.models import Connection, Incident, Rejection, Replay
from integrations.replay import Scope
from tests.browser.source_world import Sources, make_sources
from tests.dashboard.people import make_alice, make_bob, make_user
from tests.fakes import FakeSegment, Received, Reply, running_segment
from tests.make import append, make_message

IBM_EVENTS = ("Message Handled", "Session Started", "Action Started", "Action Completed")
SELECTION = [("track", name) for name in IBM_EVENTS]
REJECTED = "poisoned"
HOURS = 20


@dataclass(frozen=True)
class Place:
    """One environment with its connection to Segment."""

    environment: Environment
    connection: Connection

    def position(self, fate: str) -> int:
        """Return where the log holds an event with this fate."""
        events = log.read_back(self.environment.pk, limit=100)
        return next(
            event.position
            for event, its in zip(events, fates(self.connection, events), strict=True)
            if its.code == fate
        )


@dataclass(frozen=True)
class Replays:
    """Replays of one connection. The names say how they stand."""

    stopped: Replay
    refused: Replay
    paused: Replay
    waiting: Replay


@dataclass(frozen=True)
class World:
    """Who and what there is. The names of the places say how they stand."""

    alice: User
    bob: User
    carol: User
    welcome: str
    care: Assistant
    busy: Place
    needs_attention: Place
    active_key: IngestKey
    revoked_key: IngestKey
    browser_key: IngestKey
    revoked_browser_key: IngestKey
    shop: Assistant
    confirmed: Place
    replays: Replays
    paused: Place
    failing: Place
    travel: Assistant
    fresh: Place
    copying: Environment
    forgotten: Environment
    bank: Assistant
    reviewing: Environment
    untouched: Environment
    museum: Assistant
    sources: Sources


def make_world() -> World:
    """Make everything there is; takes a second or two and sends nothing anywhere but to this host."""
    alice, bob = make_alice(), make_bob()
    carol = people.invite("carol@example.com", is_admin=False, by=alice)
    people.disable(make_user("dave@example.com"), by=alice)
    lifecycle.delete_assistant(lifecycle.create_assistant(name="Old Bot", by=alice), by=alice, reason="Replaced")
    with running_segment() as fake:
        fake.judge = _judge
        care, busy, needs_attention = _care(alice, fake)
        shop, confirmed, paused, failing = _shop(alice, fake)
        replays = _replays(confirmed.connection, alice)
    active_key, revoked_key = _keys(busy.environment, alice)
    browser_key, revoked_browser_key = _browser_keys(busy.environment, alice)
    _refuse(busy.environment)
    _erase(busy.environment, alice)
    travel, fresh, copying, forgotten = _travel(alice)
    bank, reviewing = _bank(alice)
    _look(busy.environment)
    sources = make_sources(busy.environment, needs_attention.environment, by=alice)
    return World(
        alice=alice,
        bob=bob,
        carol=carol,
        welcome=people.one_time_link(carol, by=alice).url.partition("/welcome/")[2].strip("/"),
        care=care,
        busy=busy,
        needs_attention=needs_attention,
        active_key=active_key,
        revoked_key=revoked_key,
        browser_key=browser_key,
        revoked_browser_key=revoked_browser_key,
        shop=shop,
        confirmed=confirmed,
        replays=replays,
        paused=paused,
        failing=failing,
        travel=travel,
        fresh=fresh,
        copying=copying,
        forgotten=forgotten,
        bank=bank,
        reviewing=reviewing,
        untouched=bank.environments.get(kind="live"),
        museum=lifecycle.create_assistant(name="Museum", by=alice),
        sources=sources,
    )


def _judge(received: Received) -> Reply | None:
    """Refuse the key of the one connection, the address of another, and one event of a third."""
    if received.write_key == "unauthorized":
        return Reply(401, b'{"message": "invalid write key"}')
    if received.write_key == "unavailable":
        return Reply(503, b"upstream connect error")
    if any(message.get("userId") == REJECTED for message in received.batch):
        return Reply(400, b'{"success": false, "message": "malformed event"}')
    return None


def _care(alice: User, fake: FakeSegment) -> tuple[Assistant, Place, Place]:
    care = lifecycle.create_assistant(
        name="Customer Care of the Northern and Western Regions",
        by=alice,
        language="en-GB",
        account_id="7d1f0c22a97d1f0c22a97d1f0c22a97d",
        service_instance="1f6a3c5e-2d47-4f63-8f5b-0a4f5f2f7c11",
        vendor_assistant_id="e0b6e1f4-6a2b-4b0e-9d0a-5f1c8c9b7a10",
    )
    draft, live = care.environments.all()
    append(draft, make_message("Session Started"), make_message("Action Started"))
    busy = _connected(draft, by=alice)
    _a_day(draft)
    append(
        draft,
        make_message("Order Placed"),
        make_message("Message Handled", user_id=None, anonymous_id="visitor-88"),
        make_message("Action Completed", properties={"note": "x" * 40_000}),
        make_message("A name so long that no table has room for all of it in one line of a telephone " * 2),
    )
    connections.send_test_event(busy.connection, by=alice)
    _deliver(draft)
    append(draft, make_message("Message Handled"), make_message("Session Started"))

    needs_attention = _connected(live, by=alice, endpoint=fake.url, write_key="unauthorized")
    append(live, make_message("Session Started"), make_message("Message Handled"))
    _deliver(live)
    return care, busy, needs_attention


def _shop(alice: User, fake: FakeSegment) -> tuple[Assistant, Place, Place, Place]:
    shop = lifecycle.create_assistant(name="Shop", by=alice)
    draft, live = shop.environments.all()
    staging = lifecycle.add_environment(shop, name="staging", by=alice)
    confirmed = _connected(draft, by=alice, endpoint=fake.url)
    append(draft, make_message(), make_message(user_id=REJECTED), make_message("Action Started"))
    append(draft, *(make_message("Message Handled", user_id=REJECTED) for _ in range(3)), make_message())
    connections.send_test_event(confirmed.connection, by=alice)
    _deliver(draft)
    oldest = Rejection.objects.of(confirmed.connection).filter(position=2)
    rejections.discard(confirmed.connection, oldest, by=alice, reason="An event of our own, sent to try the page")
    connections.confirm_seen(confirmed.connection, by=alice)

    paused = _connected(live, by=alice)
    connections.pause(paused.connection, by=alice, reason="The source moves to another workspace")
    append(live, make_message(), make_message(), at=timezone.now() - timedelta(days=24))

    failing = _connected(staging, by=alice, endpoint=fake.url, write_key="unavailable")
    append(staging, make_message(), make_message())
    _deliver(staging)
    staging.lanes.filter(connection=failing.connection).update(failing_since=timezone.now() - timedelta(minutes=20))
    return shop, confirmed, paused, failing


def _replays(connection: Connection, alice: User) -> Replays:
    """One that was stopped, one of whose events Segment refused again, one that rests, one that waits for a worker."""
    everything = Scope(1, 8)
    stopped = replay.start(connection, everything, has_new_ids=True, by=alice, reason="For the new warehouse")
    replay.stop(stopped, by=alice)
    scope = replay.of_rejections(connection, Rejection.objects.filter(position__lte=4))
    assert scope is not None
    refused = replay.start(connection, scope, has_new_ids=False, by=alice, reason="The schema was mended")
    run_lane(refused.lane_id, segment_client())
    paused = replay.start(connection, Scope(1, 8, frozenset({"Message Handled"})), has_new_ids=False, by=alice)
    replay.pause(paused, by=alice)
    waiting = replay.start(connection, everything, has_new_ids=False, by=alice)
    return Replays(stopped, refused, paused, waiting)


def _travel(alice: User) -> tuple[Assistant, Place, Environment, Environment]:
    """Nothing came to draft yet; for live the wizard has just begun; a third environment's log has been pruned."""
    travel = lifecycle.create_assistant(name="Travel", by=alice)
    draft, live = travel.environments.all()
    fresh = _connected(draft, by=alice)
    setup.begin(live, by=alice)
    forgotten = lifecycle.add_environment(travel, name="trade-fair-2025", by=alice)
    append(forgotten, make_message(), make_message())
    Block.objects.filter(environment=forgotten).delete()
    return travel, fresh, live, forgotten


def _bank(alice: User) -> tuple[Assistant, Environment]:
    """Draft has only Review & Confirm before it; live was never touched."""
    bank = lifecycle.create_assistant(name="Bank", by=alice)
    draft = bank.environments.get(kind="draft")
    pending = setup.begin(draft, by=alice)
    setup.save_connect(pending, settings={"region": "eu"}, source_name="Bank, draft", write_key="k" * 32)
    setup.save_events(pending, SELECTION[:3])
    return bank, draft


def _connected(environment: Environment, *, by: User, endpoint: str = "", write_key: str = "") -> Place:
    settings = {"region": "custom", "endpoint": endpoint} if endpoint else {"region": "sandbox"}
    connection = connections.connect(
        environment,
        settings=settings,
        source_name=f"{environment.assistant.name}, {environment.label}",
        write_key=write_key or f"{environment.pk:032}",
        selection=SELECTION,
        by=by,
    )
    return Place(environment, connection)


def _a_day(environment: Environment) -> None:
    """Let events come in hour by hour, some hours busier than others."""
    now = timezone.now()
    for hour in range(HOURS, 0, -1):
        names = IBM_EVENTS[: 1 + hour % len(IBM_EVENTS)]
        properties = {"channel": "chat", "sessionId": f"session-{hour}", "pageUrl": "https://shop.example/orders"}
        messages = [make_message(name, user_id=f"customer-{hour}", properties=properties) for name in names]
        append(environment, *messages, at=now - timedelta(hours=hour))


def _deliver(environment: Environment) -> None:
    for lane in environment.lanes.all():
        run_lane(lane.pk, segment_client())


def _keys(environment: Environment, alice: User) -> tuple[IngestKey, IngestKey]:
    for label in ("Web chat backend", "Phone gateway", "A contractor's laptop"):
        keys.create_ingest_key(environment, label=label, by=alice)
    active, _, revoked = environment.ingest_keys.order_by("created_at")
    IngestKey.objects.filter(pk=active.pk).update(last_used_at=timezone.now())
    keys.revoke_ingest_key(revoked, by=alice, reason="The contract has ended")
    return active, revoked


def _browser_keys(environment: Environment, alice: User) -> tuple[IngestKey, IngestKey]:
    """The one was sent by a page that its origins do not name."""
    origins = ["https://www.shop.example", "https://checkout.of-a-shop-with-a-rather-long-name.example:8443"]
    active = keys.create_browser_key(environment, label="Shop's pages", origins=origins, by=alice)
    keys.create_browser_key(environment, label="App for phones", origins=[], by=alice)
    revoked = keys.create_browser_key(environment, label="Trade fair", origins=["https://fair.example"], by=alice)
    keys.revoke_ingest_key(revoked, by=alice, reason="The fair is over")
    origin = "https://copy-of-the-shop.example"
    misuse = find_misuse(
        Opened(environment.pk, active.pk, is_browser_key=True, origins=frozenset(origins)), origin=origin
    )
    assert misuse is not None
    refusals.record([refusals.RefusedItem(environment.pk, "segment", timezone.now(), misuse, origin.encode())])
    return active, revoked


def _look(quiet: Environment) -> None:
    """Let the sweep find what is amiss; an event has stopped coming in one place."""
    now = timezone.now()
    watch.look(now)
    expiry.look(now)
    missed = Found(
        kind=Incident.Kind.SILENT,
        environment_id=quiet.pk,
        key="Feedback Given",
        cause="“Feedback Given” used to come at least every 3 hours and comes no more.",
        began_at=now - timedelta(hours=8),
    )
    incidents.update([Incident.Kind.SILENT], [missed], now, ending=lambda incident: "")


def _erase(environment: Environment, alice: User) -> None:
    """One person is erased, another one will be."""
    erase.run(erasure.request(environment, "visitor-12", by=alice), timezone.now())
    erasure.request(environment, "visitor-13", by=alice)


def _refuse(environment: Environment) -> None:
    for code, message, raw in (
        ("no_message_id", "messageId is missing.", b'{"type": "track", "event": "Session Started", "userId": "u-1"}'),
        (
            "too_large",
            "The message has 40,312 bytes; 32,768 are the most.",
            b'{"type": "track", "notes": "' + b"x" * 600,
        ),
    ):
        item = refusals.RefusedItem(environment.pk, "segment", timezone.now(), Refused(code, message), raw)
        refusals.record([item])
