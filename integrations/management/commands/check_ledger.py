"""`manage.py check_ledger`: add up what every lane has read and what became of it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations import ledger


class Command(BaseCommand):
    help = "Check that each lane's outcomes add up to what it has read; exits 1 where one does not."

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = ledger.accounts()
        for account in accounts:
            outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(account.outcomes.items()))
            state = "ok" if account.difference == 0 else f"OFF BY {account.difference:,}"
            self.stdout.write(
                f"lane {account.lane_id} ({account.kind}, {account.environment}): "
                f"read {account.read:,} = {outcomes or 'nothing'}; waiting {account.waiting:,}: {state}"
            )
        wrong = [account for account in accounts if account.difference]
        if wrong:
            raise CommandError(f"{len(wrong)} of {len(accounts)} lanes do not add up.")
        self.stdout.write(f"{len(accounts)} lanes add up.")
