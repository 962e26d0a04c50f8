"""The seam. Bytes in, status + headers + bytes out; everything above it is pure, everything below it is I/O."""

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
"""How we introduce ourselves, to servers and to proxies."""

CONNECT_TIMEOUT = 10.0
"""Seconds to connect in: a host that is down is known long before a slow answer's deadline."""

KEEP_ALIVE = 30.0
"""Seconds an unused connection is kept; older ones are often dead without a word (load balancers, NAT)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete: `url` absolute, `headers` with the key in them (never logged, never stored)."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = b""


class Response(NamedTuple):
    """One HTTP response, read to its end. Header names are lower case; `body` is after content decoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No complete HTTP response came. `kind` is one of: connect, timeout, protocol, tls, too_large.

    `retryable` says whether asking again may help; `message` is one sentence for a person and holds no header;
    `hint` says what the person may do about it.
    """

    def __init__(self, kind: str, message: str, *, retryable: bool, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retryable = retryable
        self.hint = hint


class Transport(Protocol):
    """One worker's own connection. Not shared: a pool shared by many workers is quadratic in their number (encode/httpx#3215)."""

    async def send(
        self, request: Request, *, timeout: float, on_bytes: Callable[[bytes], None] | None = None
    ) -> Response:
        """Send and read to the end within `timeout` seconds in all, or raise TransportError.

        `on_bytes` is called with each piece of the body as it arrives (streaming); the Response still has all of it.
        Redirects are not followed. A cancelled call leaves the transport usable.
        """
        ...

    async def close(self) -> None:
        """Close the connection; the transport is of no further use."""
        ...
