"""Choose the HTTP library: the requested one, else aiohttp if it is installed, else httpx.

aiohttp (extra `fast`) takes a tenth of the CPU time of httpx, which is always installed; answers and errors are the same.
aiohttp does not support SOCKS proxies, so httpx is used with them. Nothing is imported before the first transport is
opened.
"""

from __future__ import annotations

from ..errors import ConfigError
from ..extras import has_library, install_hint, missing_extra
from .base import Transport

__all__ = ["TRANSPORTS", "check_transport", "chosen_transport", "open_transport"]

TRANSPORTS = ("auto", "httpx", "aiohttp")
"""The values of `transport`."""


def check_transport(asked: str) -> None:
    """Raise ConfigError for a transport that does not exist or is not installed."""
    if asked not in TRANSPORTS:
        raise ConfigError(f"there is no transport {asked!r}", hint=f"choose one of {', '.join(TRANSPORTS)}")
    if asked == "aiohttp" and not has_library("aiohttp"):
        raise missing_extra("fast", "the transport aiohttp", "use the transport httpx")


def chosen_transport(asked: str, base_url: str | None) -> str:
    """Return the library for the requested transport: "httpx" or "aiohttp".

    `base_url` is the destination of requests, or None for our own server, which has no proxy. Raises ConfigError if the
    environment's proxy is not valid.
    """
    if asked != "auto":
        return asked
    if not has_library("aiohttp"):
        return "httpx"
    from .proxies import proxy_for

    proxy = proxy_for(base_url) if base_url else None
    return "httpx" if proxy and proxy.is_socks else "aiohttp"


def open_transport(name: str, base_url: str, *, trust_env: bool = True) -> Transport:
    """Open a transport of the library `name` for URLs below `base_url`.

    `trust_env=False` ignores proxies. Raises ConfigError if the environment (proxy, authorities) or the library cannot
    be used.
    """
    if name == "httpx":
        from .httpx_transport import HttpxTransport

        return HttpxTransport(base_url, trust_env=trust_env)
    try:
        from .aiohttp_transport import AiohttpTransport
    except ImportError as error:
        raise ConfigError(
            f"the package aiohttp cannot be loaded: {error}",
            hint=f"{install_hint('fast')} --force-reinstall, or use the transport httpx",
        ) from None
    return AiohttpTransport(base_url, trust_env=trust_env)
