"""`manage.py create_admin`: prints a one-time link with which an admin sets a password and is signed in."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from dashboard import people


class Command(BaseCommand):
    help = (
        "Prints a one-time link, alone on the last line, with which the person sets a password and is signed in. "
        "Creates the account if there is none; makes an existing one an admin and enables it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="e-mail address of the admin")
        parser.add_argument("--if-none", action="store_true", help="do nothing once anybody is able to sign in")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_none"] and people.somebody_can_sign_in():
            return
        with transaction.atomic():
            person = _admin(_email(options["email"]))
            link = people.one_time_link(person, by=None)
        until = f"{link.valid_until:%d %b %Y %H:%M} UTC"
        self.stdout.write(f"One-time link for {person.username}, valid until {until} or until the password is set:")
        self.stdout.write(link.url)


def _email(text: str) -> str:
    try:
        return people.normal_email(text)
    except ValidationError as error:
        raise CommandError(f"{text!r}: {' '.join(error.messages)}") from None


def _admin(email: str) -> User:
    person = User.objects.filter(username=email).first()
    if person is None:
        return people.invite(email, is_admin=True, by=None)
    people.enable(person, by=None)
    if not person.is_staff:
        people.change_role(person, is_admin=True, by=None)
    return person
