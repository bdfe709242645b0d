"""One way to each refusal that a person sees as a page, by its name in log, audit trail and metrics."""

from collections.abc import Callable

from tests.integration.auth.provider import Browser, Provider, hidden_fields
from tests.integration.auth.seeds import BOB, REQUEST


def _page(**fields: str) -> Callable[[Provider], object]:
    return lambda p: (browser := p.browser()).submit(browser.open(), **fields)


def _late(provider: Provider) -> None:
    browser = provider.browser()
    location = browser.authorize().headers["location"]
    provider.clock.advance(minutes=16)
    browser.get(location)


def _ended(provider: Provider) -> None:
    browser = provider.browser()
    mfa = browser.enter_password(browser.open(), BOB)
    provider.sql("UPDATE waiting_requests SET completed_at = created_at")  # as the end of a user does
    browser.enter_otp(mfa)


def _elsewhere(provider: Provider) -> None:
    browser = provider.browser()
    browser.open()
    browser.get(provider.browser().authorize().headers["location"])


def _asked_to_sign_out(provider: Provider) -> tuple[Browser, str]:
    browser = provider.browser()
    browser.sign_in()
    return browser, f"/logout?request={hidden_fields(browser.get('/logout'))['request']}"


def _late_logout(provider: Provider) -> None:
    browser, address = _asked_to_sign_out(provider)
    provider.clock.advance(minutes=16)
    browser.get(address)


def _logout_elsewhere(provider: Provider) -> None:
    provider.browser().get(_asked_to_sign_out(provider)[1])


#: Each one is sent to a provider of its own.
PAGES: dict[str, Callable[[Provider], object]] = {
    "page_bad_form": _page(csrf="x"),
    "page_no_request": lambda p: p.http.get("/login"),
    "page_request_unknown": lambda p: p.http.get("/login?request=nothing"),
    "page_request_expired": _late,
    "page_request_ended": _ended,
    "page_request_of_another_browser": _elsewhere,
    "page_cookies_refused": lambda p: p.browser().get(p.browser().authorize().headers["location"]),
    "page_malformed_request": lambda p: p.http.get("/authorize?a=%FF"),
    "page_repeated_parameter": lambda p: p.http.get("/authorize?client_id=a&client_id=b"),
    "page_missing_client": lambda p: p.http.get("/authorize"),
    "page_unknown_client": lambda p: p.http.get("/authorize", params={**REQUEST, "client_id": "nobody"}),
    "page_missing_redirect_uri": lambda p: p.http.get("/authorize?client_id=mobile-app"),
    "page_request_object": lambda p: p.http.get("/authorize?client_id=mobile-app&request=eyJhbGciOiJub25lIn0.e30."),
    "page_unregistered_redirect_uri": lambda p: p.http.get(
        "/authorize", params={**REQUEST, "redirect_uri": "https://elsewhere.example/"}
    ),
    "page_pushed_request_over": lambda p: p.http.get(
        "/authorize?client_id=partner-web&request_uri=urn:ietf:params:oauth:request_uri:nothing"
    ),
    "page_link_over": lambda p: p.http.get("/reset?token=nothing"),
    "page_logout_unknown": lambda p: p.http.get("/logout?request=nothing"),
    "page_logout_expired": _late_logout,
    "page_logout_of_another_browser": _logout_elsewhere,
}
