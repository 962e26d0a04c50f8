"""HTTP over httpx: for each worker one transport with one connection.

httpx's transport is used without its client. The client's share is cookies, redirects, authentication and a log
record for each request, none of which may happen here, and a fifth of the CPU time. One pool shared by many workers
would be quadratic in their number (https://github.com/encode/httpx/discussions/3215).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache

import httpx

from ..errors import ConfigError
from .base import Request, Response, TransportError
from .body import BodyReader
from .certificates import tls_context
from .failures import connect_failure, peer_of
from .proxies import proxy_for

__all__ = ["CONNECT_TIMEOUT", "HttpxTransport"]

CONNECT_TIMEOUT = 10.0
"""Seconds to connect in: a host that is down is known long before a slow answer's deadline."""

_KEEP_ALIVE = 30.0
"""Seconds an unused connection is kept; older ones are often dead without a word (load balancers, NAT)."""

_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_ALIVE)


class HttpxTransport:
    """One worker's own connection (see `Transport`): HTTP/1.1, kept alive between requests.

    Uses the proxies of the environment and the certificate authorities of SSL_CERT_FILE or SSL_CERT_DIR, else
    Mozilla's (certifi).
    """

    def __init__(self, base_url: str, *, trust_env: bool = True) -> None:
        """A transport for URLs below `base_url`; ConfigError where the environment's proxy or authorities are unusable.

        `trust_env=False` leaves proxies out, for a server of our own on the loopback interface.
        """
        self._proxy = proxy_for(base_url) if trust_env else None
        context = tls_context(trusting=base_url.startswith("https:"))
        try:
            self._http = httpx.AsyncHTTPTransport(verify=context, limits=_LIMITS, proxy=self._proxy)
        except ImportError:
            raise ConfigError(
                "the environment names a SOCKS proxy, which needs one more package",
                hint="pip install 'httpx[socks]'",
            ) from None
        except (ValueError, httpx.InvalidURL):
            raise ConfigError(
                "the proxy in the environment has no usable URL",
                hint="look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
            ) from None

    async def send(
        self, request: Request, *, timeout: float, on_bytes: Callable[[bytes], None] | None = None
    ) -> Response:
        """Send and read to the end within `timeout` seconds in all, or raise TransportError (see `Transport`)."""
        connect = min(CONNECT_TIMEOUT, timeout)
        outgoing = httpx.Request(
            request.method,
            _parsed(request.url),
            headers={"accept-encoding": "gzip", **request.headers},
            content=request.body,
            extensions={"timeout": {"connect": connect}},
        )
        try:
            async with asyncio.timeout(timeout) as deadline:
                return await self._exchange(outgoing, on_bytes)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise TransportError(
                "timeout", f"no complete answer within {timeout:g} s", retryable=True
            ) from None
        except httpx.ConnectTimeout:
            peer = peer_of(request.url, self._proxy)
            raise TransportError(
                "connect", f"no connection to {peer} within {connect:g} s", retryable=True
            ) from None
        except httpx.TransportError as error:
            raise _failure(error, request.url, self._proxy) from None

    async def close(self) -> None:
        """Close the connection; the transport is of no further use."""
        await self._http.aclose()

    async def _exchange(self, outgoing: httpx.Request, on_bytes: Callable[[bytes], None] | None) -> Response:
        answer = await self._http.handle_async_request(outgoing)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        try:
            headers = dict(answer.headers.items())
            reader = BodyReader(headers, on_bytes)
            async for piece in answer.stream:
                reader.feed(piece)
            return Response(answer.status_code, headers, reader.finish())
        finally:
            await answer.stream.aclose()


def _failure(error: httpx.TransportError, url: str, proxy: str | None) -> TransportError:
    match error:
        case httpx.ProxyError():
            status = str(error)[:3]
            told = f" with status {status}" if status.isdigit() else ""
            message = f"{peer_of(url, proxy)} refused to connect to {peer_of(url)}{told}"
            return TransportError("connect", message, retryable=told != "" and status >= "500")
        case httpx.ConnectError():
            return connect_failure(error, url, proxy)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return TransportError("protocol", "the request is not valid HTTP", retryable=False)
        case httpx.RemoteProtocolError() if "disconnected" in str(error):
            return TransportError(
                "protocol", f"{peer_of(url, proxy)} closed the connection unasked", retryable=True
            )
        case httpx.RemoteProtocolError() if "incomplete" in str(error):
            return TransportError("protocol", "the answer stops in its middle", retryable=True)
        case httpx.RemoteProtocolError():
            return TransportError("protocol", "the answer is not valid HTTP", retryable=True)
        case _:
            return TransportError("protocol", f"{peer_of(url, proxy)} broke the connection", retryable=True)


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)
