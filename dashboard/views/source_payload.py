"""One payload of a source: as it came, and what became of it."""

import json

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from assistants.models import SourcePayload
from assistants.sources.payloads import body_of
from dashboard.views.request import SignedInRequest, environment_or_404
from dashboard.views.source_page import kind_or_404, rules_option, source_frame

# A browser has no use for more, and the dry run reads all of it.
MAX_SHOWN = 200_000


@require_safe
def payload(request: SignedInRequest, public_id: str, kind: str, payload_id: int) -> HttpResponse:
    environment, its_kind = environment_or_404(public_id), kind_or_404(kind)
    found = get_object_or_404(SourcePayload, environment=environment, kind=kind, pk=payload_id)
    body = body_of(found)
    context = {
        **source_frame(environment, its_kind),
        "payload": found,
        "size_bytes": len(body),
        "text": _readable(body)[:MAX_SHOWN],
        "is_cut": len(body) > MAX_SHOWN,
        "headers": sorted(found.headers.items()),
        "has_rules": bool(its_kind.adapter and rules_option(its_kind.adapter)),
    }
    return render(request, "sources/payload.html", context)


def _readable(body: bytes) -> str:
    """Indent what is JSON; show anything else as it is, with signs in place of bytes that are no text."""
    text = body.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
