"""The scenes, in order. Each says what it shows and checks that it came out so.

Spec: RFC 8252, RFC 7636, RFC 9068, RFC 6750 s3, RFC 9700 s4.14, RFC 7009, Token Status List
"""

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from mobile.authorization import Registration
from mobile.demo.narrator import Narrator, fingerprint
from mobile.demo.suite import Suite
from mobile.errors import MobileError, Offline, SignInRequired
from mobile.faults import DroppedReply, Wiretap
from mobile.simulator import ALICE, BOB, App, Phone
from mobile.tokens import Tokens
from shared.clock import Clock

_PAST_EXPIRY = 6 * 60
_PAST_STATUS_TTL = 15 + 1  # AUTH_STATUS_TTL, and one to be past it
_ALICES_CONTACT = "0190a1b0-0000-7000-8000-00000000c001"
_BOBS_CONTACT = "0190a1b0-0000-7000-8000-00000000c003"
_POCKET_WATCH = {"description": "Pocket watch", "quantity": 2, "unit_price_minor": 1250}


class Story:
    """One run of the demo: Alice's phone with two apps, Bob's with one."""

    def __init__(self, suite: Suite, directory: Path, narrator: Narrator) -> None:
        self._suite = suite
        self._contacts = f"{suite.crm}/api/contacts"
        self._tell = narrator
        self._clock = Clock(suite.clock_file)
        self._registration = Registration(suite.auth, redirect_uri="myapp://callback")
        self._phone = Phone(self._registration, directory / "alice", self._clock)
        self._bobs_phone = Phone(self._registration, directory / "bob", self._clock)
        self._tap = Wiretap()
        self._orders_network = DroppedReply(self._tap, on="/api/orders")
        self._network = DroppedReply(self._orders_network)
        self._app = self._phone.install("app", self._network)
        self._http = httpx2.Client(trust_env=False)

    def play(self) -> None:
        """Play every scene.

        Raises:
            Unexpected: one came out otherwise; the narrator's `step` names it.
        """
        try:
            self._empty_store()
            self._sign_in()
            self._decode_tokens()
            self._fetch_keys()
            self._call_apis()
            self._order_once()
            self._refuse_bad_tokens()
            self._expire_and_refresh()
            self._survive_lost_reply()
            self._sign_in_without_password()
            self._sign_in_with_second_factor()
            self._catch_thief()
            self._revoke()
            self._refuse_what_was_revoked()
            self._do_without_provider()
        finally:
            self._phone.close()
            self._bobs_phone.close()
            self._http.close()

    def _empty_store(self) -> None:
        self._tell.begin("The app starts with an empty token store")
        refused = _raises(SignInRequired, lambda: self._app.client.get(self._contacts))
        self._tell.expect(refused, "no access token: the app knows that nobody is signed in, and asks no server")

    def _sign_in(self) -> None:
        self._tell.begin("Sign-in through the system browser: code + PKCE")
        url = self._app.client.begin_sign_in()
        self._tell.show_url("the app opens the browser at", url)
        self._tell.say("state, nonce and the PKCE verifier are in the token store before the browser opens")
        link = self._phone.browser.sign_in(url, ALICE)
        visited = self._phone.browser.visited
        self._tell.expect(visited == ["/login"], f"pages that Alice saw: {', '.join(visited)} (name and password)")
        self._tell.show_url("the browser returns to the app by deep link", link.url)
        self._tell.expect(link.parameters.get("iss") == self._suite.auth, "iss names the provider that was asked")
        self._app.client.finish_sign_in(link.url)
        cookies = sorted({cookie.name for cookie in self._phone.browser.cookies.jar})
        self._tell.expect("SSO_SESSION" in cookies, f"cookies, in the browser alone: {', '.join(cookies)}")
        self._tell.expect(self._tokens() is not None, "code + verifier exchanged; tokens validated and stored (0600)")

    def _decode_tokens(self) -> None:
        self._tell.begin("The tokens, decoded")
        tokens = self._tokens()
        self._tell.show_jwt("access token", tokens.access_token)
        self._tell.show_jwt("ID token", tokens.id_token)
        length = len(tokens.refresh_token or "")
        self._tell.expect(length > 0, f"refresh token: {length} opaque characters, {fingerprint(tokens.refresh_token)}")

    def _fetch_keys(self) -> None:
        self._tell.begin("The public keys that verify them (JWKS)")
        document = self._http.get(f"{self._suite.auth}/.well-known/jwks.json").json()
        shown = [{**jwk, "n": f"{jwk['n'][:12]}..."} for jwk in document["keys"]]
        self._tell.show("GET /.well-known/jwks.json", {"keys": shown})
        self._tell.expect(all("d" not in jwk for jwk in document["keys"]), "public halves only")

    def _call_apis(self) -> None:
        self._tell.begin("The app calls Server A, CRM")
        self._call(self._app, self._contacts, "name", "email")
        self._tell.begin("The app calls Server B, Orders, with the same token")
        self._call(self._app, f"{self._suite.orders}/api/orders", "status", "total_minor", "currency")

    def _order_once(self) -> None:
        self._tell.begin("An order, asked for twice and placed once")
        url, headers = f"{self._suite.orders}/api/orders", {"Idempotency-Key": str(uuid.uuid4())}
        order: dict[str, Any] = {"currency": "EUR", "lines": [_POCKET_WATCH]}
        foreign = self._app.client.request("POST", url, json=order | {"customer_id": _BOBS_CONTACT})
        problem = foreign.json().get("errors", [{}])[0]
        self._tell.expect(
            foreign.status_code == 422,
            f"for a contact of Bob's: 422, {problem.get('msg')}; Orders asked CRM, with a token traded for Alice's",
        )
        order |= {"customer_id": _ALICES_CONTACT}
        before = self._orders()
        self._orders_network.arm()
        lost = _raises(Offline, lambda: self._app.client.request("POST", url, json=order, headers=headers))
        self._tell.expect(lost, "for a contact of hers: placed, but the phone lost the connection before the answer")
        again = self._app.client.request("POST", url, json=order, headers=headers)
        new = [item["id"] for item in self._orders() if item not in before]
        self._tell.expect(
            again.status_code == 201 and new == [again.json()["id"]],
            "the same Idempotency-Key sent again: 201, and there is one new order",
        )

    def _refuse_bad_tokens(self) -> None:
        self._tell.begin("Bad tokens are refused")
        tokens = self._tokens()
        head, _, signature = tokens.access_token.rpartition(".")
        forged = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        for what, token in (
            ("none", None),
            ("a forged signature", forged),
            ("the ID token in place of the access token", tokens.id_token),
        ):
            status, challenge = self._raw_call(self._contacts, token)
            self._tell.expect(status == 401, f"{what}: 401, WWW-Authenticate: {challenge}")

    def _expire_and_refresh(self) -> None:
        self._tell.begin("The access token expires, and the app refreshes it")
        old = self._tokens()
        self._suite.move_clock(_PAST_EXPIRY)
        self._tell.say(f"the clock of every process moves by {_PAST_EXPIRY // 60} minutes (CLOCK_FILE)")
        status, challenge = self._raw_call(self._contacts, old.access_token)
        self._tell.expect(status == 401, f"the old access token: 401, WWW-Authenticate: {challenge}")
        self._call(self._app, self._contacts, "name")
        new = self._tokens()
        self._tell.expect(
            new.refresh_token != old.refresh_token,
            f"refreshed without sign-in; the refresh token rotated: {fingerprint(old.refresh_token)} -> "
            f"{fingerprint(new.refresh_token)}",
        )

    def _survive_lost_reply(self) -> None:
        self._tell.begin("The reply to a refresh is lost: no harm done")
        held = self._tokens()
        self._network.arm()
        lost = _raises(Offline, self._app.client.refresh)
        self._tell.expect(lost, "the provider rotated the token, but the phone lost the connection before the answer")
        self._tell.expect(self._tokens() == held, f"the app still holds the old one, {fingerprint(held.refresh_token)}")
        self._app.client.refresh()
        answers = [exchange.response.json() for exchange in self._tap.stolen("refresh_token")]
        first, second = (answer["refresh_token"] for answer in answers[-2:])
        self._tell.say(f"successor in the answer that was lost : {fingerprint(first)}")
        self._tell.say(f"successor in the answer to the retry  : {fingerprint(second)}")
        self._tell.expect(first == second, "the same token sent again gets the same successor: it is not theft")

    def _sign_in_without_password(self) -> None:
        self._tell.begin("A second app on the phone: single sign-on, no password")
        self._other = self._phone.install("second-app", self._tap)
        self._phone.browser.visited.clear()
        self._other.sign_in(ALICE)
        visited = self._phone.browser.visited
        self._tell.expect(
            visited == ["/continue"], f"pages that Alice saw: {', '.join(visited)}; she pressed one button"
        )
        self._call(self._other, self._contacts, "name")

    def _sign_in_with_second_factor(self) -> None:
        self._tell.begin("Bob signs in on his phone, with a second factor")
        self._bobs_app = self._bobs_phone.install("app")
        claims = self._bobs_app.sign_in(BOB).claims
        visited = self._bobs_phone.browser.visited
        self._tell.expect(visited == ["/login", "/mfa"], f"pages that Bob saw: {', '.join(visited)}")
        self._tell.expect("mfa" in claims["acr"], f"his ID token says acr {claims['acr']}, amr {claims['amr']}")
        self._call(self._bobs_app, f"{self._suite.orders}/api/orders", "status", "total_minor", "currency")

    def _catch_thief(self) -> None:
        self._tell.begin("A stolen refresh token is used: caught")
        stolen = self._tap.stolen("refresh_token")[0]
        self._tell.say(f"a thief has an old refresh token of Alice's, {fingerprint(stolen.form['refresh_token'])}")
        self._refused(self._tap.replay(stolen), "the thief's refresh")
        signed_out = _raises(SignInRequired, self._app.client.refresh)
        self._tell.expect(signed_out, "the whole family is revoked: the app's own, current token is dead too")
        self._tell.expect(self._app.client.tokens() is None, "the app forgot its tokens and asks for a new sign-in")
        self._other.client.refresh()
        self._tell.expect(True, "Alice's second app has a family of its own, and goes on")

    def _revoke(self) -> None:
        self._tell.begin("Sign-out: /revoke")
        held = self._tokens(self._other)
        self._revoked = held.access_token
        last = self._tap.stolen("refresh_token")[-1]
        self._tell.expect(self._other.client.sign_out(), "the provider confirmed; the token store is empty")
        again = self._tap.replay(last, refresh_token=held.refresh_token or "")
        self._refused(again, "the refresh token that was revoked")

    def _refuse_what_was_revoked(self) -> None:
        self._tell.begin("Both APIs know of it within 15 seconds, without asking for each request")
        self._suite.move_clock(_PAST_STATUS_TTL)
        self._tell.say(
            f"the clock moves by {_PAST_STATUS_TTL} seconds; that access token would be good for minutes yet, but each "
            "API reads the provider's signed status list every 15 seconds"
        )
        self._refused_by_both_apis()
        self._call(self._bobs_app, self._contacts, "name")

    def _do_without_provider(self) -> None:
        self._tell.begin("The provider stops: the APIs go on")
        self._suite.stop_auth()
        self._call(self._bobs_app, self._contacts, "name", "email")
        self._refused_by_both_apis()
        self._tell.say(
            "they verify tokens by the keys and lists that they hold: no call to SSO per request, no session"
        )
        offline = _raises(Offline, self._bobs_app.client.refresh)
        kept = self._bobs_app.client.tokens() is not None
        self._tell.expect(offline and kept, "a refresh has to wait; Bob stays signed in")

    def _tokens(self, app: App | None = None) -> Tokens:
        tokens = (app or self._app).client.tokens()
        if tokens is None:
            raise MobileError("the app has no tokens")
        return tokens

    def _call(self, app: App, url: str, *columns: str) -> None:
        response = app.client.get(url)
        items: list[dict[str, Any]] = response.json().get("items", []) if response.status_code == 200 else []
        self._tell.expect(response.status_code == 200 and bool(items), f"GET {url} -> {response.status_code}")
        for item in items:
            self._tell.say("    " + ", ".join(str(item.get(column)) for column in columns))

    def _orders(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._app.client.get(f"{self._suite.orders}/api/orders").json()["items"]
        return items

    def _refused_by_both_apis(self) -> None:
        for name, url in (("CRM", self._contacts), ("Orders", f"{self._suite.orders}/api/orders")):
            status, challenge = self._raw_call(url, self._revoked)
            self._tell.expect(status == 401, f"the revoked sign-in at {name}: 401, WWW-Authenticate: {challenge}")

    def _raw_call(self, url: str, access_token: str | None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        response = self._http.get(url, headers=headers)
        challenge = response.headers.get("www-authenticate", "")
        return response.status_code, "Bearer " + ", ".join(re.findall(r'(?:realm|error)="[^"]*"', challenge))

    def _refused(self, response: httpx2.Response, what: str) -> None:
        error = response.json().get("error") if response.status_code == 400 else None
        self._tell.expect(error == "invalid_grant", f"{what}: {response.status_code} {error}")


def _raises(kind: type[Exception], action: Callable[[], object]) -> bool:
    try:
        action()
    except kind:
        return True
    return False
