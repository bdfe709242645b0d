"""What a service imports before it answers: each library is paid for at every start."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Migrations, configuration files, the ORM, deprecated or foreign halves of libraries, and what tests need.
FOREIGN = {
    "alembic",
    "yaml",
    "sqlalchemy.orm",
    "authlib.jose",
    "authlib.integrations",
    "requests",
    "pytest",
    "mobile",
    "babel",
}
#: auth answers its endpoints without a framework; what needs one is made once it answers.
FOREIGN_TO = {
    "auth": {"fastapi", "authlib", "email_validator", "segno", "webauthn", "services.auth.provisioning.entries"},
}
COMMANDS = {"auth": "services.auth.operations.cli", "crm": "services.crm.cli", "orders": "services.orders.cli"}
_LIST = "import importlib, sys; importlib.import_module(sys.argv[1]); print(*sys.modules, sep='\\n')"


@pytest.mark.parametrize("service", COMMANDS)
def test_a_start_imports_nothing_that_only_commands_need(service: str) -> None:
    command = [sys.executable, "-c", _LIST, COMMANDS[service]]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (FOREIGN | FOREIGN_TO.get(service, set())) & set(told.stdout.split()) == set()
