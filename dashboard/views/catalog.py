"""The catalog of events: what each one means, whom it needs, its properties, examples, schemas, tracking plans."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from assistants import catalog
from assistants.catalog.entry import Entry, Family, json_schema
from assistants.catalog.tracking_plan import has_rule, tracking_plan
from dashboard.event_rows import has_all, searched
from dashboard.views.downloads import json_file
from dashboard.views.request import SignedInRequest


@dataclass(frozen=True)
class Listed:
    """An entry as a family lists it: in full where it is at home, else as a reference."""

    entry: Entry
    slug: str
    value: str
    words: str
    home: Family
    is_at_home: bool

    @property
    def examples(self) -> list[tuple[str, Any]]:
        """The examples, each under a label of its own."""
        return [(f"Example {number} of {self.entry.title}", each) for number, each in enumerate(self.entry.examples, 1)]


@dataclass(frozen=True)
class Group:
    """What is shown of a family."""

    family: Family
    own: list[Listed]
    shared: list[Listed]

    @property
    def has_rules(self) -> bool:
        """Whether a tracking plan can have rules for any of its events."""
        return any(has_rule(entry) for entry in self.family.entries)


@require_safe
def events(request: SignedInRequest) -> HttpResponse:
    query = request.GET.get("q", "")
    groups = [group for family in _families() if (group := _group(family, query)).own or group.shared]
    shown = {each.value for group in groups for each in (*group.own, *group.shared)}
    total = len(catalog.everything())
    found = f"{len(shown)} of {total} events" if len(shown) < total else ""
    return render(request, "catalog/list.html", {"groups": groups, "query": query, "found": found})


@require_safe
def schema(request: SignedInRequest, slug: str) -> JsonResponse:
    """Serve an entry's JSON Schema, draft-07, as a file of its own."""
    return json_file(
        json_schema(_entry_or_404(slug)),
        name=f"{slug}-schema",
        is_shown=True,
        content_type="application/schema+json",
    )


@require_safe
def plan(request: SignedInRequest) -> JsonResponse:
    """Serve rules for a tracking plan: of the named family, else of every event that can have one."""
    slug = request.GET.get("family")
    if slug is None:
        return json_file(tracking_plan(catalog.everything()), name="tracking-plan")
    family = next((family for family in _families() if family.slug == slug), None)
    if family is None:
        raise Http404(f"The catalog has no family “{slug}”.")
    return json_file(tracking_plan(family.entries), name=f"tracking-plan-{slug}")


def _families() -> tuple[Family, ...]:
    return (*catalog.families(), catalog.plain_calls())


def _group(family: Family, query: str) -> Group:
    listed = [each for entry in family.entries if has_all((each := _listed(family, entry)).words, query)]
    return Group(
        family,
        own=[each for each in listed if each.is_at_home],
        shared=[each for each in listed if not each.is_at_home],
    )


def _listed(family: Family, entry: Entry) -> Listed:
    home = catalog.home(entry)
    return Listed(entry, slugify(entry.title), ":".join(entry.key), searched(entry, family), home, home is family)


def _entry_or_404(slug: str) -> Entry:
    for entry in catalog.everything():
        if slugify(entry.title) == slug:
            return entry
    raise Http404(f"The catalog has no event “{slug}”.")
