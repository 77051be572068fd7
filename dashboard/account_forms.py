"""The forms of people: signing in, setting and changing a password, inviting somebody."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from dashboard.people import EMAIL_MAX_LENGTH, normal_email

# Django's class takes a type argument in the eyes of the type checker only.
if TYPE_CHECKING:
    UserPasswordForm = SetPasswordForm[User]
else:
    UserPasswordForm = SetPasswordForm


class SignInForm(AuthenticationForm):
    """E-mail address and password; a wrong address and a wrong password give the same answer."""

    username = forms.CharField(
        label="E-mail address",
        max_length=EMAIL_MAX_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )

    error_messages = {
        "invalid_login": "This e-mail address and password do not belong together.",
        "inactive": "This e-mail address and password do not belong together.",
    }

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        return username.lower()


class NewPasswordForm(UserPasswordForm):
    """A new password, entered twice; what is wrong with it is said at the first field."""

    new_password1 = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. A few unrelated words are easy to remember and hard to guess.",
    )
    new_password2 = forms.CharField(
        label="New password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    error_messages = {"password_mismatch": "This is not the same as above."}

    def clean(self) -> dict[str, Any]:
        self.validate_passwords("new_password1", "new_password2")
        self.validate_password_for_user(self.user, "new_password1")
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned


class PasswordChangeForm(NewPasswordForm):
    """A new password for somebody who knows the present one."""

    current_password = forms.CharField(
        label="Current password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current_password", "new_password1", "new_password2"]

    def __init__(self, request: HttpRequest, user: User, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(user, *args, **kwargs)

    def clean_current_password(self) -> str:
        """Check it the way sign-in does, so that guesses count against the same limit."""
        password: str = self.cleaned_data["current_password"]
        if authenticate(self.request, username=self.user.get_username(), password=password) != self.user:
            raise ValidationError("This is not your current password.")
        return password


class InvitationForm(forms.Form):
    """Whom to invite, and as what."""

    MEMBER = "member"
    ADMIN = "admin"

    email = forms.CharField(
        label="E-mail address",
        max_length=EMAIL_MAX_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label="Role",
        choices=[
            (MEMBER, "Member: sets up assistants and their integrations"),
            (ADMIN, "Admin: the same, and decides who may sign in"),
        ],
        initial=MEMBER,
        widget=forms.RadioSelect,
    )

    def clean_email(self) -> str:
        email = normal_email(self.cleaned_data["email"])
        if User.objects.filter(username=email).exists():
            raise ValidationError(f"{email} has an account already. Make a new link for it on the Users page.")
        return email

    @property
    def is_admin(self) -> bool:
        return bool(self.cleaned_data["role"] == self.ADMIN)
