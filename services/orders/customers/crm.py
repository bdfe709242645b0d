"""The question to the CRM: may this caller see this contact?

Spec: RFC 8693; Policy: ADR-0025
Out: one GET of the contact, with a token that was traded for the caller's. Whether it exists and whose it is, the CRM
decides; nothing of the contact is kept here.
"""

import asyncio
import logging
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import httpx2
from prometheus_client import Counter

from services.orders.customers import UnknownCustomer
from services.orders.customers.breaker import Away, CircuitBreaker
from services.orders.customers.exchange import TokenExchange
from services.orders.customers.fetch import Reply, deadline, fetch
from shared.bearer import InvalidToken
from shared.errors import Unavailable
from shared.problem_codes import ProblemCode

#: The one sentence for every reason; the metric and the log tell them apart.
_CANNOT_SAY = "The customer cannot be looked up in the CRM at this moment."

_log = logging.getLogger(__name__)
_checks = Counter("orders_customer_checks", "Questions whether a caller may see a contact, by answer.", ["result"])


class CrmCustomers:
    """Implements `services.orders.customers.Customers`. Belongs to one event loop."""

    def __init__(
        self,
        crm_url: str,
        exchange: TokenExchange,
        http: httpx2.AsyncClient,
        breaker: CircuitBreaker,
        timeout: timedelta,
    ) -> None:
        """`timeout` is what one question may take in all, the exchange with it."""
        self._timeout = timeout
        self._contacts = f"{crm_url}/api/contacts"
        self._exchange = exchange
        self._http = http
        self._breaker = breaker

    async def demand(self, customer_id: UUID, access_token: str) -> None:
        """Return if the caller may see the contact.

        Raises:
            UnknownCustomer: they may not.
            InvalidToken: the provider has withdrawn the token meanwhile.
            Unavailable: it cannot be found out now.
        """
        try:
            seen = await self._ask(customer_id, access_token)
        except Away as error:
            self._cannot_say("away", str(error))
        except Unavailable as error:
            self._cannot_say("left_alone", str(error), error.retry_after)
        except InvalidToken:
            _checks.labels("withdrawn").inc()
            raise
        _checks.labels("seen" if seen else "unseen").inc()
        if not seen:
            raise UnknownCustomer("No such contact.")

    async def _ask(self, customer_id: UUID, access_token: str) -> bool:
        until = deadline(self._timeout)
        reply = await self._get(customer_id, access_token, until)
        if reply.status == 401:
            # its keys or its word of revocations moved on: once more with a new token, which a caller whose sign-in
            # has ended will not get
            self._exchange.forget(access_token)
            reply = await self._get(customer_id, access_token, until)
        if reply.status in {200, 404}:
            return reply.status == 200
        if reply.status == 429:
            raise Unavailable("the CRM has had too many requests", reply.retry_after)
        if reply.status in {401, 403}:  # not the caller's fault: the registration of this service is wrong
            self._exchange.forget(access_token)
        _log.error("the CRM refuses the tokens that this service trades: status %d", reply.status)
        raise Unavailable(f"the CRM answered {reply.status}", timedelta(seconds=30))

    async def _get(self, customer_id: UUID, access_token: str, until: float) -> Reply:
        try:
            async with asyncio.timeout_at(until):
                traded = await self._exchange.trade(access_token)
        except TimeoutError as error:
            raise Away("no token in time") from error
        with self._breaker.watch():
            headers = {"Authorization": f"Bearer {traded}"}
            reply = await fetch(self._http, until, "GET", f"{self._contacts}/{customer_id}", headers=headers)
            _require_genuine(reply, customer_id)
        return reply

    @staticmethod
    def _cannot_say(result: str, why: str, retry_after: timedelta = timedelta(seconds=1)) -> NoReturn:
        _checks.labels(result).inc()
        _log.warning("a customer could not be looked up: %s", why)
        raise Unavailable(_CANNOT_SAY, retry_after, ProblemCode.CUSTOMERS_UNAVAILABLE) from None


def _require_genuine(reply: Reply, customer_id: UUID) -> None:
    """Raise Away if 200 or 404 come from something else than the CRM: a wrong address must not decide."""
    if reply.status == 200 and reply.document().get("id") != str(customer_id):
        raise Away("the answer is another record")
    if reply.status == 404 and reply.content_type != "application/problem+json":
        raise Away("nothing of the CRM's answers there")
