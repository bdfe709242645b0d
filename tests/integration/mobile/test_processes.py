"""The command line as real processes on one store."""

import json
from datetime import timedelta
from pathlib import Path

import httpx2

from mobile.client import MobileClient
from mobile.store import FileStore
from tests.integration.mobile.conftest import Start
from tests.integration.mobile.scripted_provider import ScriptedProvider
from tests.support.clock_file import ClockFile


def test_two_processes_at_expiry_make_one_refresh(
    signed_in: MobileClient, provider: ScriptedProvider, store: FileStore, clock_file: ClockFile, start: Start
) -> None:
    clock_file.advance(timedelta(minutes=6))
    with store.lock():
        apps = [start("contacts", "--json", module="tests.integration.mobile.watched_app") for _ in range(2)]
        for app in apps:
            assert app.stdout is not None
            assert app.stdout.readline() == "at the lock\n"

    for app in apps:
        out, err = app.communicate()
        assert (app.returncode, err) == (0, "")
        assert json.loads(out)["items"]
    assert provider.seen["rotations"] == 1
    assert provider.seen["/token"] == 2


def test_login_by_loopback_then_calls_then_logout(start: Start, provider: ScriptedProvider, tmp_path: Path) -> None:
    login = start("login", "--no-browser")
    assert login.stdout is not None
    url = login.stdout.readline().strip()
    assert url.startswith(f"{provider.issuer}/authorize?")
    redirect = provider.authorize(url)

    assert httpx2.get(redirect.replace("state=", "state=x")).status_code == 404
    assert httpx2.get(redirect).status_code == 200

    out, err = login.communicate()
    assert (login.returncode, out, err) == (0, "signed in as Alice Liddell\n", "")
    for command, code in [("contacts", 0), ("orders", 0), ("whoami", 0), ("refresh", 0), ("logout", 0), ("whoami", 3)]:
        process = start(command)
        out, err = process.communicate()
        assert process.returncode == code, err
        assert "secret" not in out + err
    assert not (tmp_path / "tokens.json").exists()


def test_login_by_deep_link_takes_its_own_link_and_no_other(start: Start, provider: ScriptedProvider) -> None:
    login = start("login", "--no-browser", "--redirect-uri", "myapp://callback")
    assert login.stdout is not None
    link = provider.authorize(login.stdout.readline().strip())
    assert link.startswith("myapp://callback?")

    for foreign in ("myapp://callback?code=x&state=y", "myapp://callback", link.replace("callback?", "callback2?")):
        assert start("deliver", foreign).wait() == 1
    assert login.poll() is None
    assert start("deliver", link).wait() == 0

    out, _ = login.communicate()
    assert (login.returncode, out) == (0, "signed in as Alice Liddell\n")
    assert start("deliver", link).wait() == 1


def test_second_login_for_the_same_scheme_is_refused(start: Start) -> None:
    first = start("login", "--no-browser", "--redirect-uri", "myapp://callback")
    assert first.stdout is not None
    assert first.stdout.readline()

    second = start("login", "--no-browser", "--redirect-uri", "myapp://callback")
    _, err = second.communicate()
    assert second.returncode == 1
    assert "another login waits" in err

    first.kill()
    first.wait()
    third = start("login", "--no-browser", "--redirect-uri", "myapp://callback")
    assert third.stdout is not None
    assert third.stdout.readline().startswith("http")


def test_login_that_nobody_finishes_is_3(start: Start) -> None:
    login = start("login", "--no-browser", "--timeout", "0")

    out, err = login.communicate()
    assert login.returncode == 3
    assert out.count("\n") == 1
    assert "in time" in err


def test_cancelled_login_is_3_and_says_so(start: Start, provider: ScriptedProvider) -> None:
    login = start("login", "--no-browser")
    assert login.stdout is not None
    redirect = provider.authorize(login.stdout.readline().strip(), code=None, error="access_denied")
    assert httpx2.get(redirect).status_code == 200

    _, err = login.communicate()
    assert login.returncode == 3
    assert "cancelled" in err


def test_provider_that_is_gone_is_4_and_tokens_are_kept(
    signed_in: MobileClient, provider: ScriptedProvider, start: Start
) -> None:
    before = signed_in.tokens()
    provider.hang_up_after = {"/.well-known/openid-configuration"}

    refresh = start("refresh")
    _, err = refresh.communicate()
    assert refresh.returncode == 4
    assert "cannot be reached" in err
    assert signed_in.tokens() == before
