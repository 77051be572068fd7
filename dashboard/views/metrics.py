"""What a monitoring system reads, from this host or with the token."""

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from assistants.addresses import is_from_this_host
from integrations.exposition import CONTENT_TYPE, exposed
from integrations.metrics import collect

UNAUTHORIZED = 401


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not (is_from_this_host(request) or _has_token(request)):
        answer = HttpResponse("Send the token of SLUICE_METRICS_TOKEN, or ask from the host itself.\n", "text/plain")
        answer.status_code, answer.headers["WWW-Authenticate"] = UNAUTHORIZED, "Bearer"
        return answer
    return HttpResponse(exposed(collect()), CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.SLUICE_METRICS_TOKEN
    if not wanted or kind.lower() != "bearer":
        return False
    return hmac.compare_digest(token.strip().encode(), wanted.encode())
