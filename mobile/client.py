"""The app: sign in through the system browser, call APIs, sign out.

The app never sees a password and no cookie: the browser does (RFC 8252 s5, s8.12).
Spec: RFC 8252, OpenID Connect Core s3.1, RFC 6750 s2.1, RFC 7009
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2

from mobile.authorization import Callback, PendingSignIn, Registration
from mobile.errors import ForeignStore, InvalidGrant, MobileError, ProviderError, StoreError, UnexpectedCallback
from mobile.id_token import IdTokenValidator
from mobile.provider import Provider, safe_for_tokens, send
from mobile.refresh import FreshTokens
from mobile.store import Contents, TokenStore
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
        self._fresh = FreshTokens(store, self._provider, self._validator, clock)

    def begin_sign_in(self, redirect_uri: str | None = None, **extra: str) -> str:
        """Return the URL to open in the SYSTEM browser. All that its answer will need is stored first.

        `redirect_uri` overrides the registered one where only the loopback port differs (RFC 8252 s7.3); `extra`
        adds parameters such as `prompt` or `acr_values`. Whether the answer satisfies a `max_age` or an acr is the
        caller's to read from the ID token's claims.

        Raises:
            Offline, ProviderError: no discovery document.
        """
        endpoint = self._provider.metadata().authorization_endpoint
        now = self._clock.now()
        pending = PendingSignIn.begin(redirect_uri or self._registration.redirect_uri, now)
        with self._store.lock():
            contents = self._store.load()
            waiting = {state: item for state, item in contents.pending.items() if not item.stale(now)}
            self._store.save(replace(contents, pending={**waiting, pending.state: pending}))
        return pending.request_url(endpoint, self._registration, extra)

    def expects(self, url: str) -> bool:
        """Tell whether `url` answers a sign-in that waits. Anything else is to be ignored: anybody can send one."""
        try:
            callback = Callback.parse(url)
        except UnexpectedCallback:
            return False
        return callback.answers(self._store.load().pending.get(callback.state), self._clock.now())

    def finish_sign_in(self, url: str) -> Tokens:
        """Redeem the redirect `url` and store the tokens. Each waiting sign-in can be answered once.

        Raises:
            UnexpectedCallback: nobody waits for it; nothing was changed and nothing sent.
            SignInRefused: the person said no.
            ProviderError: a wrong `iss`, an error response, a refused code, an ID token that fails validation.
            Offline: the provider went away meanwhile; sign in again.
        """
        callback = Callback.parse(url)
        pending = self._take_pending(callback)
        code = callback.code(self._registration.issuer, iss_promised=self._provider.metadata().iss_in_response)
        asked_at = self._clock.now()
        try:
            answer = self._provider.token(
                grant_type="authorization_code",
                code=code,
                redirect_uri=pending.redirect_uri,
                code_verifier=pending.verifier,
            )
        except InvalidGrant as error:
            raise ProviderError("the provider refused the code (too late, or used before); sign in again") from error
        tokens = self._validated(answer, pending, asked_at + timedelta(seconds=answer["expires_in"]))
        with self._store.lock():
            self._store.save(replace(self._store.load(), tokens=tokens))
        return tokens

    def tokens(self) -> Tokens | None:
        """Return what is stored, fresh or not; None: not signed in."""
        return self._store.load().tokens

    def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Call an API with the access token and return its answer, whatever its status.

        On a 401 it goes on with the token that another caller may have got meanwhile, else it refreshes, and tries
        once more. `options` go to httpx2. Raises as `FreshTokens.get`, and Offline if the API cannot be reached.
        """
        if not safe_for_tokens(url):
            raise ProviderError("a token travels over https alone, or within this machine (RFC 6750 s5.3)")
        tokens = self._fresh.get()
        response = self._call(method, url, tokens, options)
        if response.status_code == 401:
            tokens = self._fresh.get(rejected=tokens.access_token)
            response = self._call(method, url, tokens, options)
        return response

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
        """Get a new access token now, unless another caller is doing so: then its.

        Raises:
            SignInRequired, Offline, ProviderError: as `FreshTokens.get`.
        """
        tokens = self.tokens()
        return self._fresh.get(rejected=tokens.access_token if tokens else None)

    def sign_out(self) -> bool:
        """Revoke the sign-in and forget it, also when offline or when the store is damaged.

        Return whether the provider confirmed; if not, the tokens are gone from here and run out by themselves. The
        browser's own session at the provider is not touched.

        Raises:
            StoreError: the store is another registration's, or cannot be emptied.
        """
        with self._store.lock():  # a refresh that runs at this moment must not save its tokens after us
            try:
                tokens = self._store.load().tokens
            except ForeignStore:
                raise
            except StoreError:
                self._store.save(Contents())
                return False
            try:
                if tokens is not None:
                    self._provider.revoke(tokens.refresh_token or tokens.access_token)
            except MobileError:
                return False
            else:
                return True
            finally:
                self._store.save(Contents())

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

    def _validated(self, answer: dict[str, Any], pending: PendingSignIn, expires_at: datetime) -> Tokens:
        if not isinstance(answer.get("id_token"), str):
            raise ProviderError("the provider answered without an ID token")
        self._validator.at_sign_in(
            answer["id_token"], access_token=answer["access_token"], nonce=pending.nonce, now=self._clock.now()
        )
        return Tokens(
            access_token=answer["access_token"],
            refresh_token=answer.get("refresh_token"),
            id_token=answer["id_token"],
            expires_at=expires_at,
            scope=answer.get("scope", self._registration.scope),  # RFC 6749 s5.1: absent means as asked
        )

    def _call(self, method: str, url: str, tokens: Tokens, options: dict[str, Any]) -> httpx2.Response:
        headers = {**options.get("headers", {}), "Authorization": f"Bearer {tokens.access_token}"}
        return send(self._http, self._http.build_request(method, url, **{**options, "headers": headers}))
