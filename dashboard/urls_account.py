"""The paths of people: their own account, and the Users page."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import account, users

account_paths = [
    path("sign-in/", account.SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("welcome/<str:uidb64>/<str:token>/", account.Welcome.as_view(), name="welcome"),
    path("account/password/", account.password, name="password"),
]
user_paths = [
    path("", users.everybody, name="list"),
    path("invite/", users.invite, name="invite"),
    path("<int:person_id>/link/", users.link, name="link"),
    path("<int:person_id>/disable/", users.disable, name="disable"),
    path("<int:person_id>/enable/", users.enable, name="enable"),
    path("<int:person_id>/role/", users.role, name="role"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((account_paths, "account"))),
    path("users/", include((user_paths, "users"))),
    path("theme/", account.theme, name="theme"),
]
