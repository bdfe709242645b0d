"""Who sent a request: the peer, or what trusted proxies before us say of the one before them.

Policy: ADR-0011, ADR-0073; Spec: RFC 7239 s6 (a port or brackets), RFC 6052 s2.1
In: `X-Forwarded-For`, one or several lines, the nearest hop last.
"""

import ipaddress
import logging
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: IPv4 addresses as a translator writes them (RFC 6052 s2.1).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Hops that are looked at, the nearest first.
_MOST_HOPS = 32
#: Characters of the longest address with its zone, brackets and port.
_LONGEST_HOP = 100

_log = logging.getLogger(__name__)


class Forwarding:
    """Finds callers behind the proxies of some networks. Says once when it cannot read what such a proxy writes."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._told = False

    def caller(self, peer: str, forwarded: Sequence[str]) -> Address | None:
        """Return who sent the request that came from `peer` with these X-Forwarded-For lines; None: nobody can say.

        The first hop that is not trusted is the caller: what stands left of it was written by the caller.
        """
        caller = parse_address(peer)
        if caller is None or not forwarded or not self._trusts(caller):
            return caller
        for hop in reversed(",".join(forwarded).rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]):
            address = parse_address(hop)
            if address is None:
                self._tell(hop)
                break
            caller = address
            if not self._trusts(caller):
                break
        return caller

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _tell(self, hop: str) -> None:
        if not self._told:
            self._told = True
            _log.warning(
                "X-Forwarded-For of a trusted proxy holds no address (%r): its callers count as the proxy, all as one",
                hop.strip()[:_LONGEST_HOP],
            )


def parse_address(hop: str) -> Address | None:
    """Return the address of a hop, without zone, brackets and port; None: it holds none.

    `192.0.2.1`, `192.0.2.1:8080`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:8080`; an IPv4 address that is written
    as an IPv6 one is that IPv4 address.
    """
    text = hop.strip().strip('"')
    if len(text) > _LONGEST_HOP:
        return None
    if text.startswith("["):
        text, closed, rest = text[1:].partition("]")
        if not closed or (rest and not _is_port(rest)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:  # one /64 for all who come from IPv4
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def network_of(address: Address | None) -> str:
    """Return what a caller is counted by: an IPv4 address, an IPv6 /64, "" for nobody knows whom."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return "" if address is None else str(address)


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6
