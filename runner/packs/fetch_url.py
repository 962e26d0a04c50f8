"""Fetch the archive of a pack from a URL: without credentials, checked against its SHA-256, read in memory."""

from __future__ import annotations

import hashlib
from urllib.parse import urljoin, urlsplit

import httpx

from ..endpoints.certificates import tls_context
from ..endpoints.proxies import proxy_for
from ..errors import FetchError
from ..files.pack_sources import pack_url_fault
from .archive import MAX_ARCHIVE_BYTES, find_in_archive
from .listing import Listing

__all__ = ["find_at_url"]

MOST_REDIRECTS = 5
SECONDS = 60.0


def find_at_url(url: str, sha256: str, *, prefix: str) -> Listing:
    """List the archive at a URL. Raises FetchError if it cannot be fetched or has another hash."""
    data = _download(url)
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise FetchError(
            f"{url} is not the archive in runner.yaml: its sha256 is {actual}",
            hint="it was replaced, or the hash in runner.yaml is for another version; it was not unpacked",
        )
    return find_in_archive(data, prefix=prefix, shown=url)


def _download(url: str) -> bytes:
    at = url
    for _ in range(MOST_REDIRECTS + 1):
        answer = _get(at, url)
        if isinstance(answer, bytes):
            return answer
        before, at = at, urljoin(at, answer)
        if fault := url_fault_of_redirect(at, before):
            raise FetchError(f"{url} redirects to a URL that {fault}", hint="the redirect was not followed")
    raise FetchError(f"{url} redirects more than {MOST_REDIRECTS} times")


def url_fault_of_redirect(url: str, before: str) -> str | None:
    """Return the reason not to follow a redirect, or None. A query is allowed: the server made it, it has no user's key."""
    if before.lower().startswith("https:") and not url.lower().startswith("https:"):
        return (
            "is not an https URL"  # not even on this machine: a remote server must not choose local requests
        )
    fault = pack_url_fault(urlsplit(url)._replace(query="", fragment="").geturl())
    return fault[0] if fault else None


def _get(at: str, url: str) -> bytes | str:
    """Return the bytes at a URL, or the target of its redirect. Each request has a new client: no cookies, no netrc."""
    proxy = proxy_for(at)
    try:
        with (
            httpx.Client(
                trust_env=False,
                verify=tls_context(trusting=at.startswith("https:")),
                proxy=proxy.full_url if proxy else None,
                timeout=SECONDS,
                follow_redirects=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "prompt-runner"},
            ) as client,
            client.stream("GET", at) as response,
        ):
            if response.has_redirect_location:
                return response.headers["location"]
            if response.status_code != httpx.codes.OK:
                raise FetchError(
                    f"{url} cannot be fetched: the server answered {response.status_code} {response.reason_phrase}"
                )
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                if len(data) > MAX_ARCHIVE_BYTES:
                    raise FetchError(f"{url} is larger than {MAX_ARCHIVE_BYTES // 2**20} MiB")
            return bytes(data)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        hint = "try again later"
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            hint = "for your own certificate authority, set SSL_CERT_FILE"
        raise FetchError(f"{url} cannot be fetched: {reason}", hint=hint) from None
