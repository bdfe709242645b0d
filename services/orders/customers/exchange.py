"""Token exchange: the caller's access token traded for one that another API accepts, and remembered until it expires.

Spec: RFC 8693 s2; Policy: ADR-0025
Policy: the caller's own token never leaves this service but to the provider that issued it.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote_plus

import httpx2

from services.orders.customers.breaker import Away, CircuitBreaker
from services.orders.customers.fetch import Reply, deadline, fetch
from shared.bearer import InvalidToken
from shared.clock import Clock
from shared.errors import Unavailable

MAX_REMEMBERED = 4096
#: A token that is about to expire is not sent: it could run out on the way.
_MARGIN = timedelta(seconds=5)

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExchangeClient:
    """Who trades, where, and for which API; how long the provider has to answer."""

    token_url: str
    client_id: str
    client_secret: str
    resource: str
    scope: str
    timeout: timedelta


class TokenExchange:
    """Trades for one API. Belongs to one event loop."""

    def __init__(
        self,
        settings: ExchangeClient,
        http: httpx2.AsyncClient,
        breaker: CircuitBreaker,
        clock: Clock,
        *,
        remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._settings = settings
        self._http = http
        self._breaker = breaker
        self._clock = clock
        self._remembered = remembered
        # least recently used first; by SHA-256 of the caller's token, so that a dump gives that one not away
        self._traded: OrderedDict[bytes, tuple[str, datetime]] = OrderedDict()
        self._trading: dict[bytes, asyncio.Task[str]] = {}

    async def trade(self, access_token: str) -> str:
        """Return the token for that API; requests of one caller at once share one exchange.

        Raises:
            InvalidToken: the provider does not accept the caller's token any more.
            Away: the provider cannot be asked.
            Unavailable: it is left alone, or it refuses this service, which is logged.
        """
        digest = hashlib.sha256(access_token.encode()).digest()
        if (traded := self._recall(digest)) is not None:
            return traded
        task = self._trading.get(digest)
        if task is None:
            task = self._trading[digest] = asyncio.create_task(self._exchange(digest, access_token))
            task.add_done_callback(lambda done: self._finished(digest, done))
        # shielded: the caller that gives up must not end the exchange of the others
        return await asyncio.shield(task)

    def forget(self, access_token: str) -> None:
        """Drop what the caller's token was traded for: the API refuses it."""
        self._traded.pop(hashlib.sha256(access_token.encode()).digest(), None)

    def _recall(self, digest: bytes) -> str | None:
        found = self._traded.get(digest)
        if found is None:
            return None
        traded, expires_at = found
        if self._clock.now() >= expires_at - _MARGIN:
            del self._traded[digest]
            return None
        self._traded.move_to_end(digest)
        return traded

    def _finished(self, digest: bytes, task: asyncio.Task[str]) -> None:
        self._trading.pop(digest, None)
        if not task.cancelled():
            task.exception()  # looked at: the one who waited may be gone

    async def _exchange(self, digest: bytes, access_token: str) -> str:
        settings = self._settings
        form = {
            "grant_type": _GRANT_TYPE,
            "subject_token": access_token,
            "subject_token_type": _ACCESS_TOKEN,
            "resource": settings.resource,
            "scope": settings.scope,
        }
        asked_at = self._clock.now()
        with self._breaker.watch():
            # each half form-encoded (RFC 6749 s2.3.1)
            credentials = httpx2.BasicAuth(quote_plus(settings.client_id), quote_plus(settings.client_secret))
            reply = await fetch(
                self._http, deadline(settings.timeout), "POST", settings.token_url, data=form, auth=credentials
            )
            traded, lifetime = _read(reply)
        self._traded[digest] = (traded, asked_at + lifetime)
        if len(self._traded) > self._remembered:
            self._traded.popitem(last=False)
        return traded


def _read(reply: Reply) -> tuple[str, timedelta]:
    """Return the new token and how long it lives."""
    if reply.status == 429:
        raise Unavailable("the provider has had too many requests", reply.retry_after)
    document = reply.document()
    if reply.status != 200:
        error = document.get("error")
        if not isinstance(error, str):
            raise Away(f"status {reply.status} without an error")
        # what the provider says of a subject token that it does not accept (RFC 8693 s2.2.2)
        if error == "invalid_request":
            raise InvalidToken("not_exchangeable")
        _log.error("the provider refuses the exchange of tokens to this service: %s", error[:100])
        raise Unavailable("the provider refuses the exchange", timedelta(seconds=30))
    traded, expires_in = document.get("access_token"), document.get("expires_in")
    if not (isinstance(traded, str) and traded.isascii() and traded.isprintable() and " " not in traded):
        raise Away("no access_token in the answer")
    if str(document.get("token_type")).lower() != "bearer" or document.get("issued_token_type") != _ACCESS_TOKEN:
        raise Away("another kind of token in the answer")
    if not isinstance(expires_in, int) or isinstance(expires_in, bool) or not 0 < expires_in <= 86_400:
        raise Away("no lifetime in the answer")
    return traded, timedelta(seconds=expires_in)
