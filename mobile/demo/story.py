"""The scenes in order, in ten chapters. Each scene shows something and checks that it came out so.

Spec: RFC 8252, RFC 7636, RFC 9068, RFC 6750 s3, RFC 9470, RFC 9700 s4.14, RFC 7009, Token Status List
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from mobile.challenge import Challenge
from mobile.demo.narrator import Narrator, fingerprint
from mobile.demo.stage import Stage, raises
from mobile.demo.suite import Suite
from mobile.errors import Offline, SignInRequired
from mobile.simulator import ALICE, BOB

_LEEWAY = timedelta(seconds=60)  # the APIs allow 30 seconds after an access token has run out
_PAST_STEP_UP = timedelta(minutes=6)  # a refund wants a second factor of the last five
_PAST_STATUS_TTL = timedelta(seconds=15 + 1)  # AUTH_STATUS_TTL, and one to be past it
_ALICES_CONTACT = "0190a1b0-0000-7000-8000-00000000c001"
_BOBS_CONTACT = "0190a1b0-0000-7000-8000-00000000c003"
_BOBS_ORDER = "0190a1b0-0000-7000-8000-00000000d002"
_POCKET_WATCH = {"description": "Pocket watch", "quantity": 2, "unit_price_minor": 1250}

_Scene = Callable[[], None]


class Story(Stage):
    """One run of the demo."""

    def __init__(self, suite: Suite, directory: Path, narrator: Narrator) -> None:
        super().__init__(suite, directory, narrator)
        self._revoked = ""

    def play(self) -> None:
        """Play every scene.

        Raises:
            Unexpected: one came out otherwise; the narrator's `step` names it.
        """
        try:
            for summary, scenes in self._chapters():
                for scene in scenes:
                    scene()
                self.tell.sum_up(summary)
        finally:
            self.close()

    def _chapters(self) -> Sequence[tuple[str, Sequence[_Scene]]]:
        return (
            (
                "Alice signs in through the system browser; the app gets tokens and never sees her password",
                (self._empty_store, self._sign_in, self._decode_tokens, self._fetch_keys),
            ),
            (
                "One access token opens both APIs; an order whose answer got lost is sent again and placed once",
                (self._call_crm, self._call_orders, self._order_once),
            ),
            ("A call without a token, with a forged one or with the wrong kind is refused", (self._refuse_bad_tokens,)),
            ("The access token expires; the app gets a new one without a sign-in", (self._expire_and_refresh,)),
            ("The answer to a refresh gets lost; the app asks again and stays signed in", (self._survive_lost_reply,)),
            (
                "A second app on the same phone signs in with one tap, without the password",
                (self._sign_in_without_password,),
            ),
            (
                "Bob signs in with a second factor, and is asked for it again before a refund",
                (self._sign_in_with_second_factor, self._step_up),
            ),
            (
                "A thief uses an old refresh token; that sign-in ends at once, Alice's second app goes on",
                (self._catch_thief,),
            ),
            (
                "Alice signs out; within 15 seconds both APIs refuse her old access token",
                (self._revoke, self._refuse_what_was_revoked),
            ),
            ("The provider stops; both APIs go on working, and Bob stays signed in", (self._do_without_provider,)),
        )

    def _empty_store(self) -> None:
        self.tell.begin("The app starts with an empty token store")
        refused = raises(SignInRequired, lambda: self.app.client.get(self.contacts))
        self.tell.expect(refused, "no access token: the app knows that nobody is signed in, and asks no server")

    def _sign_in(self) -> None:
        self.tell.begin("Sign-in through the system browser: code + PKCE")
        url = self.app.client.begin_sign_in()
        self.tell.show_url("the app opens the browser at", url)
        self.tell.say("state, nonce and the PKCE verifier are in the token store before the browser opens")
        link = self.alices_phone.browser.sign_in(url, ALICE)
        visited = self.alices_phone.browser.visited
        self.tell.expect(visited == ["/login"], f"pages that Alice saw: {', '.join(visited)} (name and password)")
        self.tell.show_url("the browser returns to the app by deep link", link.url)
        self.tell.expect(link.parameters.get("iss") == self.suite.auth, "iss names the provider that was asked")
        self.app.client.finish_sign_in(link.url)
        cookies = sorted({cookie.name for cookie in self.alices_phone.browser.cookies.jar})
        self.tell.expect("SSO_SESSION" in cookies, f"cookies, in the browser alone: {', '.join(cookies)}")
        self.tell.expect(bool(self.tokens(self.app)), "code + verifier exchanged; tokens validated and stored (0600)")

    def _decode_tokens(self) -> None:
        self.tell.begin("The tokens, decoded")
        tokens = self.tokens(self.app)
        self.tell.show_jwt("access token", tokens.access_token)
        self.tell.show_jwt("ID token", tokens.id_token)
        length = len(tokens.refresh_token or "")
        self.tell.expect(length > 0, f"refresh token: {length} opaque characters, {fingerprint(tokens.refresh_token)}")

    def _fetch_keys(self) -> None:
        self.tell.begin("The public keys that verify them (JWKS)")
        document = self.http.get(f"{self.suite.auth}/.well-known/jwks.json").json()
        shown = [{**jwk, "n": f"{jwk['n'][:12]}..."} for jwk in document["keys"]]
        self.tell.show("GET /.well-known/jwks.json", {"keys": shown})
        self.tell.expect(all("d" not in jwk for jwk in document["keys"]), "public halves only")

    def _call_crm(self) -> None:
        self.tell.begin("The app calls Server A, CRM")
        self.call(self.app, self.contacts, "name", "email")

    def _call_orders(self) -> None:
        self.tell.begin("The app calls Server B, Orders, with the same token")
        self.call(self.app, self.orders, "status", "total_minor", "currency")

    def _order_once(self) -> None:
        self.tell.begin("An order, asked for twice and placed once")
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        order: dict[str, Any] = {"currency": "EUR", "lines": [_POCKET_WATCH]}
        foreign = self.app.client.request("POST", self.orders, json=order | {"customer_id": _BOBS_CONTACT})
        problem = foreign.json().get("errors", [{}])[0]
        self.tell.expect(
            foreign.status_code == 422,
            f"for a contact of Bob's: 422, {problem.get('msg')}; Orders asked CRM, with a token traded for Alice's",
        )
        order |= {"customer_id": _ALICES_CONTACT}
        before = self._alices_orders()
        self.orders_network.arm()
        lost = raises(Offline, lambda: self.app.client.request("POST", self.orders, json=order, headers=headers))
        self.tell.expect(lost, "for a contact of hers: placed, but the phone lost the connection before the answer")
        again = self.app.client.request("POST", self.orders, json=order, headers=headers)
        new = [item["id"] for item in self._alices_orders() if item not in before]
        self.tell.expect(
            again.status_code == 201 and new == [again.json()["id"]],
            "the same Idempotency-Key sent again: 201, and there is one new order",
        )

    def _refuse_bad_tokens(self) -> None:
        self.tell.begin("Bad tokens are refused")
        tokens = self.tokens(self.app)
        head, _, signature = tokens.access_token.rpartition(".")
        forged = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        for what, token in (
            ("none", None),
            ("a forged signature", forged),
            ("the ID token in place of the access token", tokens.id_token),
        ):
            status, challenge = self.raw_call(self.contacts, token)
            self.tell.expect(status == 401, f"{what}: 401, WWW-Authenticate: {challenge}")

    def _expire_and_refresh(self) -> None:
        self.tell.begin("The access token expires, and the app refreshes it")
        old = self.tokens(self.app)
        step = old.expires_at - self.clock.now() + _LEEWAY
        self.suite.move_clock(step)
        self.tell.say(f"the clock of every process moves by {step.seconds // 60} minutes (CLOCK_FILE)")
        status, challenge = self.raw_call(self.contacts, old.access_token)
        self.tell.expect(status == 401, f"the old access token: 401, WWW-Authenticate: {challenge}")
        self.call(self.app, self.contacts, "name")
        new = self.tokens(self.app)
        self.tell.expect(
            new.refresh_token != old.refresh_token,
            f"refreshed without sign-in; the refresh token rotated: {fingerprint(old.refresh_token)} -> "
            f"{fingerprint(new.refresh_token)}",
        )

    def _survive_lost_reply(self) -> None:
        self.tell.begin("The reply to a refresh is lost: no harm done")
        held = self.tokens(self.app)
        self.network.arm()
        lost = raises(Offline, self.app.client.refresh)
        self.tell.expect(lost, "the provider rotated the token, but the phone lost the connection before the answer")
        kept = self.tokens(self.app) == held
        self.tell.expect(kept, f"the app still holds the old one, {fingerprint(held.refresh_token)}")
        self.app.client.refresh()
        answers = [exchange.response.json() for exchange in self.tap.stolen("refresh_token")]
        first, second = (answer["refresh_token"] for answer in answers[-2:])
        self.tell.say(f"successor in the answer that was lost : {fingerprint(first)}")
        self.tell.say(f"successor in the answer to the retry  : {fingerprint(second)}")
        self.tell.expect(first == second, "the same token sent again gets the same successor: it is not theft")

    def _sign_in_without_password(self) -> None:
        self.tell.begin("A second app on the phone: single sign-on, no password")
        visited = self.alices_phone.browser.visited
        visited.clear()
        self.other_app.sign_in(ALICE)
        self.tell.expect(
            set(visited) == {"/continue"}, f"pages that Alice saw: {', '.join(visited)}; she pressed one button"
        )
        self.call(self.other_app, self.contacts, "name")

    def _sign_in_with_second_factor(self) -> None:
        self.tell.begin("Bob signs in on his phone, with a second factor")
        claims = self.bobs_app.sign_in(BOB).claims
        visited = self.bobs_phone.browser.visited
        self.tell.expect(visited == ["/login", "/mfa"], f"pages that Bob saw: {', '.join(visited)}")
        self.tell.expect("mfa" in claims["acr"], f"his ID token says acr {claims['acr']}, amr {claims['amr']}")
        self.call(self.bobs_app, self.orders, "status", "total_minor", "currency")

    def _step_up(self) -> None:
        self.tell.begin("A refund asks for the second factor again: step-up")
        for move, status in (("place", "placed"), ("pay", "paid")):
            moved = self._move(move).json()
            self.tell.expect(moved.get("status") == status, f"his order is {status}")
        self.suite.move_clock(_PAST_STEP_UP)
        self.tell.say(f"the clock moves by {_PAST_STEP_UP.seconds // 60} minutes; his second factor is now too old")
        demanded = Challenge.read(self._move("refund")).step_up
        self.tell.expect(demanded is not None, f"refund: 401, insufficient_user_authentication, {demanded}")
        visited = self.bobs_phone.browser.visited
        visited.clear()
        self.bobs_app.sign_in(BOB, step_up=demanded)
        self.tell.expect("/login" not in visited, f"pages that Bob saw: {', '.join(visited)}; no password")
        refunded = self._move("refund")
        self.tell.expect(
            refunded.json().get("status") == "refunded", f"refund again: {refunded.status_code}, the order is refunded"
        )

    def _catch_thief(self) -> None:
        self.tell.begin("A stolen refresh token is used: caught")
        stolen = self.tap.stolen("refresh_token")[0]
        self.tell.say(f"a thief has an old refresh token of Alice's, {fingerprint(stolen.form['refresh_token'])}")
        self.refused_by_the_provider(self.tap.replay(stolen), "the thief's refresh")
        signed_out = raises(SignInRequired, self.app.client.refresh)
        self.tell.expect(signed_out, "the whole family is revoked: the app's own, current token is dead too")
        self.tell.expect(self.app.client.tokens() is None, "the app forgot its tokens and asks for a new sign-in")
        self.other_app.client.refresh()
        self.tell.expect(True, "Alice's second app has a family of its own, and goes on")

    def _revoke(self) -> None:
        self.tell.begin("Sign-out: /revoke")
        held = self.tokens(self.other_app)
        self._revoked = held.access_token
        last = self.tap.stolen("refresh_token")[-1]
        self.tell.expect(self.other_app.client.sign_out(), "the provider confirmed; the token store is empty")
        again = self.tap.replay(last, refresh_token=held.refresh_token or "")
        self.refused_by_the_provider(again, "the refresh token that was revoked")

    def _refuse_what_was_revoked(self) -> None:
        self.tell.begin("Both APIs know of it within 15 seconds, without asking for each request")
        self.suite.move_clock(_PAST_STATUS_TTL)
        self.tell.say(
            f"the clock moves by {_PAST_STATUS_TTL.seconds} seconds; that access token would be good for minutes yet, "
            "but each API reads the provider's signed status list every 15 seconds"
        )
        self.refused_by_both_apis(self._revoked)
        self.call(self.bobs_app, self.contacts, "name")

    def _do_without_provider(self) -> None:
        self.tell.begin("The provider stops: the APIs go on")
        self.suite.stop_auth()
        self.call(self.bobs_app, self.contacts, "name", "email")
        self.refused_by_both_apis(self._revoked)
        self.tell.say("they verify tokens by the keys and lists that they hold: no call to SSO per request, no session")
        offline = raises(Offline, self.bobs_app.client.refresh)
        kept = self.bobs_app.client.tokens() is not None
        self.tell.expect(offline and kept, "a refresh has to wait; Bob stays signed in")

    def _move(self, move: str) -> httpx2.Response:
        return self.bobs_app.client.request("POST", f"{self.orders}/{_BOBS_ORDER}/{move}")

    def _alices_orders(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.app.client.get(self.orders).json()["items"]
        return items
