import importlib
import re
from pathlib import Path

import pytest

from shared.settings import ServiceSettings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
_SETTING = re.compile(r"^#?(?P<name>[A-Z][A-Z0-9_]*)=", re.MULTILINE)


def variables(settings: type[ServiceSettings]) -> set[str]:
    prefix = str(settings.model_config.get("env_prefix", ""))
    shared = {"environment", "data_dir", "clock_file", "log_level"}
    return {name.upper() if name in shared else f"{prefix}{name}".upper() for name in settings.model_fields}


@pytest.mark.parametrize("service", ["auth", "crm", "orders"])
def test_every_setting_stands_in_the_example(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").SETTINGS
    documented = set(_SETTING.findall(EXAMPLE.read_text(encoding="utf-8")))
    assert variables(settings) - documented == set()


def test_the_example_names_no_setting_that_is_gone() -> None:
    known = set(
        re.findall(
            r"^#([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8").split("docker-compose.yml alone")[1], re.MULTILINE
        )
    )
    known.add("TLS")  # of make run
    for service in ("auth", "crm", "orders"):
        known |= variables(importlib.import_module(f"services.{service}.settings").SETTINGS)
    documented = set(_SETTING.findall(EXAMPLE.read_text(encoding="utf-8")))
    assert {name for name in documented if name.removesuffix("_FILE") not in known and name not in known} == set()
