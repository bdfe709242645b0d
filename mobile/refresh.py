"""Keeping an access token fresh: one refresh at a time, whoever asks, in this process or another.

Providers take a refresh token once (rotation). Two refreshes at a time, or a rotated token that was not saved, look to
them like theft. So: whoever refreshes holds the store's lock and saves before letting go; whoever waited reads again.

Spec: RFC 6749 s6, RFC 9700 s4.14, OpenID Connect Core s12
"""

from dataclasses import replace
from datetime import timedelta

from mobile.errors import InvalidGrant, Offline, SignInRequired
from mobile.id_token import IdTokenValidator
from mobile.provider import Provider
from mobile.store import Contents, TokenStore
from mobile.tokens import Tokens
from shared.clock import Clock


class FreshTokens:
    """Hands out tokens that work, refreshing them when they must be."""

    def __init__(self, store: TokenStore, provider: Provider, validator: IdTokenValidator, clock: Clock) -> None:
        self._store = store
        self._provider = provider
        self._validator = validator
        self._clock = clock

    def get(self, *, rejected: str | None = None) -> Tokens:
        """Return tokens to go on with; `rejected` is an access token that an API has just refused.

        Raises:
            SignInRequired: there are none, or the provider takes the refresh token no more.
            Offline: a refresh is needed and the provider is away. Tokens are kept; the next try sends the SAME
                refresh token, so that a provider whose answer was lost can tell a retry from theft.
            ProviderError: the provider failed otherwise. Tokens are kept.
        """
        tokens = self._stored()
        if self._good(tokens, rejected):
            return tokens
        with self._store.lock():
            tokens = self._stored()  # another caller may have rotated while this one waited
            if self._good(tokens, rejected):
                return tokens
            try:
                return self._rotate(tokens)
            except Offline:
                if tokens.access_token == rejected or tokens.expired(self._clock.now()):
                    raise
                return tokens  # early by `EARLY`: these still work

    def _stored(self) -> Tokens:
        tokens = self._store.load().tokens
        if tokens is None:
            raise SignInRequired("not signed in; sign in first")
        return tokens

    def _good(self, tokens: Tokens, rejected: str | None) -> bool:
        return tokens.access_token != rejected and not tokens.due(self._clock.now())

    def _rotate(self, tokens: Tokens) -> Tokens:
        if tokens.refresh_token is None:
            raise SignInRequired("the sign-in has run out and cannot be renewed; sign in again")
        asked_at = self._clock.now()
        try:
            answer = self._provider.token(grant_type="refresh_token", refresh_token=tokens.refresh_token)
        except InvalidGrant as error:
            self._keep(None)
            raise SignInRequired("the sign-in has ended; sign in again") from error
        # The successor is saved before anything else can fail (fetching keys needs the network): lost, it would
        # cost the sign-in. RFC 6749 s6: no new one means that the old one goes on.
        held = replace(tokens, refresh_token=answer.get("refresh_token") or tokens.refresh_token)
        self._keep(held)
        if "id_token" in answer:
            self._validator.at_refresh(
                answer["id_token"], access_token=answer["access_token"], original=tokens.claims, now=self._clock.now()
            )
        fresh = replace(
            held,
            access_token=answer["access_token"],
            id_token=answer.get("id_token", tokens.id_token),
            expires_at=asked_at + timedelta(seconds=answer["expires_in"]),
            scope=answer.get("scope", tokens.scope),
        )
        self._keep(fresh)
        return fresh

    def _keep(self, tokens: Tokens | None) -> None:
        self._store.save(Contents(tokens, self._store.load().pending))
