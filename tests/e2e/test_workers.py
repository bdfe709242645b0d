"""Two workers of the provider on one port and one PostgreSQL: started, asked, killed and ended together."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from mobile.simulator import ALICE
from services.local_stack import stack_environment
from tests.benchmarks.processor import children
from tests.e2e.phones import Phones, Wire, refresh_token_of, refused
from tests.support.databases import migrated
from tests.support.ports import free_ports
from tests.support.postgres import Cluster
from tests.support.stack import SERVICES, running_stack, stack_environment_for

ROOT = Path(__file__).parents[2]
PATIENCE = 60


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Wire]:
    """A suite on PostgreSQL whose provider has two workers."""
    settings = {f"{name.upper()}_DATABASE_URL": postgres.create_database() for name in SERVICES}
    data = tmp_path_factory.mktemp("workers")
    with (
        running_stack(data, {**settings, "AUTH_WORKERS": "2", "AUTH_HEADER_TIMEOUT": "1"}) as stack,
        httpx2.Client(trust_env=False) as http,
    ):
        yield Wire(stack, http)


@pytest.fixture
def phones(pair: Wire, tmp_path: Path) -> Iterator[Phones]:
    made = Phones(pair.stack, tmp_path)
    yield made
    made.close()


@contextmanager
def lone_auth(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start auth with two workers on SQLite, beside no other service; yield it and its address."""
    data.mkdir()
    (port,) = free_ports(1)
    environment = stack_environment(stack_environment_for(data, {"AUTH_PORT": str(port), "LOG_LEVEL": "ERROR"}))
    migration = [sys.executable, "-m", "alembic", "-n", "auth", "upgrade", "head"]
    subprocess.run(migration, cwd=ROOT, env=environment, check=True, capture_output=True)
    command = [sys.executable, "-m", "services.auth", "serve", "--workers", "2"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            yield process, f"http://localhost:{port}"
        finally:
            process.terminate()


def until_ready(address: str) -> None:
    """Wait for the first connection that is accepted; it must be answered 200."""
    with httpx2.Client(transport=httpx2.HTTPTransport(retries=9), trust_env=False, timeout=PATIENCE) as client:
        assert client.get(f"{address}/readyz").status_code == 200


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"


def test_a_sign_in_a_refresh_and_a_revocation_are_seen_by_both(pair: Wire, phones: Phones) -> None:
    token = refresh_token_of(phones.signed_in(ALICE))
    for _ in range(6):  # each on a connection of its own, so that both workers come to answer
        with httpx2.Client(trust_env=False) as http:
            answer = Wire(pair.stack, http).refresh(token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    access_token = answer.json()["access_token"]
    assert pair.contacts(access_token).status_code == 200
    form = {"client_id": "mobile-app", "token": token}
    assert pair.http.post(f"{pair.stack.auth}/revoke", data=form).status_code == 200
    for _ in range(6):
        with httpx2.Client(trust_env=False) as http:
            wire = Wire(pair.stack, http)
            assert refused(wire.refresh(token))
            assert wire.userinfo(access_token).status_code == 401


def test_a_rotated_key_is_published_by_both(pair: Wire) -> None:
    auth = pair.stack.auth
    before = _keys(auth)
    environment = Path(f"/proc/{pair.stack.pid('auth')}/environ").read_bytes().split(b"\0")
    settings = dict(item.decode().split("=", 1) for item in environment if item)
    command = [sys.executable, "-m", "services.auth", "keys", "rotate"]
    subprocess.run(command, cwd=ROOT, env=settings, check=True, capture_output=True)
    until = time.monotonic() + PATIENCE
    while not all(_keys(auth) > before for _ in range(8)):
        assert time.monotonic() < until, "a worker still publishes the old keys alone"
        time.sleep(0.2)  # noqa: TID251 - workers look by the real clock


def _keys(address: str) -> set[str]:
    answer = httpx2.get(f"{address}/.well-known/jwks.json", trust_env=False)
    return {key["kid"] for key in answer.json()["keys"]}


def test_sign_ins_and_tokens_of_both_workers_are_one_sum(pair: Wire, phones: Phones) -> None:
    def metrics() -> str:
        return httpx2.get(f"{pair.stack.auth}/metrics", trust_env=False).text

    def total(name: str) -> float:
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", metrics(), re.MULTILINE)
        return sum(float(number) for number in found)

    before = total("auth_tokens_issued_total")
    app = phones.app()
    app.sign_in(ALICE)
    for _ in range(6):
        app.client.refresh()
    assert total("auth_tokens_issued_total") - before == 7
    ages = re.findall(r'^auth_signing_key_age_seconds\{state="active"\} ', metrics(), re.MULTILINE)
    assert len(ages) == 1, "one value for all workers, without their pids"


def test_metrics_count_for_both_workers(pair: Wire) -> None:
    host, _, port = pair.stack.auth.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    for _ in range(6):  # whichever worker answers
        text = httpx2.get(f"{pair.stack.auth}/metrics", trust_env=False).text
        assert 'connections_closed_total{reason="header"} 1.0' in text


def test_a_dead_worker_is_replaced(pair: Wire) -> None:
    first = set(children(pair.stack.pid("auth")))
    assert len(first) == 2
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while len(now := set(children(pair.stack.pid("auth"))) - {victim}) < 2:
        assert time.monotonic() < until
        assert httpx2.get(f"{pair.stack.auth}/livez", trust_env=False).status_code == 200, "the other goes on"
    assert len(now - first) == 1


def test_the_end_lets_a_request_finish_and_leaves_no_child(tmp_path: Path) -> None:
    with lone_auth(tmp_path / "data") as (process, address):
        until_ready(address)
        workers = children(process.pid)
        host, _, port = address.removeprefix("http://").partition(":")
        body = b"grant_type=client_credentials"
        head = b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:5]))
            time.sleep(0.5)  # noqa: TID251 - until a worker has it
            process.terminate()
            time.sleep(1)  # noqa: TID251 - the end is under way
            connection.sendall(body[5:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
        assert process.wait(PATIENCE) == 0
        assert all(gone(worker) for worker in workers)


def test_workers_end_when_their_first_process_is_killed(tmp_path: Path) -> None:
    with lone_auth(tmp_path / "data") as (process, address):
        until_ready(address)
        workers = children(process.pid)
        process.kill()
        process.wait(PATIENCE)
        until = time.monotonic() + PATIENCE
        while not all(gone(worker) for worker in workers):
            assert time.monotonic() < until
            time.sleep(0.1)  # noqa: TID251 - they end in their own time


def test_a_worker_that_cannot_start_ends_all_with_its_reason(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    database = migrated("auth", f"sqlite:///{tmp_path}/auth.sqlite3")
    broken = {
        "AUTH_PORT": str(port),
        "AUTH_DATABASE_URL": database.url,
        "AUTH_RATE_LIMIT_STORAGE_URL": "nowhere://at.all",  # a worker finds that out, the first process does not
    }
    database.dispose()
    environment = stack_environment(stack_environment_for(tmp_path, broken))
    command = [sys.executable, "-m", "services.auth", "serve", "--workers", "2"]
    told = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert told.returncode == 1
    assert "a worker ended with exit code 1 while it started" in told.stderr
    assert "Traceback" not in told.stderr
