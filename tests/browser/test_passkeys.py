"""Passkeys in a real Chromium, by its virtual authenticators: added, used, and told apart."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from mobile.simulator import ALICE, CAROL, App, Person
from tests.browser.visitor import Visitor, give_password
from tests.e2e.phones import SUBJECTS, Phones
from tests.support.browser import capture_deep_link
from tests.support.stack import Stack, running_stack

Credential = dict[str, Any]

#: The list answers by itself as soon as there is something to answer with; so that the button does.
WITHOUT_THE_LIST = (
    "if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false;"
)


@dataclass
class VirtualAuthenticator:
    """One that Chromium simulates in a tab, and what it holds."""

    devtools: CDPSession
    id: str

    def credentials(self) -> list[Credential]:
        return list(self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def hold(self, credential: Credential) -> None:
        self.devtools.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})

    def verifies(self, *, verified: bool) -> None:
        self.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": verified})


def with_authenticator(visitor: Visitor) -> tuple[Page, VirtualAuthenticator]:
    """Return a new tab, and the authenticator that it has: each tab has its own."""
    tab = visitor.context.new_page()
    devtools = visitor.context.new_cdp_session(tab)
    devtools.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return tab, VirtualAuthenticator(devtools, made["authenticatorId"])


def go(tab: Page, person: Person) -> None:
    """Sign in by password at the page that the tab shows."""
    give_password(tab, person)
    tab.click("#sign-in")


def begin(phones: Phones, visitor: Visitor) -> tuple[App, Page, VirtualAuthenticator]:
    """Open the sign-in of an app, in a tab whose authenticator holds nothing yet."""
    app = phones.app()
    tab, held = with_authenticator(visitor)
    tab.goto(app.client.begin_sign_in())
    return app, tab, held


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A suite of its own: from here on alice's password alone signs in no more."""
    with running_stack(tmp_path_factory.mktemp("passkeys")) as running:
        yield running


@pytest.fixture
def alices(stack: Stack, visitor: Visitor) -> Credential:
    """A passkey that alice has just added on the account page; nobody is signed in."""
    tab, held = with_authenticator(visitor)
    tab.goto(f"{stack.auth}/account/passkeys")
    go(tab, ALICE)
    tab.fill("#passkey-name", "My laptop")
    tab.click("#add-passkey")
    expect(tab.locator("#done")).to_have_text("The passkey was added.")
    expect(tab.locator("#passkeys")).to_contain_text("My laptop")
    (credential,) = held.credentials()
    visitor.context.clear_cookies()
    tab.close()
    return credential


def test_a_passkey_signs_in_by_the_list_by_the_button_and_as_the_second_factor(
    phones: Phones, visitor: Visitor, alices: Credential
) -> None:
    app = phones.app()
    tab, held = with_authenticator(visitor)
    held.hold(alices)
    link = capture_deep_link(tab, lambda: tab.goto(app.client.begin_sign_in()))  # the list: nobody presses anything
    claims = app.client.finish_sign_in(link).claims
    assert (claims["sub"], claims["acr"]) == (SUBJECTS["alice"], "urn:company:acr:mfa")
    assert claims["amr"] == ["pop", "user", "mfa"]
    (counted,) = held.credentials()

    visitor.context.add_init_script(WITHOUT_THE_LIST)
    visitor.context.clear_cookies()
    app, tab, held = begin(phones, visitor)
    tab.click("#passkey")
    expect(tab.get_by_role("status")).to_contain_text("No passkey was used.")  # it holds none: the password is there
    held.hold(counted)
    link = capture_deep_link(tab, lambda: tab.click("#passkey"))
    assert app.client.finish_sign_in(link).claims["sub"] == SUBJECTS["alice"]
    (counted,) = held.credentials()

    visitor.context.clear_cookies()
    app, tab, held = begin(phones, visitor)
    go(tab, ALICE)
    expect(tab.get_by_role("heading", level=1)).to_have_text("Use your passkey")
    held.hold(counted)
    link = capture_deep_link(tab, lambda: tab.click("#passkey"))
    assert app.client.finish_sign_in(link).claims["amr"] == ["pwd", "pop", "user", "mfa"]
    (counted,) = held.credentials()

    # whoever the device does not know is let in by none of it
    visitor.context.clear_cookies()
    _, tab, held = begin(phones, visitor)
    held.verifies(verified=False)
    held.hold(counted)
    tab.click("#passkey")
    expect(tab.get_by_role("status")).to_contain_text("No passkey was used.")

    # a copy of it counts from where it was taken
    visitor.context.clear_cookies()
    _, tab, held = begin(phones, visitor)
    held.hold(alices)
    tab.click("#passkey")
    expect(tab.locator("#error")).to_have_text("This passkey cannot be used here. Please sign in another way.")
    assert len(held.credentials()) == 1

    # one that was removed here, or never was: the authenticator is told to forget it
    visitor.context.clear_cookies()
    _, tab, held = begin(phones, visitor)
    held.hold({**alices, "credentialId": base64.b64encode(bytes(range(32))).decode()})
    tab.click("#passkey")
    expect(tab.locator("#error")).to_have_text("This passkey cannot be used here. Please sign in another way.")
    expect(tab.locator("#passkey")).to_be_visible()
    for _ in range(50):
        if not held.credentials():
            return
        tab.wait_for_timeout(100)
    pytest.fail("the authenticator still offers what nobody knows")


def test_a_device_with_nothing_of_ours_leaves_the_password(phones: Phones, visitor: Visitor) -> None:
    app, tab, held = begin(phones, visitor)
    tab.click("#passkey")
    expect(tab.get_by_role("status")).to_contain_text("No passkey was used.")
    assert held.credentials() == []
    give_password(tab, CAROL)
    link = capture_deep_link(tab, lambda: tab.click("#sign-in"))
    assert app.client.finish_sign_in(link).claims["sub"] == SUBJECTS["carol"]


def test_without_javascript_the_password_is_there_and_no_button_that_does_nothing(
    phones: Phones, new_visitor: Any
) -> None:
    tab = new_visitor(javascript=False).open(phones.app().client.begin_sign_in())
    expect(tab.locator("#passkey")).to_be_hidden()
    expect(tab.locator("#password")).to_be_visible()
