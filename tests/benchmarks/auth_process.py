"""One real auth process on a PostgreSQL that keeps its promises, and the CPU-seconds that it has used."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.auth.accounts.browser_session import BrowserSession
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.storage import SqlAuthDatabase
from services.local_stack import stack_environment
from shared.database import Database
from tests.benchmarks.load import first_answer
from tests.benchmarks.processor import pinned
from tests.integration.auth.seeds import ENCRYPTION_KEY, MAC_KEY, ROOT, seed
from tests.support.databases import migrated
from tests.support.ports import free_ports
from tests.support.postgres import Cluster

CALLBACK = "https://app.company.localhost/callback"
#: A session answers a web client silently; a native one always shows /continue (ADR-0061).
BENCH_APP: dict[str, Any] = {
    "client_id": "bench-app",
    "client_name": "Bench",
    "application_type": "web",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [CALLBACK],
    "scope": "openid offline_access crm:read",
    "first_party": True,
}
_UNLIMITED = "100000000/minute"


@dataclass(frozen=True)
class AuthProcess:
    """Where it answers, its process, and its database."""

    address: str
    pid: int
    database: Database
    start_seconds: float

    def session_cookie(self) -> str:
        """Sign alice in behind the provider's back and return the cookie of her browser."""
        cookie, now = mint_opaque_token(), datetime.now(UTC)  # noqa: TID251 - the process runs by the real clock
        with SqlAuthDatabase(self.database).transaction() as stores:
            user = stores.users.find_by_username("alice")
            assert user is not None
            week = now + timedelta(days=7)
            stores.sessions.add(BrowserSession(uuid7(), user.id, digest(cookie), now, now, None, now, week, week))
        return cookie


@dataclass(frozen=True)
class AuthBackend:
    """A seeded database on a PostgreSQL of the benchmark's own, and how to start auth on it."""

    cluster: Cluster
    database: Database
    data: Path

    @contextmanager
    def serving(self, cores: frozenset[int], *, workers: int = 1) -> Iterator[AuthProcess]:
        """Start auth on these cores, and stop it."""
        (port,) = free_ports(1)
        environment = stack_environment(
            {
                "PATH": os.defpath,
                "DATA_DIR": str(self.data),
                "LOG_LEVEL": "WARNING",
                "AUTH_PORT": str(port),
                "AUTH_DATABASE_URL": self.database.url,
                "AUTH_KEY_ENCRYPTION_KEYS": ENCRYPTION_KEY,
                "AUTH_REFRESH_MAC_KEYS": MAC_KEY,
                "AUTH_RATE_LIMIT_TOKEN": _UNLIMITED,
                "AUTH_RATE_LIMIT_AUTHORIZE": _UNLIMITED,
            }
        )
        command = [sys.executable, "-m", "services.auth", "serve"]
        command += ["--workers", str(workers)] if workers > 1 else []
        started = time.perf_counter()
        with pinned(cores):
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        with process:
            address = f"http://localhost:{port}"
            try:
                first_answer(f"{address}/.well-known/jwks.json")
                yield AuthProcess(address, process.pid, self.database, time.perf_counter() - started)
            finally:
                process.terminate()


@contextmanager
def auth_backend(cores: frozenset[int]) -> Iterator[AuthBackend]:
    """Start PostgreSQL on these cores, with auth's database, and stop it.

    Raises:
        NoPostgres: this machine has none.
    """
    cluster = Cluster()
    with tempfile.TemporaryDirectory(prefix="sso-bench-") as directory:
        try:
            with pinned(cores):
                cluster.start()
            database = migrated("auth", cluster.create_database())
            _make_durable(cluster)
            seed(database, BENCH_APP)
            yield AuthBackend(cluster, database, Path(directory))
            database.dispose()
        finally:
            cluster.stop()


def _make_durable(cluster: Cluster) -> None:
    """Undo what makes a cluster of tests quick: here a commit is on disk."""
    server = Database(cluster.url("postgres"))
    with server.autocommit() as db:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            db.execute(text(f"ALTER SYSTEM SET {name} = on"))
        db.execute(text("SELECT pg_reload_conf()"))
    server.dispose()
