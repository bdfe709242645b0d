"""Customers: whether a contact of the CRM is one that the caller may see, asked there with the caller's rights.

    breaker     leaves a part alone that has failed again and again
    fetch       one bounded HTTP request, and the one client that all share
    exchange    the caller's token traded for one that the CRM accepts (RFC 8693)
    crm         the question itself

Policy: ADR-0025
"""

from typing import Protocol
from uuid import UUID

from shared.errors import SuiteError


class UnknownCustomer(SuiteError):
    """No contact that the caller may see: a foreign one and one that never was look alike."""


class Customers(Protocol):
    """Who can say whether a contact is the caller's to name."""

    async def demand(self, customer_id: UUID, access_token: str) -> None:
        """Return if the caller, whose verified token this is, may see the contact.

        Raises:
            UnknownCustomer: they may not.
            InvalidToken: the provider has withdrawn the token meanwhile.
            Unavailable: it cannot be found out now.
        """
