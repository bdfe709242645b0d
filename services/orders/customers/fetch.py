"""One bounded HTTP request to a part of the suite: one client for all, no redirect, no proxy, a limit to time and size.

The authorities that are trusted are those of the machine, or of SSL_CERT_FILE, as for the issuer's keys.
"""

import asyncio
import json
import ssl
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from services.orders.customers.breaker import Away

#: Bytes that an answer may hold; a contact and a token are far below.
MAX_BYTES = 65_536


@dataclass(frozen=True)
class Reply:
    """An answer that was read whole."""

    status: int
    content_type: str
    body: bytes
    retry_after: timedelta

    def document(self) -> dict[str, Any]:
        """Return the JSON object of the body.

        Raises:
            Away: it is none: something else answers there.
        """
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Away("the answer is not JSON") from error
        if not isinstance(found, dict):
            raise Away("the answer is not a JSON object")
        return found


def deadline(timeout: timedelta) -> float:
    """Return the moment, on the loop's clock, when what begins now has to be over."""
    return asyncio.get_running_loop().time() + timeout.total_seconds()


def open_client(timeout: timedelta, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """Return the client that all requests share, to be closed with the service."""
    return httpx2.AsyncClient(
        transport=transport,
        verify=ssl.create_default_context(),
        trust_env=False,  # no proxy and no .netrc of the environment: what is sent are tokens and a secret
        follow_redirects=False,
        timeout=timeout.total_seconds(),
        limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # one client for every caller: it keeps none
    )


async def fetch(client: httpx2.AsyncClient, deadline: float, method: str, url: str, **options: Any) -> Reply:
    """Send one request and read the answer, until `deadline` of the loop's clock.

    Raises:
        Away: no answer in time, a broken one, one that is too large, or one of 5xx or 3xx.
    """
    try:
        async with asyncio.timeout_at(deadline), client.stream(method, url, **options) as response:
            body = b""
            async for chunk in response.aiter_raw():  # raw: what a compressed body would grow to is unknown
                body += chunk
                if len(body) > MAX_BYTES:
                    raise Away("the answer is too large")
    except TimeoutError as error:
        raise Away("no answer in time") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Away(type(error).__name__) from error  # its text may hold an address
    if response.status_code >= 500 or response.is_redirect:
        raise Away(f"status {response.status_code}")
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Reply(response.status_code, media_type, body, _retry_after(response.headers.get("Retry-After", "")))


def _retry_after(value: str) -> timedelta:
    seconds = int(value) if value.isascii() and value.isdigit() and len(value) < 5 else 1
    return timedelta(seconds=min(max(seconds, 1), 60))
