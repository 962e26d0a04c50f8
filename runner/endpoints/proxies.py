"""Which proxy stands between us and a URL, by the conventions of curl: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.

Read through `urllib.request`, which also knows the system settings of macOS and Windows and ignores the upper-case
HTTP_PROXY inside a CGI program (CVE-2016-1000110).
"""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

__all__ = ["proxy_for"]


def proxy_for(url: str) -> str | None:
    """The URL of the proxy to use for `url`, or None for a direct connection."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or (parts.hostname and urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2])):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
