"""Turn a declared endpoint into a connection: URL, headers, key, transports. Opens nothing before the first send."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit

from ..errors import ConfigError
from ..files.addresses import is_header_value, key_headers, operation_url, shown_name, undeclared
from ..files.model import Endpoint
from ..masking import worth_hiding
from .base import USER_AGENT, Transport
from .transports import check_transport, chosen_transport, open_transport

if TYPE_CHECKING:
    from .model_files import Progress

__all__ = ["Connection", "resolve"]

_NONE: Mapping[str, str] = MappingProxyType({})


class Connection:
    """One endpoint, ready for requests: an async context manager that closes the transports it has opened.

    `identity` identifies the endpoint in cache keys; `secrets` are the values that must not appear in any file;
    `endpoint` is its declaration. `fixed_seed`: a request without a seed gets the same answer each time.
    `answer_limit`: the tokens of an answer if a request sets no limit, where it is known. `abandon`
    cancels what the first request waits for and costs nothing: the download of a model. Its repr shows neither key nor
    headers.
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
        fixed_seed: bool = False,
        answer_limit: int | None = None,
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.identity = identity
        self.base_url = base_url
        self.secrets = secrets
        self.default_concurrency = default_concurrency
        self.fixed_seed = fixed_seed
        self.answer_limit = answer_limit
        self.abandon = abandon
        self._headers = dict(headers)
        self._opener = opener
        self._choose = transport
        self._open: list[Transport] = []

    def __repr__(self) -> str:
        return f"Connection({self.endpoint.name!r}, {self.identity!r})"

    def url(self, path: str) -> str:
        """Return the URL of `path` below the base URL."""
        return operation_url(self.base_url, path)

    def headers(self, more: Mapping[str, str] = _NONE) -> dict[str, str]:
        """Return the headers of a request, including the key, as a new dict with lower-case names.

        `more` are those of its wire format; the endpoint's own headers take precedence.
        """
        return {**self._headers, **undeclared(more, self.endpoint)}

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
        while self._open:
            await self._open.pop().close()


def resolve(
    endpoint: Endpoint,
    environ: Mapping[str, str],
    *,
    root: str | os.PathLike[str] = ".",
    transport: str = "auto",
    on_download: Progress | None = None,
) -> Connection:
    """Return the connection of a declared endpoint, with its key from `environ`.

    `root` is the (project's) folder for a relative `embedded: model.gguf`. `transport` is the HTTP library, "auto",
    "httpx" or "aiohttp". `on_download` is called while a model is downloaded (see model_files.Progress); by default
    progress is shown on standard error. Raises ConfigError for an unset key variable, an invalid header, an unknown
    model file, or a missing extra `local` or `fast`.
    """
    check_transport(transport)
    if endpoint.embedded is not None:
        return _embedded(endpoint, endpoint.embedded, environ, root, transport, on_download)
    assert endpoint.base_url is not None, "an endpoint has either base_url or embedded"
    parts = urlsplit(endpoint.base_url)
    base_url = urlunsplit(parts._replace(path=parts.path.rstrip("/")))
    keys = _keys(endpoint, environ)
    return Connection(
        endpoint,
        identity=base_url,
        base_url=base_url,
        headers=_headers(endpoint.headers, keys),
        secrets=_secrets(keys.values()),
        opener=lambda name: open_transport(name, base_url),
        transport=lambda: chosen_transport(transport, base_url),
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
        headers=_headers({}, {}),
        secrets=(),
        opener=lambda name: EmbeddedTransport(
            found, progress, lambda address: open_transport(name, address, trust_env=False), given_up
        ),
        transport=lambda: chosen_transport(transport, None),
        default_concurrency=SLOTS,
        fixed_seed=True,
        answer_limit=ANSWER_TOKENS,
        abandon=given_up.set,
    )


def _value_of(endpoint: Endpoint, variable: str, environ: Mapping[str, str], what: str) -> str:
    """Return the value of a key variable. Raises ConfigError if it is not set, or not a valid header value."""
    value = environ.get(variable)
    name = shown_name(variable)
    if not value:
        state = "empty" if value == "" else "not set"
        raise ConfigError(
            f"the endpoint {endpoint.name!r} reads {what} from the variable {name}, which is {state}",
            location=endpoint.location,
            hint=f"export {name}=... in the shell, or add it to the secrets of the CI job;"
            " if your server needs no key, set it to anything (docs/providers)"
            if name == variable
            else "is it the key itself? Put the key into an environment variable, and write the variable's name here",
            secret=name != variable,
        )
    _refuse_no_header_value(endpoint, f"the variable {name}", value)
    return value


def _refuse_no_header_value(endpoint: Endpoint, where: str, value: str) -> None:
    if not is_header_value(value):
        raise ConfigError(
            f"{where} contains white space around the key, or a character that is not valid in a key",
            location=endpoint.location,
            hint="a line break at the end often comes from reading the key from a file",
        )


def _keys(endpoint: Endpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with keys."""
    found: dict[str, str] = {}
    for header, (scheme, variable) in key_headers(endpoint).items():
        if variable is not None:
            what = "its key" if header not in endpoint.headers_env else f"the header {header}"
            value = _value_of(endpoint, variable, environ, what)
        else:
            from .keyrings import key_from_keyring

            assert endpoint.api_key_keyring is not None
            value = key_from_keyring(endpoint, endpoint.api_key_keyring)
            _refuse_no_header_value(
                endpoint, f"the keyring entry {shown_name(endpoint.api_key_keyring)}", value
            )
        found[header] = scheme + value
    return found


def _headers(declared: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    ours = {"content-type": "application/json", "accept": "application/json", "user-agent": USER_AGENT}
    return ours | {name.lower(): value for name, value in [*keys.items(), *declared.items()]}


def _secrets(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the values that must not appear in any file: whole header values, and the part after `Bearer`."""
    found = dict.fromkeys(part for value in keys for part in (value.rpartition(" ")[2], value))
    # The key alone is also found in the whole header, and the part before it is not secret.
    return tuple(worth_hiding(sorted(part for part in found if not _is_scheme_and_key(part))))


def _is_scheme_and_key(value: str) -> bool:
    return value.partition(" ")[0].lower() in ("bearer", "basic", "token")
