"""A port that several processes are going to listen on, held so that nobody else takes it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """The port, or a free one for 0, kept while the block runs for those of this user who listen with SO_REUSEPORT.

    The sockets are bound but do not listen, so no call reaches them. Raises OSError when the port is in use.
    """
    with ExitStack() as stack:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            # Without SO_REUSEPORT another service that shares the port among its processes is refused too.
            with _bound(family, kind, protocol, (address[0], port, *address[2:]), share=False):
                pass
            holder = stack.enter_context(_bound(family, kind, protocol, (address[0], port, *address[2:]), share=True))
            port = holder.getsockname()[1]
        yield port


@contextmanager
def _bound(
    family: int, kind: int, protocol: int, address: tuple[object, ...], *, share: bool
) -> Iterator[socket.socket]:
    with socket.socket(family, kind, protocol) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        holder.bind(address)
        # Needed over what an earlier server left behind; from here on it would let others in (ip(7), SO_REUSEADDR).
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield holder
