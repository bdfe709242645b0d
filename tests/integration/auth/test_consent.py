"""/consent: what a person allows a third-party client, remembered and taken back (OpenID Connect Core s3.1.2.4)."""

from uuid import UUID

import pytest

from services.auth.audit import Origin
from services.auth.authorization.consent import withdraw_consent
from services.auth.storage import SqlAuthDatabase
from shared.testing import ALICE as ALICES_SUB
from tests.integration.auth.provider import Browser, Provider, answer_of, code_of, error_of, hidden_fields, oauth_error
from tests.integration.auth.seeds import ALICE, BOB, CAROL, PARTNER, PORTAL

HOME = Origin("192.0.2.1", "Phone/1")


def consented(browser: Browser, **changes: str | None) -> str:
    """Sign alice in at partner-web for the first time, and return the code."""
    return code_of(browser.press(browser.sign_in(**{**PARTNER, **changes}), "allow"))


def withdraw(provider: Provider) -> None:
    with SqlAuthDatabase(provider.database).transaction() as stores:
        withdraw_consent(stores, UUID(ALICES_SUB), "partner-web", origin=HOME, now=provider.clock.now())


def remembered(provider: Provider) -> frozenset[str]:
    with SqlAuthDatabase(provider.database).autocommit() as stores:
        return stores.consents.find(UUID(ALICES_SUB), "partner-web")


def test_a_third_party_client_signs_in_after_consent(provider: Provider, browser: Browser) -> None:
    page = browser.sign_in(**PARTNER)
    assert 'id="allow"' in page.text and 'id="deny"' in page.text and '<ul id="scopes">' in page.text
    assert "Partner Portal" in page.text and "alice" in page.text
    for words in ("Sign you in", "See your name and your profile", "See your contacts"):
        assert words in page.text
    assert "crm:read<" not in page.text, "in words, not in scope names"
    tokens = provider.redeem_as_partner(code_of(browser.press(page, "allow"))).json()
    assert tokens["scope"] == "crm:read openid profile"
    assert "refresh_token" not in tokens
    assert provider.events()[1:3] == ["consent_given", "authorization_code_issued"]


@pytest.mark.requirement("ASVS-10.7.1")
def test_consent_is_remembered_and_only_what_is_new_asks_again(provider: Provider, browser: Browser) -> None:
    consented(browser)
    assert "code" in answer_of(browser.authorize(**PARTNER)), "silently"
    assert "code" in answer_of(browser.authorize(**PARTNER, prompt="none"))
    fewer = {**PARTNER, "scope": "openid"}
    assert "code" in answer_of(browser.authorize(**fewer))
    more = {**PARTNER, "scope": "openid orders:read"}
    assert answer_of(browser.authorize(**more, prompt="none"))["error"] == "consent_required"
    page = browser.open(**more)
    assert "See your orders" in page.text
    assert "code" in answer_of(browser.press(page, "allow"))
    assert remembered(provider) == {"openid", "profile", "crm:read", "orders:read"}


def test_denied_is_access_denied_and_nothing_is_remembered(provider: Provider, browser: Browser) -> None:
    page = browser.sign_in(**PARTNER)
    answer = answer_of(browser.press(page, "deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "a state")
    assert set(answer) == {"error", "error_description", "state", "iss"}
    assert answer_of(browser.press(page, "allow")) == answer, "the first answer counts"
    assert remembered(provider) == frozenset()
    assert answer_of(browser.authorize(**PARTNER, prompt="none"))["error"] == "consent_required"


@pytest.mark.parametrize("action", [None, "", "yes", "continue", "ALLOW"])
def test_anything_but_allow_asks_again(provider: Provider, browser: Browser, action: str | None) -> None:
    page = browser.submit(browser.sign_in(**PARTNER), action=action)
    assert 'id="allow"' in page.text
    assert remembered(provider) == frozenset()


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-consent")
def test_prompt_consent_asks_again_also_for_a_first_party_client(browser: Browser) -> None:
    consented(browser)
    page = browser.open(**PARTNER, prompt="consent")
    assert "code" in answer_of(browser.press(page, "allow"))
    page = browser.open(**PORTAL, prompt="consent")
    assert 'id="allow"' in page.text and "Portal" in page.text
    assert "code" in answer_of(browser.press(page, "allow"))
    assert "code" in answer_of(browser.authorize(**PORTAL)), "otherwise it is never asked"


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-consent")
def test_prompt_none_never_shows_the_page(browser: Browser) -> None:
    browser.sign_in()
    answer = answer_of(browser.authorize(**PARTNER, prompt="none"))
    assert answer["error"] == "consent_required"


def test_offline_access_of_a_third_party_needs_consent(provider: Provider, browser: Browser) -> None:
    """OpenID Connect Core s11"""
    consented(browser)
    page = browser.open(**{**PARTNER, "scope": "openid offline_access"})
    assert "Keep this access while you are away" in page.text
    tokens = provider.redeem_as_partner(code_of(browser.press(page, "allow"))).json()
    assert "refresh_token" in tokens


def test_consent_belongs_to_one_user(browser: Browser) -> None:
    consented(browser)
    page = browser.open(**PARTNER, prompt="login")
    assert 'id="allow"' in browser.enter_password(page, CAROL).text


@pytest.mark.requirement("OIDC-5.5")
def test_claims_asked_for_by_name_are_part_of_the_consent(provider: Provider, browser: Browser) -> None:
    consented(browser, scope="openid")
    asking = {**PARTNER, "scope": "openid", "claims": '{"userinfo":{"email":null}}'}
    assert answer_of(browser.authorize(**asking, prompt="none"))["error"] == "consent_required"
    page = browser.open(**asking)
    assert "See your e-mail address" in page.text
    tokens = provider.redeem_as_partner(code_of(browser.press(page, "allow"))).json()
    assert provider.userinfo(tokens["access_token"]).json()["email"] == "alice@company.localhost"


@pytest.mark.requirement("OAUTH21-3.2.2.1")
def test_a_scope_for_a_role_that_the_user_lacks_is_neither_shown_nor_given_later(
    provider: Provider, browser: Browser
) -> None:
    provider.sql("""UPDATE apis SET scopes = json_set(scopes, '$[0].role', 'manager') WHERE name = 'CRM'""")
    page = browser.sign_in(**{**PARTNER, "scope": "openid offline_access crm:read"})
    assert "See your contacts" not in page.text
    tokens = provider.redeem_as_partner(code_of(browser.press(page, "allow"))).json()
    assert tokens["scope"] == "offline_access openid"
    provider.sql("""UPDATE users SET roles = '["manager"]' WHERE username = 'alice'""")
    form = {"client_id": "partner-web", "client_secret": "partner-web-secret-for-local-use-only"}
    again = provider.refresh(tokens["refresh_token"], **form).json()
    assert again["scope"] == "offline_access openid", "the new role opens nothing that nobody agreed to"


# ---------------------------------------------------------------- taken back


@pytest.mark.requirement("ASVS-10.7.1")
def test_withdrawn_consent_ends_the_sign_ins_and_asks_again(provider: Provider, browser: Browser) -> None:
    page = browser.sign_in(**{**PARTNER, "scope": "openid offline_access"})
    tokens = provider.redeem_as_partner(code_of(browser.press(page, "allow"))).json()
    mine = provider.sign_in()
    withdraw(provider)
    form = {"client_id": "partner-web", "client_secret": "partner-web-secret-for-local-use-only"}
    assert oauth_error(provider.refresh(tokens["refresh_token"], **form)) == "invalid_grant"
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    assert provider.refresh(mine["refresh_token"]).status_code == 200, "other clients' go on"
    assert answer_of(browser.authorize(**PARTNER, prompt="none"))["error"] == "consent_required"
    assert "consent_withdrawn" in provider.events()


def test_a_code_on_its_way_does_not_outlive_the_consent(provider: Provider, browser: Browser) -> None:
    code = consented(browser)
    withdraw(provider)
    assert oauth_error(provider.redeem_as_partner(code)) == "invalid_grant"


def test_a_yes_that_was_withdrawn_before_the_code_is_asked_for_again(provider: Provider, browser: Browser) -> None:
    page = browser.sign_in(**PARTNER)
    browser.http.post(
        "/consent", data={**hidden_fields(page), "action": "allow", "intent": "shown"}
    )  # not followed to /authorize
    withdraw(provider)
    page = browser.follow(browser.get(f"/authorize?request={hidden_fields(page)['request']}"))
    assert 'id="allow"' in page.text


# ---------------------------------------------------------------- attacks


@pytest.mark.requirement("OIDC-3.1.2.3")
def test_consent_csrf(provider: Provider, browser: Browser) -> None:
    """A form of another site cannot say yes: it lacks the token that is bound to this browser."""
    fields = hidden_fields(browser.sign_in(**PARTNER))
    attacker = hidden_fields(provider.browser().open(**PARTNER))
    for csrf in ("", "x", attacker["csrf"]):
        answer = browser.http.post("/consent", data={**fields, "csrf": csrf, "action": "allow", "intent": "shown"})
        assert error_of(answer) == "This form has expired or was not sent from our own page."
    assert remembered(provider) == frozenset()


def test_consent_of_another_browser(provider: Provider, browser: Browser) -> None:
    """A link to somebody's /consent opens nothing, also for one who is signed in."""
    fields = hidden_fields(browser.sign_in(**PARTNER))
    other = provider.browser()
    other.sign_in(BOB)
    refused = other.get(f"/consent?request={fields['request']}")
    assert error_of(refused) == "This sign-in was started in another browser."
    assert other.http.post("/consent", data={**fields, "action": "allow", "intent": "shown"}).status_code == 400
    assert remembered(provider) == frozenset()


def test_consent_for_a_user_who_is_not_the_one_on_the_page(provider: Provider, browser: Browser) -> None:
    """Two tabs: one shows alice's consent, in the other carol signs in."""
    page = browser.sign_in(**PARTNER)
    browser.enter_password(browser.open(prompt="login"), CAROL)
    again = browser.press(page, "allow")
    assert 'id="allow"' in again.text and "carol" in again.text
    assert remembered(provider) == frozenset()


def test_consent_cannot_be_given_before_the_sign_in(provider: Provider, browser: Browser) -> None:
    login = browser.open(**PARTNER)
    fields = {**hidden_fields(login), "session": str(UUID(int=0)), "scope": "crm:read openid profile"}
    yes = {**fields, "action": "allow", "intent": "shown"}
    assert 'id="password"' in browser.follow(browser.http.post("/consent", data=yes)).text
    assert 'id="allow"' in browser.enter_password(login, ALICE).text
    assert remembered(provider) == frozenset()


@pytest.mark.requirement("ASVS-10.7.1")
def test_consent_to_scopes_that_the_page_did_not_show(provider: Provider, browser: Browser) -> None:
    page = browser.sign_in(**{**PARTNER, "scope": "openid"})
    assert 'id="allow"' in browser.submit(page, scope="openid profile crm:read", action="allow").text
    assert remembered(provider) == frozenset()
