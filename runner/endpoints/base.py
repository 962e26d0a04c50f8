"""The transport interface: bytes in, status, headers and bytes out. Above it everything is pure, below it is I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol

from .._version import __version__

__all__ = [
    "CONNECT_TIMEOUT",
    "KEEP_ALIVE",
    "USER_AGENT",
    "Request",
    "Response",
    "Transport",
    "TransportError",
    "Upload",
]

USER_AGENT = f"prompt-runner/{__version__}"
"""The User-Agent header for servers and proxies."""

CONNECT_TIMEOUT = 10.0
"""The timeout for connecting, in seconds, so that a host that is down is noticed long before a slow answer's deadline."""

KEEP_ALIVE = 30.0
"""Seconds for which an idle connection is kept; older ones are often silently dead (load balancers, NAT)."""


_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is read from a file while it is sent: `size` bytes of `file`, between `before` and `after`."""

    before: bytes
    file: BinaryIO
    size: int
    after: bytes

    def __len__(self) -> int:
        """Return the length of the whole body."""
        return len(self.before) + self.size + len(self.after)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body, from its beginning. Raises OSError."""
        yield self.before
        self.file.seek(0)
        left = self.size
        while left:
            piece = self.file.read(min(left, _PIECE))
            if not piece:
                raise OSError("the file became shorter while it was sent")
            left -= len(piece)
            yield piece
        yield self.after


@dataclass(frozen=True, slots=True)
class Request:
    """One complete HTTP request: `url` is absolute, `headers` include the key (never logged, never stored).

    `upload` replaces `body`, if it is given. `download`: the body of a response with status 2xx may be far larger than
    the memory, and is only passed to `on_bytes`.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = b""
    upload: Upload | None = None
    download: bool = False

    @property
    def length(self) -> int:
        """The length of the body."""
        return len(self.body) if self.upload is None else len(self.upload)

    def streams(self, status: int) -> bool:
        """Return whether the body of a response with this status is only passed on."""
        return self.download and 200 <= status < 300


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
