"""`python -m services.auth doctor` with something broken in the database, the settings or the cookies.

The provider runs in this process on the database of the test, and is reached through a transport, without a socket;
the whole of it over real sockets is in tests/e2e/test_doctor.py.
"""

import asyncio
import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.auth.operations.doctor import checks_of
from shared.clock import Clock
from shared.database import Database
from shared.doctor import Finding, Web
from shared.doctor.report import Verdict, examine
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, start_on
from tests.integration.auth.seeds import ENCRYPTION_KEY, HTTP_ISSUER, HTTPS_ISSUER, MAC_KEY, seed, settings_for

STRANGE_KEY = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
OK, WARNING, FAIL = Verdict.OK, Verdict.WARNING, Verdict.FAIL


class Into(httpx2.BaseTransport):
    """Takes requests into a provider of this process, whatever the host; `change` may falsify its answers."""

    def __init__(self, provider: Provider, change: Callable[[httpx2.Response], None] = lambda _: None) -> None:
        self._app = httpx2.ASGITransport(provider.app)
        self._change = change

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        async def ask() -> tuple[httpx2.Response, bytes]:
            response = await self._app.handle_async_request(request)
            return response, await response.aread()

        response, body = asyncio.run(ask())

        def chunks() -> Iterator[bytes]:
            yield body

        answer = httpx2.Response(response.status_code, headers=response.headers, content=chunks())
        self._change(answer)
        return answer


@pytest.fixture
def seeded(migrated_database: Callable[[str], Database], tmp_path: Path) -> Iterator[Provider]:
    """A provider on either backend, with the time as it is."""
    database = migrated_database("auth")
    seed(database)
    provider = start_on(str(database.url), tmp_path, SettableClock(Clock().now()))
    yield provider
    stop(provider)


def findings(
    provider: Provider, change: Callable[[httpx2.Response], None] = lambda _: None, **changes: Any
) -> dict[str, Finding]:
    settings = settings_for(provider.settings.data_dir, provider.settings.database_url, **changes)
    return dict(examine(checks_of(settings, Web(Into(provider, change)))))


def failed(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.verdict is FAIL}


def text_of(found: dict[str, Finding]) -> str:
    return "".join(finding.says + finding.remedy for finding in found.values())


def test_all_is_well_and_nothing_is_written(seeded: Provider) -> None:
    seeded.sign_in()
    before = _counts(seeded)
    found = findings(seeded)
    assert failed(found) == set(), found
    assert "all 1 live sign-ins" in found["MAC keys"].says
    assert "signing keys 1, TOTP secrets 1" in found["encryption keys"].says
    assert _counts(seeded) == before


def test_a_key_encryption_key_that_is_not_the_one(seeded: Provider) -> None:
    found = findings(seeded, key_encryption_keys=STRANGE_KEY)
    assert failed(found) == {"encryption keys", "tokens"}
    assert "add it back" in found["encryption keys"].says
    assert failed(findings(seeded, key_encryption_keys=f"{STRANGE_KEY},{ENCRYPTION_KEY}")) == set()


def test_a_totp_secret_that_was_moved_to_another_row(seeded: Provider) -> None:
    seeded.sql(
        "INSERT INTO totp_credentials (user_id, sealed_secret, last_step, created_at)"
        " SELECT u.id, t.sealed_secret, 0, t.created_at FROM users u, totp_credentials t WHERE u.username = 'alice'"
    )
    assert failed(findings(seeded)) == {"encryption keys"}


def test_a_mac_key_that_live_sign_ins_need(seeded: Provider) -> None:
    seeded.sign_in()
    found = findings(seeded, refresh_mac_keys=STRANGE_KEY)
    assert failed(found) == {"MAC keys"}
    assert "(1 sign-ins)" in found["MAC keys"].says
    assert failed(findings(seeded, refresh_mac_keys=f"{STRANGE_KEY},{MAC_KEY}")) == set()


@pytest.mark.parametrize("column", ["revoked_at", "idle_expires_at", "expires_at"])
def test_a_mac_key_of_ended_sign_ins_may_go(seeded: Provider, column: str) -> None:
    seeded.sign_in()
    seeded.sql(f"UPDATE families SET {column} = created_at")  # noqa: S608 - a name of the test's own
    assert failed(findings(seeded, refresh_mac_keys=STRANGE_KEY)) == set()


def test_no_active_key(seeded: Provider) -> None:
    seeded.sql("UPDATE signing_keys SET state = 'retired'")
    found = findings(seeded)
    assert failed(found) == {"signing keys", "tokens"}
    assert found["signing keys"].says == "none of 1 is active; there must be one"


def test_an_old_key_is_a_warning(seeded: Provider, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text(str(timedelta(days=3650).total_seconds()), encoding="ascii")
    found = findings(seeded, clock_file=tmp_path / "clock")
    assert found["signing keys"].verdict is WARNING
    assert "rotate" in found["signing keys"].remedy


def test_a_provider_that_runs_with_another_key(seeded: Provider, provider: Provider) -> None:
    provider.sql("UPDATE signing_keys SET kid = 'another'")
    settings = settings_for(provider.settings.data_dir, provider.settings.database_url)
    found = dict(examine(checks_of(settings, Web(Into(seeded)))))
    assert "lacks the active key another" in found["key set"].says


def test_another_issuer(seeded: Provider) -> None:
    found = findings(seeded, issuer="http://127.0.0.1:9000")
    assert failed(found) == {"issuer", "tokens"}
    assert HTTP_ISSUER in found["tokens"].says


def test_without_tables(database_url: str, tmp_path: Path, refusing: Provider) -> None:
    empty = Database(database_url)
    empty.ping()
    empty.dispose()
    settings = settings_for(tmp_path, database_url)
    found = dict(examine(checks_of(settings, Web(Into(refusing)))))
    assert failed(found) == {
        "migrations", "installation", "encryption keys", "MAC keys", "signing keys", "key set", "tokens", "cookies",
    }  # fmt: skip
    assert found["database"].verdict is OK
    assert "alembic -n auth upgrade head" in found["migrations"].remedy
    assert "migrations" in found["MAC keys"].remedy


def test_secrets_that_others_may_read(seeded: Provider) -> None:
    file = seeded.settings.data_dir / "secrets" / "refresh-mac-keys"
    file.parent.mkdir()
    file.write_text(MAC_KEY, encoding="ascii")
    file.chmod(0o640)
    assert failed(findings(seeded)) == {"secret files"}
    file.chmod(0o600)
    assert failed(findings(seeded)) == set()


def test_a_ring_that_is_not_there_is_not_made(seeded: Provider) -> None:
    found = findings(seeded, key_encryption_keys="", refresh_mac_keys="")
    assert failed(found) == {"encryption keys", "MAC keys", "tokens"}
    assert not (seeded.settings.data_dir / "secrets").exists()


def test_rate_limits_that_nobody_counts(seeded: Provider) -> None:
    found = findings(seeded, rate_limit_storage_url="valkey://:hush@127.0.0.1:1/0")
    assert failed(found) == {"rate limits"}
    assert "hush" not in text_of(found)


# ---------------------------------------------------------------- cookies and proxies


@pytest.fixture
def behind_tls(seeded: Provider) -> Iterator[Provider]:
    running = seeded.restarted(issuer=HTTPS_ISSUER)
    yield running
    stop(running)


def test_cookies_follow_the_scheme(seeded: Provider, behind_tls: Provider) -> None:
    plain, secure = findings(seeded), findings(behind_tls, issuer=HTTPS_ISSUER)
    assert plain["cookies"].says.startswith("SSO_BROWSER is HttpOnly")
    assert secure["cookies"].says.startswith("__Host-SSO_BROWSER is Secure")
    assert failed(secure) == set()


def test_a_provider_with_cookies_of_the_other_scheme(seeded: Provider, behind_tls: Provider) -> None:
    assert "is not __Host-, is not Secure" in findings(seeded, issuer=HTTPS_ISSUER)["cookies"].says
    assert "is __Host-, is Secure" in findings(behind_tls)["cookies"].says


@pytest.mark.parametrize(
    ("written", "instead", "fault"),
    [
        ("HttpOnly", "Priority=High", "is not HttpOnly"),
        ("SameSite=lax", "SameSite=none", "is not SameSite=Lax"),
        ("Path=/", "Path=/; Domain=company.example", "has a Domain"),
        ("Path=/", "Path=/login", "is not for Path=/"),
        ("SSO_BROWSER", "SOMETHING", "without SSO_BROWSER"),
    ],
)
def test_a_proxy_that_rewrites_cookies(behind_tls: Provider, written: str, instead: str, fault: str) -> None:
    def rewrite(answer: httpx2.Response) -> None:
        if "set-cookie" in answer.headers:
            assert written in answer.headers["set-cookie"]
            answer.headers["set-cookie"] = answer.headers["set-cookie"].replace(written, instead)

    found = findings(behind_tls, rewrite, issuer=HTTPS_ISSUER)
    assert failed(found) == {"cookies"}
    assert fault in found["cookies"].says


def test_without_a_client_nobody_can_ask(seeded: Provider) -> None:
    seeded.sql("UPDATE clients SET disabled_at = created_at")
    assert findings(seeded)["cookies"].verdict is WARNING


@pytest.mark.parametrize(
    ("changes", "verdict", "says"),
    [
        ({}, WARNING, "no proxy is trusted"),
        ({"tls_cert_file": "a", "tls_key_file": "b"}, OK, "believed from nobody"),
        ({"trusted_proxies": "10.0.0.0/8"}, OK, "believed from 10.0.0.0/8 alone"),
        ({"trusted_proxies": "10.0.0.0/8,0.0.0.0/0"}, WARNING, "from everybody"),
        ({"trusted_proxies": "::/0"}, WARNING, "from everybody"),
    ],
)
def test_whose_forwarding_headers_count(
    behind_tls: Provider, changes: dict[str, Any], verdict: Verdict, says: str
) -> None:
    finding = findings(behind_tls, issuer=HTTPS_ISSUER, **changes)["proxy headers"]
    assert (finding.verdict, says in finding.says) == (verdict, True), finding


def test_no_secret_is_told(seeded: Provider) -> None:
    tokens = seeded.sign_in()
    cookies: list[str] = []
    found = findings(seeded, lambda answer: cookies.extend(answer.headers.get_list("set-cookie")))
    found |= {f"broken {name}": finding for name, finding in findings(seeded, key_encryption_keys=STRANGE_KEY).items()}
    secrets = [ENCRYPTION_KEY, MAC_KEY, STRANGE_KEY, tokens["access_token"], tokens["refresh_token"]]
    secrets += [cookie.partition("=")[2].partition(";")[0] for cookie in cookies]
    assert len(secrets) == 6
    assert [secret for secret in secrets if secret in text_of(found)] == []


def _counts(provider: Provider) -> list[int]:
    tables = ("waiting_requests", "authorization_codes", "browser_sessions", "families", "signing_keys", "audit_events")
    with provider.database.autocommit() as db:
        return [db.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in tables]  # noqa: S608
