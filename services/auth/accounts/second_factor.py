"""What somebody gives as a second factor, as it came in.

Policy: ADR-0007, ADR-0114
"""

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class TotpCode:
    """The digits that an authenticator app shows."""

    otp: str


@dataclass(frozen=True, repr=False)
class TypedRecoveryCode:
    """A code from paper, as it was typed."""

    text: str


GivenFactor = TotpCode | TypedRecoveryCode
