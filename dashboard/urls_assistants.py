"""The paths of assistants, their environments, the debugger, the sandbox and the audit trail."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import (
    assistants,
    audit,
    browser_keys,
    debugger,
    environments,
    erasures,
    event,
    home,
    ledger,
    retention,
    sandbox,
    schema_check,
)

assistant_paths = [
    path("new/", assistants.create, name="create"),
    path("<int:assistant_id>/", assistants.detail, name="detail"),
    path("<int:assistant_id>/edit/", assistants.edit, name="edit"),
    path("<int:assistant_id>/delete/", assistants.delete, name="delete"),
    path("<int:assistant_id>/environments/new/", assistants.add_environment, name="add_environment"),
]
environment_paths = [
    path("", environments.detail, name="detail"),
    path("keys/", environments.create_key, name="create_key"),
    path("keys/<str:key_id>/", browser_keys.detail, name="browser_key"),
    path("keys/<str:key_id>/revoke/", environments.revoke_key, name="revoke_key"),
    path("schema-check/", schema_check.warnings, name="schema_check"),
    path("retention/", retention.change, name="retention"),
    path("ledger/", ledger.accounts, name="ledger"),
    path("erase/", erasures.erase, name="erase"),
    path("rename/", environments.rename, name="rename"),
    path("delete/", environments.delete, name="delete"),
]
debugger_paths = [
    path("", debugger.events, name="list"),
    path("newer/", debugger.newer, name="newer"),
    path("<int:position>/", event.event, name="event"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("assistants/", include((assistant_paths, "assistants"))),
    path("environments/<str:public_id>/", include((environment_paths, "environments"))),
    path("environments/<str:public_id>/debugger/", include((debugger_paths, "debugger"))),
    path("sandbox/", include(([path("", sandbox.messages, name="list")], "sandbox"))),
    path("audit/", include(([path("", audit.entries, name="list")], "audit"))),
]
