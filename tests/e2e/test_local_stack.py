"""What `python -m services` promises: ready means ready, one service may die, and nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.support.stack import SERVICES, Stack, running_stack, stack_environment_for

ROOT = Path(__file__).parents[2]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("backend", ["stack", "postgres_stack"])
def test_ready_means_ready(backend: str, request: pytest.FixtureRequest) -> None:
    stack: Stack = request.getfixturevalue(backend)
    for address in (stack.auth, stack.crm, stack.orders):
        assert httpx2.get(f"{address}/readyz").json() == {"status": "ok"}
    metadata = httpx2.get(f"{stack.auth}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == stack.auth


def test_when_one_dies_the_others_go_on(own_stack: Stack) -> None:
    own_stack.kill("auth")
    assert httpx2.get(f"{own_stack.crm}/livez").status_code == 200
    assert httpx2.get(f"{own_stack.orders}/livez").status_code == 200
    assert not (own_stack.data / "run" / "auth.pid").exists()


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing_behind(tmp_path: Path, request_to_stop: signal.Signals) -> None:
    with running_stack(tmp_path) as stack:
        pids = [stack.pid(name) for name in SERVICES]
        assert stack.end(request_to_stop) == 0
    assert [pid for pid in pids if exists(pid)] == []
    assert list((tmp_path / "run").glob("*.pid")) == []


def test_a_second_run_keeps_the_data(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        first = httpx2.get(f"{stack.auth}/.well-known/jwks.json").json()
    with running_stack(tmp_path) as stack:
        assert httpx2.get(f"{stack.auth}/.well-known/jwks.json").json() == first


def test_a_taken_port_is_one_clear_line_and_nothing_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_services(tmp_path, {"ORDERS_PORT": port})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"ORDERS_PORT: port {port} on 127.0.0.1 cannot be used" in line
    assert list(tmp_path.rglob("*.sqlite3")) == []


def test_a_failed_migration_is_one_clear_line(tmp_path: Path) -> None:
    done = run_services(tmp_path, {"CRM_DATABASE_URL": f"sqlite:///{tmp_path}"})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("services: crm: migration failed: ")
    assert list((tmp_path / "run").glob("*.pid")) == []


def run_services(data: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m services` where it is expected to give up by itself."""
    environment = stack_environment_for(data, settings)
    command = [sys.executable, "-m", "services"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
