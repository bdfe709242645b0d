"""No secret of a run reaches the log or the output of any process, not even at DEBUG."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2

from mobile.faults import Wiretap
from mobile.page import Page
from mobile.simulator import ALICE, BOB, CAROL, SystemBrowser
from tests.e2e.phones import Phones, Wire, refused
from tests.support.stack import running_stack

FORM = "application/x-www-form-urlencoded"
WRONG_PASSWORD = "a-wrong-password-typed-by-alice"
_SECRET_FIELDS = {
    "code", "code_verifier", "refresh_token", "token", "password", "otp", "csrf", "request", "state", "nonce",
}  # fmt: skip
_SECRET_ANSWERS = ("access_token", "refresh_token", "id_token")


def test_no_secret_reaches_a_log(tmp_path: Path) -> None:
    tap = Wiretap()
    with (
        running_stack(tmp_path / "stack", {"LOG_LEVEL": "DEBUG"}) as stack,
        httpx2.Client(transport=tap, trust_env=False, timeout=20) as http,
    ):
        phones, wire = Phones(stack, tmp_path), Wire(stack, http)
        for person in (ALICE, BOB, CAROL):
            app = phones.app(tap)
            app.browser = SystemBrowser(phones.clock, tap)
            phones.await_new_code(person)
            app.sign_in(person)
            app.client.get(f"{stack.crm}/api/contacts")
            app.client.get(f"{stack.orders}/api/orders")
            app.client.userinfo()
            app.client.refresh()
            app.client.refresh()
            app.browser.open(app.client.begin_sign_in(redirect_uri="myapp://elsewhere"))
            app.browser.close()
        _misuse(tap, wire)
        app.client.sign_out()
        phones.close()
        assert stack.end(signal.SIGTERM) == 0
        assert stack._process.stdout is not None
        logged, printed = stack.log(), stack._process.stdout.read()
    seeded = {ALICE.password, BOB.password, CAROL.password, str(BOB.totp_secret)}
    secrets = {*_secrets_of(tap), *seeded, WRONG_PASSWORD}
    assert len(secrets) > 60
    assert '"level": "debug"' in logged
    assert _found(secrets, logged) == set()
    assert _found(secrets - seeded, printed) == set()  # `python -m services` tells whom to sign in as


def _found(secrets: set[str], text: str) -> set[str]:
    return {secret for secret in secrets if re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text)}


def _misuse(tap: Wiretap, wire: Wire) -> None:
    """Go through the refusals, which log more than successes do."""
    auth = wire.stack.auth
    assert refused(tap.replay(tap.stolen("authorization_code")[0]))
    assert refused(tap.replay(tap.stolen("refresh_token")[0]))
    stolen = tap.stolen("refresh_token")[-1].response.json()
    bad = f"{stolen['access_token'][:-6]}AAAAAA"
    for answer in (wire.contacts(bad), wire.orders(bad), wire.userinfo(bad), wire.contacts(stolen["id_token"])):
        assert answer.status_code == 401
    assert wire.http.get(f"{wire.stack.crm}/api/contacts", params={"access_token": stolen["access_token"]}).is_error
    form = {"grant_type": "refresh_token", "refresh_token": stolen["refresh_token"], "client_id": "mobile-app"}
    assert wire.http.post(f"{auth}/token", json=form).is_error
    assert wire.http.post(f"{auth}/token", params=form).is_error
    assert wire.http.post(f"{auth}/token", data={**form, "client_secret": "partner-web-secret"}).is_error
    not_utf8 = b"grant_type=refresh_token&refresh_token=" + stolen["refresh_token"].encode() + b"\xff"
    with httpx2.Client(trust_env=False) as plain:  # the tap reads UTF-8 alone
        assert plain.post(f"{auth}/token", content=not_utf8, headers={"Content-Type": FORM}).is_error
    basic = ("partner-web", "partner-web-secret-for-local-use-only")
    assert wire.http.post(f"{auth}/token", data=form, auth=basic).is_error
    phones = Phones(wire.stack, wire.stack.data.parent / "guesser")
    guesser = phones.app()
    page = guesser.browser.open(guesser.client.begin_sign_in())
    assert isinstance(page, Page)
    guesser.browser.click(page, "sign-in", username="alice", password=WRONG_PASSWORD)
    phones.close()


def _secrets_of(tap: Wiretap) -> Iterator[str]:
    """Yield every secret that went by: in queries, forms, redirects, cookies and answers."""
    for exchange in tap.exchanges:
        request, response = exchange.request, exchange.response
        location = response.headers.get("location", "")
        for query in (request.url.query.decode(), urlsplit(location).query):
            yield from (value for name, value in parse_qsl(query) if name in _SECRET_FIELDS)
        yield from (value for name, value in exchange.form.items() if name in _SECRET_FIELDS)
        for cookie in response.headers.get_list("set-cookie"):
            yield cookie.partition("=")[2].partition(";")[0]
        if response.headers.get("content-type") == "application/json" and request.url.path == "/token":
            answer = response.json()
            for name in _SECRET_ANSWERS:
                if name in answer:
                    yield answer[name]
                    yield answer[name].rpartition(".")[2]  # a signature alone makes the rest whole
