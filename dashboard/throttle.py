"""How wrong passwords are limited: by account and network, and by network alone, so that only the guesser waits."""

from datetime import datetime, timedelta
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest

# One network may be a whole office behind one address.
FAILURES_PER_NETWORK = 50


class ThrottledRequest(HttpRequest):
    """What the middleware of django-axes leaves on a request whose sign-in was refused."""

    axes_credentials: dict[str, Any] | None
    axes_ip_address: str


class SignInThrottle(AxesDatabaseHandler):
    """Counts wrong passwords in the database, where all processes see them.

    Closed is an account for the network that failed AXES_FAILURE_LIMIT times at it, and everything for a network that
    failed FAILURES_PER_NETWORK times at any accounts; the owner of an account gets in from elsewhere at any time.
    AXES_LOCKOUT_PARAMETERS must name the pair first and the network second.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        of_account, of_network = (_failures(attempts) for attempts in self.get_user_attempts(request, credentials))
        return max(of_account, settings.AXES_FAILURE_LIMIT if of_network >= FAILURES_PER_NETWORK else 0)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures of one account from one network, after it signed in.

        Those of the network at other accounts stay: else whoever has one account could guess at all others for ever by
        signing in now and then.
        """
        of_account, _of_network = self.filter_user_attempts(request, credentials)
        deleted: int = of_account.delete()[0]
        return deleted

    def closed_for(self, request: HttpRequest, credentials: dict[str, Any] | None) -> timedelta:
        """Return how long sign-in stays closed for this request, at least a second."""
        of_account, of_network = self.get_user_attempts(request, credentials)
        decisive = of_network if _failures(of_network) >= FAILURES_PER_NETWORK else of_account
        latest: datetime | None = decisive.aggregate(latest=Max("attempt_time"))["latest"]
        left = latest - get_cool_off_threshold(request) if latest else timedelta()
        return max(left, timedelta(seconds=1))


def _failures(attempts: "QuerySet[AccessAttempt]") -> int:
    return attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
