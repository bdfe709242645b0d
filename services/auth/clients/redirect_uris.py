"""Redirect URIs: which may be registered, which of them is whose, and what a page may know about one.

Spec: RFC 8252 s7 and s8, RFC 9700 s2.1 and s4.1.3, RFC 3986 s6.2
"""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:[/?].*)?)", re.DOTALL)
#: Schemes that run, show or send something, and those of other protocols.
_DANGEROUS_SCHEMES = frozenset(
    {"about", "blob", "chrome", "content", "data", "file", "filesystem", "ftp", "intent", "jar", "javascript"}
    | {"mailto", "resource", "sms", "tel", "vbscript", "view-source", "ws", "wss"}
)
#: A host and port: what goes into a Content-Security-Policy must not hold its separators.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_AND_PORT = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[::1\])(?::[1-9][0-9]{{0,4}})?")
_URI_CHARACTERS = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST_URI = 2000


def is_registered(uri: str, registered: Sequence[str]) -> bool:
    """Report whether `uri` is one of these: the exact string, but for a loopback port (RFC 8252 s7.3)."""
    if uri in registered:
        return True
    if _LOOPBACK.fullmatch(uri) is None:
        return False
    return without_loopback_port(uri) in map(without_loopback_port, registered)


def without_loopback_port(uri: str) -> str:
    """Return a loopback address without its port, and any other as it is."""
    loopback = _LOOPBACK.fullmatch(uri)
    return uri if loopback is None else "".join(loopback.groups())


def identity_is_assured(redirect_uri: str) -> bool:
    """Say whether only the client itself can receive at this address.

    Any app on a device can take a custom scheme or a loopback port (RFC 8252 s8.6); an https address is proved by
    the name's owner. `http://localhost` of a web client in development counts as its owner's too.
    """
    scheme = urlsplit(redirect_uri).scheme
    return scheme in {"https", "http"} and _LOOPBACK.fullmatch(redirect_uri) is None


def origin_of_address(uri: str) -> str:
    """Return the origin of an http(s) address as browsers write it in `Origin` (RFC 6454 s6.2)."""
    parts = urlsplit(uri)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in {None, default} else f":{parts.port}")


def origin_fault(origin: str, *, local: bool) -> str | None:
    """Return what is wrong with an origin to be allowed, and what to change; None: nothing."""
    if fault := redirect_uri_fault(origin, allow_undotted_scheme=False, local=local):
        return fault
    if urlsplit(origin).scheme not in {"http", "https"} or origin != origin_of_address(origin):
        return f"{origin}: an origin is scheme, host and port alone, as browsers write it: https://app.example.com"
    return None


def redirect_uri_fault(uri: str, *, allow_undotted_scheme: bool, local: bool) -> str | None:
    """Return what is wrong with a redirect URI to be registered, and what to change; None: nothing."""
    if fault := _spelling_fault(uri):
        return fault
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - parsed only when asked for
    except ValueError:
        return f"{uri}: is not an address; check its host and port (1 to 65535)"
    scheme = parts.scheme
    if scheme and not uri.startswith(f"{scheme}:"):
        return f"{uri}: write the scheme in lower case, as it will come: {scheme}:"
    if scheme in {"http", "https"}:
        return _web_address_fault(uri, parts, local=local)
    if not scheme or scheme in _DANGEROUS_SCHEMES:
        return f"{uri}: a redirect is an https address, a loopback address or a private-use scheme"
    if "." not in scheme and not allow_undotted_scheme:
        return f"{uri}: a private-use scheme is a reversed domain name (com.example.app); see allow_undotted_scheme"
    return _path_fault(uri, parts)


def _spelling_fault(uri: str) -> str | None:
    shown = repr(uri[:100])
    if len(uri) > _LONGEST_URI:
        return f"{shown}...: an address has at most {_LONGEST_URI} characters"
    if "*" in uri:
        return f"{shown} may hold no wildcard; register each address in full"
    if "#" in uri:
        return f"{shown} may hold no fragment; remove # and what follows"
    if not _URI_CHARACTERS.fullmatch(uri):
        return f"{shown} may hold no space, quote, backslash, control or non-ASCII character; escape it (%20)"
    if _BROKEN_ESCAPE.search(uri):
        return f"{uri}: a % begins an escape of two digits; write %25 for the character itself"
    return None


def _web_address_fault(uri: str, parts: SplitResult, *, local: bool) -> str | None:
    if "@" in parts.netloc:
        return "an address may hold no user information; remove what stands before the @"  # it may be a password
    if not _HOST_AND_PORT.fullmatch(parts.netloc):
        return f"{uri}: write the whole address, with a host name (no dot at its end) and a port of 1 to 65535, if any"
    if parts.netloc != parts.netloc.lower():
        return f"{uri}: write the host in lower case, as browsers do: {parts.netloc.lower()}"
    if any(label.startswith("xn--") for label in (parts.hostname or "").split(".")):
        return f"{uri}: its host is punycode, which can be shown as another's name; use an ASCII host name"
    if fault := _path_fault(uri, parts):
        return fault
    if parts.scheme == "https" or _LOOPBACK.fullmatch(uri) or (local and parts.hostname == "localhost"):
        return None
    return f"{uri}: http is for loopback addresses (127.0.0.1, [::1]) alone; use https"


def _path_fault(uri: str, parts: SplitResult) -> str | None:
    if _DOT_SEGMENT.search(parts.path):
        return f"{uri}: its path may hold no . or .. segment; write where it leads"
    return None


def can_be_posted_to(redirect_uri: str) -> bool:
    """Say whether a form reaches this address: a custom scheme opens an app, which gets no body."""
    return urlsplit(redirect_uri).scheme in {"http", "https"}
