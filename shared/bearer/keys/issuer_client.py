"""Fetches the issuer's public documents: small, straight from the configured address, and never for long.

Spec: RFC 9110 s13.1.2, RFC 9111 s5.2.1.4
Policy: no redirect is followed (whoever could send one would choose the keys), no proxy and no .netrc of the
environment is used, and an answer over its limit is cut off.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx2


class BadAnswer(ValueError):
    """The issuer answered with something else than the document; the message says what."""


@dataclass(frozen=True)
class Fetched:
    """One answer. `document` is None when it has not changed since the `etag` that was sent (304)."""

    document: bytes | None
    headers: Mapping[str, str]


class IssuerClient:
    """Gets documents of one issuer. Keeps no connection: a fetch is rare, and a kept one breaks unseen."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network in tests."""
        self._transport = transport
        self._tls = ssl.create_default_context()  # once: it reads every root certificate of the machine

    async def get(
        self,
        url: str,
        *,
        accept: str,
        limit: int,
        timeout: timedelta,  # noqa: ASYNC109 - the whole fetch is timed, and its caller decides
        etag: str | None = None,
        no_cache: bool = False,
    ) -> Fetched:
        """Return the document of at most `limit` bytes; `no_cache` asks every cache on the way to look anew.

        Raises:
            BadAnswer: another status than 200 (or 304 to an `etag`), or too large.
            TimeoutError, httpx2.HTTPError: nobody answers, or not in time.
        """
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        if etag is not None:
            headers["If-None-Match"] = etag
        if no_cache:
            headers["Cache-Control"] = "no-cache"
        client = httpx2.AsyncClient(
            transport=self._transport,
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=timeout.total_seconds(),
            headers=headers,
        )
        async with asyncio.timeout(timeout.total_seconds()), client, client.stream("GET", url) as response:
            if response.status_code == 304 and etag is not None:
                return Fetched(None, response.headers)
            if response.status_code != 200:
                raise BadAnswer(f"status {response.status_code}")
            document = b""
            async for chunk in response.aiter_raw():  # raw: what a compressed body would grow to is unknown
                document += chunk
                if len(document) > limit:
                    raise BadAnswer("too large")
            return Fetched(document, response.headers)
