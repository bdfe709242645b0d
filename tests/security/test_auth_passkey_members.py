"""Attacks by an answer of a browser whose members are of other JSON types, or that names another credential."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.auth.authorization.passkey_registration import NotAdded
from services.auth.opaque_token import b64url, unb64url
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.passkeys import ask, give_passkey, holder_of, registration_of, rows
from tests.integration.auth.provider import Provider, code_of, error_of, start
from tests.integration.auth.seeds import ALICE, CAROL
from tests.support.authenticator import Authenticator

VALUES: tuple[Any, ...] = ([], {}, [[]], {"a": {}}, 5, 1e308, True, "\ud800", "\x00", None)
#: Members that prove something: an answer without the right one is refused.
PROOF = {
    "get": ("rawId", "response", "response.authenticatorData", "response.signature", "type"),
    "create": ("rawId", "response", "response.attestationObject", "type"),
}
CLIENT_DATA = ("type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding")
#: Members that may be anything, as long as nothing breaks.
OTHER = ("id", "authenticatorAttachment", "clientExtensionResults", "clientExtensionResults.credProps")
MORE = ("response.transports", "response.userHandle", "response.clientDataJSON")


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


def _with(text: str, member: str, value: Any) -> str:
    """Return the answer with another value for a member; `client.x` is one of the client data."""
    answer = json.loads(text)
    if member.startswith("client."):
        told = json.loads(unb64url(answer["response"]["clientDataJSON"]))
        told[member.removeprefix("client.")] = value
        answer["response"]["clientDataJSON"] = b64url(json.dumps(told).encode())
        return json.dumps(answer)
    *path, last = member.split(".")
    inner = answer
    for name in path:
        inner = inner[name]
    inner[last] = value
    return json.dumps(answer)


@pytest.mark.parametrize("member", [*PROOF["get"], *OTHER[:3], *MORE, *(f"client.{name}" for name in CLIENT_DATA)])
def test_no_type_of_a_member_breaks_a_sign_in(provider: Provider, member: str) -> None:
    authenticator, browser = give_passkey(provider), provider.browser()
    for value in VALUES:
        provider.clock.advance(minutes=5)  # to attempts that may be made again
        page = browser.open()
        text = _with(authenticator.get(ask(browser, page)), member, value)
        answer = browser.submit(page, credential=text, action="passkey")
        assert answer.status_code < 500, value
        if member in PROOF["get"]:
            assert error_of(answer), value


@pytest.mark.parametrize("member", [*PROOF["create"], *OTHER, *MORE, *(f"client.{name}" for name in CLIENT_DATA)])
def test_no_type_of_a_member_breaks_a_registration(provider: Provider, member: str) -> None:
    browser = provider.browser()
    browser.sign_in(CAROL)
    registration, holder, now = registration_of(provider), holder_of(provider, browser), provider.clock.now()
    for value in VALUES:
        options = registration.ask(holder, now, conditional=True)
        text = _with(Authenticator(provider.settings.issuer).create(options), member, value)
        added = registration.add(holder, text, "x", now, conditional=True)
        if member in PROOF["create"]:
            assert isinstance(added, NotAdded), value
        provider.sql("DELETE FROM passkeys")


@pytest.mark.parametrize("value", [True, 0, "", [], {}], ids=["true", "0", "text", "list", "object"])
def test_an_answer_that_says_anything_of_a_frame_is_refused(provider: Provider, value: Any) -> None:
    authenticator, browser = give_passkey(provider), provider.browser()
    page = browser.open()
    text = authenticator.get(ask(browser, page), cross_origin=value)
    answer = browser.submit(page, credential=text, action="passkey")
    assert answer.status_code < 500 and error_of(answer)
    assert "SSO_SESSION" not in browser.cookies


@pytest.mark.parametrize("length", [32, 6000])
def test_a_credential_by_another_name_than_its_own_is_not_added(provider: Provider, length: int) -> None:
    browser = provider.browser()
    browser.sign_in(ALICE)
    registration, holder, now = registration_of(provider), holder_of(provider, browser), provider.clock.now()
    authenticator = Authenticator(provider.settings.issuer, credential_id=bytes(length))
    text = authenticator.create(registration.ask(holder, now, conditional=False))
    text = _with(_with(text, "rawId", "AAAA"), "id", "AAAA")
    assert registration.add(holder, text, "x", now, conditional=False) is NotAdded.REFUSED
    assert rows(provider) == []


def test_the_highest_count_that_there_can_be_is_kept(provider: Provider) -> None:
    authenticator, browser = give_passkey(provider), provider.browser()
    authenticator.count = 2**32 - 1
    page = browser.open()
    text = authenticator.get(ask(browser, page))
    assert code_of(browser.submit(page, credential=text, action="passkey"))
    assert rows(provider)[0]["sign_count"] == 2**32 - 1
