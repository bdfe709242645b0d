"""Sends a request, and says in one sentence why no answer came and what can be done.

Spec: RFC 6750 s5.3, RFC 9110 s10.2.3
"""

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

from mobile.errors import Offline, UntrustedServer

#: Answers that mean "not now" rather than "no": the app keeps what it has and tries again later.
_NOT_NOW = frozenset({429, 502, 503, 504})

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

#: OpenSSL's X509_V_ERR_*: not yet valid, expired; host name and IP address mismatch.
_WRONG_TIME = frozenset({9, 10})
_WRONG_NAME = frozenset({62, 64})


def send(http: httpx2.Client, request: httpx2.Request) -> httpx2.Response:
    """Send `request`, following no redirect.

    Raises:
        UntrustedServer: somebody answers, but TLS does not prove who it is; the request was not sent.
        Offline: no answer came, or none that can be read.
    """
    try:
        return http.send(request, follow_redirects=False)
    except httpx2.RequestError as error:
        raise _no_answer(origin(str(request.url)), error) from error


def unavailable(response: httpx2.Response) -> bool:
    """Report whether `response` means "not now"."""
    return response.status_code in _NOT_NOW


def later(response: httpx2.Response) -> str:
    """Return when to try again, in words: `Retry-After` in seconds if the answer has one, else "later"."""
    seconds = response.headers.get("retry-after", "")
    return f"try again in {int(seconds)} s" if seconds.isdecimal() and len(seconds) < 6 else "try again later"


def origin(url: str) -> str:
    """Return scheme, host and port of `url`, which are fit to be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def safe_for_tokens(url: str) -> bool:
    """Report whether a token may travel to `url`: over TLS, or never leaving this machine. Spec: RFC 6750 s5.3"""
    try:
        address = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError):
        return False
    local = address.scheme == "http" and address.host in _LOOPBACK
    return (
        bool(address.host)
        and (address.port or 0) < 65_536
        and not address.userinfo
        and (address.scheme == "https" or local)
    )


def _no_answer(where: str, error: httpx2.RequestError) -> Offline:
    tls = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return UntrustedServer(_certificate_sentence(where, tls))
    if tls is not None:
        return UntrustedServer(f"{where} does not answer in TLS ({tls.reason}): does it serve http, not https?")
    if isinstance(error, httpx2.RemoteProtocolError) and where.startswith("http:"):
        return Offline(f"{where} cannot be reached: it hung up without an answer; does it serve https (TLS=1)?")
    ask = "is it running" if urlsplit(where).hostname in _LOOPBACK else "is the network up"
    return Offline(f"{where} cannot be reached ({type(error).__name__}): {ask}, and the address right?")


def _certificate_sentence(where: str, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _WRONG_TIME:
        return (
            f"the certificate of {where} is not valid now ({error.verify_message}): "
            "check this device's clock; if it is right, the certificate has to be renewed"
        )
    if error.verify_code in _WRONG_NAME:
        return f"the certificate of {where} is for another name: use the address that it was made for"
    return (
        f"the certificate of {where} is not trusted here ({error.verify_message}): name its authority with "
        "--ca-file FILE (`make run TLS=1` prints its path); on a strange network, sign in to that network first"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it was raised from, innermost last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
