"""Find the proxy for a URL by the conventions of curl: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.

They are read with `urllib.request`, which also knows the system settings of macOS and Windows and ignores the
upper-case HTTP_PROXY in a CGI program (CVE-2016-1000110).
"""

from __future__ import annotations

import re
import urllib.request
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from ..errors import ConfigError

__all__ = ["Proxy", "proxy_for"]

_SOCKS = ("socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. Its `url` has no user and may appear in messages; `full_url` and `authorization` must not.

    `authorization` is the value of the field Proxy-Authorization, or None without user and password.
    """

    url: str
    full_url: str = field(repr=False)
    authorization: str | None = field(repr=False)

    @property
    def scheme(self) -> str:
        """The protocol of the connection to the proxy itself: `http`, `https`, or `socks5` and `socks5h` for SOCKS."""
        return self.url.partition(":")[0]

    @property
    def is_socks(self) -> bool:
        """Whether the proxy uses SOCKS instead of HTTP."""
        return self.scheme in _SOCKS


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for `url`, or None for a direct connection.

    Raises ConfigError if the proxy in the environment is not a valid proxy URL.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    server = parts.netloc.rpartition("@")[2]
    if not proxy or (parts.hostname and urllib.request.proxy_bypass(server)):
        return None
    # curl takes blanks for commas, which urllib does not.
    entries = [each for each in re.split(r"[\s,]+", proxies.get("no", "")) if each]
    bypassed = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed
    if parts.hostname and bypassed(server, {"no": ",".join(entries)}):
        return None
    if _has_address_in(parts.hostname or "", parts.port, entries):
        return None
    return _parsed(proxy if "://" in proxy else f"http://{proxy}")


def _has_address_in(host: str, port: int | None, no_proxy: Iterable[str]) -> bool:
    """Return whether `host` is an IP address in NO_PROXY, itself or in a network (CIDR), as in curl."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    for entry in no_proxy:
        bare, at, given_port = entry.rpartition("]:")
        if at and given_port != str(port):
            continue
        try:
            network = ip_network((bare if at else entry).replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            continue
        if address in network:
            return True
    return False


def _parsed(full_url: str) -> Proxy:
    try:
        parts = urlsplit(full_url)
        usable = (
            parts.scheme in ("http", "https", *_SOCKS)
            and parts.hostname
            and parts.port != 0
            and full_url.isascii()
        )
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "the proxy in the environment has no usable URL",
            hint="check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
        )
    authorization = None
    if parts.username or parts.password:
        user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(user.encode()).decode()}"
    return Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", full_url, authorization)
