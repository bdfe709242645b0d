"""The app: sign in through the system browser, call APIs, sign out.

The app never sees a password or a cookie: the browser does (RFC 8252 s5, s8.12).
Spec: RFC 8252, OpenID Connect Core s3.1, RFC 6750 s2.1, RFC 7009, RFC 9449 s7.1 and s10, RFC 9470
"""

import contextlib
from dataclasses import replace
from typing import Any

import httpx2

from mobile.authorization import Callback, PendingSignIn, Registration
from mobile.challenge import Challenge, StepUp
from mobile.contents import Contents
from mobile.device import DEVICE_GRANT, DevicePrompt
from mobile.dropped import DroppedTokens
from mobile.errors import (
    ForeignStore,
    InvalidGrant,
    MobileError,
    NotYet,
    ProviderError,
    SignInRefused,
    StoreError,
    UnexpectedCallback,
)
from mobile.first_tokens import FirstTokens
from mobile.id_token import IdTokenValidator
from mobile.network import safe_for_tokens, send
from mobile.prover import Prover
from mobile.provider import Provider
from mobile.refresh import FreshTokens
from mobile.store import TokenStore
from mobile.tokens import Tokens
from shared.clock import Clock


class MobileClient:
    """One app at one provider. Safe to use from many threads, and beside other processes on the same store."""

    def __init__(self, registration: Registration, store: TokenStore, http: httpx2.Client, clock: Clock) -> None:
        self._registration = registration
        self._store = store
        self._http = http
        self._clock = clock
        self._provider = Provider(registration, http)
        self._validator = IdTokenValidator(registration.issuer, registration.client_id, self._provider.signing_key)
        self._dropped = DroppedTokens(store, self._provider, clock)
        self._prover = Prover(store, http, clock)
        self._first = FirstTokens(registration, store, self._provider, self._validator, clock)
        self._fresh = FreshTokens(store, self._provider, self._validator, self._dropped, self._prover, clock)

    def begin_sign_in(self, redirect_uri: str | None = None, *, step_up: StepUp | None = None, **extra: str) -> str:
        """Return the URL to open in the SYSTEM browser. All that its answer will need is stored first.

        `redirect_uri` overrides the registered one where only the loopback port differs (RFC 8252 s7.3). `step_up` is
        what an API demanded: it is asked for, and the person who is signed in has to be the one who signs in. `extra`
        adds parameters such as `prompt`. Whether the answer satisfies a `max_age` or an acr is for the API to decide.

        Raises:
            Offline, ProviderError: no discovery document.
        """
        endpoint = self._provider.metadata().authorization_endpoint
        self._end_dropped()
        now = self._clock.now()
        with self._store.lock():
            contents = self._store.load()
            subject = contents.tokens.claims["sub"] if step_up and contents.tokens else None
            pending = PendingSignIn.begin(redirect_uri or self._registration.redirect_uri, now, subject)
            waiting = {state: item for state, item in contents.pending.items() if not item.stale(now)}
            asked = {**(step_up.parameters if step_up else {}), **self._key_to_bind_to()}
            self._store.save(replace(contents, pending={**waiting, pending.state: pending}))
        return pending.request_url(endpoint, self._registration, {**asked, **extra})

    def expects(self, url: str) -> bool:
        """Report whether `url` answers a waiting sign-in. Ignore anything else: anybody can send a link."""
        try:
            callback = Callback.parse(url)
        except UnexpectedCallback:
            return False
        return callback.answers(self._store.load().pending.get(callback.state), self._clock.now())

    def finish_sign_in(self, url: str) -> Tokens:
        """Redeem the redirect `url` and store the tokens. Each waiting sign-in can be answered once.

        An earlier sign-in is replaced and revoked. If this one fails, the earlier one stays as it is, and what the
        provider may have issued meanwhile is revoked: at once, or as soon as the provider can be reached.

        Raises:
            UnexpectedCallback: no sign-in waits for it; nothing was changed and nothing sent.
            SignInRefused: the person said no, or somebody else signed in for a step-up.
            ProviderError: a wrong `iss`, an error response, a refused code, an ID token that fails validation.
            Offline: the provider went away meanwhile; sign in again.
            StoreError: the tokens cannot be kept.
        """
        callback = Callback.parse(url)
        pending = self._take_pending(callback)
        code = callback.code(self._registration.issuer, iss_promised=self._provider.metadata().iss_in_response)
        try:
            with self._store.lock():  # or another process would revoke what is not yet kept
                tokens = self._redeem(code, pending)
        except MobileError:
            self._end_dropped()
            raise
        self._end_dropped()
        return tokens

    def begin_device_sign_in(self) -> DevicePrompt:
        """Return what to show to somebody whose browser is on another machine. Spec: RFC 8628 s3.2

        Raises:
            Offline, ProviderError: there are no codes to show.
        """
        self._end_dropped()
        now = self._clock.now()
        return DevicePrompt.read(self._provider.device_authorization(self._registration.scope), now)

    def finish_device_sign_in(self, prompt: DevicePrompt) -> Tokens | None:
        """Ask once whether somebody has answered, and keep the tokens; None: ask again after `prompt.interval`.

        Raises:
            SignInRefused: somebody said no, or nobody answered in time. Else as `finish_sign_in`.
        """
        try:
            with self._store.lock():  # or another process would revoke what is not yet kept
                asked_at = self._clock.now()
                answer = self._provider.token(
                    grant_type=DEVICE_GRANT,
                    device_code=prompt.device_code,
                    prover=self._prover if self._binds else None,
                )
                return self._first.keep(answer, asked_at, nonce=None, subject=None, proved=self._binds)
        except NotYet as error:
            if error.too_soon:
                prompt.slow_down()
            if self._clock.now() >= prompt.expires_at:
                raise SignInRefused("nobody answered in time; sign in again") from error
            return None
        finally:
            self._end_dropped()

    def tokens(self) -> Tokens | None:
        """Return what is stored, fresh or not; None: not signed in."""
        return self._store.load().tokens

    def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Call an API with the access token and return its answer, whatever its status.

        On a 401 it goes on with the token that another caller may have got meanwhile. Else, if the challenge is about
        the token, it refreshes. Then it tries once more. A 401 that demands another sign-in is returned as it is:
        `Challenge.read(response).step_up` says which, for `begin_sign_in`. `options` go to httpx2.

        Raises as `FreshTokens.get`, and Offline if the API cannot be reached.
        """
        if not safe_for_tokens(url):
            raise ProviderError("a token may travel only over https, or within this machine (RFC 6750 s5.3)")
        tokens = self._fresh.get()
        response = self._call(method, url, tokens, options)
        if response.status_code != 401:
            return response
        about_the_token = Challenge.read(response).refresh_may_help
        newer = self._fresh.get(rejected=tokens.access_token if about_the_token else None)
        return response if newer.access_token == tokens.access_token else self._call(method, url, newer, options)

    def get(self, url: str, **options: Any) -> httpx2.Response:
        """`request("GET", ...)`."""
        return self.request("GET", url, **options)

    def userinfo(self) -> dict[str, Any]:
        """Return what the provider says of the signed-in person. Spec: OpenID Connect Core s5.3

        Raises:
            ProviderError: it refuses, or its answer is about someone else (s5.3.2). Else as `request`.
        """
        claims = self._provider.read(self.get(self._provider.metadata().userinfo_endpoint))
        tokens = self.tokens()
        if tokens is not None and claims.get("sub") != tokens.claims["sub"]:
            raise ProviderError("/userinfo is about someone else than the ID token (sub)")
        return claims

    def refresh(self) -> Tokens:
        """Get a new access token now, unless another caller is doing so: then return the one it gets.

        Raises:
            SignInRequired, Offline, ProviderError: as `FreshTokens.get`.
        """
        tokens = self.tokens()
        return self._fresh.get(rejected=tokens.access_token if tokens else None)

    def sign_out(self) -> bool:
        """Forget the sign-in and revoke it, also when offline or when the store is damaged.

        Return whether the provider has confirmed that all is revoked; if not, it is told as soon as it can be reached
        (`end_dropped`). The browser's own session at the provider is not touched.

        Raises:
            StoreError: the store is another registration's, or cannot be emptied.
        """
        with self._store.lock():  # a refresh that runs at this moment must not save its tokens after us
            now = self._clock.now()
            readable = True
            try:
                left = self._store.load().signed_out(now)
            except ForeignStore:
                raise
            except StoreError:
                left, readable = self._salvaged(), False
            try:
                self._store.save(left)  # signed out from here on, even if this process is killed
                self._store.keep_key(None)
            except StoreError:
                for item in left.to_revoke:
                    with contextlib.suppress(MobileError):
                        self._provider.revoke(item.token)
                raise
            return self._end_dropped() and (readable or bool(left.to_revoke))

    def end_dropped(self) -> bool:
        """Revoke what was dropped while the provider was away; return whether nothing is left to revoke.

        To be called when the network is back. Sign-in, sign-out and refresh call it, too.
        """
        return self._end_dropped()

    def _end_dropped(self) -> bool:
        with contextlib.suppress(MobileError):
            return self._dropped.end()
        return False

    def _salvaged(self) -> Contents:
        try:
            return self._store.salvage(self._clock.now())
        except StoreError:
            return Contents()

    @property
    def _binds(self) -> bool:
        return self._registration.bind and self._provider.metadata().takes_proofs

    def _key_to_bind_to(self) -> dict[str, str]:
        """Return the parameter that keeps the code for this app's key. Spec: RFC 9449 s10"""
        return {"dpop_jkt": self._prover.thumbprint()} if self._binds else {}

    def _take_pending(self, callback: Callback) -> PendingSignIn:
        """Remove and return what waits for `callback`, before anything is sent: a second one finds nothing."""
        with self._store.lock():
            contents = self._store.load()
            pending = contents.pending.get(callback.state)
            if pending is None or not callback.answers(pending, self._clock.now()):
                raise UnexpectedCallback("no sign-in waits for this; it was ignored")
            others = {state: item for state, item in contents.pending.items() if state != callback.state}
            self._store.save(replace(contents, pending=others))
        return pending

    def _redeem(self, code: str, pending: PendingSignIn) -> Tokens:
        """Exchange `code` and keep the tokens, the lock held.

        From its arrival until it has passed every check, what was issued is kept as "to revoke".
        """
        asked_at = self._clock.now()
        try:
            answer = self._provider.token(
                grant_type="authorization_code",
                code=code,
                redirect_uri=pending.redirect_uri,
                code_verifier=pending.verifier,
                prover=self._prover if self._binds else None,
            )
        except InvalidGrant as error:
            raise ProviderError("the provider refused the code (too late, or used before); sign in again") from error
        return self._first.keep(answer, asked_at, nonce=pending.nonce, subject=pending.subject, proved=self._binds)

    def _call(self, method: str, url: str, tokens: Tokens, options: dict[str, Any]) -> httpx2.Response:
        scheme = "DPoP" if tokens.bound else "Bearer"
        headers = {**options.get("headers", {}), "Authorization": f"{scheme} {tokens.access_token}"}

        def build() -> httpx2.Request:
            return self._http.build_request(method, url, **{**options, "headers": headers})

        return self._prover.send(build, tokens.access_token) if tokens.bound else send(self._http, build())
