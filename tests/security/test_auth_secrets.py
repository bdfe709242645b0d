"""No token, code, password, one-time code, cookie or handle in a log line, in the audit trail or at rest."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.auth.app import key_ring
from services.auth.tokens.refresh_token import parse_refresh_token
from shared.logs import configure_logs
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import (
    Browser,
    Provider,
    answer_of,
    bobs_otp,
    claims_of,
    hidden_fields,
    oauth_error,
    start,
)
from tests.integration.auth.seeds import BOB, BOBS_TOTP, ENCRYPTION_KEY, MAC_KEY, PORTAL_SECRET, VERIFIER


@contextmanager
def captured_logs(level: str) -> Iterator[io.StringIO]:
    """Configure the logs as `serve` does, into a buffer, and put the root logger back afterwards."""
    root, lines = logging.getLogger(), io.StringIO()
    handlers, before = root.handlers[:], root.level
    noisy = {name: logging.getLogger(name).level for name in ("authlib", "httpx2", "httpcore2", "asyncio")}
    configure_logs("auth", level)
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(lines)
    try:
        yield lines
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)
        for name, number in noisy.items():
            logging.getLogger(name).setLevel(number)


def play(provider: Provider) -> dict[str, str]:
    """Sign bob in with every mistake on the way, refresh, replay and revoke; return every secret that was used."""
    browser: Browser = provider.browser()
    login = browser.open()
    wrong = browser.enter_password(login, ("bob", "a wrong password of bob's"))
    mfa = browser.enter_password(wrong, BOB)
    otp = bobs_otp(provider.clock)
    assert browser.enter_otp(mfa, "000001").status_code == 400
    code = answer_of(browser.enter_otp(mfa, otp))["code"]
    provider.redeem(code, code_verifier="w" * 43)
    tokens: dict[str, Any] = provider.redeem(code).json()
    fresh: dict[str, Any] = provider.refresh(tokens["refresh_token"]).json()
    assert provider.userinfo(fresh["access_token"]).status_code == 200
    provider.userinfo(fresh["access_token"] + "x")
    provider.post("/revoke", {"client_id": "portal", "client_secret": PORTAL_SECRET, "token": "x"})
    provider.clock.advance(minutes=2)
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    provider.redeem(code)
    token = parse_refresh_token(key_ring(provider.settings, "refresh_mac_keys"), tokens["refresh_token"])
    assert token is not None
    return {
        "code": code,
        "verifier": VERIFIER,
        "password": BOB[1],
        "wrong password": "a wrong password of bob's",
        "otp": otp,
        "handle": hidden_fields(login)["request"],
        "csrf": hidden_fields(login)["csrf"],
        "client secret": PORTAL_SECRET,
        "TOTP secret": BOBS_TOTP,
        "key-encryption key": ENCRYPTION_KEY,
        "MAC key": MAC_KEY,
        "seed": token.seed.hex(),
        **{f"cookie {name}": value for name, value in browser.cookies.items()},
        **{f"first {name}": value for name, value in tokens.items() if name.endswith("_token")},
        **{f"fresh {name}": value for name, value in fresh.items() if name.endswith("_token")},
        "signature": fresh["access_token"].rpartition(".")[2],
    }


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_secret_reaches_a_log_line(tmp_path: Path, clock: SettableClock, level: str) -> None:
    with captured_logs(level) as lines:
        provider = start(tmp_path, clock)
        secrets = play(provider)
        stop(provider)
    logged = lines.getvalue()
    assert logged.count('"path": "/token"') >= 4, "the request lines are there"
    # six digits may stand in any number: a code counts as logged where it stands alone
    words = set(logged.replace('"', " ").replace("'", " ").split())
    shown = [name for name, secret in secrets.items() if (secret in words if name == "otp" else secret in logged)]
    assert shown == []


@pytest.mark.requirement("ASVS-7.2.3")
def test_no_secret_is_kept_in_the_audit_trail_or_anywhere_at_rest(tmp_path: Path, clock: SettableClock) -> None:
    provider = start(tmp_path, clock)
    secrets = play(provider)
    with provider.database.autocommit() as db:
        events = "\n".join(str(tuple(row)) for row in db.execute(text("SELECT * FROM audit_events")))
        db.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    sid = claims_of(secrets["fresh id_token"])["sid"].replace("-", "")
    stop(provider)
    at_rest = (tmp_path / "auth.sqlite3").read_bytes()
    assert sid in events and sid.encode() in at_rest, "what may be there is found: the search works"
    assert [name for name, secret in secrets.items() if name != "otp" and secret in events] == []
    found = [name for name, secret in secrets.items() if name != "otp" and secret.encode() in at_rest]
    assert found == []
    assert bytes.fromhex(secrets["seed"]) not in at_rest


def test_every_event_of_a_sign_in_is_in_the_trail_refusals_too(tmp_path: Path, clock: SettableClock) -> None:
    provider = start(tmp_path, clock)
    play(provider)
    assert provider.events() == [
        "sign_in_failed",
        "first_factor_accepted",
        "second_factor_failed",
        "signed_in",
        "authorization_code_issued",
        "authorization_code_redeemed",
        "refresh_token_reuse",
    ]
    stop(provider)
