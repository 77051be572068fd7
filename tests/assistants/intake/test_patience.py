"""What a command stores is tried again while the database is busy or away, and given up in the end."""

import pytest
from django.db import IntegrityError, OperationalError

from assistants.intake.patience import ATTEMPTS, StillAway, patiently

pytestmark = pytest.mark.django_db(transaction=True)


class Busy:
    """A database that is busy so many times, and then takes what it is given."""

    def __init__(self, times: int, error: type[Exception] = OperationalError) -> None:
        self.times = times
        self.error = error
        self.tries = 0

    def store(self) -> str:
        self.tries += 1
        if self.tries <= self.times:
            raise self.error
        return "stored"


def test_a_busy_database_is_tried_again_after_longer_and_longer_waits() -> None:
    busy, pauses = Busy(ATTEMPTS - 1), list[float]()

    assert patiently(busy.store, pause=pauses.append) == "stored"
    assert busy.tries == ATTEMPTS
    assert [round(pause / 2**number) for number, pause in enumerate(pauses)] == [1, 1, 1, 1]


def test_a_database_that_stays_away_is_given_up() -> None:
    busy, pauses = Busy(ATTEMPTS), list[float]()

    with pytest.raises(StillAway, match="Start again later: nothing will be stored twice"):
        patiently(busy.store, pause=pauses.append)

    assert (busy.tries, len(pauses)) == (ATTEMPTS, ATTEMPTS - 1)


def test_a_fault_that_waiting_does_not_mend_is_no_reason_to_wait() -> None:
    busy, pauses = Busy(1, IntegrityError), list[float]()

    with pytest.raises(IntegrityError):
        patiently(busy.store, pause=pauses.append)

    assert (busy.tries, pauses) == (1, [])
