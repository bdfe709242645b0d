"""What `.env.example` promises of the containers, held against docker-compose.yml."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.test_settings_are_documented import EXAMPLE, variables

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = ("auth", "crm", "orders")

#: Settings whose value is the stack's own, not the operator's.
_OWN = ["ENVIRONMENT", "DATA_DIR", "AUTH_ISSUER", "AUTH_TRUSTED_PROXIES", "AUTH_BACKCHANNEL_CA_FILE"]
_OWN += [f"{service}_{name}" for service in ("AUTH", "CRM", "ORDERS") for name in ("HOST", "PORT", "DATABASE_URL")]
_OWN += [
    "AUTH_KEY_ENCRYPTION_KEYS",
    "AUTH_REFRESH_MAC_KEYS",
    "AUTH_RATE_LIMIT_STORAGE_URL",
    "ORDERS_CLIENT_SECRET",
    "ORDERS_CRM_AUDIENCE",
]
_OWN += [f"{api}_{name}" for api in ("CRM", "ORDERS") for name in ("ISSUER", "AUDIENCE")]
#: Without a meaning in a container: the proxy ends TLS, and CLOCK_FILE is passed on to be refused.
_NOT_HERE = {"CLOCK_FILE", *(f"{name.upper()}_TLS_{part}_FILE" for name in SERVICES for part in ("CERT", "KEY"))}


def environment(service: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][service]["environment"]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_reaches_its_container(service: str) -> None:
    given = {
        name.removesuffix("_FILE") if name not in _OWN else name: value for name, value in environment(service).items()
    }
    settings = variables(importlib.import_module(f"services.{service}.settings").SETTINGS) - _NOT_HERE
    assert settings - set(given) == set(), "add a line `NAME:` to docker-compose.yml"
    assert {name for name in settings if (given[name] is None) == (name in _OWN)} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_is_passed_what_is_no_setting_of_its_service(service: str) -> None:
    settings = variables(importlib.import_module(f"services.{service}.settings").SETTINGS)
    assert {name for name, value in environment(service).items() if value is None} - settings == set()


def test_the_example_names_each_variable_of_the_compose_files() -> None:
    used: set[str] = set()
    for file in ("docker-compose.yml", "docker-compose.production.yml"):
        used |= set(re.findall(r"^[^#]*?\$\{([A-Z_]+)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE))
    example = EXAMPLE.read_text(encoding="utf-8")
    assert {name for name in used if f"#{name}=" not in example} == {"COMPOSE_PROJECT_NAME"}


def test_a_one_shot_mounts_only_what_it_reads() -> None:
    mounts = {
        name: {volume.split(":")[0] for volume in service.get("volumes", ()) if not volume.startswith("$")}
        for name, service in COMPOSE["services"].items()
    }
    urls = {"auth-database", "crm-secrets", "orders-secrets"}
    owners = {f"{service}-owner" for service in SERVICES}
    assert mounts["databases"] == {"postgres-secrets"} | urls | owners
    for service in SERVICES:
        assert mounts[f"{service}-migrate"] == {f"{service}-owner"}
    assert mounts["auth-apply"] == {"auth-secrets", "auth-database", "orders-client"}
    assert mounts["crm-apply"] == {"crm-secrets"}
    assert mounts["orders-apply"] == {"orders-secrets"}
    assert {name for name, found in mounts.items() if "auth-secrets" in found} == {"init", "auth", "auth-apply"}
    assert {name for name, found in mounts.items() if "ca-key" in found} == {"init"}


def test_auth_alone_has_a_way_out() -> None:
    internal = {name for name, network in COMPOSE["networks"].items() if network and network.get("internal")}
    outside = {name: set(service.get("networks", ())) - internal for name, service in COMPOSE["services"].items()}
    assert {name: found for name, found in outside.items() if found} == {"auth": {"auth-egress"}, "caddy": {"edge"}}
