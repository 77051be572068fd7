"""The catalog of events: what each one means, whom it needs, its properties, an example and its JSON Schema."""

from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from assistants import catalog
from assistants.catalog.entry import Entry, json_schema
from dashboard.views.request import SignedInRequest


@require_safe
def events(request: SignedInRequest) -> HttpResponse:
    families = [
        (family, [_row(entry) for entry in family.entries]) for family in (*catalog.families(), catalog.plain_calls())
    ]
    return render(request, "catalog/list.html", {"families": families})


def _row(entry: Entry) -> dict[str, Any]:
    examples = [(f"Example {number} of {entry.title}", example) for number, example in enumerate(entry.examples, 1)]
    return {"slug": slugify(entry.title), "entry": entry, "examples": examples}


@require_safe
def schema(request: SignedInRequest, slug: str) -> JsonResponse:
    """Serve an entry's JSON Schema, draft-07, as a file of its own."""
    name = f"{slug}.schema.json"
    return JsonResponse(
        json_schema(_entry_or_404(slug)),
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'inline; filename="{name}"'},
        content_type="application/schema+json",
    )


def _entry_or_404(slug: str) -> Entry:
    for entry in (*catalog.entries(), *catalog.plain_calls().entries):
        if slugify(entry.title) == slug:
            return entry
    raise Http404(f"The catalog has no event “{slug}”.")
