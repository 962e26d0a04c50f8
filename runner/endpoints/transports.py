"""Which library speaks HTTP: the one that was asked for, else aiohttp where it is installed, else httpx.

aiohttp (extra `fast`) takes a tenth of the CPU time of httpx, which is always there; answers and errors are the same.
SOCKS proxies are beyond aiohttp, so where one stands in between the choice is httpx too. Nothing is loaded before the
first transport is opened.
"""

from __future__ import annotations

import importlib.util

from ..errors import ConfigError
from .base import Transport

__all__ = ["TRANSPORTS", "check_transport", "chosen_transport", "open_transport"]

TRANSPORTS = ("auto", "httpx", "aiohttp")
"""What may be asked for."""

_INSTALL = "pip install 'prompt-runner[fast]'"


def check_transport(asked: str) -> None:
    """ConfigError for a transport that does not exist, or is not installed."""
    if asked not in TRANSPORTS:
        raise ConfigError(
            f"there is no transport called {asked!r}", hint=f"choose one of {', '.join(TRANSPORTS)}"
        )
    if asked == "aiohttp" and not _has_aiohttp():
        raise ConfigError(
            "the transport aiohttp needs the extra 'fast', which is not installed",
            hint=f"{_INSTALL}, or choose the transport httpx",
        )


def chosen_transport(asked: str, base_url: str | None) -> str:
    """The library that answers for `asked`: "httpx" or "aiohttp".

    `base_url` is where requests go to, None for a server of our own, which no proxy stands before. Raises ConfigError
    where the environment names a proxy that is none.
    """
    if asked != "auto":
        return asked
    if not _has_aiohttp():
        return "httpx"
    from .proxies import proxy_for

    proxy = proxy_for(base_url) if base_url else None
    return "httpx" if proxy and proxy.is_socks else "aiohttp"


def open_transport(name: str, base_url: str, *, trust_env: bool = True) -> Transport:
    """A new transport of the library `name` for URLs below `base_url`.

    `trust_env=False` leaves proxies out. Raises ConfigError where the environment (proxy, authorities) or the library
    is unusable.
    """
    if name == "httpx":
        from .httpx_transport import HttpxTransport

        return HttpxTransport(base_url, trust_env=trust_env)
    try:
        from .aiohttp_transport import AiohttpTransport
    except ImportError as error:
        raise ConfigError(
            f"the package aiohttp cannot be loaded: {error}",
            hint=f"{_INSTALL} --force-reinstall, or choose the transport httpx",
        ) from None
    return AiohttpTransport(base_url, trust_env=trust_env)


def _has_aiohttp() -> bool:
    return importlib.util.find_spec("aiohttp") is not None
