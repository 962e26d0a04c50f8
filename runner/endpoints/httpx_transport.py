"""HTTP over httpx: one transport with one connection for each worker.

httpx's transport is used without its client. The client adds cookies, redirects, authentication and a log record for
each request, none of which may happen here, and takes a fifth of the CPU time. The cost of one pool shared by many
workers would be quadratic in their number (https://github.com/encode/httpx/discussions/3215).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import lru_cache

import httpx

from ..errors import ConfigError
from .base import CONNECT_TIMEOUT, KEEP_ALIVE, Request, Response, TransportError, Upload
from .body import BodyReader
from .certificates import tls_context
from .deadline import Deadline
from .failures import (
    bad_request,
    broken,
    closed_unasked,
    connect_failure,
    cut_short,
    late,
    no_connection,
    not_http,
    refused_by_proxy,
)
from .header_fields import read_fields
from .proxies import proxy_for

__all__ = ["HttpxTransport"]

_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE)


class HttpxTransport:
    """One worker's own connection (see `Transport`): HTTP/1.1, kept alive between requests.

    It uses the proxies of the environment and the certificate authorities of SSL_CERT_FILE or SSL_CERT_DIR, else
    Mozilla's (certifi).
    """

    def __init__(self, base_url: str, *, trust_env: bool = True) -> None:
        """Create a transport for URLs below `base_url`.

        `trust_env=False` ignores proxies, for our own server on the loopback interface. Raises ConfigError if the proxy
        or the certificate authorities of the environment cannot be used.
        """
        proxy = proxy_for(base_url) if trust_env else None
        self._proxy = proxy.url if proxy else None
        self._deadline: Deadline | None = None  # created later, because it belongs to the running loop
        self._limit: asyncio.Timeout | None = None
        context = tls_context(trusting=base_url.startswith("https:"))
        to_proxy = tls_context(trusting=True) if proxy and proxy.scheme == "https" else None
        try:
            self._http = httpx.AsyncHTTPTransport(
                verify=context,
                limits=_LIMITS,
                proxy=httpx.Proxy(proxy.full_url, ssl_context=to_proxy) if proxy else None,
            )
        except (ImportError, ValueError):  # ValueError: httpx before 0.28 does not know socks5h
            raise ConfigError(
                "the environment sets a SOCKS proxy, which needs another package",
                hint="pip install 'httpx[socks]'",
            ) from None

    async def send(
        self, request: Request, *, timeout: float, on_bytes: Callable[[bytes], None] | None = None
    ) -> Response:
        """Send a request and read the whole response within `timeout` seconds, or raise TransportError."""
        connect = min(CONNECT_TIMEOUT, timeout)
        outgoing = httpx.Request(
            request.method,
            _parsed(request.url),
            headers={"accept-encoding": "gzip", **request.headers, **_length_of(request)},
            content=request.body if request.upload is None else _pieces(request.upload),
            extensions={"timeout": {"connect": connect}},
        )
        if self._deadline is None:
            self._deadline = Deadline(self._give_up)
        try:
            async with asyncio.timeout(None) as self._limit:
                self._deadline.set(timeout)
                return await self._exchange(outgoing, request, on_bytes)
        except TimeoutError:
            if not self._deadline.expired:
                raise
            raise late(timeout) from None
        except httpx.ConnectTimeout:
            raise no_connection(request.url, self._proxy, connect) from None
        except httpx.TransportError as error:
            raise _failure(error, request.url, self._proxy) from None
        finally:
            self._deadline.lift()

    def _give_up(self) -> None:
        """End the request with TimeoutError at the deadline."""
        assert self._limit is not None
        self._limit.reschedule(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Close the connection. The transport cannot be used afterwards."""
        if self._deadline is not None:
            self._deadline.close()
        await self._http.aclose()

    async def _exchange(
        self, outgoing: httpx.Request, request: Request, on_bytes: Callable[[bytes], None] | None
    ) -> Response:
        answer = await self._http.handle_async_request(outgoing)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        try:
            headers = read_fields(answer.headers.raw)
            reader = BodyReader(headers, on_bytes, passes_on=request.streams(answer.status_code))
            async for piece in answer.stream:
                reader.feed(piece)
            return Response(answer.status_code, headers, reader.finish())
        finally:
            await answer.stream.aclose()
            if self._has_more():
                await self._http.aclose()  # the next request opens a new connection

    def _has_more(self) -> bool:
        """Return whether the server sent more than the answer; httpx would use the rest for the next request."""
        for layer in self._http._pool.connections:
            while (below := getattr(layer, "_connection", None)) is not None:
                layer = below
            state = getattr(layer, "_h11_state", None)
            if state is not None and state.trailing_data[0]:
                return True
        return False


def _length_of(request: Request) -> dict[str, str]:
    """Return the field that keeps httpx from sending an upload in chunks, which not every server accepts."""
    return {} if request.upload is None else {"content-length": str(request.length)}


async def _pieces(upload: Upload) -> AsyncIterator[bytes]:
    for piece in upload.pieces():
        yield piece


def _failure(error: httpx.TransportError, url: str, proxy: str | None) -> TransportError:
    match error:
        case httpx.ProxyError():
            status = str(error)[:3]
            return refused_by_proxy(url, proxy, int(status) if status.isdigit() else None)
        case httpx.ConnectError():
            return connect_failure(error, url, proxy)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return bad_request()
        case httpx.RemoteProtocolError() if "disconnected" in str(error):
            return closed_unasked(url, proxy)
        case httpx.RemoteProtocolError() if "without sending complete message" in str(error):
            return cut_short()
        case httpx.RemoteProtocolError():
            return not_http()
        case _:
            return broken(url, proxy)


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)
