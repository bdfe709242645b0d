"""The first tokens of a sign-in: checked before they are kept, and never lost between the two.

Spec: OpenID Connect Core s3.1.3.7; Policy: ADR-0053
"""

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime

from mobile.authorization import Registration
from mobile.errors import MobileError, ProviderError, SignInRefused, StoreError
from mobile.id_token import IdTokenValidator
from mobile.provider import Provider
from mobile.store import TokenStore
from mobile.tokens import TokenAnswer, Tokens
from shared.clock import Clock


@dataclass(frozen=True)
class FirstTokens:
    """Keeps what a sign-in has brought."""

    registration: Registration
    store: TokenStore
    provider: Provider
    validator: IdTokenValidator
    clock: Clock

    def keep(
        self, answer: TokenAnswer, asked_at: datetime, *, nonce: str | None, subject: str | None, proved: bool
    ) -> Tokens:
        """Check an answer, and keep its tokens in place of earlier ones, which are to be revoked. The lock is held.

        From its arrival until it has passed every check, what was issued is kept as "to revoke". `nonce` and `subject`:
        those that the sign-in asked for, if it did; `proved`: a key was proved with the question.
        """
        if answer.ending is not None:
            self._keep_to_revoke(answer.ending)
        answer.require_usable(proved=proved)
        id_token = self._validated(answer, nonce, subject)
        scope = self.registration.scope
        tokens = answer.tokens(asked_at, refresh_token=answer.refresh_token, id_token=id_token, scope=scope)
        contents = self.store.load().revoked(tokens.ending)
        if contents.tokens is not None:
            contents = contents.dropping(contents.tokens.ending, self.clock.now())
        self.store.save(replace(contents, tokens=tokens))
        return tokens

    def _keep_to_revoke(self, token: str) -> None:
        try:
            self.store.save(self.store.load().dropping(token, self.clock.now()))
        except StoreError:
            with contextlib.suppress(MobileError):
                self.provider.revoke(token)
            raise

    def _validated(self, answer: TokenAnswer, nonce: str | None, subject: str | None) -> str:
        if answer.id_token is None:
            raise ProviderError("the provider answered without an ID token")
        claims = self.validator.at_sign_in(
            answer.id_token,
            access_token=answer.document["access_token"],
            nonce=nonce,
            now=self.clock.now(),
        )
        if subject not in {None, claims["sub"]}:
            raise SignInRefused("somebody else signed in; your own sign-in is kept as it was")
        return answer.id_token
