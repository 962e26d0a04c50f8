"""The transport interface: bytes in, status, headers and bytes out. Above it everything is pure, below it is I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from .._version import __version__

__all__ = [
    "CONNECT_TIMEOUT",
    "KEEP_ALIVE",
    "USER_AGENT",
    "Request",
    "Response",
    "Transport",
    "TransportError",
]

USER_AGENT = f"prompt-runner/{__version__}"
"""The User-Agent header for servers and proxies."""

CONNECT_TIMEOUT = 10.0
"""The timeout for connecting, in seconds, so that a host that is down is noticed long before a slow answer's deadline."""

KEEP_ALIVE = 30.0
"""Seconds for which an idle connection is kept; older ones are often silently dead (load balancers, NAT)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One complete HTTP request: `url` is absolute, `headers` include the key (never logged, never stored)."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = b""


class Response(NamedTuple):
    """One complete HTTP response. Header names are lower case; `body` is after content decoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No complete HTTP response arrived. `kind` is one of: connect, timeout, protocol, tls, too_large.

    `retryable` is whether a retry may help; `message` is one sentence for the user, without headers; `hint` says what
    the user can do.
    """

    def __init__(self, kind: str, message: str, *, retryable: bool, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retryable = retryable
        self.hint = hint


class Transport(Protocol):
    """One worker's own connection. It is not shared, because the cost of a shared pool is quadratic (encode/httpx#3215)."""

    async def send(
        self, request: Request, *, timeout: float, on_bytes: Callable[[bytes], None] | None = None
    ) -> Response:
        """Send a request and read the whole response within `timeout` seconds, or raise TransportError.

        `on_bytes` is called with each piece of the body as it arrives (streaming); the Response still has all of it.
        Redirects are not followed. A cancelled call leaves the transport usable.
        """
        ...

    async def close(self) -> None:
        """Close the connection. The transport cannot be used afterwards."""
        ...
