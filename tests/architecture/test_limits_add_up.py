"""The limits of the APIs, held against what the containers and the proxy grant, and against their page."""

import re
from datetime import timedelta
from pathlib import Path

import yaml

from services.auth.settings import AuthSettings
from services.crm.endpoints.contact_import import BATCH
from services.crm.settings import CrmSettings
from services.orders.settings import OrdersSettings
from shared import limits
from shared.api.pagination import LARGEST_PAGE
from shared.asgi.edge import BODY_LIMIT
from shared.limits import MIB

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CADDYFILE = (ROOT / "config" / "Caddyfile").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")


def granted(name: str) -> timedelta:
    (seconds,) = re.findall(rf"^\s*{name} (\d+)s\b", CADDYFILE, re.MULTILINE)
    return timedelta(seconds=int(seconds))


def test_a_container_has_the_memory_that_its_limits_allow() -> None:
    needed = limits.API_AT_REST + limits.API_AT_WORK + limits.FILES_IN_FLIGHT
    for service in ("crm", "orders"):
        has = int(COMPOSE["services"][service]["mem_limit"].removesuffix("m")) * MIB
        assert needed <= has, service


def test_the_proxy_waits_for_as_long_as_a_file_may_take() -> None:
    assert granted("read_body") >= limits.FILE_ARRIVAL + limits.PROXY_MARGIN
    assert granted("response_header_timeout") >= limits.FILE_TURN + limits.FILE_WORK + limits.PROXY_MARGIN


def test_one_file_fits_beside_the_others_and_is_never_held_as_rows() -> None:
    assert limits.LARGEST_FILE <= limits.FILES_IN_FLIGHT <= limits.FILES_AT_ONCE * limits.LARGEST_FILE
    assert BATCH <= 500


def test_the_page_tells_the_table() -> None:
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+?) \|", PAGE, re.MULTILINE))
    values = {name: value for name, value in vars(limits).items() if name.isupper() and name != "MIB"}
    spelled = {
        name: f"{value.total_seconds():.0f} s"
        if isinstance(value, timedelta)
        else f"{value // MIB} MiB"
        if value >= MIB
        else str(value)
        for name, value in values.items()
    }
    assert told == spelled


def test_the_page_tells_the_figures_that_are_kept_elsewhere() -> None:
    needed = (limits.API_AT_REST + limits.API_AT_WORK + limits.FILES_IN_FLIGHT) // MIB
    container = COMPOSE["services"]["crm"]["mem_limit"]
    words = {100: "a hundred"}
    for told in (
        f"at rest + at work + files in flight = {needed} MiB, within `mem_limit: {container}`",
        f"looked at and written {words[BATCH]} at a time",
        f"an import is written {words[BATCH]} rows a transaction",
        f"Every other body is at most {BODY_LIMIT // 1024} KiB (`shared/asgi/edge.py`)",
        f"every page of an answer {LARGEST_PAGE // MIB} MiB (`shared/api/pagination.py`)",
    ):
        assert told in " ".join(PAGE.split()), told


def test_no_token_of_the_provider_lives_longer_than_the_apis_accept() -> None:
    """Nor for less than client libraries need, some of which take a token for stale ten minutes before it is."""
    auth = AuthSettings(environment="local")
    for api in (CrmSettings(environment="local"), OrdersSettings(environment="local")):
        assert timedelta(minutes=10) < auth.access_token_lifetime <= api.max_token_lifetime
    assert auth.id_token_lifetime == auth.access_token_lifetime
