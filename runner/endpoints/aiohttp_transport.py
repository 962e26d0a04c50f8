"""HTTP over aiohttp: one transport with one connection for each worker.

aiohttp's connector and parser are used without its client session. The session adds cookies, redirects, repeated
requests and header fields of its own, none of which may happen here, and takes a third of the CPU time.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from ..errors import ConfigError
from .base import CONNECT_TIMEOUT, KEEP_ALIVE, USER_AGENT, Request, Response, TransportError, Upload
from .body import BodyReader
from .certificates import tls_context
from .deadline import Deadline
from .failures import (
    broken,
    closed_unasked,
    connect_failure,
    cut_short,
    late,
    no_connection,
    not_http,
    peer_of,
    refused_by_proxy,
)
from .header_fields import read_fields
from .proxies import proxy_for
from .request_head import HeadWriter

__all__ = ["AiohttpTransport"]

_READ_BUFFER = 1024 * 1024
"""Bytes read ahead of the reader before the connection is throttled; with aiohttp's own 64 KiB long streams stutter
(https://github.com/vllm-project/vllm/issues/39963)."""

_WRITE_BUFFER, _WRITE_PAUSE = 512 * 1024, 0.002
"""While so many bytes of an upload wait to be sent, no more are read from its file; checked after so many seconds."""

_LONGEST_FIELD = 100 * 1024
_MOST_FIELDS = 1000
"""Limits on the head of a response. h11, which httpx uses, accepts some 100 KiB in all."""


class AiohttpTransport:
    """One worker's own connection (see `Transport`): HTTP/1.1, kept alive between requests.

    It uses the proxies of the environment and the certificate authorities of SSL_CERT_FILE or SSL_CERT_DIR, else
    Mozilla's (certifi). aiohttp does not support SOCKS proxies.
    """

    def __init__(self, base_url: str, *, trust_env: bool = True) -> None:
        """Create a transport for URLs below `base_url`.

        `trust_env=False` ignores proxies, for our own server on the loopback interface. Raises ConfigError if the proxy
        or the certificate authorities of the environment cannot be used.
        """
        proxy = proxy_for(base_url) if trust_env else None
        if proxy is not None and proxy.is_socks:
            raise ConfigError(
                "the environment sets a SOCKS proxy, which the transport aiohttp does not support",
                hint="use the transport httpx, with pip install 'httpx[socks]'",
            )
        tunnelled = base_url.startswith("https:")
        fields = {"accept-encoding": "gzip"}
        if proxy is not None and proxy.authorization and not tunnelled:
            fields["Proxy-Authorization"] = proxy.authorization
        self._proxy = proxy
        self._proxy_url = proxy.url if proxy else None
        self._heads = HeadWriter(fields, absolute=proxy is not None and not tunnelled)
        self._tls = tls_context(trusting=tunnelled or (proxy is not None and proxy.scheme == "https"))
        self._connecting = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT)
        self._connector: aiohttp.TCPConnector | None = None
        self._destination: tuple[str, aiohttp.ClientRequest] | None = None
        self._kept: _Line | None = None
        self._in_use: Connection | None = None
        self._deadline: Deadline | None = None  # created later, because it belongs to the running loop

    async def send(
        self, request: Request, *, timeout: float, on_bytes: Callable[[bytes], None] | None = None
    ) -> Response:
        """Send a request and read the whole response within `timeout` seconds, or raise TransportError."""
        data = self._heads.head(request) + request.body  # an upload follows it
        seconds = timeout
        line = self._kept_line(request.url)
        if line is None:
            started = time.monotonic()
            line = _Line(request.url, await self._connect_within(timeout, request.url))
            seconds -= time.monotonic() - started
        if self._deadline is None:
            self._deadline = Deadline(self._give_up)
        complete = False
        connection = self._in_use = line.connection
        self._deadline.set(seconds)
        try:
            response = await self._exchange(connection, data, request, on_bytes)
            if (
                self._deadline.expired
            ):  # a body without a length ends with the connection, even if we close it
                raise late(timeout)
            complete = True
        except (aiohttp.ClientError, HttpProcessingError) as error:
            if self._deadline.expired:
                raise late(timeout) from None
            raise self._failure(error, connection, request.url) from None
        finally:
            self._deadline.lift()
            self._in_use = None
            self._keep_or_close(line, complete=complete)
        return response

    def _give_up(self) -> None:
        """Abort the connection at the deadline, so that everything waiting for it fails."""
        if self._in_use is not None and self._in_use.transport is not None:
            self._in_use.transport.abort()

    async def close(self) -> None:
        """Close the connection. The transport cannot be used afterwards."""
        if self._deadline is not None:
            self._deadline.close()
        if self._kept is not None:
            _close(self._kept.connection)
            self._kept = None
        if self._connector is not None:
            await self._connector.close()
            await asyncio.sleep(0)  # an aborted connection closes its socket in the loop's next iteration

    def _kept_line(self, url: str) -> _Line | None:
        """Return the connection of the last request if it can be reused. This is faster than the connector's own pool."""
        line, self._kept = self._kept, None
        if line is None:
            return None
        if line.url == url and time.monotonic() - line.since < KEEP_ALIVE and line.is_quiet():
            return line
        _close(line.connection)
        return None

    def _keep_or_close(self, line: _Line, *, complete: bool) -> None:
        protocol, transport = line.connection.protocol, line.connection.transport
        if (
            complete
            and transport is not None
            and protocol is not None
            and not protocol.should_close
            and not transport.get_write_buffer_size()
        ):
            line.since = time.monotonic()
            self._kept = line
        else:
            _close(line.connection)

    async def _connect_within(self, seconds: float, url: str) -> Connection:
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await self._connect(url)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise late(seconds) from None

    async def _connect(self, url: str) -> Connection:
        """Open a new connection."""
        if self._connector is None:  # created here, because it belongs to the running loop
            self._connector = aiohttp.TCPConnector(
                limit=1,
                force_close=True,  # it only opens connections; reuse is handled here
                use_dns_cache=False,
                resolver=aiohttp.ThreadedResolver(),
            )
        destination = self._destination_of(url)
        try:
            return await self._connector.connect(destination, [], self._connecting)
        except TimeoutError:
            raise no_connection(url, self._proxy_url, CONNECT_TIMEOUT) from None
        except aiohttp.ClientHttpProxyError as error:
            raise refused_by_proxy(url, self._proxy_url, error.status) from None
        except aiohttp.ClientConnectorError as error:
            raise connect_failure(error.os_error, url, self._proxy_url) from None
        except aiohttp.ClientResponseError:  # the proxy's answer to CONNECT was not HTTP
            raise not_http() from None
        except aiohttp.ServerDisconnectedError:
            raise closed_unasked(url, self._proxy_url) from None
        except aiohttp.InvalidURL:
            raise TransportError(
                "connect",
                f"{peer_of(url)} is an abbreviated IPv4 address",
                retryable=False,
                hint="write all four numbers",
            ) from None
        except aiohttp.ClientError:
            raise broken(url, self._proxy_url) from None

    def _destination_of(self, url: str) -> aiohttp.ClientRequest:
        """Return the request object that tells the connector where and how to connect. It is never sent."""
        if self._destination is None or self._destination[0] != url:
            origin = URL(url, encoded=True).origin()
            proxy_fields = CIMultiDict(
                {"Host": origin.host_port_subcomponent or "", "User-Agent": USER_AGENT}
            )
            if self._proxy is not None and self._proxy.authorization:
                proxy_fields["Proxy-Authorization"] = self._proxy.authorization
            destination = aiohttp.ClientRequest(
                "GET",
                origin,
                loop=asyncio.get_running_loop(),
                ssl=self._tls,
                proxy=URL(self._proxy.url, encoded=True) if self._proxy else None,
                proxy_headers=proxy_fields if self._proxy and origin.scheme == "https" else None,
            )
            self._destination = url, destination
        return self._destination[1]

    async def _exchange(
        self, connection: Connection, data: bytes, request: Request, on_bytes: Callable[[bytes], None] | None
    ) -> Response:
        protocol = connection.protocol
        assert protocol is not None
        if protocol.transport is None or protocol.transport.is_closing():  # the server closed it at once
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(
            read_until_eof=True,  # a body without a length ends with the connection
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=_LONGEST_FIELD,
            max_field_size=_LONGEST_FIELD,
            max_headers=_MOST_FIELDS,
        )
        protocol.transport.write(data)
        if request.upload is not None:
            await _send(request.upload, protocol.transport)
        message, payload = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, payload = await protocol.read()
        if message.code == 101:  # a switch to a protocol that was not requested
            raise not_http()
        headers = read_fields(message.raw_headers)
        reader = BodyReader(headers, on_bytes, passes_on=request.streams(message.code))
        while not payload.at_eof():
            reader.feed(await payload.readany())
        broke = protocol.exception()
        if isinstance(broke, OSError):  # this also ends a body without a length
            raise broke
        return Response(message.code, headers, reader.finish())

    def _failure(self, error: Exception, connection: Connection, url: str) -> TransportError:
        assert connection.protocol is not None
        lost = connection.protocol.exception()
        match error:
            case aiohttp.ClientPayloadError() if isinstance(lost, aiohttp.ServerDisconnectedError):
                return cut_short()
            case aiohttp.ClientPayloadError() if isinstance(lost, OSError):
                return broken(url, self._proxy_url)
            case aiohttp.ClientPayloadError() | HttpProcessingError():
                return not_http()
            case aiohttp.ServerDisconnectedError():
                return closed_unasked(url, self._proxy_url)
            case _:
                return broken(url, self._proxy_url)


async def _send(upload: Upload, transport: asyncio.Transport) -> None:
    """Write the body while the connection takes it. A server that has answered already may have closed it."""
    for piece in upload.pieces():
        while transport.get_write_buffer_size() > _WRITE_BUFFER and not transport.is_closing():
            await asyncio.sleep(_WRITE_PAUSE)
        if transport.is_closing():
            return
        transport.write(piece)


class _Line:
    """A connection to `url`; `since` is when it was last used, in monotonic seconds."""

    __slots__ = ("_poll", "connection", "since", "url")

    def __init__(self, url: str, connection: Connection) -> None:
        self.url = url
        self.connection = connection
        self.since = 0.0
        self._poll: Callable[[float], list[tuple[int, int]]] | None = None

    def is_quiet(self) -> bool:
        """Return whether the connection is idle: neither closed nor with unread bytes, which answer no request."""
        protocol, transport = self.connection.protocol, self.connection.transport
        if protocol is None or transport is None or protocol.should_close:
            return False
        if not hasattr(select, "poll"):  # Windows; elsewhere select() accepts no descriptor above 1023
            return not select.select([transport.get_extra_info("socket")], [], [], 0)[0]
        if self._poll is None:
            poll = select.poll()
            poll.register(transport.get_extra_info("socket"), select.POLLIN)
            self._poll = poll.poll
        return not self._poll(0)


def _close(connection: Connection) -> None:
    """Close a connection at once.

    A graceful close would wait until the other side has received all data, and for the TLS shutdown.
    """
    if connection.transport is not None:
        connection.transport.abort()
    connection.close()
