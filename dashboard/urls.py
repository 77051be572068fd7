"""The pages for people, one module of paths per page group."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import health, metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("dashboard.urls_account")),
    path("", include("dashboard.urls_assistants")),
    path("", include("dashboard.urls_sources")),
    path("", include("dashboard.urls_extensions")),
]
