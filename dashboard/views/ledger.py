"""The ledger of an environment: per lane, what it has read since its start, and what became of that."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.views.request import SignedInRequest, environment_or_404
from integrations import counts, ledger
from integrations.compose import ACCEPTED
from integrations.fates import FATE_LABELS
from integrations.ledger import Account
from integrations.models import Lane

# The order in which people ask; whatever else there is was left out, for a reason of its own.
FIRST = (counts.RECEIVED, ACCEPTED, counts.REJECTED, counts.EXPIRED)


@dataclass(frozen=True)
class Line:
    """One outcome of a lane's events in words; `is_left_out` where the word is the reason."""

    label: str
    count: int
    is_left_out: bool


@dataclass(frozen=True)
class Sheet:
    """One lane's account as the page shows it."""

    account: Account
    title: str
    lines: list[Line]


@require_safe
def accounts(request: SignedInRequest, public_id: str) -> HttpResponse:
    environment = environment_or_404(public_id)
    sheets = [_sheet(account) for account in ledger.accounts(environment)]
    context = {"environment": environment, "assistant": environment.assistant, "sheets": sheets}
    return render(request, "environments/ledger.html", context)


def _sheet(account: Account) -> Sheet:
    outcomes = sorted(account.outcomes.items(), key=lambda pair: (pair[0] not in FIRST, -pair[1], pair[0]))
    return Sheet(account, _title(account), [_line(outcome, count) for outcome, count in outcomes])


def _title(account: Account) -> str:
    """Name a lane by its number too: an environment that was connected several times has several to Segment."""
    kinds = {Lane.Kind.INDEX: "counting", Lane.Kind.LIVE: "to Segment", Lane.Kind.REPLAY: "to Segment, a replay"}
    return f"Lane {account.lane_id}: {kinds[Lane.Kind(account.kind)]}{', ended' if account.is_over else ''}"


def _line(outcome: str, count: int) -> Line:
    label = "Received" if outcome == counts.RECEIVED else FATE_LABELS.get(outcome, outcome)
    return Line(label, count, is_left_out=outcome not in FIRST)
