"""Which network addresses are on the public internet."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

#: IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates), multicast, the former class E, and one public
#: address behind
#: which a cloud's machines find their host (168.63.129.16). Python's `is_global` differs between its versions, so the
#: list is ours.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
#: Global unicast is 2000::/3 (RFC 4291 section 2.4). Mapped, translated and local addresses lie outside of it.
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
#: Of it, what is not plain unicast: IANA IPv6 Special-Purpose Address Registry; Teredo (in 2001::/23) and 6to4 hide an
#: IPv4 address.
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


def is_public(address: str) -> bool:
    """Whether a numeric address is an ordinary one of the public internet; one that cannot be read is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _NOT_PUBLIC_4)
    return found in _GLOBAL_UNICAST_6 and not any(found in network for network in _NOT_PUBLIC_6)


class AllowedAddresses:
    """Public addresses, and those of networks that the operator has named."""

    def __init__(self, also: Sequence[Network] = ()) -> None:
        self._also = tuple(also)

    def __contains__(self, address: object) -> bool:
        """Whether a numeric address, as the system writes it in socket addresses, may be connected to."""
        return isinstance(address, str) and (is_public(address) or self._is_named(address))

    def _is_named(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._also if network.version == found.version)


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks from text with commas between them. Raises ValueError."""
    return tuple(ip_network(word.strip()) for word in text.split(",") if word.strip())
