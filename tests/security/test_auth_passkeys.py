"""Attacks on passkeys: each is refused, leaves a row that says why, and learns nothing from its answer."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.auth.storage.tables import audit_events
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.passkeys import ask, give_passkey, holder_of, registration_of, rows, use
from tests.integration.auth.provider import Browser, Provider, code_of, error_of, hidden_fields, start
from tests.integration.auth.seeds import ALICE, CAROL
from tests.support.authenticator import Authenticator
from tests.support.statements import sent_statements

REFUSED = "This passkey cannot be used here. Please sign in another way."


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


def why(provider: Provider) -> tuple[str, Any]:
    """Return the last row of the trail: its name, and the reason in it."""
    with provider.database.autocommit() as db:
        row = db.execute(select(audit_events).order_by(audit_events.c.id.desc()).limit(1)).mappings().one()
    return row["event"], row["details"].get("because")


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"origin": "https://localhost.evil.example"}, "another_origin"),
        ({"origin": "http://localhost:9999"}, "another_origin"),
        ({"rp_id": "evil.example"}, "another_site"),
        ({"type": "webauthn.create"}, "another_ceremony"),
        ({"cross_origin": True}, "cross_origin"),
        ({"user_handle": "AAAAAAAAAAAAAAAAAAAAAA"}, "another_user"),
    ],
    ids=["a look-alike page", "another port", "another site", "a registration", "in a frame", "another user's handle"],
)
def test_an_answer_that_was_made_elsewhere_is_refused(
    provider: Provider, browser: Browser, changes: dict[str, Any], because: str
) -> None:
    authenticator = give_passkey(provider)
    assert error_of(use(browser, browser.open(), authenticator, **changes)) == REFUSED
    assert why(provider) == ("passkey_failed", because)
    assert "SSO_SESSION" not in browser.cookies


def test_an_answer_without_user_verification_is_no_sign_in(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    authenticator.verifies = False
    assert error_of(use(browser, browser.open(), authenticator)) == REFUSED
    assert why(provider) == ("passkey_failed", "user_not_verified")


def test_another_key_for_a_known_credential_is_refused(provider: Provider, browser: Browser) -> None:
    real = give_passkey(provider)
    forged = Authenticator(real.origin, credential_id=real.credential_id, user_handle=real.user_handle)
    assert error_of(use(browser, browser.open(), forged)) == REFUSED
    assert why(provider) == ("passkey_failed", "signature_wrong")


def test_a_challenge_is_good_once(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    page = browser.open()
    options = ask(browser, page)
    assert code_of(browser.submit(page, credential=authenticator.get(options), action="passkey"))
    page = browser.open(prompt="login")
    again = browser.submit(page, credential=authenticator.get(options), action="passkey")
    assert error_of(again) == "That took too long. Please try your passkey again."
    assert why(provider)[0] == "passkey_challenge_over"


def test_a_challenge_is_used_up_by_an_answer_that_was_wrong(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    page = browser.open()
    options = ask(browser, page)
    browser.submit(page, credential=authenticator.get(options, origin="https://evil.example"), action="passkey")
    browser.submit(page, credential=authenticator.get(options), action="passkey")
    assert why(provider)[0] == "passkey_challenge_over"


def test_a_challenge_of_another_browser_is_refused(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    other = provider.browser()
    answer = authenticator.get(ask(other, other.open()))
    browser.submit(browser.open(), credential=answer, action="passkey")
    assert why(provider)[0] == "passkey_challenge_over"
    assert "SSO_SESSION" not in browser.cookies


def test_a_challenge_that_nobody_made_is_refused(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    options = {"challenge": "QUFBQUFBQUFBQUFBQUFBQQ", "rpId": "localhost"}
    browser.submit(browser.open(), credential=authenticator.get(options), action="passkey")
    assert why(provider)[0] == "passkey_challenge_over"


def test_a_challenge_of_one_step_is_none_of_the_other(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider, verifies=True)
    page = browser.enter_password(browser.open(), ALICE)
    answer = authenticator.get(ask(browser, page, "second_factor"))
    login = browser.get(page.url.path.replace("/mfa", "/login") + f"?{page.url.query.decode()}")
    browser.submit(login, credential=answer, action="passkey")
    assert why(provider)[0] == "passkey_challenge_over"


def test_another_users_passkey_is_no_second_factor(provider: Provider, browser: Browser) -> None:
    give_passkey(provider, ALICE)
    carols = give_passkey(provider, CAROL)
    page = browser.enter_password(browser.open(), ALICE)
    assert error_of(use(browser, page, carols, "second_factor")) == REFUSED
    assert why(provider) == ("second_factor_failed", "credential_unknown")
    assert "SSO_SESSION" not in browser.cookies


def test_the_second_step_is_asked_for_by_nobody_who_has_not_given_the_first(
    provider: Provider, browser: Browser
) -> None:
    give_passkey(provider)
    page = browser.open()
    answer = browser.http.post("/passkey", data={**hidden_fields(page), "purpose": "second_factor"})
    assert answer.status_code == 400


def test_a_challenge_needs_this_browsers_form(provider: Provider, browser: Browser) -> None:
    page = browser.open()
    handle = page.url.query.decode().partition("=")[2]
    answer = browser.http.post("/passkey", data={"request": handle, "csrf": "x", "purpose": "sign_in"})
    assert answer.status_code == 400


def test_a_copied_passkey_is_seen_by_its_count_and_stopped_for_good(provider: Provider, browser: Browser) -> None:
    provider.sql("UPDATE users SET email_verified_at = :now", now=str(provider.clock.now()))
    owner = give_passkey(provider, counts=True, synced=False)
    thief = Authenticator(
        owner.origin, counts=True, synced=False, credential_id=owner.credential_id, key=owner.key,
        user_handle=owner.user_handle,
    )  # fmt: skip
    for _ in range(3):
        assert code_of(use(browser, browser.open(prompt="login"), owner))
    strange = provider.browser()
    assert error_of(use(strange, strange.open(), thief)) == REFUSED
    assert why(provider) == ("passkey_failed", "copied")
    assert "passkey_copied" in provider.trail()
    assert rows(provider)[0]["copied_at"] == provider.clock.now()
    # the owner neither: nobody can say which of the two is the copy
    assert error_of(use(browser, browser.open(prompt="login"), owner)) == REFUSED
    # and the password alone is not enough all of a sudden
    fresh = provider.browser()
    page = fresh.enter_password(fresh.open(), ALICE)
    assert "Your administrator can reset the second step" in page.text and "SSO_SESSION" not in fresh.cookies


def test_a_count_proves_a_copy_only_under_a_right_signature(provider: Provider, browser: Browser) -> None:
    owner = give_passkey(provider, counts=True)
    assert code_of(use(browser, browser.open(), owner))
    forged = Authenticator(owner.origin, credential_id=owner.credential_id, user_handle=owner.user_handle)
    use(browser, browser.open(prompt="login"), forged)
    assert rows(provider)[0]["copied_at"] is None


@pytest.mark.parametrize(
    "sent",
    ["", "x", "{}", "[]", "null", "[" * 400, "a" * 17_000, '{"rawId":"AA","response":{}}'],
    ids=["nothing", "text", "empty", "list", "null", "deep", "long", "halves"],
)
def test_what_is_no_answer_is_refused(provider: Provider, browser: Browser, sent: str) -> None:
    assert error_of(browser.submit(browser.open(), credential=sent, action="passkey")) == REFUSED
    assert why(provider) == ("passkey_failed", "answer_unreadable")


def test_an_unknown_credential_costs_what_a_known_one_does(provider: Provider) -> None:
    known = give_passkey(provider)
    costs = []
    for tried in (
        Authenticator(known.origin, credential_id=known.credential_id, user_handle=known.user_handle),
        Authenticator(known.origin, user_handle=known.user_handle),
    ):
        browser = provider.browser()
        page = use(browser, browser.open(), tried)  # both accounts have failed before
        answer = tried.get(ask(browser, page))
        with sent_statements() as sent:
            shown = browser.submit(page, credential=answer, action="passkey")
        costs.append((error_of(shown), " data-unknown" in shown.text, Counter(statement for statement, _ in sent)))
    assert costs[0] == costs[1]


def test_failures_of_a_passkey_count_as_those_of_a_password(provider: Provider, browser: Browser) -> None:
    real = give_passkey(provider)
    forged = Authenticator(real.origin, credential_id=real.credential_id, user_handle=real.user_handle)
    page = browser.open()
    for _ in range(5):
        page = use(browser, page, forged)
    assert page.status_code == 400
    page = use(browser, page, forged)
    assert page.status_code == 429 and error_of(page).startswith("Too many attempts.")


class TestRegistration:
    """What a page of the account adds."""

    @pytest.mark.parametrize(
        "changes",
        [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"type": "webauthn.get"}],
        ids=["origin", "site", "ceremony"],
    )
    def test_what_was_made_elsewhere_is_not_added(
        self, provider: Provider, browser: Browser, changes: dict[str, Any]
    ) -> None:
        browser.sign_in(ALICE)
        registration, holder, now = registration_of(provider), holder_of(provider, browser), provider.clock.now()
        answer = Authenticator(provider.settings.issuer).create(
            registration.ask(holder, now, conditional=False), **changes
        )
        registration.add(holder, answer, "x", now, conditional=False)
        assert rows(provider) == []

    def test_one_without_user_verification_is_not_added(self, provider: Provider, browser: Browser) -> None:
        browser.sign_in(ALICE)
        registration, holder, now = registration_of(provider), holder_of(provider, browser), provider.clock.now()
        answer = Authenticator(provider.settings.issuer, verifies=False).create(
            registration.ask(holder, now, conditional=False)
        )
        registration.add(holder, answer, "x", now, conditional=False)
        assert rows(provider) == []

    def test_a_challenge_of_another_session_adds_nothing(self, provider: Provider, browser: Browser) -> None:
        browser.sign_in(ALICE)
        other = provider.browser()
        other.sign_in(CAROL)
        registration, now = registration_of(provider), provider.clock.now()
        answer = Authenticator(provider.settings.issuer).create(
            registration.ask(holder_of(provider, other), now, conditional=False)
        )
        registration.add(holder_of(provider, browser), answer, "x", now, conditional=False)
        assert rows(provider) == []

    def test_a_credential_that_somebody_has_is_not_taken_from_them(self, provider: Provider, browser: Browser) -> None:
        theirs = give_passkey(provider, CAROL)
        browser.sign_in(ALICE)
        registration, holder, now = registration_of(provider), holder_of(provider, browser), provider.clock.now()
        mine = Authenticator(provider.settings.issuer, credential_id=theirs.credential_id)
        registration.add(
            holder, mine.create(registration.ask(holder, now, conditional=False)), "x", now, conditional=False
        )
        assert len(rows(provider)) == 1 and rows(provider)[0]["user_id"] != holder.user.id
