"""Attacks by somebody who has a password, and wants a passkey that stands for both factors of its owner."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from services.auth.authorization.passkey_registration import NotAdded
from shared.testing import SettableClock
from tests.integration.auth import own_pages as own
from tests.integration.auth.account import form_token
from tests.integration.auth.conftest import stop
from tests.integration.auth.passkeys import holder_of, registration_of, rows
from tests.integration.auth.provider import Browser, Provider, claims_of, code_of, start
from tests.integration.auth.seeds import ALICE, BOB
from tests.support.authenticator import Authenticator

PAGE = "/account/passkeys"


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


def _post(browser: Browser, **fields: str) -> httpx2.Response:
    return browser.http.post(PAGE, data={"csrf": form_token(browser), **fields})


def _is_sent_to_sign_in(answer: httpx2.Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/authorize?")


def test_a_password_beside_a_remembered_second_factor_makes_no_passkey(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in(BOB)
    provider.clock.advance(hours=11)
    page = browser.enter_password(browser.open(prompt="login"), BOB)
    assert claims_of(provider.redeem(code_of(page)).json()["access_token"])["acr"].endswith(":1fa")
    assert _is_sent_to_sign_in(_post(browser, purpose="conditional"))
    assert 'data-passkey="conditional"' not in browser.get("/account").text


def test_a_session_from_before_a_second_factor_was_set_up_makes_no_passkey(provider: Provider) -> None:
    thief = provider.browser()
    thief.sign_in(ALICE)
    own.enrolled(provider.browser())
    assert _is_sent_to_sign_in(_post(thief, purpose="conditional"))


@pytest.mark.parametrize("conditional", [True, False], ids=["by itself", "on purpose"])
def test_a_second_factor_that_is_set_up_amid_the_ceremony_is_not_passed_by(
    provider: Provider, *, conditional: bool
) -> None:
    thief = provider.browser()
    thief.sign_in(ALICE)
    registration, holder, now = registration_of(provider), holder_of(provider, thief), provider.clock.now()
    answer = Authenticator(provider.settings.issuer).create(registration.ask(holder, now, conditional=conditional))
    own.enrolled(provider.browser())
    assert registration.add(holder, answer, "x", now, conditional=conditional) is NotAdded.REFUSED
    assert rows(provider) == []


@pytest.mark.parametrize("conditional", [True, False], ids=["by itself", "on purpose"])
def test_a_session_that_ends_amid_the_ceremony_adds_no_passkey(provider: Provider, *, conditional: bool) -> None:
    thief = provider.browser()
    thief.sign_in(ALICE)
    registration, holder, now = registration_of(provider), holder_of(provider, thief), provider.clock.now()
    answer = Authenticator(provider.settings.issuer).create(registration.ask(holder, now, conditional=conditional))
    with provider.context.database.transaction() as stores:
        assert stores.sessions.end(holder.session.id, now)
    assert registration.add(holder, answer, "x", now, conditional=conditional) is NotAdded.REFUSED
    assert rows(provider) == []


@pytest.mark.parametrize("made_for", ["conditional", "registration"])
def test_a_challenge_of_the_one_purpose_is_not_answered_for_the_other(provider: Provider, made_for: str) -> None:
    browser = provider.browser()
    browser.sign_in(ALICE)
    authenticator = Authenticator(provider.settings.issuer)
    credential = authenticator.create(_post(browser, purpose=made_for).json())
    other = {"purpose": "conditional"} if made_for == "registration" else {}
    answer = _post(browser, action="add-passkey", credential=credential, **other)
    assert answer.status_code == 400
    assert "That took too long." in answer.text
    assert rows(provider) == []
