"""Where a call comes from: the peer, or whom a proxy that is trusted says it speaks for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web

from matcher.settings.protection import Network

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORWARDED_FOR = "X-Forwarded-For"
#: The network that one subscriber is usually given (RFC 6177), so that nobody has 2^64 addresses to spend.
_IPV6_PREFIX = 64
#: An address, with the port that some proxies add; a zone (`%eth0`) is ignored.
_HOP = re.compile(
    r"(?P<v4>[0-9.]+)(:\d{1,5})?|\[(?P<bracketed>[0-9A-Fa-f:.]+)(%[^\]]*)?\](:\d{1,5})?|(?P<v6>[0-9A-Fa-f:.]+)(%.*)?",
    re.ASCII,
)


def client_address(request: web.BaseRequest, proxies: Sequence[Network]) -> str | None:
    """The address to count calls by; None for this machine, and for trusted proxies that name no client."""
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    if not isinstance(peer, tuple):
        return None
    forwarded = request.headers.getall(_FORWARDED_FOR, ()) if proxies else ()
    return resolve_address(str(peer[0]), ",".join(forwarded), tuple(proxies))


@lru_cache(maxsize=8192)
def resolve_address(peer: str, forwarded: str, proxies: tuple[Network, ...]) -> str | None:
    """The nearest address, from the peer outwards, that is not a trusted proxy; what lies beyond may be forged.

    A hop that is not an address counts as the peer, so that nobody escapes a limit by writing one.
    """
    own = _parsed(peer)
    if own is None:
        return None
    hops = [part.strip() for part in forwarded.split(",") if part.strip()]
    for address in [own, *(_parsed(hop) for hop in reversed(hops))]:
        if address is None:
            return _group(own)
        if not _is_trusted(address, proxies):
            return None if address.is_loopback else _group(address)
    return None


@lru_cache(maxsize=8192)
def connecting_address(peer: str, proxies: tuple[Network, ...]) -> str | None:
    """The address to count a connection by; None for trusted proxies, which bring many callers."""
    own = _parsed(peer)
    if own is None or _is_trusted(own, proxies):
        return None
    return _group(own)


def _is_trusted(address: _Address, proxies: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in proxies)


def _parsed(text: str) -> _Address | None:
    """The address of `192.0.2.7`, `192.0.2.7:99`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:99`, else None."""
    found = _HOP.fullmatch(text)
    if found is None:
        return None
    try:
        address = ipaddress.ip_address(found["v4"] or found["bracketed"] or found["v6"])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _group(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
