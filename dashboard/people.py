"""Who may sign in: invited by one-time link, disabled at once, and never without an admin left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from assistants import audit

# The address is the user name, and Django's has this length.
EMAIL_MAX_LENGTH = 150


class PeopleError(Exception):
    """A change to a person's access that is not allowed; the message is for the one who asked for it."""


@dataclass(frozen=True, repr=False)
class OneTimeLink:
    """A link with which a person sets a password and is signed in; it dies with the password that it sets."""

    url: str
    valid_until: datetime


def normal_email(text: str) -> str:
    """Return an e-mail address as it is stored and compared; raises ValidationError where it is none."""
    email = text.strip().lower()
    validate_email(email)
    if len(email) > EMAIL_MAX_LENGTH:
        raise ValidationError(f"An e-mail address may have at most {EMAIL_MAX_LENGTH} characters here.")
    return email


def status_of(user: User) -> str:
    """Return "disabled", "invited" (no password yet) or "active"."""
    if not user.is_active:
        return "disabled"
    return "active" if user.has_usable_password() else "invited"


def somebody_can_sign_in() -> bool:
    """Tell whether any person has a password and is not disabled."""
    return any(status_of(user) == "active" for user in User.objects.filter(is_active=True))


def invite(email: str, *, is_admin: bool, by: User | None) -> User:
    """Add a person, who can sign in after using a one-time link; `email` is a normal one, `by` None the command line.

    Raises PeopleError where the address has an account.
    """
    person = User(username=email, email=email, is_staff=is_admin)
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
            _record(by, "person.invited", person, role=role_name(is_admin))
    except IntegrityError:
        raise PeopleError(f"{email} has an account already.") from None
    return person


def one_time_link(person: User, *, by: User | None) -> OneTimeLink:
    """Make a link for a person who is not disabled, and note who made it."""
    if not person.is_active:
        raise PeopleError(f"{person.username} is disabled. Enable the account first.")
    _record(by, "person.link_made", person)
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    path = reverse("account:welcome", args=[uid, default_token_generator.make_token(person)])
    return OneTimeLink(
        url=f"{settings.SLUICE_BASE_URL}{path}",
        valid_until=timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    )


def disable(person: User, *, by: User) -> None:
    """Lock a person out and end all their sessions at once.

    The password goes too: sessions and one-time links are bound to it, so none of them comes back to life should the
    account be enabled again. Raises PeopleError for oneself and for the last admin.
    """
    if person == by:
        raise PeopleError("You cannot disable your own account.")
    if not person.is_active:
        return
    with transaction.atomic():
        _keep_an_admin(without=person)
        person.is_active = False
        person.set_unusable_password()
        person.save(update_fields=["is_active", "password"])
        _record(by, "person.disabled", person)


def enable(person: User, *, by: User | None) -> None:
    """Let a disabled person in again, who needs a one-time link to set a new password."""
    if person.is_active:
        return
    with transaction.atomic():
        person.is_active = True
        person.save(update_fields=["is_active"])
        _record(by, "person.enabled", person)


def change_role(person: User, *, is_admin: bool, by: User | None) -> None:
    """Make a person an admin or a member. Raises PeopleError where no admin would be left."""
    with transaction.atomic():
        if not is_admin:
            _keep_an_admin(without=person)
        person.is_staff = is_admin
        person.save(update_fields=["is_staff"])
        _record(by, "person.role_changed", person, role=role_name(is_admin))


def role_name(is_admin: bool) -> str:
    return "admin" if is_admin else "member"


def _keep_an_admin(*, without: User) -> None:
    """Raise PeopleError unless an admin who can sign in remains.

    Locks the admins' rows for the rest of the transaction, so that two cannot remove each other at the same time.
    """
    admins = User.objects.select_for_update().filter(is_staff=True, is_active=True).order_by("pk")
    if not any(admin != without and admin.has_usable_password() for admin in admins):
        raise PeopleError(f"{without.username} is the last admin. Make somebody else an admin first.")


def _record(by: User | None, action: str, person: User, **details: Any) -> None:
    audit.record(actor=by, action=action, target=person.username, details=details)
