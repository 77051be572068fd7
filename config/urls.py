"""Where each page lives; intake's paths are answered before Django sees them (config/asgi.py)."""

from django.urls import include, path

urlpatterns = [
    path("", include("dashboard.urls")),
]
