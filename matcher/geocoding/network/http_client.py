"""The HTTP side of network geocoders: geopy's aiohttp adapter with bounds on time, size and connections."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import yarl
from geopy.adapters import AdapterHTTPError, AioHTTPAdapter
from geopy.exc import GeocoderParseError, GeocoderServiceError, GeocoderTimedOut, GeocoderUnavailable

#: A hundred candidates with all their details are below 200 kB; more than this is not an answer to an address.
MAX_BODY_BYTES = 2_000_000


class BoundedAdapter(AioHTTPAdapter):  # type: ignore[misc]  # geopy ships no types
    """Like its parent, but refuses redirects and answers over MAX_BODY_BYTES; every failure is one of geopy's errors.

    `shapes` are the types that a decoded answer may have: geopy takes some wrong ones for "nothing found".
    Redirects: the operator named the provider, and what people type is sent to nobody else.
    """

    def __init__(self, *, shapes: tuple[type, ...], **settings: Any) -> None:
        super().__init__(**settings)
        self._shapes = shapes

    async def get_text(self, url: str, *, timeout: float, headers: dict[str, str]) -> str:  # noqa: ASYNC109  geopy's name
        """The body. Raises AdapterHTTPError from status 300, else GeocoderServiceError or one of its kinds."""
        try:
            async with self.session.get(
                yarl.URL(url, encoded=True),
                timeout=aiohttp.ClientTimeout(total=timeout),
                headers=headers,
                proxy=self.proxies.get(yarl.URL(url).scheme) if self.proxies else None,
                ssl=True if self.ssl_context is None else self.ssl_context,
                allow_redirects=False,
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise GeocoderServiceError(f"the answer is longer than {MAX_BODY_BYTES} bytes")
                text = body.decode(response.charset or "utf-8", errors="replace")
                if response.status >= 300:
                    raise AdapterHTTPError(
                        f"status {response.status}", status_code=response.status, headers=response.headers, text=text
                    )
                return text
        except TimeoutError as error:
            raise GeocoderTimedOut(f"no answer within {timeout:g} s") from error
        except aiohttp.ClientConnectionError as error:
            raise GeocoderUnavailable(str(error)) from error
        except (aiohttp.ClientError, LookupError) as error:
            # LookupError: the answer names a character set that does not exist.
            raise GeocoderServiceError(str(error)) from error

    async def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> Any:  # noqa: ASYNC109  geopy's name
        """The decoded body. Raises GeocoderParseError when it is not JSON of the shape, else as get_text."""
        text = await self.get_text(url, timeout=timeout, headers=headers)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GeocoderParseError("the answer is not JSON") from error
        if not isinstance(answer, self._shapes):
            raise GeocoderParseError("the answer does not have the form of this provider")
        return answer
