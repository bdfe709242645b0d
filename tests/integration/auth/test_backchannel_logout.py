"""Back-channel logout: from a session's end to the client's door, also by another process and after failures.

Spec: OpenID Connect Back-Channel Logout s2.4 to s2.8
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.types import Options
from starlette.testclient import TestClient
from uuid_utils.compat import uuid7

from services.auth.logout.back_channel.delivery import LogoutDelivery
from services.auth.logout.back_channel.outbox import LEASE, LogoutNotice
from services.auth.logout.back_channel.turns import PER_CLIENT
from shared.errors import ConfigurationError
from tests.integration.auth.logout_clients import logout, queued, sign_in
from tests.integration.auth.logout_seeds import OTHER_RP, RP
from tests.integration.auth.provider import Browser, Provider, claims_of
from tests.support.back_channel import BackChannel, make_certificate


def delivery_of(provider: Provider) -> LogoutDelivery:
    delivery: LogoutDelivery = provider.context.logout_delivery
    return delivery


def send_to(provider: Provider, client_id: str, uri: str) -> None:
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.backchannel_logout_uri', :uri) WHERE client_id = :id",
        uri=uri,
        id=client_id,
    )


def delivered(provider: Provider, channel: BackChannel, times: int = 1) -> BackChannel:
    """Let the provider deliver what is due `times` times, half an hour apart, and return what the client saw."""

    async def run() -> None:
        async with channel:
            send_to(provider, RP, f"http://127.0.0.1:{channel.port}/backchannel?tenant=1")
            for _ in range(times):
                await delivery_of(provider).deliver_due()
                provider.clock.advance(minutes=40)

    asyncio.run(run())
    return channel


def sign_out(browser: Browser) -> dict[str, Any]:
    """Sign in and out again, and return the claims of the ID token."""
    tokens = sign_in(browser)
    assert logout(browser, id_token_hint=tokens["id_token"]).status_code == 200
    return claims_of(tokens["id_token"])


@pytest.mark.requirement("BCLOGOUT-2.5")
def test_the_client_is_posted_a_logout_token_of_the_session(provider: Provider, browser: Browser) -> None:
    told = sign_out(browser)
    now = int(provider.clock.now().timestamp())
    channel = delivered(provider, BackChannel())
    (token,) = channel.tokens
    keys = jwt.PyJWKSet.from_dict(provider.http.get("/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("logout+jwt", "RS256")
    by_the_tests_clock: Options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    claims = jwt.decode(token, keys[header["kid"]], algorithms=["RS256"], options=by_the_tests_clock)
    assert claims == {
        "iss": provider.settings.issuer,
        "aud": RP,
        "iat": now,
        "exp": now + 120,
        "jti": claims["jti"],
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        "sid": told["sid"],
        "sub": told["sub"],
    }
    assert channel.heads[0].startswith("POST /backchannel?tenant=1 HTTP/1.1\r\n")
    assert queued(provider) == [] and "logout_notice_delivered" in provider.events()


@pytest.mark.requirement("BCLOGOUT-2.5")
def test_every_client_of_the_session_is_told_and_no_other(provider: Provider, browser: Browser) -> None:
    sign_in(provider.browser(), OTHER_RP)  # alice's other session
    sign_in(browser, OTHER_RP)
    sign_in(browser, "rp-app")
    sign_out(browser)
    assert queued(provider) == [OTHER_RP, RP]


def test_it_is_tried_again_with_a_fresh_token_of_the_same_jti(provider: Provider, browser: Browser) -> None:
    sign_out(browser)
    first = delivered(provider, BackChannel(answer=b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n"), times=2)
    assert queued(provider) == [RP] and len(first.tokens) == 2
    last = delivered(provider, BackChannel())
    claims = [claims_of(token) for token in (*first.tokens, *last.tokens)]
    assert len({told["jti"] for told in claims}) == 1 and len({told["iat"] for told in claims}) == 3
    assert all(told["exp"] - told["iat"] == 120 for told in claims)
    assert queued(provider) == []


def test_it_waits_longer_after_each_failure(provider: Provider, browser: Browser) -> None:
    sign_out(browser)
    failing = BackChannel(answer=b"HTTP/1.1 500 X\r\n\r\n")

    async def run() -> None:
        async with failing:
            send_to(provider, RP, f"http://127.0.0.1:{failing.port}/")
            for wait in (0, 1, 2, 2):  # the first pause is about 2 s, the second about 4
                provider.clock.advance(seconds=wait)
                await delivery_of(provider).deliver_due()

    asyncio.run(run())
    assert len(failing.tokens) == 2


def test_400_is_the_clients_last_word(provider: Provider, browser: Browser) -> None:
    sign_out(browser)
    answer = b'HTTP/1.1 400 Bad Request\r\n\r\n{"error": "invalid_request"}'
    assert len(delivered(provider, BackChannel(answer=answer), times=3).tokens) == 1
    assert queued(provider) == [] and "logout_notice_refused" in provider.events()


def test_it_gives_up_after_a_day_and_says_so_in_the_trail(provider: Provider, browser: Browser) -> None:
    sign_out(browser)
    channel = BackChannel(answer=b"HTTP/1.1 302 Found\r\nLocation: https://rp.example/\r\n\r\n")
    delivered(provider, channel, times=36)
    assert queued(provider) == [RP] and "logout_notice_given_up" not in provider.events()
    delivered(provider, BackChannel(answer=b"HTTP/1.1 500 X\r\n\r\n"))
    assert queued(provider) == [] and "logout_notice_given_up" in provider.events()
    assert delivered(provider, BackChannel(), times=2).tokens == []


def test_another_process_delivers_what_one_that_stopped_has_left(provider: Provider, browser: Browser) -> None:
    """auth was restarted between the end of the session and the delivery; the browser has long gone."""
    sign_out(browser)
    restarted = provider.restarted()
    assert len(delivered(restarted, BackChannel()).tokens) == 1
    restarted.database.dispose()


def test_a_notice_that_a_dying_process_had_claimed_is_not_lost(provider: Provider, browser: Browser) -> None:
    sign_out(browser)
    with provider.context.database.autocommit() as stores:
        assert len(stores.logout_notices.claim(provider.clock.now(), lease=LEASE, limit=9, per_client=9)) == 1
    assert delivered(provider, BackChannel(), times=0).tokens == []
    provider.clock.advance(seconds=31)
    assert len(delivered(provider.restarted(), BackChannel()).tokens) == 1


def test_a_client_that_was_disabled_or_wants_no_more_is_not_told(provider: Provider, browser: Browser) -> None:
    sign_out(browser)
    provider.sql("UPDATE clients SET disabled_at = created_at WHERE client_id = :id", id=RP)
    asyncio.run(delivery_of(provider).deliver_due())
    assert queued(provider) == [] and "logout_notice_dropped" in provider.events()


def test_an_expired_session_tells_nobody(provider: Provider, browser: Browser) -> None:
    sign_in(browser)
    provider.clock.advance(days=8)
    assert logout(browser).status_code == 200
    assert queued(provider) == []


def test_the_running_process_delivers_at_once(provider: Provider, browser: Browser, tmp_path: Path) -> None:
    """The task of the process itself, over TLS by an authority from the settings."""
    ca_file, certificate = make_certificate(tmp_path, "localhost")
    tokens = sign_in(browser)
    running = provider.restarted(backchannel_ca_file=ca_file)

    async def run() -> BackChannel:
        async with BackChannel(certificate=certificate) as channel:
            send_to(provider, RP, f"https://localhost:{channel.port}/")
            task = asyncio.create_task(delivery_of(running).run())
            await asyncio.to_thread(_sign_out_at, running, browser, tokens["id_token"])
            async with asyncio.timeout(30):
                await channel.posted.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return channel

    assert len(asyncio.run(run()).tokens) == 1


def _sign_out_at(running: Provider, browser: Browser, hint: str) -> None:
    running.http.cookies.update(browser.cookies)
    assert running.http.get("/logout", params={"id_token_hint": hint}).status_code == 200


def test_the_task_starts_and_stops_with_the_process(provider: Provider) -> None:
    restarted = provider.restarted()
    with TestClient(restarted.app) as client:
        assert client.get("/livez").status_code == 200
        assert delivery_of(restarted)._loop is not None
    assert delivery_of(restarted)._loop is None


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_bad_authority_file_stops_the_start(provider: Provider, tmp_path: Path, content: str) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match="AUTH_BACKCHANNEL_CA_FILE"):
        provider.restarted(backchannel_ca_file=file)


# ---------------------------------------------------------------- one client's slowness is not another's


def queue_for(provider: Provider, client_id: str, count: int) -> None:
    now = provider.clock.now()
    with provider.context.database.transaction() as stores:
        for _ in range(count):
            stores.logout_notices.add(LogoutNotice(uuid7(), client_id, uuid7(), uuid7(), now))


def test_a_hundred_notices_of_a_silent_client_delay_nobody_elses(provider: Provider) -> None:
    """They were claimed first, and each batch waited five seconds for its slowest."""
    queue_for(provider, RP, 100)

    async def run() -> float:
        async with BackChannel(answer=None) as silent, BackChannel() as well:
            send_to(provider, RP, f"http://127.0.0.1:{silent.port}/backchannel")
            send_to(provider, OTHER_RP, f"http://127.0.0.1:{well.port}/backchannel")
            task = asyncio.create_task(delivery_of(provider).run())
            await asyncio.wait_for(silent.posted.wait(), 30)
            queue_for(provider, OTHER_RP, 1)
            started = time.monotonic()
            delivery_of(provider).wake()
            await asyncio.wait_for(well.posted.wait(), 30)
            took = time.monotonic() - started
            assert 1 <= len(silent.heads) <= PER_CLIENT
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return took

    assert asyncio.run(run()) < 4, "less than one delivery's patience"


def test_what_waits_for_a_silent_client_is_given_up_in_time_too(provider: Provider) -> None:
    """Few of many notices are tried: those that nobody got round to must not wait for ever."""
    queue_for(provider, RP, PER_CLIENT + 5)
    send_to(provider, RP, "http://127.0.0.1:9/backchannel")
    provider.clock.advance(hours=25)
    asyncio.run(delivery_of(provider).deliver_due())
    assert provider.events().count("logout_notice_given_up") == PER_CLIENT + 5
