"""A person sets up an authenticator app and saves their codes, with and without JavaScript, by keyboard alone."""

import subprocess
import sys
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from mobile.simulator import Person
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor, give_password
from tests.e2e.phones import Phones
from tests.support.browser import look
from tests.support.stack import Stack, stack_environment_for

_PASSWORD = "a kettle for the whole garden"
_CODES = "#recovery-codes code"


def new_person(stack: Stack, name: str) -> Person:
    """Make a user of the running stack who has a password and nothing else."""
    subprocess.run(
        [sys.executable, "-m", "services.auth", "users", "create", name, "--password-stdin"],
        input=f"{_PASSWORD}\n",
        env=stack_environment_for(stack.data, {"ENVIRONMENT": "local", "AUTH_ISSUER": stack.auth}),
        cwd=Path(__file__).parents[2],
        check=True,
        text=True,
        capture_output=True,
    )
    return Person(name, _PASSWORD)


def open_methods(visitor: Visitor, stack: Stack, person: Person) -> Page:
    tab = visitor.open(f"{stack.auth}/account/sign-in-methods")
    give_password(tab, person)
    tab.click("#sign-in")
    expect(tab.locator("#enrol-totp")).to_be_visible()
    return tab


@pytest.mark.parametrize("javascript", [True, False], ids=["with-script", "without-script"])
def test_an_app_is_set_up_and_its_codes_are_saved(
    javascript: bool, new_visitor: NewVisitor, phones: Phones, stack: Stack, tmp_path: Path
) -> None:
    person = new_person(stack, f"enrolling-{str(javascript).lower()}")
    tab = open_methods(new_visitor(javascript=javascript), stack, person)
    tab.click("#enrol-totp")
    picture = tab.locator("img#totp-qr")
    expect(picture).to_be_visible()
    assert (picture.get_attribute("src") or "").startswith("data:image/svg+xml")
    secret = tab.inner_text("#totp-secret")
    tab.fill("#otp", pyotp.TOTP(secret).at(phones.clock.now()))
    tab.click("#confirm-totp")
    expect(tab.locator(_CODES)).to_have_count(10)
    shown = tab.locator(_CODES).all_inner_texts()
    with tab.expect_download() as download:
        tab.click("#download-codes")
    file = tmp_path / "codes.txt"
    download.value.save_as(file)
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert set(shown) <= set(file.read_text(encoding="utf-8").split())
    if javascript:
        _look(tab, "recovery-codes")
        tab.emulate_media(media="print", color_scheme="light")
        expect(tab.locator("#codes-saved")).to_be_hidden()
        expect(tab.locator("#recovery-codes")).to_be_visible()
        tab.emulate_media(media="screen")
    tab.click("#codes-saved")
    expect(tab.locator("#codes-left")).to_contain_text("10 codes are left")
    other = new_visitor(javascript=javascript).open(f"{stack.auth}/account")
    give_password(other, person)
    other.click("#sign-in")
    other.click("#use-recovery-code")
    other.fill("#recovery-code", shown[0])
    other.click("#verify")
    expect(other.get_by_role("heading", level=1)).to_contain_text("Hello")


def test_by_keyboard_alone_and_the_picture_is_what_the_key_says(visitor: Visitor, phones: Phones, stack: Stack) -> None:
    person = new_person(stack, "by-keyboard")
    tab = open_methods(visitor, stack, person)
    tab.focus("#enrol-totp")
    tab.keyboard.press("Enter")
    expect(tab.locator("#totp-qr")).to_be_visible()
    _look(tab, "authenticator")
    secret = tab.inner_text("#totp-secret")
    tab.locator("#otp").focus()
    tab.keyboard.type(pyotp.TOTP(secret).at(phones.clock.now()))
    tab.keyboard.press("Enter")
    expect(tab.locator(_CODES)).to_have_count(10)
    for _ in range(30):
        if tab.evaluate("document.activeElement.id") == "codes-saved":
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator("#to-remove-totp")).to_be_visible()
    _look(tab, "sign-in-methods-with-app")
    tab.click("#to-remove-totp")
    expect(tab.locator("#current-password")).to_be_visible()
    look(tab, "authenticator-removal")
    tab.fill("#current-password", _PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.locator("#to-remove-totp")).to_have_count(0)


def _look(tab: Page, name: str) -> None:
    tab.emulate_media(color_scheme="light")
    look(tab, f"{name}-light")
    tab.emulate_media(color_scheme="dark")
    look(tab, f"{name}-dark")
