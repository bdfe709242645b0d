"""Whatever is sent to /logout: a page, never a redirect, nothing reflected, never a 5xx."""

import pytest

from tests.integration.auth.logout_seeds import BACK, RP
from tests.integration.auth.provider import Provider
from tests.security.test_auth_bad_input import MARK, TEXTS
from tests.support.own_script import without_own_script

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "request", "csrf", "ui_locales", "x")


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_bad_input_is_a_page(refusing: Provider, name: str, text: str) -> None:
    form = {"client_id": RP, "post_logout_redirect_uri": BACK, "state": "s", name: text}
    browser = refusing.browser()
    for answer in (browser.http.get("/logout", params=form), browser.follow(browser.http.post("/logout", data=form))):
        assert answer.status_code in {200, 400}, (name, answer.status_code)
        if name != "state":  # a state goes back in the link, encoded
            assert MARK not in answer.text
        assert "<script" not in without_own_script(answer.text) and "location" not in answer.headers
