"""/invitation and /reset: links that are good once, for the person who was given them (ADR-0091)."""

import httpx2
import pytest

from services.auth.accounts.one_time_link import LIFETIMES, LinkKind, link_address, mint_link
from services.auth.accounts.password import hash_password
from services.auth.opaque_token import mint_opaque_token
from services.auth.provisioning.people import reset_second_factor
from services.auth.revocation import set_enabled
from tests.integration.auth.provider import Browser, Provider, code_of, error_of, oauth_error
from tests.integration.auth.seeds import ALICE, BOB

NEW = "seven-teapots-in-a-tree"
OVER = "This link has expired, was used before, or was opened in another browser."


def link(provider: Provider, who: str = "alice", kind: LinkKind = LinkKind.RESET, email_key: str | None = None) -> str:
    """Return the path of a new link for a seeded user, who is invited where the link is an invitation."""
    if kind is LinkKind.INVITATION:
        provider.sql("UPDATE users SET password_hash = NULL, activated_at = NULL WHERE username = :who", who=who)
    with provider.context.database.transaction() as stores:
        user = stores.users.find_by_username(who)
        assert user is not None
        token = mint_link(stores.links, user.id, kind, email_key=email_key, now=provider.clock.now())
    return link_address("", kind, token)


def choose(browser: Browser, page: httpx2.Response, password: str = NEW) -> httpx2.Response:
    return browser.submit(page, **{"new-password": password, "action": "set-password"})


def is_over(page: httpx2.Response) -> bool:
    return page.status_code == 400 and error_of(page) == OVER


def test_a_reset_link_sets_the_password_and_ends_all_that_was_signed_in(provider: Provider, browser: Browser) -> None:
    tokens = provider.sign_in()
    page = choose(browser, browser.get(link(provider)))
    assert page.status_code == 200 and 'id="password-set"' in page.text
    assert "SSO_SESSION" not in browser.cookies, "nobody is signed in by it"
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert code_of(provider.browser().sign_in((ALICE[0], NEW)))
    assert provider.browser().sign_in(ALICE).status_code == 400
    assert {"password_reset", "password_set", "session_ended"} <= set(provider.events())


@pytest.mark.requirement("ASVS-6.4.3")
def test_a_reset_is_no_way_around_the_second_factor(provider: Provider, browser: Browser) -> None:
    choose(browser, browser.get(link(provider, "bob")))
    page = browser.enter_password(browser.open(), (BOB[0], NEW))
    assert 'id="mfa"' in page.text


def test_a_link_that_is_used_twice_is_over(provider: Provider, browser: Browser) -> None:
    path = link(provider)
    page = browser.get(path)
    assert choose(browser, page).status_code == 200
    assert choose(browser, page).status_code == 200, "a double tap gets the same answer"
    assert is_over(browser.get(path)) and is_over(provider.browser().get(path))
    provider.clock.advance(seconds=61)
    assert is_over(choose(browser, page, "another-phrase-of-mine-7"))
    assert code_of(provider.browser().sign_in((ALICE[0], NEW)))


def test_one_of_two_links_ends_the_other(provider: Provider, browser: Browser) -> None:
    first, second = link(provider), link(provider)
    choose(browser, browser.get(second))
    assert is_over(provider.browser().get(first))


@pytest.mark.parametrize("kind", [LinkKind.RESET, LinkKind.INVITATION])
def test_a_scanner_that_opens_the_link_uses_nothing_up(provider: Provider, browser: Browser, kind: LinkKind) -> None:
    path = link(provider, kind=kind)
    events = len(provider.trail())
    for _ in range(5):
        assert provider.browser(agent="Scanner/1").get(path).status_code == 200
    assert provider.browser().http.head(path).status_code == 200
    assert len(provider.trail()) == events
    assert browser.get(path).status_code == 200


def test_an_invitation_is_accepted_in_one_browser_and_goes_on_in_it_alone(provider: Provider, browser: Browser) -> None:
    path = link(provider, kind=LinkKind.INVITATION)
    page = browser.get(path)
    other = provider.browser()
    others_page = other.get(path)
    page = browser.press(page, "accept")
    assert 'id="new-password"' in page.text
    assert is_over(other.press(others_page, "accept")), "the other browser came too late"
    assert is_over(other.get(path)) and is_over(other.get(path.replace("invitation", "reset")))
    assert 'id="accept"' in browser.get(path).text, "closed by mistake: its own browser goes on"
    assert choose(browser, page).status_code == 200
    assert is_over(browser.get(path))
    assert code_of(browser.sign_in((ALICE[0], NEW)))
    assert {"invitation_accepted", "invitation_used", "password_set"} <= set(provider.events())


def test_an_invitation_cannot_be_skipped_on_the_way_to_the_password(provider: Provider, browser: Browser) -> None:
    path = link(provider, kind=LinkKind.INVITATION).replace("invitation", "reset")
    answer = browser.get(path)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/invitation?token=")


@pytest.mark.parametrize(
    ("sent_to", "verified"), [("alice@company.localhost", True), ("old@company.localhost", False), (None, False)]
)
def test_a_link_proves_the_address_that_it_was_sent_to(
    provider: Provider, browser: Browser, sent_to: str | None, *, verified: bool
) -> None:
    provider.sql("UPDATE users SET email_verified_at = NULL WHERE username = 'alice'")
    choose(browser, browser.get(link(provider, email_key=sent_to)))
    with provider.context.database.autocommit() as stores:
        alice = stores.users.find_by_username("alice")
    assert alice is not None and (alice.verified_email is not None) is verified


@pytest.mark.parametrize("kind", list(LinkKind))
def test_a_link_expires(provider: Provider, browser: Browser, kind: LinkKind) -> None:
    path = link(provider, kind=kind)
    provider.clock.advance(seconds=LIFETIMES[kind].total_seconds() - 1)
    page = browser.get(path)
    assert page.status_code == 200
    provider.clock.advance(seconds=1)
    assert is_over(browser.get(path)) and is_over(browser.press(page, "accept"))


def test_every_end_of_a_user_ends_their_links(provider: Provider, browser: Browser) -> None:
    path, now = link(provider, "bob"), provider.clock.now()
    with provider.context.database.transaction() as stores:
        bob = stores.users.find_by_username("bob")
        assert bob is not None and reset_second_factor(stores, bob, now)
    assert is_over(browser.get(path))
    path = link(provider, "bob")
    with provider.context.database.transaction() as stores:
        set_enabled(stores, bob.id, enabled=False, origin=None, now=now)
    assert is_over(browser.get(path))


@pytest.mark.parametrize(
    "token",
    ["", "x", "\u00e9" * 43, mint_opaque_token(), "a" * 10_000],
    ids=["empty", "short", "no ASCII", "opaque", "long"],  # workers must collect the same names
)
def test_a_guessed_link_is_answered_like_a_used_one(browser: Browser, token: str) -> None:
    answer = browser.http.get("/reset", params={"token": token})
    assert is_over(answer) and (len(token) < 10 or token not in answer.text)


def test_a_form_with_another_browsers_or_links_token_is_refused(provider: Provider, browser: Browser) -> None:
    mine, theirs = browser.get(link(provider)), provider.browser().get(link(provider, "bob"))
    for csrf in (None, "x", theirs.text.partition('name="csrf" value="')[2].partition('"')[0]):
        page = browser.submit(mine, **{"new-password": NEW, "csrf": csrf})
        assert error_of(page) == "This form has expired or was not sent from our own page."
    assert provider.browser().sign_in(ALICE).status_code == 303, "nothing has changed"


def test_a_password_that_may_not_be_chosen_leaves_the_link_good(provider: Provider, browser: Browser) -> None:
    page = choose(browser, browser.get(link(provider)), "alice-alice-alice-1")
    assert page.status_code == 400 and "easy to guess" in error_of(page)
    assert "alice-alice-alice-1" not in page.text
    assert "password_not_allowed" in provider.trail()
    assert choose(browser, page).status_code == 200


def test_fields_of_any_size_and_kind_are_refused_before_work(provider: Provider, browser: Browser) -> None:
    page = browser.get(link(provider))
    for password in ("", "\u0301" * 10_000, "x" * 5000, "\ufdfa" * 1024, "a\x00b" * 10):
        assert choose(browser, page, password).status_code == 400
    assert browser.http.post("/reset", content=b"\xff=1", headers={"Content-Type": "text/plain"}).status_code == 400
    provider.sql("UPDATE users SET password_hash = :hash WHERE username = 'alice'", hash=hash_password(ALICE[1]))
    assert code_of(browser.sign_in(ALICE))
