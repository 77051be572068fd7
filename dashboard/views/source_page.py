"""What the pages of sources share: which sources there are, how each one stands in words, and the way to a page."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from assistants import sources
from assistants.models import Environment
from assistants.sources import setup, standing
from assistants.sources.adapter import Adapter, Option, OptionKind
from assistants.sources.standing import HOURS, SEGMENT, Standing
from dashboard.templatetags.ui import duration
from dashboard.views.overview import Status


@dataclass(frozen=True)
class Kind:
    """A kind of sender as the pages name it; the libraries of Segment need no adapter."""

    kind: str
    title: str
    description: str
    proof: str
    adapter: Adapter | None = None


SEGMENT_LIBRARIES = Kind(
    SEGMENT,
    "Segment libraries",
    "Your own code, with one of Segment's libraries or plain HTTP. What it sends keeps the names it has.",
    "Driven by Segment's own libraries for Python, Node.js and the browser, and by RudderStack's for Python.",
)


@dataclass(frozen=True)
class Shown:
    """A kind of sender, and how it stands in one environment."""

    kind: Kind
    standing: Standing

    @property
    def status(self) -> Status:
        """Its state in a word or two, as the status component shows it."""
        warnings, seen_at = self.standing.warnings_today, self.standing.last_seen_at
        if warnings:
            return Status("warning", f"{warnings:,} warning{'' if warnings == 1 else 's'} in {HOURS} h")
        if seen_at:
            silent_seconds = (timezone.now() - seen_at).total_seconds()
            is_silent = silent_seconds >= HOURS * 3600
            return Status("waiting", f"Silent for {duration(silent_seconds)}") if is_silent else RECEIVING
        return WAITING if self.standing.is_in_use else NOT_SET_UP


RECEIVING = Status("success", "Receiving")
WAITING = Status("waiting", "Set up, nothing came yet")
NOT_SET_UP = Status("off", "Not set up")


STALE = "Somebody else changed this source in the meantime. Reload the page and enter your changes again."


def all_kinds() -> list[Kind]:
    """Return every kind of sender, Segment's libraries first."""
    return [SEGMENT_LIBRARIES, *(_kind(adapter) for adapter in sources.adapters())]


def kind_or_404(kind: str) -> Kind:
    found = next((each for each in all_kinds() if each.kind == kind), None)
    if found is None:
        raise Http404(f"There is no source named {kind}.")
    return found


def adapter_or_404(kind: str) -> Adapter:
    """Return a kind's adapter; the libraries of Segment have nothing to set up here."""
    adapter = sources.find(kind)
    if adapter is None:
        raise Http404(f"There is no source named {kind} that can be set up.")
    return adapter


def shown(environment: Environment, kinds: list[Kind]) -> list[Shown]:
    """Look at these kinds in an environment, in their order."""
    standings = standing.standings(environment, [kind.kind for kind in kinds])
    return [Shown(kind, its) for kind, its in zip(kinds, standings, strict=True)]


def in_use(environment: Environment) -> list[Shown]:
    """Look at the kinds that somebody set up in an environment, or that were heard there."""
    return [each for each in shown(environment, all_kinds()) if each.standing.is_in_use]


def address_of(adapter: Adapter, environment: Environment) -> str:
    """Return what a sender is configured with, as an address that is complete but for a key."""
    return f"{settings.SLUICE_BASE_URL}{setup.path_of(adapter, environment)}"


def rules_option(adapter: Adapter) -> Option | None:
    """Return the option that holds an adapter's rules, if it works by rules."""
    return next((option for option in adapter.options if option.kind is OptionKind.RULES), None)


def source_frame(environment: Environment, kind: Kind | None = None) -> dict[str, Any]:
    """Return what every page below an environment's sources shows: where one is, and the way back."""
    trail = [
        ("Assistants", reverse("home")),
        (environment.assistant.name, reverse("assistants:detail", args=[environment.assistant_id])),
        (environment.label, reverse("environments:detail", args=[environment.public_id])),
        ("Sources", reverse("sources:list", args=[environment.public_id])),
    ]
    if kind is not None:
        trail.append((kind.title, reverse("sources:detail", args=[environment.public_id, kind.kind])))
    return {"environment": environment, "assistant": environment.assistant, "kind": kind, "trail": trail}


def _kind(adapter: Adapter) -> Kind:
    return Kind(adapter.kind, adapter.title, adapter.description, adapter.proof, adapter)
