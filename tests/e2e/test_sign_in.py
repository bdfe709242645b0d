"""The browser's half of a sign-in, attacked: codes, links and redirect URIs.

Spec: RFC 6749 s10.5, RFC 7636 s4.6, RFC 8252 s7.3 and s8.6, RFC 9207
"""

import pytest

from mobile.errors import Offline, ProviderError, SignInRefused, SignInRequired, UnexpectedCallback
from mobile.faults import DroppedReply, Wiretap
from mobile.loopback import LoopbackReceiver
from mobile.page import Page
from mobile.simulator import ALICE, BOB, CAROL, DeepLink
from tests.e2e.phones import SUBJECTS, Phones, Wire, refused, tokens_of
from tests.support.stack import Stack


def test_a_replayed_code_ends_its_family_and_no_other(phones: Phones) -> None:
    tap = Wiretap()
    phone = phones.phone()
    app, other = phone.install("app", tap), phone.install("other")
    app.sign_in(ALICE)
    other.sign_in(ALICE)
    assert refused(tap.replay(tap.stolen("authorization_code")[0]))
    with pytest.raises(SignInRequired):
        app.client.refresh()
    other.client.refresh()


@pytest.mark.requirement("RFC8252-6")
def test_a_code_without_its_verifier_is_worth_nothing_and_not_burnt(suite: Stack, phones: Phones, wire: Wire) -> None:
    app = phones.app()
    link = app.redirect(ALICE)
    form = {
        "grant_type": "authorization_code",
        "client_id": "mobile-app",
        "code": link.parameters["code"],
        "redirect_uri": "myapp://callback",
    }
    for changed in (
        {"code_verifier": "a" * 43},
        {"code_verifier": "a" * 43, "redirect_uri": "com.company.myapp:/callback"},
        {"code_verifier": "a" * 43, "client_id": "swagger"},
    ):
        assert refused(wire.http.post(f"{suite.auth}/token", data={**form, **changed}))
    assert wire.http.post(f"{suite.auth}/token", data=form).status_code == 400
    assert app.client.finish_sign_in(link.url).claims["sub"] == SUBJECTS["alice"]
    app.client.refresh()


def test_a_code_is_good_for_a_minute(suite: Stack, phones: Phones) -> None:
    app = phones.app()
    link = app.redirect(ALICE)
    suite.advance(61)
    with pytest.raises(ProviderError):
        app.client.finish_sign_in(link.url)


def test_the_answer_to_a_code_is_lost_and_the_person_signs_in_again(suite: Stack, phones: Phones) -> None:
    network = DroppedReply()
    app = phones.app(network)
    link = app.redirect(ALICE)
    network.arm()
    with pytest.raises(Offline):
        app.client.finish_sign_in(link.url)
    assert app.client.tokens() is None
    app.sign_in(ALICE)
    assert app.client.get(f"{suite.crm}/api/contacts").status_code == 200


@pytest.mark.requirement("RFC8252-7")
@pytest.mark.parametrize("redirect_uri", ["myapp://callback", "com.company.myapp:/callback"])
def test_each_private_scheme_works(suite: Stack, phones: Phones, redirect_uri: str) -> None:
    app = phones.app(redirect_uri=redirect_uri)
    link = app.redirect(ALICE)
    assert link.url.startswith(f"{redirect_uri}?code=")
    app.client.finish_sign_in(link.url)
    assert app.client.get(f"{suite.crm}/api/contacts").status_code == 200


@pytest.mark.requirement("RFC8252-7")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_loopback_works_on_any_port(phones: Phones, host: str) -> None:
    app = phones.app(redirect_uri=f"http://{host}/callback")
    for _ in range(2):
        with LoopbackReceiver(f"http://{host}/callback", app.client.expects) as receiver:
            url = app.client.begin_sign_in(receiver.redirect_uri)
            link = app.browser.sign_in(url, ALICE)
            assert link.url.startswith(receiver.redirect_uri)
            assert app.browser.follow(link).status_code == 200
        app.client.finish_sign_in(link.url)


@pytest.mark.requirement("RFC8252-8.4")
@pytest.mark.parametrize(
    "redirect_uri",
    [
        "myapp://callback/",
        "myapp://callback?x=1",
        "myapp://other",
        "MYAPP://callback",
        "other://callback",
        "http://127.0.0.1:8080/other",
        "http://127.0.0.1:8080/callback/",
        "http://127.0.0.1:080808/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:1@evil.example/callback",
        "http://localhost:8080/callback",
        "https://127.0.0.1/callback",
        "https://app.company.localhost:8443/callback",
        "javascript:alert(1)//callback",
    ],
)
def test_an_unregistered_redirect_uri_gets_a_page_and_no_redirect(phones: Phones, redirect_uri: str) -> None:
    app = phones.app()
    page = app.browser.open(app.client.begin_sign_in(redirect_uri))
    assert isinstance(page, Page)
    assert page.status == 400
    assert page.texts["error"] == "The return address is not registered for this application."
    assert page.texts["error-code"] == "unregistered_redirect_uri"


def test_prompt_none_never_gives_an_app_a_code(phones: Phones) -> None:
    app = phones.app()
    assert _silently(phones, app.browser.open(app.client.begin_sign_in(prompt="none"))) == "login_required"
    app.sign_in(ALICE)
    for redirect_uri in ("myapp://callback", "com.company.myapp:/callback", "http://127.0.0.1:7777/callback"):
        answer = app.browser.open(app.client.begin_sign_in(redirect_uri, prompt="none"))
        assert _silently(phones, answer) == "interaction_required"


def test_a_link_begun_in_one_browser_cannot_be_finished_in_another(phones: Phones) -> None:
    app, stranger = phones.app(), phones.phone()
    page = app.browser.open(app.client.begin_sign_in())
    assert isinstance(page, Page)
    for browser in (stranger.browser, phones.signed_in(CAROL).browser):
        for step in ("login", "authorize", "continue", "mfa"):
            seen = browser.open(page.url.replace("/login?", f"/{step}?"))
            assert isinstance(seen, Page)
            assert seen.status == 400
            assert seen.texts["error-code"] in {"request_of_another_browser", "cookies_refused"}
        sent = browser.click(page, "sign-in", username=ALICE.username, password=ALICE.password)
        assert isinstance(sent, Page) and sent.status == 400
    done = app.browser.click(page, "sign-in", username=ALICE.username, password=ALICE.password)
    assert isinstance(done, DeepLink)  # and its own browser can still finish it


def test_the_second_factor_cannot_be_given_in_another_browser(phones: Phones) -> None:
    app, stranger = phones.app(), phones.phone()
    phones.await_new_code(BOB)
    page = app.browser.open(app.client.begin_sign_in())
    assert isinstance(page, Page)
    page = app.browser.click(page, "sign-in", username=BOB.username, password=BOB.password)
    assert isinstance(page, Page) and page.has("otp")
    elsewhere = stranger.browser.click(page, "verify", otp=BOB.one_time_code(phones.clock))
    assert isinstance(elsewhere, Page) and elsewhere.status == 400
    assert "SSO_SESSION" not in stranger.browser.cookies


def test_a_one_time_code_is_good_once(phones: Phones) -> None:
    phones.await_new_code(BOB)
    code = BOB.one_time_code(phones.clock)
    for expected in ("taken", "refused"):
        app = phones.app()
        page = app.browser.open(app.client.begin_sign_in())
        assert isinstance(page, Page)
        page = app.browser.click(page, "sign-in", username=BOB.username, password=BOB.password)
        assert isinstance(page, Page)
        answer = app.browser.click(page, "verify", otp=code)
        assert ("taken" if isinstance(answer, DeepLink) else "refused") == expected


def test_an_answer_that_nobody_waits_for_is_ignored(phones: Phones) -> None:
    app = phones.app()
    link = app.redirect(ALICE)
    for strange in (link.altered(state="another"), link.altered(state=None)):
        with pytest.raises(UnexpectedCallback):
            app.client.finish_sign_in(strange.url)
    app.client.finish_sign_in(link.url)
    with pytest.raises(UnexpectedCallback):
        app.client.finish_sign_in(link.url)
    app.client.refresh()  # the second time was not sent: the family lives


@pytest.mark.requirement("RFC9700-4.4.2")
def test_an_answer_of_another_issuer_is_refused(phones: Phones) -> None:
    for iss in ("http://evil.example", None):
        app = phones.app()
        link = app.redirect(ALICE)
        with pytest.raises(ProviderError):
            app.client.finish_sign_in(link.altered(iss=iss).url)


def test_cancel_is_access_denied(suite: Stack, phones: Phones) -> None:
    app = phones.app()
    page = app.browser.open(app.client.begin_sign_in())
    assert isinstance(page, Page)
    link = app.browser.click(page, "cancel")
    assert isinstance(link, DeepLink)
    assert link.parameters["error"] == "access_denied"
    assert link.parameters["iss"] == suite.auth
    with pytest.raises(SignInRefused):
        app.client.finish_sign_in(link.url)


@pytest.mark.requirement("ASVS-6.1.1")
def test_guessing_is_slowed_down_and_does_not_lock_the_user_out(phones: Phones) -> None:
    known = phones.signed_in(CAROL)  # a browser that signed in as her before has a budget of its own
    guesser = phones.app()
    page = guesser.browser.open(guesser.client.begin_sign_in())
    for _ in range(12):
        assert isinstance(page, Page)
        page = guesser.browser.click(page, "sign-in", username=CAROL.username, password="not-her-password")
        if isinstance(page, Page) and page.status == 429:
            break
    else:
        pytest.fail("guessing is not slowed down")
    assert page.headers["retry-after"]
    assert page.texts["error"].startswith("Too many attempts.")
    known.sign_in(CAROL, prompt="login")
    assert tokens_of(known).claims["sub"] == SUBJECTS["carol"]
    phones.stack.advance(120)  # the wait of a fresh browser is over, too
    phones.signed_in(CAROL)


def _silently(phones: Phones, answer: Page | DeepLink) -> str:
    assert isinstance(answer, DeepLink)
    assert "code" not in answer.parameters
    assert answer.parameters["iss"] == phones.stack.auth
    return answer.parameters["error"]
