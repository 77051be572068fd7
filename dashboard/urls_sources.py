"""The paths of an environment's sources."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import source_payload, source_rules, sources, vocabulary

source_paths = [
    path("", sources.sources, name="list"),
    path("names/", vocabulary.choose, name="vocabulary"),
    path("<slug:kind>/", sources.detail, name="detail"),
    path("<slug:kind>/settings/", sources.save, name="save"),
    path("<slug:kind>/key/", sources.create_key, name="create_key"),
    path("<slug:kind>/secret/", sources.remove_secret, name="remove_secret"),
    path("<slug:kind>/rules/", source_rules.rules, name="rules"),
    path("<slug:kind>/payloads/<int:payload_id>/", source_payload.payload, name="payload"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("environments/<str:public_id>/sources/", include((source_paths, "sources"))),
]
