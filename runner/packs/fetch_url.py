"""A pack in an archive on the web: fetched without any credentials, held against its SHA-256, read in memory."""

from __future__ import annotations

import hashlib
from urllib.parse import urljoin, urlsplit

import httpx

from ..endpoints.certificates import tls_context
from ..endpoints.proxies import proxy_for
from ..errors import FetchError
from ..files.pack_sources import url_fault
from .archive import MAX_ARCHIVE_BYTES, find_in_archive
from .collect import Listing

__all__ = ["find_at_url"]

MOST_REDIRECTS = 5
SECONDS = 60.0


def find_at_url(url: str, sha256: str, *, prefix: str) -> Listing:
    """What stands in the archive at a URL. Raises FetchError where it cannot be had, or is not the one of that hash."""
    data = _download(url)
    came = hashlib.sha256(data).hexdigest()
    if came != sha256:
        raise FetchError(
            f"{url} is another archive than the one asked for: its sha256 is {came}",
            hint="it was replaced, or the hash in runner.yaml is that of another version; nothing of it was read",
        )
    return find_in_archive(data, prefix=prefix, shown=url)


def _download(url: str) -> bytes:
    at = url
    for _ in range(MOST_REDIRECTS + 1):
        answer = _ask(at, url)
        if isinstance(answer, bytes):
            return answer
        before, at = at, urljoin(at, answer)
        if fault := url_fault_of_redirect(at, before):
            raise FetchError(f"{url} sends to another place, which {fault}", hint="nothing was asked there")
    raise FetchError(f"{url} sends from one place to the next, more than {MOST_REDIRECTS} times")


def url_fault_of_redirect(url: str, before: str) -> str | None:
    """Why a redirect is not followed. A query is allowed here: it was made by the server, and is no key of the user's."""
    if before.lower().startswith("https:") and not url.lower().startswith("https:"):
        return "is not an https URL"  # not even of this machine: no server elsewhere says what is asked here
    fault = url_fault(urlsplit(url)._replace(query="", fragment="").geturl())
    return fault[0] if fault else None


def _ask(at: str, url: str) -> bytes | str:
    """The bytes at a place, or where it sends to. Each request is made by a client of its own: no cookies, no netrc."""
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
                    f"{url} cannot be fetched: the server says {response.status_code} {response.reason_phrase}"
                )
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                if len(data) > MAX_ARCHIVE_BYTES:
                    raise FetchError(f"{url} is larger than {MAX_ARCHIVE_BYTES // 2**20} MiB")
            return bytes(data)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        hint = "try it again later"
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            hint = "an authority of your own is named in the variable SSL_CERT_FILE"
        raise FetchError(f"{url} cannot be fetched: {reason}", hint=hint) from None
