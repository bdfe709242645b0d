"""Everything that people change of their own ways to sign in, put together."""

from dataclasses import dataclass

from services.auth.authorization.own.authenticator import OwnAuthenticator
from services.auth.authorization.own.change import OwnChanges
from services.auth.authorization.own.codes import OwnCodes
from services.auth.authorization.own.passkeys import OwnPasskeys
from services.auth.authorization.own.password import OwnPassword
from services.auth.authorization.sign_in_steps import SignInSteps
from services.auth.keys.key_ring import KeyRing
from services.auth.rate_limits.limits import RateLimits


@dataclass(frozen=True)
class OwnFactors:
    """What the account pages change."""

    changes: OwnChanges
    rate_limits: RateLimits

    @property
    def password(self) -> OwnPassword:
        return OwnPassword(self.changes, self.rate_limits)

    @property
    def authenticator(self) -> OwnAuthenticator:
        return OwnAuthenticator(self.changes, self.password)

    @property
    def passkeys(self) -> OwnPasskeys:
        return OwnPasskeys(self.changes)

    @property
    def codes(self) -> OwnCodes:
        return OwnCodes(self.changes)


def own_factors(steps: SignInSteps, encryption_keys: KeyRing, company: str) -> OwnFactors:
    """Return them, on the database, lifetimes and limits of the sign-in."""
    return OwnFactors(OwnChanges(steps.database, encryption_keys, steps.lifetimes, company), steps.rate_limits)
