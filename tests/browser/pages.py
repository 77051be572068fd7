"""Every page by its URL name: which addresses there are, and where one of each kind is in the world of the tests."""

from collections.abc import Callable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.browser.world import World

Arguments = Callable[[World], list[object]]

ARGUMENTS: dict[str, Arguments] = {
    "home": lambda world: [],
    "healthz": lambda world: [],
    "readyz": lambda world: [],
    "metrics": lambda world: [],
    "theme": lambda world: [],
    "account:sign_in": lambda world: [],
    "account:sign_out": lambda world: [],
    "account:welcome": lambda world: [*world.welcome.split("/")],
    "account:password": lambda world: [],
    "users:list": lambda world: [],
    "users:invite": lambda world: [],
    "users:link": lambda world: [world.carol.pk],
    "users:disable": lambda world: [world.carol.pk],
    "users:enable": lambda world: [world.carol.pk],
    "users:role": lambda world: [world.carol.pk],
    "assistants:create": lambda world: [],
    "assistants:detail": lambda world: [world.care.pk],
    "assistants:edit": lambda world: [world.care.pk],
    "assistants:delete": lambda world: [world.care.pk],
    "assistants:add_environment": lambda world: [world.care.pk],
    "environments:detail": lambda world: [world.busy.environment.public_id],
    "environments:create_key": lambda world: [world.busy.environment.public_id],
    "environments:browser_key": lambda world: [world.busy.environment.public_id, world.browser_key.public_id],
    "environments:revoke_key": lambda world: [world.busy.environment.public_id, world.active_key.public_id],
    "environments:schema_check": lambda world: [world.busy.environment.public_id],
    "environments:retention": lambda world: [world.busy.environment.public_id],
    "environments:ledger": lambda world: [world.busy.environment.public_id],
    "environments:erase": lambda world: [world.busy.environment.public_id],
    "environments:rename": lambda world: [world.failing.environment.public_id],
    "environments:delete": lambda world: [world.failing.environment.public_id],
    "sources:list": lambda world: [world.busy.environment.public_id],
    "sources:vocabulary": lambda world: [world.busy.environment.public_id],
    "sources:detail": lambda world: [world.busy.environment.public_id, "custom"],
    "sources:save": lambda world: [world.busy.environment.public_id, "watson"],
    "sources:create_key": lambda world: [world.busy.environment.public_id, "custom"],
    "sources:remove_secret": lambda world: [world.needs_attention.environment.public_id, "watson"],
    "sources:rules": lambda world: [world.busy.environment.public_id, "custom"],
    "sources:payload": lambda world: [world.busy.environment.public_id, "custom", world.sources.payload.pk],
    "debugger:list": lambda world: [world.busy.environment.public_id],
    "debugger:newer": lambda world: [world.busy.environment.public_id],
    "debugger:event": lambda world: [world.busy.environment.public_id, 3],
    "sandbox:list": lambda world: [],
    "audit:list": lambda world: [],
    "catalog:list": lambda world: [],
    "catalog:plan": lambda world: [],
    "catalog:schema": lambda world: ["session-started"],
    "integrations:list": lambda world: [world.care.pk],
    "extensions:overview": lambda world: [world.bank.pk],
    "extensions:open": lambda world: [world.care.pk],
    "extensions:remove": lambda world: [world.care.pk],
    "setup:connect": lambda world: [world.bank.pk, world.reviewing.public_id],
    "setup:events": lambda world: [world.bank.pk, world.reviewing.public_id],
    "setup:review": lambda world: [world.bank.pk, world.reviewing.public_id],
    "setup:done": lambda world: [world.care.pk, world.busy.environment.public_id],
    "setup:cancel": lambda world: [world.bank.pk, world.reviewing.public_id],
    "connections:detail": lambda world: [world.busy.connection.pk],
    "connections:switch_event": lambda world: [world.paused.connection.pk],
    "connections:pause": lambda world: [world.busy.connection.pk],
    "connections:resume": lambda world: [world.paused.connection.pk],
    "connections:test": lambda world: [world.busy.connection.pk],
    "connections:confirm": lambda world: [world.busy.connection.pk],
    "connections:settings": lambda world: [world.busy.connection.pk],
    "connections:pace": lambda world: [world.busy.connection.pk],
    "connections:options": lambda world: [world.busy.connection.pk],
    "connections:samples": lambda world: [world.busy.connection.pk],
    "connections:plan": lambda world: [world.busy.connection.pk],
    "connections:rejections": lambda world: [world.confirmed.connection.pk],
    "connections:discard": lambda world: [world.confirmed.connection.pk],
    "connections:replays": lambda world: [world.confirmed.connection.pk],
    "connections:new_replay": lambda world: [world.confirmed.connection.pk],
    "connections:replay": lambda world: [world.confirmed.connection.pk, world.replays.refused.pk],
    "connections:pause_replay": lambda world: [world.confirmed.connection.pk, world.replays.waiting.pk],
    "connections:resume_replay": lambda world: [world.confirmed.connection.pk, world.replays.waiting.pk],
    "connections:stop_replay": lambda world: [world.confirmed.connection.pk, world.replays.waiting.pk],
    "connections:disconnect": lambda world: [world.paused.connection.pk],
}


def url_names(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[str]:
    """Yield the name of every address that the URL configuration knows."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"
        else:
            yield from url_names(pattern, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace)


def address(url_name: str, world: World, arguments: Arguments | None = None) -> str:
    """Return where a page is, about what `ARGUMENTS` says or about something else."""
    return reverse(url_name, args=(arguments or ARGUMENTS[url_name])(world))
