"""Write the head of a request (RFC 9112, sections 2 and 3), for a transport that writes to its connection itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .base import Request
from .failures import bad_request

__all__ = ["HeadWriter"]

_METHOD = re.compile(r"[A-Z]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?")  # RFC 9110, 5.5, without obs-text

_PORTS = {"http": 80, "https": 443}


class HeadWriter:
    """Writes heads: the request line, Host, the fields of the transport, those of the request and Content-Length.

    `absolute` is the form for a proxy that forwards the request. A worker's requests differ only in their bodies, so
    everything except the last line of the head is built once.
    """

    def __init__(self, fields: Mapping[str, str], *, absolute: bool = False) -> None:
        self._fields = dict(fields)
        self._absolute = absolute
        self._written: tuple[str, str, Mapping[str, str]] | None = None
        self._start = b""

    def head(self, request: Request) -> bytes:
        """Return the head of `request`. Raises TransportError (protocol) if it is not valid HTTP."""
        asked = (request.method, request.url, request.headers)
        if asked != self._written:
            self._start = _start(
                request.method, request.url, {**self._fields, **request.headers}, self._absolute
            )
            self._written = (request.method, request.url, dict(request.headers))
        if not request.length and request.method in ("GET", "HEAD"):
            return self._start + b"\r\n"
        return b"%sContent-Length: %d\r\n\r\n" % (self._start, request.length)


def _start(method: str, url: str, headers: Mapping[str, str], absolute: bool) -> bytes:  # noqa: FBT001
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.port not in (None, _PORTS.get(parts.scheme)):
        host = f"{host}:{parts.port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if absolute:
        target = f"{parts.scheme}://{host}{target}"
    fields = {"Host": host, **headers}
    # Above all no line breaks, which would allow request smuggling.
    if not (
        _METHOD.fullmatch(method)
        and _TARGET.fullmatch(target)
        and all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in fields.items())
    ):
        raise bad_request()
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}".encode("ascii")
