"""From a declared endpoint to a live one: address, headers, key, transports. Nothing is opened before the first send."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import ConfigError
from ..files.model import Endpoint
from ..wire.masking import worth_hiding
from .base import USER_AGENT, Transport
from .transports import check_transport, chosen_transport, open_transport

__all__ = ["DEFAULT_BASE_URL", "Connection", "resolve"]

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")  # RFC 9110, 5.5, without obs-text
_SECRET_HEADERS = re.compile(r"authorization|cookie|key|token|secret|password", re.IGNORECASE)


class Connection:
    """One endpoint, ready to be asked: an async context manager that closes the transports it handed out.

    `identity` names the endpoint in cache keys; `secrets` are the values that may appear in no file; `endpoint` is the
    declaration it was made of. `abandon` gives up what the first request waits for and that costs nothing: a model
    that is fetched. Its repr shows neither key nor headers.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        identity: str,
        base_url: str,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        opener: Callable[[str], Transport],
        transport: Callable[[], str],
        default_concurrency: int | None = None,
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.identity = identity
        self.base_url = base_url
        self.secrets = secrets
        self.default_concurrency = default_concurrency
        self.abandon = abandon
        self._headers = dict(headers)
        self._opener = opener
        self._choose = transport
        self._open: list[Transport] = []

    def __repr__(self) -> str:
        return f"Connection({self.endpoint.name!r}, {self.identity!r})"

    @property
    def chat_url(self) -> str:
        """Where chat completions are asked for."""
        return self.url("chat/completions")

    def url(self, path: str) -> str:
        """The URL of `path` below the base URL, whose query (Azure's `?api-version=`) stays at the end."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(path=f"{parts.path}/{path}"))

    def headers(self) -> dict[str, str]:
        """The headers of a request, the key among them: a new dict, lower-case names."""
        return dict(self._headers)

    @property
    def extra_cache_key(self) -> str:
        """A digest of the headers the endpoint declares, which may change its answers; empty where it declares none.

        Headers that carry secrets are left out: a new key does not make a new answer.
        """
        declared = sorted(
            (name.lower(), value)
            for name, value in self.endpoint.headers.items()
            if not _SECRET_HEADERS.search(name)
        )
        return hashlib.sha256(json.dumps(declared).encode()).hexdigest() if declared else ""

    @cached_property
    def transport_name(self) -> str:
        """The library that speaks HTTP, "httpx" or "aiohttp"; ConfigError where the environment's proxy is unusable."""
        return self._choose()

    def transport(self) -> Transport:
        """A new transport for one worker; ConfigError where the environment (proxy, authorities) is unusable."""
        transport = self._opener(self.transport_name)
        self._open.append(transport)
        return transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            await self._open.pop().close()


def resolve(
    endpoint: Endpoint,
    environ: Mapping[str, str],
    *,
    root: str | os.PathLike[str] = ".",
    transport: str = "auto",
    on_download: Callable[[int, int], None] | None = None,
) -> Connection:
    """The connection of a declared endpoint, its key taken from `environ`.

    `root` is the folder that a relative `embedded: model.gguf` is looked up in (the project's). `transport` is the
    library to speak HTTP with, "auto", "httpx" or "aiohttp". `on_download` is told the bytes so far and in all while a
    model is fetched; by default standard error is. Raises ConfigError: unset key variable, bad base URL, header that
    HTTP cannot carry, unknown model file, missing extra `local` or `fast`.
    """
    check_transport(transport)
    if endpoint.embedded is not None:
        return _embedded(endpoint, endpoint.embedded, environ, root, transport, on_download)
    base_url = endpoint.base_url
    key_variable = endpoint.api_key_env
    if base_url is None:
        if endpoint.name != "openai":
            raise _refused(endpoint, "names neither base_url nor embedded")
        base_url = environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
        key_variable = key_variable or "OPENAI_API_KEY"
    parts = _checked_url(endpoint, base_url)
    base_url = urlunsplit(parts)
    key = _key(endpoint, key_variable, environ)
    headers = _headers(endpoint, parts, key)
    secrets = {value for name, value in endpoint.headers.items() if _SECRET_HEADERS.search(name)}
    return Connection(
        endpoint,
        identity=base_url,
        base_url=base_url,
        headers=headers,
        secrets=tuple(worth_hiding(sorted(secrets | ({key} if key else set())))),
        opener=lambda name: open_transport(name, base_url),
        transport=lambda: chosen_transport(transport, base_url),
    )


def _embedded(
    endpoint: Endpoint,
    model: str,
    environ: Mapping[str, str],
    root: str | os.PathLike[str],
    transport: str,
    on_download: Callable[[int, int], None] | None,
) -> Connection:
    from .embedded import SLOTS, EmbeddedTransport, base_url_of, require_local_extra, tell_progress
    from .model_files import find_model

    if endpoint.base_url is not None:
        raise _refused(endpoint, "names both base_url and embedded; it can be one of them")
    if endpoint.api_key_env is not None:
        raise _refused(endpoint, "names api_key_env, but an embedded model takes no key")
    found = find_model(model, environ, root=root, location=endpoint.location)
    require_local_extra()
    progress = on_download or tell_progress(found.name)
    given_up = threading.Event()
    return Connection(
        endpoint,
        identity=found.identity,
        base_url=base_url_of(found),
        headers=_headers(endpoint, None, None),
        secrets=(),
        opener=lambda name: EmbeddedTransport(
            found, progress, lambda address: open_transport(name, address, trust_env=False), given_up
        ),
        transport=lambda: chosen_transport(transport, None),
        default_concurrency=SLOTS,
        abandon=given_up.set,
    )


def _checked_url(endpoint: Endpoint, base_url: str) -> SplitResult:
    """The parts of a base URL without its trailing slash; ConfigError for one that cannot be asked."""
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        raise _refused(endpoint, "has a base_url that is not a URL", hint=_URL_HINT) from None
    if "@" in parts.netloc:  # checked first, so that no later message quotes what may be a password
        raise _refused(
            endpoint, "has a user name or key in its base_url", hint="name the key's variable in api_key_env"
        )
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == 0
        or not _FIELD_VALUE.fullmatch(base_url)
    ):
        raise _refused(endpoint, f"has a base_url that is not an http(s) URL: {base_url!r}", hint=_URL_HINT)
    path = parts.path.rstrip("/")
    if path.endswith("/chat/completions"):
        raise _refused(
            endpoint,
            "has a base_url that ends in /chat/completions, which is added to it",
            hint=f"write {urlunsplit(parts._replace(path=path.removesuffix('/chat/completions')))}",
        )
    if parts.fragment or " " in base_url:
        raise _refused(
            endpoint, f"has a base_url with a fragment or a space in it: {base_url!r}", hint=_URL_HINT
        )
    return parts._replace(path=path, fragment="")


_URL_HINT = f"a base URL looks like {DEFAULT_BASE_URL} or http://127.0.0.1:8080/v1"


def _key(endpoint: Endpoint, variable: str | None, environ: Mapping[str, str]) -> str | None:
    if endpoint.api_key_keyring is not None:
        from .keyrings import key_from_keyring

        where = f"the keyring entry {endpoint.api_key_keyring}"
        key: str | None = key_from_keyring(endpoint, endpoint.api_key_keyring)
    elif variable is None:
        return None
    else:
        where, key = f"the variable {variable}", environ.get(variable)
    if not key:
        state = "empty" if key == "" else "not set"
        raise ConfigError(
            f"the endpoint {endpoint.name!r} takes its key from the variable {variable}, which is {state}",
            location=endpoint.location,
            hint=f"export {variable}=... in the shell, or add it to the secrets of the CI job;"
            " a server without keys takes any value",
        )
    if not _FIELD_VALUE.fullmatch(key):
        raise ConfigError(
            f"{where} holds white space around the key, or a character that no key has",
            location=endpoint.location,
            hint="a line break at its end often comes from reading the key from a file",
        )
    return key


def _headers(endpoint: Endpoint, parts: SplitResult | None, key: str | None) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": USER_AGENT,
    }
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
        if parts is not None and (parts.hostname or "").endswith(".openai.azure.com"):
            # Azure's own keys; `Authorization` is for Entra tokens there, and either may stand in the variable.
            headers["api-key"] = key
    for name, value in endpoint.headers.items():
        if not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise _refused(endpoint, f"declares the header {name!r}, whose name or value HTTP cannot carry")
        lower = name.lower()
        if lower in _OURS:
            raise _refused(endpoint, f"declares the header {name!r}, which is set by the request itself")
        if lower == "authorization" and key is not None:
            raise _refused(endpoint, f"declares the header {name!r} and api_key_env, which sets it too")
        headers[lower] = value
    return headers


_OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)


def _refused(endpoint: Endpoint, why: str, *, hint: str | None = None) -> ConfigError:
    return ConfigError(f"the endpoint {endpoint.name!r} {why}", location=endpoint.location, hint=hint)
