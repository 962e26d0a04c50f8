"""Turn a declared endpoint into a connection: URL, headers, key, transports. Opens nothing before the first send."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit

from ..files.addresses import operation_url, undeclared
from ..files.model import Endpoint
from ..wire.usage import NO_LIMITS, TokenLimits
from .base import USER_AGENT, Transport
from .credentials import Credentials
from .transports import check_transport, chosen_transport, open_transport

if TYPE_CHECKING:
    from .model_files import Progress

__all__ = ["Connection", "resolve"]

_NONE: Mapping[str, str] = MappingProxyType({})
_OURS = {"content-type": "application/json", "accept": "application/json", "user-agent": USER_AGENT}


class Connection:
    """One endpoint, ready for requests: an async context manager that closes the transports it has opened.

    `identity` identifies the endpoint in cache keys; `secrets` are the values that must not appear in any file;
    `endpoint` is its declaration. `fixed_seed`: a request without a seed gets the same answer each time.
    `limits`: the server's own limits on tokens, where they are known. `abandon` cancels what the first request waits for
    and costs nothing: the download of a model. Its repr shows neither key nor headers. `idle` are its open transports that
    no request is using.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        identity: str,
        base_url: str,
        credentials: Credentials | None = None,
        others: Sequence[Connection] = (),
        opener: Callable[[str], Transport],
        transport: Callable[[], str],
        default_concurrency: int | None = None,
        fixed_seed: bool = False,
        limits: TokenLimits = NO_LIMITS,
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.identity = identity
        self.base_url = base_url
        self.default_concurrency = default_concurrency
        self.fixed_seed = fixed_seed
        self.limits = limits
        self.abandon = abandon
        self._credentials = credentials
        self._opener = opener
        self._choose = transport
        self._others = tuple(others)
        self._open: list[Transport] = []
        self.idle: list[Transport] = []

    def __repr__(self) -> str:
        return f"Connection({self.endpoint.name!r}, {self.identity!r})"

    def url(self, path: str) -> str:
        """Return the URL of `path` below the base URL."""
        return operation_url(self.base_url, path)

    @property
    def places(self) -> tuple[Connection, ...]:
        """The servers and keys that answer in turn: this one, and those that the endpoint declares (`in_turn`)."""
        return (self, *self._others)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must not appear in any file, of all places. They grow when a key is renewed."""
        own = self._credentials.secrets if self._credentials else ()
        return (
            own if not self._others else (*own, *(each for place in self._others for each in place.secrets))
        )

    @property
    def credentials(self) -> Credentials | None:
        """The keys; None for a server that gets none."""
        return self._credentials

    def headers(self, more: Mapping[str, str] = _NONE, *, api: str | None = None) -> dict[str, str]:
        """Return the headers of a request, including the key, as a new dict with lower-case names.

        `more` are those of its wire format, whose name is `api`; the endpoint's own headers take precedence.
        """
        keys = self._credentials.headers(api or self.endpoint.api) if self._credentials else {}
        own = {name.lower(): value for name, value in [*keys.items(), *self.endpoint.headers.items()]}
        return {**_OURS, **own, **undeclared(more, self.endpoint)}

    @property
    def extra_cache_key(self) -> str:
        """A digest of the endpoint's own headers, which may change its answers; empty if it has none.

        For headers with keys only the names count, because a new key does not change the answer.
        """
        declared = sorted(
            [(name.lower(), value) for name, value in self.endpoint.headers.items()]
            + [(name.lower(), "") for name in self.endpoint.headers_env]
        )
        return hashlib.sha256(json.dumps(declared).encode()).hexdigest() if declared else ""

    @cached_property
    def transport_name(self) -> str:
        """The HTTP library, "httpx" or "aiohttp". Raises ConfigError if the environment's proxy cannot be used."""
        return self._choose()

    def transport(self) -> Transport:
        """Open a transport for one worker. Raises ConfigError if the environment (proxy, authorities) cannot be used."""
        transport = self._opener(self.transport_name)
        self._open.append(transport)
        return transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for place in self.places:
            place.idle.clear()
            while place._open:
                await place._open.pop().close()


def resolve(
    endpoint: Endpoint,
    environ: Mapping[str, str],
    *,
    root: str | os.PathLike[str] = ".",
    transport: str = "auto",
    on_download: Progress | None = None,
    keys: bool = True,
) -> Connection:
    """Return the connection of a declared endpoint, with its key from `environ`.

    `root` is the (project's) folder for a relative `embedded: model.gguf`. `transport` is the HTTP library, "auto",
    "httpx" or "aiohttp". `on_download` is called while a model is downloaded (see model_files.Progress); by default
    progress is shown on standard error. `keys=False` is for a connection that sends nothing: keys need not be set. Raises
    ConfigError for an unset key variable, an invalid header, an unknown
    model file, or a missing extra `local` or `fast`.
    """
    check_transport(transport)
    if endpoint.embedded is not None:
        return _embedded(endpoint, endpoint.embedded, environ, root, transport, on_download)
    others = [
        resolve(each, environ, root=root, transport=transport, on_download=on_download, keys=keys)
        for each in endpoint.in_turn
    ]
    assert endpoint.base_url is not None, "an endpoint has either base_url or embedded"
    parts = urlsplit(endpoint.base_url)
    base_url = urlunsplit(parts._replace(path=parts.path.rstrip("/")))
    return Connection(
        endpoint,
        identity=base_url,
        base_url=base_url,
        credentials=Credentials(endpoint, environ, root=root, required=keys),
        others=others,
        opener=lambda name: open_transport(name, base_url),
        transport=lambda: chosen_transport(transport, base_url),
        limits=TokenLimits(context=endpoint.context_tokens),
    )


def _embedded(
    endpoint: Endpoint,
    model: str,
    environ: Mapping[str, str],
    root: str | os.PathLike[str],
    transport: str,
    on_download: Progress | None,
) -> Connection:
    from .embedded import (
        ANSWER_TOKENS,
        CONTEXT_TOKENS,
        SLOTS,
        EmbeddedTransport,
        base_url_of,
        require_local_extra,
        tell_progress,
    )
    from .model_files import find_model

    found = find_model(model, environ, root=root, location=endpoint.location)
    require_local_extra()
    progress = on_download or tell_progress()
    given_up = threading.Event()
    return Connection(
        endpoint,
        identity=found.identity,
        base_url=base_url_of(found),
        opener=lambda name: EmbeddedTransport(
            found, progress, lambda address: open_transport(name, address, trust_env=False), given_up
        ),
        transport=lambda: chosen_transport(transport, None),
        default_concurrency=SLOTS,
        fixed_seed=True,
        limits=TokenLimits(ANSWER_TOKENS, CONTEXT_TOKENS),
        abandon=given_up.set,
    )
