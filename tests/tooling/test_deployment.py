"""What the files of a production installation name exists. Nothing here starts a container."""

import importlib.util
import re
import subprocess
import sys
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.test import Client
from pytest_django import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
# Read by the containers, not by Sluice's settings.
CONTAINER_VARIABLES = {"SLUICE_DOMAIN", "POSTGRES_PASSWORD"}
# Read by Celery.
CELERY_VARIABLES = {"REMAP_SIGTERM"}


def settings_variables() -> set[str]:
    """Collect the names of the environment variables that config/settings.py reads."""
    text = (ROOT / "config" / "settings.py").read_text()
    return set(re.findall(r"""\benv(?:\.\w+)?\(\s*["']([A-Z_]+)["']""", text))


def example_variables() -> set[str]:
    """Collect the variables of .env.example, set or commented out."""
    return set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


@cache
def help_of(*command: str) -> str:
    return subprocess.run([sys.executable, "-m", *command, "--help"], capture_output=True, text=True, check=True).stdout


def options_of(command: list[str]) -> set[str]:
    return {word for word in command if word.startswith("--")}


def assert_command_exists(command: list[str]) -> None:
    """Check a command of a container against the programs that are installed here."""
    match command:
        case ["python", "manage.py", name, *_]:
            assert name in get_commands()
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module)
        case ["granian", *arguments]:
            assert_options_exist(options_of(arguments), help_of("granian"))
            assert_application_exists(arguments[-1])
        case ["celery", "--app", "config", "--quiet", "worker", *arguments]:
            assert_options_exist({"--app", "--quiet"}, help_of("celery"))
            assert_options_exist(options_of(arguments), help_of("celery", "worker"))
        case _:
            pytest.fail(f"an unknown program: {command}")


def assert_options_exist(options: set[str], help_text: str) -> None:
    assert options <= set(re.findall(r"--[a-z][a-z0-9-]*", help_text))


def assert_application_exists(target: str) -> None:
    module, _, name = target.partition(":")
    assert target == settings.ASGI_APPLICATION.replace(".application", ":application")
    specification = importlib.util.find_spec(module)
    assert specification is not None
    assert specification.origin is not None
    assert re.search(rf"^{name} = ", Path(specification.origin).read_text(), re.MULTILINE)


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def instructions(name: str) -> list[list[str]]:
    """Return the words of the Dockerfile's instructions of one name."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in text.splitlines() if line.startswith(f"{name} ")]


def test_the_processes_of_production_are_all_there() -> None:
    assert set(SERVICES) == {"proxy", "migrate", "web", "worker", "sweep", "postgres", "redis"}
    assert set(OURS) == {"migrate", "web", "worker", "sweep"}


@pytest.mark.parametrize("name", OURS)
def test_each_command_exists(name: str) -> None:
    assert_command_exists(OURS[name]["command"])


def test_the_image_starts_a_command_that_exists() -> None:
    [command] = instructions("CMD")
    assert_command_exists([word.strip('[],"') for word in command])


def test_the_health_check_of_the_web_process_exists() -> None:
    assert OURS["web"]["healthcheck"]["test"][0] == "CMD"
    assert_command_exists(OURS["web"]["healthcheck"]["test"][1:])


def test_the_health_check_is_answered_with_the_hosts_of_production(client: Client, settings: Settings) -> None:
    allowed = OURS["web"]["environment"]["ALLOWED_HOSTS"]
    settings.ALLOWED_HOSTS = allowed.replace("${SLUICE_DOMAIN}", "sluice.example.com").split(",")
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"host": "127.0.0.1:8000"}).status_code == HTTPStatus.OK
    assert client.get("/", headers={"host": "elsewhere.example.com"}).status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("name", OURS)
def test_each_variable_of_our_processes_is_read_by_somebody(name: str) -> None:
    assert set(OURS[name]["environment"]) <= settings_variables() | CELERY_VARIABLES


def test_each_variable_that_the_composition_asks_for_is_in_the_example() -> None:
    assert set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT)) == CONTAINER_VARIABLES
    assert example_variables() >= CONTAINER_VARIABLES


def test_the_example_lists_every_setting_and_nothing_else() -> None:
    assert example_variables() == settings_variables() | CONTAINER_VARIABLES


def test_a_stop_waits_longer_than_a_worker_needs() -> None:
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT


@pytest.mark.parametrize("name", OURS)
def test_our_processes_have_no_rights_to_spare(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "ports" not in service


def test_the_image_runs_as_a_user_without_rights() -> None:
    assert instructions("USER") == [["10001"]]


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_redis_never_evicts_and_keeps_what_it_has() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


@pytest.mark.parametrize("name", ["proxy", "web", "postgres", "redis"])
def test_what_has_a_port_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_images_are_pinned() -> None:
    images = [service["image"] for service in SERVICES.values()] + [words[0] for words in instructions("FROM")]
    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []


def test_volumes_networks_and_services_that_are_referred_to_exist() -> None:
    for service in SERVICES.values():
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert {name for name in named if not name.startswith("./")} <= set(COMPOSE["volumes"])
        assert all((ROOT / name).exists() for name in named if name.startswith("./"))
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_the_proxy_is_believed_and_reaches_the_port_of_the_web_process() -> None:
    web = OURS["web"]["command"]
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()
    assert f"reverse_proxy web:{web[web.index('--port') + 1]}" in caddyfile
    assert set(re.findall(r"\{\$([A-Z_]+)\}", caddyfile)) == set(SERVICES["proxy"]["environment"])
    [network] = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert OURS["web"]["environment"]["SLUICE_TRUSTED_PROXIES"] == network["subnet"]


def test_the_image_contains_every_part_of_the_program() -> None:
    copied = {words[0] for words in instructions("COPY")}
    apps = {name.partition(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.partition(".")[0]).is_dir()}
    assert apps == {"assistants", "integrations", "dashboard"}
    assert {*apps, "config", "templates", "static", "manage.py", "requirements.txt"} <= copied
    wanted = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert wanted == {name for name in copied if not name.startswith("--")}
