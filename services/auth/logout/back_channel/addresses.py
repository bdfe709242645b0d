"""Which network addresses a logout token may be posted to: public ones, and those that the operator allows.

Spec: RFC 6890 (special-purpose addresses), RFC 4291 s2.5.5, RFC 3056, RFC 6052
A client's address is data; without this a name that leads inside would make this server knock on its neighbours'
doors (server-side request forgery).
"""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The only IPv6 block with public unicast addresses: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48),
#: unique local, link-local and multicast ones lie outside.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Blocks in it that hide an IPv4 address (6to4, Teredo) or lead nowhere public (benchmarking, ORCHID, documentation).
_HIDING = tuple(
    ipaddress.IPv6Network(block)
    for block in ("2002::/16", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20")
)
#: 192.88.99.0/24 is the anycast relay of 6to4, 100.64.0.0/10 carrier-grade NAT.
_NOT_PUBLIC_IPV4 = tuple(ipaddress.IPv4Network(block) for block in ("192.88.99.0/24", "100.64.0.0/10", "192.0.0.0/24"))


def may_be_reached(address: Address, *, allowed: Sequence[Network], loopback: bool) -> bool:
    """Report whether a logout token may go to `address`. `loopback`: local mode, where clients run beside us."""
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if address.is_loopback:
        return loopback
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None or address not in _GLOBAL_UNICAST:
            return False
        return address.is_global and not any(address in block for block in _HIDING)
    public = address.is_global and not address.is_multicast and not address.is_reserved
    return public and not any(address in block for block in _NOT_PUBLIC_IPV4)
