"""The errors for missing answers, one sentence each, the same for every transport.

Messages are built only from the host, the port and known reasons, because a library's exception may quote a header or
a proxy's password.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from .base import TransportError

__all__ = [
    "bad_request",
    "broken",
    "closed_unasked",
    "connect_failure",
    "cut_short",
    "late",
    "no_connection",
    "not_http",
    "peer_of",
    "refused_by_proxy",
]

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's reasons when the other side answers in plain text."""


def peer_of(url: str, proxy: str | None = None) -> str:
    """Return the other end of the connection for messages: "127.0.0.1:9", or "the proxy 10.0.0.1:3128"."""
    parts = urlsplit(proxy or url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{'the proxy ' if proxy else ''}{host}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def connect_failure(error: BaseException, url: str, proxy: str | None = None) -> TransportError:
    """Return the error for a failure to connect to `url` or its proxy, as a TransportError of kind connect or tls."""
    peer = peer_of(url, proxy)
    secure = url.startswith("https:")
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                reason = cause.verify_message.rstrip(".")
                return TransportError(
                    "tls",
                    f"the certificate of {urlsplit(url).hostname} is not accepted: {reason}",
                    retryable=False,
                    hint="for your own certificate authority, set SSL_CERT_FILE",
                )
            case ssl.SSLError() if cause.reason in _NOT_TLS:
                return TransportError(
                    "tls", f"{peer} does not use TLS", retryable=False, hint="is it an http:// URL?"
                )
            case (
                ssl.SSLWantReadError() | ssl.SSLWantWriteError()
            ):  # not the failure itself, but the state in which it happened
                continue
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return _ended_handshake(peer)
            case ssl.SSLError():
                reason = (cause.reason or "no reason given").replace("_", " ").lower()
                return TransportError(
                    "tls", f"the TLS handshake with {peer} failed: {reason}", retryable=False
                )
            case socket.gaierror():
                host = urlsplit(proxy or url).hostname
                return TransportError(
                    "connect",
                    f"the host name {host} cannot be resolved",
                    retryable=cause.errno == socket.EAI_AGAIN,
                    hint=f"check {_setting(proxy)}, and the network",
                )
            case ConnectionRefusedError():
                return TransportError(
                    "connect",
                    f"nothing is listening on {peer}",
                    retryable=True,
                    hint=f"is the server running? If it is, check {_setting(proxy)}",
                )
            case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError() if secure:
                return _ended_handshake(peer)
    if secure and not any(isinstance(cause, OSError) for cause in causes):
        return _ended_handshake(peer)
    number = next((cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    reason = f": {os.strerror(number)}" if number is not None and number in errno.errorcode else ""
    return TransportError("connect", f"no connection to {peer}{reason}", retryable=True)


def _setting(proxy: str | None) -> str:
    return (
        "base_url in runner.yaml"
        if proxy is None
        else "the proxy variables (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY)"
    )


def _ended_handshake(peer: str) -> TransportError:
    return TransportError("tls", f"{peer} closed the connection during the TLS handshake", retryable=True)


def no_connection(url: str, proxy: str | None, seconds: float) -> TransportError:
    """Return the error for a connection attempt that took too long."""
    return TransportError(
        "connect", f"no connection to {peer_of(url, proxy)} within {seconds:g} s", retryable=True
    )


def refused_by_proxy(url: str, proxy: str | None, status: int | None) -> TransportError:
    """Return the error for a proxy that does not open the tunnel; `status` is its answer to CONNECT, None without one."""
    answer = "" if status is None else f" with status {status}"
    message = f"{peer_of(url, proxy)} refused to connect to {peer_of(url)}{answer}"
    return TransportError("connect", message, retryable=status is not None and status >= 500)


def late(seconds: float) -> TransportError:
    """Return the error for a passed deadline."""
    return TransportError(
        "timeout",
        f"no complete answer within {seconds:g} s",
        retryable=True,
        hint="for a slow model, raise `timeout` of the endpoint in runner.yaml",
    )


def bad_request() -> TransportError:
    """Return the error for a request that cannot be sent."""
    return TransportError("protocol", "the request is not valid HTTP", retryable=False)


def closed_unasked(url: str, proxy: str | None) -> TransportError:
    """Return the error for a connection that was closed instead of an answer."""
    message = f"{peer_of(url, proxy)} closed the connection without an answer"
    return TransportError("protocol", message, retryable=True)


def broken(url: str, proxy: str | None) -> TransportError:
    """Return the error for a connection that failed before the answer was complete."""
    return TransportError("protocol", f"{peer_of(url, proxy)} broke the connection", retryable=True)


def cut_short() -> TransportError:
    """Return the error for an answer that was not complete when the connection was closed."""
    return TransportError("protocol", "the answer is truncated", retryable=True)


def not_http() -> TransportError:
    """Return the error for an answer that is not HTTP."""
    return TransportError("protocol", "the answer is not valid HTTP", retryable=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, including those in groups of parallel attempts."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
        todo.extend(cause for cause in (one.__cause__, one.__context__) if cause is not None)
