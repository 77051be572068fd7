"""Answers for load balancers and supervisors: whether this process lives, and whether it can serve."""

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from integrations import health, wake


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    try:
        if not health.is_migrated():
            return JsonResponse({"status": "unavailable", "reason": "Migrations are not applied."}, status=503)
        missing = health.missing_processes()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "reason": "The database does not answer."}, status=503)
    degraded = [*missing, *([] if wake.broker_answers() else ["broker"])]
    return JsonResponse({"status": "degraded" if degraded else "ok", "degraded": degraded})
