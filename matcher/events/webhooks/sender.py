"""Posts events over HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from matcher.domain.errors.events import WebhookUrlRefused
from matcher.events.webhooks.public_addresses import AllowedAddresses, Network
from matcher.events.webhooks.webhook import SendingResult

MAX_URL = 2000
#: At most this much of an answer is read, to reuse the connection; it is closed when there is more.
_MAX_ANSWER = 4096
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)

#: The same for names that do not exist and for names of the internal network, so that nobody can tell which there are.
_NOT_FOUND = "its host was not found on the public internet"


class AddressRefused(OSError):
    """The name leads to an address that is not connected to."""


class HttpEventSender:
    """Posts to public addresses, and to networks the operator allows.

    The address that is checked is the address that is connected to: a name is resolved once for each connection, and
    the address is checked again where the socket is made, so that DNS rebinding and unusual spellings of an address
    fail. Redirects are not followed, proxies of the environment not used, cookies not kept.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        http_allowed: bool = False,
        also_allowed: Sequence[Network] = (),
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._schemes = {"https", "http"} if http_allowed else {"https"}
        self._allowed = AllowedAddresses(also_allowed)
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def check(self, url: str) -> None:
        """Raises WebhookUrlRefused unless the URL is well-formed and all addresses of its host may be posted to."""
        parsed = self._parse(url)
        host, port = parsed.raw_host, parsed.port
        assert host is not None
        assert port is not None
        try:
            async with asyncio.timeout(self._timeout.total):
                addresses = await self._addresses(host, port)
        except (OSError, UnicodeError):  # TimeoutError among them
            raise _refused(_NOT_FOUND) from None
        if not addresses or any(address not in self._allowed for address in addresses):
            raise _refused(_NOT_FOUND)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> SendingResult:
        """Post once. Any failure is a result without a status, in words that reveal nothing about this network."""
        try:
            parsed = self._parse(url)
            async with self._open().post(
                parsed,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "carpool-matcher", **headers},
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                with contextlib.suppress(
                    aiohttp.ClientError, TimeoutError, OSError
                ):  # the status has arrived, and decides
                    await self._skim(response)
                taken = 200 <= response.status < 300
                return SendingResult(
                    response.status, None if taken else f"HTTP {response.status}", _retry_after(response)
                )
        except WebhookUrlRefused as error:
            return SendingResult(None, error.detail)
        except TimeoutError:
            return SendingResult(None, f"no answer within {self._timeout.total:g} s")
        except aiohttp.ClientConnectorCertificateError:
            return SendingResult(None, "the certificate is not valid")
        except aiohttp.ClientSSLError:
            return SendingResult(None, "no secure connection could be made")
        except (aiohttp.ClientConnectionError, OSError) as error:
            return SendingResult(None, _connection_trouble(error))
        except (aiohttp.ClientError, ValueError):
            return SendingResult(None, "the answer is not HTTP")

    async def _addresses(self, host: str, port: int) -> list[str]:
        if self._resolver is not None:
            return [entry["host"] for entry in await self._resolver.resolve(host, port)]
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [str(info[4][0]) for info in found]

    def _parse(self, url: str) -> URL:
        """The address as the client will read it: it is parsed by the same code."""
        if len(url) > MAX_URL or not _VISIBLE.fullmatch(url) or "\\" in url:
            raise _refused(f"it must have at most {MAX_URL} visible ASCII characters, and no backslash")
        try:
            parsed = URL(url)
            host, port = parsed.raw_host, parsed.port
        except ValueError:
            raise _refused("it is not a URL") from None
        if parsed.scheme not in self._schemes:
            raise _refused(f"it must begin with {' or '.join(f'{scheme}://' for scheme in sorted(self._schemes))}")
        if not host or port is None or not 1 <= port <= 65535:
            raise _refused("it has no host")
        if "@" in url.partition("://")[2].partition("/")[0].partition("?")[0]:
            raise _refused("it must have no user or password in it")
        if parsed.raw_fragment:
            raise _refused("it must have no fragment")
        return parsed

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver or aiohttp.ThreadedResolver(),
                use_dns_cache=False,
                socket_factory=self._make_socket,
                limit=0,
                keepalive_timeout=15,
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            )
        return self._session

    def _make_socket(self, info: Any) -> socket.socket:
        """The last check, of the very address that is connected to next."""
        family, kind, protocol, _, address = info
        if address[0] not in self._allowed:
            raise AddressRefused("not a public address")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    @staticmethod
    async def _skim(response: aiohttp.ClientResponse) -> None:
        read = 0
        while read <= _MAX_ANSWER:
            chunk = await response.content.read(_MAX_ANSWER)
            if not chunk:
                return
            read += len(chunk)
        response.close()


def _retry_after(response: aiohttp.ClientResponse) -> timedelta | None:
    """RFC 9110 section 10.2.3: seconds, or a date."""
    given = response.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(given):
        return timedelta(seconds=int(given))
    try:
        at = email.utils.parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(timedelta(), at - datetime.now(UTC))


def _connection_trouble(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, AddressRefused | aiohttp.ClientConnectorDNSError):
            return _NOT_FOUND
        seen = getattr(seen, "os_error", None) or seen.__cause__ or seen.__context__
    return "no connection could be made, or it was lost"


def _refused(why: str) -> WebhookUrlRefused:
    return WebhookUrlRefused.at("/url", why, "the webhook URL is not allowed:")
