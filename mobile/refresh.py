"""Keeping an access token fresh: one refresh at a time, for all callers in this process and in others.

Providers take a refresh token once (rotation). Two refreshes at a time, or a rotated token that was not saved, look to
them like theft. So the caller that refreshes holds the store's lock and saves before it lets go; the others read again.

Policy: ADR-0054
Spec: RFC 6749 s6, RFC 9700 s4.14, RFC 9449 s5, OpenID Connect Core s12
"""

import contextlib
from dataclasses import replace

from mobile.dropped import DroppedTokens
from mobile.errors import InvalidGrant, MobileError, Offline, OtherPerson, ProviderError, SignInRequired
from mobile.id_token import IdTokenValidator
from mobile.prover import Prover
from mobile.provider import Provider
from mobile.store import TokenStore
from mobile.tokens import TokenAnswer, Tokens
from shared.clock import Clock


class FreshTokens:
    """Hands out tokens that work, refreshing them when they must be."""

    def __init__(
        self,
        store: TokenStore,
        provider: Provider,
        validator: IdTokenValidator,
        dropped: DroppedTokens,
        prover: Prover,
        clock: Clock,
    ) -> None:
        self._store = store
        self._provider = provider
        self._validator = validator
        self._dropped = dropped
        self._prover = prover
        self._clock = clock

    def get(self, *, rejected: str | None = None) -> Tokens:
        """Return tokens to go on with; `rejected` is an access token that an API has just refused.

        Raises:
            SignInRequired: there are none, or the provider no longer takes the refresh token.
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
                tokens = self._rotate(tokens)
            except Offline:
                if tokens.access_token == rejected or tokens.expired(self._clock.now()):
                    raise
                return tokens  # early by `EARLY`: these still work
        with contextlib.suppress(MobileError):  # the network is there
            self._dropped.end()
        return tokens

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
        self._keep(tokens)  # a store that cannot be written has to fail before the provider rotates, not after
        asked_at = self._clock.now()
        try:
            prover = self._prover if tokens.bound else None
            answer = self._provider.token(prover=prover, grant_type="refresh_token", refresh_token=tokens.refresh_token)
        except InvalidGrant as error:
            self._keep(None)
            raise SignInRequired("the sign-in has ended; sign in again") from error
        # The successor is saved before anything else can fail: losing it would cost the sign-in. Without a new one the
        # old one stays in use (RFC 6749 s6).
        refresh_token = answer.refresh_token or tokens.refresh_token
        self._keep(replace(tokens, refresh_token=refresh_token))
        answer.require_usable(proved=tokens.bound)
        id_token = self._id_token(answer, tokens)
        fresh = answer.tokens(asked_at, refresh_token=refresh_token, id_token=id_token, scope=tokens.scope)
        self._keep(fresh)
        return fresh

    def _id_token(self, answer: TokenAnswer, tokens: Tokens) -> str:
        """Return the ID token to keep: the new one, or the old one if there is none that this device can verify.

        The ID token of a refresh answer is optional (OpenID Connect Core s12.2), so a wrong clock, or keys that cannot
        be fetched, must not cost the new access token.

        Raises:
            OtherPerson: it names another subject.
        """
        if answer.id_token is None:
            return tokens.id_token
        try:
            self._validator.at_refresh(
                answer.id_token,
                access_token=answer.document["access_token"],
                original=tokens.claims,
                now=self._clock.now(),
            )
        except OtherPerson:
            raise
        except (Offline, ProviderError):
            return tokens.id_token
        return answer.id_token

    def _keep(self, tokens: Tokens | None) -> None:
        self._store.save(replace(self._store.load(), tokens=tokens))
