"""/docs in a real browser: alice signs in there by code and PKCE as the client `swagger`, and calls an operation."""

import pytest

from mobile.simulator import ALICE
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import give_password
from tests.support.stack import Stack


@pytest.mark.parametrize(
    ("api", "operation", "shown"),
    [("crm", "listContacts", "Mad Hatter"), ("orders", "listOrders", "0190a1b0-0000-7000-8000-00000000d001")],
)
def test_alice_signs_in_at_the_pages_of_an_api_and_calls_it(
    stack: Stack, new_visitor: NewVisitor, api: str, operation: str, shown: str
) -> None:
    visitor = new_visitor()
    address: str = getattr(stack, api)
    visitor.origins.add(address)
    page = visitor.open(f"{address}/docs")

    page.click("button.authorize")
    dialog = page.locator(".dialog-ux", has_text="sign_in")
    signing_in = dialog.locator(".auth-container", has_text="OAuth2")
    with page.expect_popup() as opened:
        signing_in.locator("button.authorize").click()
    popup = opened.value
    give_password(popup, ALICE)
    popup.click("#sign-in")
    if popup.url.startswith(stack.auth):
        popup.click("#continue")
    signing_in.get_by_text("Logout").wait_for()
    assert popup.is_closed()
    page.click(".btn-done")

    block = page.locator(f"[id$='-{operation}']")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    answer = block.locator(".live-responses-table .response").first
    answer.wait_for()
    assert "200" in answer.inner_text()
    assert shown in answer.inner_text()
