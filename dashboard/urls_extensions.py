"""The paths of integrations: the page of extensions, the wizard, connections, and the catalog of events."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import (
    catalog,
    connection_changes,
    connection_options,
    connections,
    integrations,
    rejections,
    replay_changes,
    replays,
    setup,
)

extension_paths = [
    path("", integrations.overview, name="overview"),
    path("open/", integrations.open_extension, name="open"),
    path("remove/", integrations.remove, name="remove"),
]
setup_paths = [
    path("connect/", setup.connect, name="connect"),
    path("events/", setup.events, name="events"),
    path("review/", setup.review, name="review"),
    path("done/", setup.done, name="done"),
    path("cancel/", setup.cancel, name="cancel"),
]
connection_paths = [
    path("", connections.detail, name="detail"),
    path("event/", connections.switch_event, name="switch_event"),
    path("pause/", connection_changes.pause, name="pause"),
    path("resume/", connection_changes.resume, name="resume"),
    path("test/", connections.send_test, name="test"),
    path("confirm/", connections.confirm, name="confirm"),
    path("settings/", connection_changes.change_settings, name="settings"),
    path("pace/", connection_changes.change_pace, name="pace"),
    path("options/", connection_options.change_options, name="options"),
    path("samples/", connection_options.send_samples, name="samples"),
    path("tracking-plan.json", connection_options.plan, name="plan"),
    path("rejections/", rejections.listing, name="rejections"),
    path("rejections/discard/", rejections.discard, name="discard"),
    path("replays/", replays.listing, name="replays"),
    path("replays/new/", replays.new, name="new_replay"),
    path("replays/<uuid:replay_id>/", replays.detail, name="replay"),
    path("replays/<uuid:replay_id>/pause/", replay_changes.pause, name="pause_replay"),
    path("replays/<uuid:replay_id>/resume/", replay_changes.resume, name="resume_replay"),
    path("replays/<uuid:replay_id>/stop/", replay_changes.stop, name="stop_replay"),
    path("disconnect/", connection_changes.disconnect, name="disconnect"),
]
catalog_paths = [
    path("", catalog.events, name="list"),
    path("tracking-plan.json", catalog.plan, name="plan"),
    path("<slug:slug>.json", catalog.schema, name="schema"),
]

SEGMENT = "assistants/<int:assistant_id>/extensions/segment/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "assistants/<int:assistant_id>/integrations/",
        include(([path("", integrations.page, name="list")], "integrations")),
    ),
    path(SEGMENT, include((extension_paths, "extensions"))),
    path(f"{SEGMENT}<str:public_id>/setup/", include((setup_paths, "setup"))),
    path("connections/<uuid:connection_id>/", include((connection_paths, "connections"))),
    path("catalog/", include((catalog_paths, "catalog"))),
]
