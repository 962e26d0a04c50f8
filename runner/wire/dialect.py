"""Translate between the format of prompts and the wire format of a server: one `Dialect` for each wire format.

Prompts, fingerprints, records and snapshots all use the format of chat completions. A dialect translates outgoing
requests and incoming responses; no other part of runner knows the wire format of a server.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from ..apis import APIS, DEFAULT_API, OPERATIONS
from ..finish_reasons import NONE_DECLARED, Declared
from ..values import Json, JsonObject, JsonPath
from .fingerprint import FINGERPRINTERS, NOT_COUNTED, Fingerprinter, parts
from .reply import Reply
from .request import encode
from .usage import NO_LIMITS, TokenLimits

if TYPE_CHECKING:
    from .error_rules import Asked
    from .stream import StreamReader

__all__ = ["BodyEncoder", "Dialect", "SchemaRules", "UntranslatableError", "dialect_of"]

SchemaRules: TypeAlias = Literal["openai", "anthropic"]
"""The subset of JSON Schema that is enforced: OpenAI's strict mode, or Anthropic's structured outputs."""

_CHARACTERS_PER_TOKEN = 4
"""Rule of thumb for English text (OpenAI help centre); corrected by the provider's usage afterwards."""


class UntranslatableError(ValueError):
    """A declared request has a key that the wire format cannot express; `path` is its path in the request.

    The path is empty if a key is missing.
    """

    def __init__(self, path: JsonPath, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason
        self.hint = hint


class Dialect(ABC):
    """One wire format. Stateless and pure: the same request always gives the same bytes.

    A request is *declared* with the names of chat completions, as in the prompt; `encode` returns the body that is
    sent. Everything that a dialect returns from a response has the names of chat completions too.
    """

    name: ClassVar[str]
    """Its name in runner.yaml, under `api`."""

    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Headers that it needs in addition to those of every request, in lower case. An endpoint's own headers win."""

    schema_rules: ClassVar[SchemaRules] = "openai"
    """The rules by which `check` lints the schema of the answer."""

    names: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """The declared keys from which it writes each field of another name, by the path of that field in the body."""

    streams: ClassVar[bool] = True
    """Whether an answer can be streamed."""

    not_counted: ClassVar[frozenset[str]] = NOT_COUNTED
    """The declared top-level keys that are not part of the fingerprint, because they do not change the question."""

    @abstractmethod
    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the path of the operation below the base URL. `request` need not have its messages."""

    @abstractmethod
    def encode(self, request: JsonObject) -> JsonObject:
        """Translate a declared request into the body that is sent.

        Every key is either translated or refused: raises UntranslatableError for a key that the format cannot express.
        Empty `messages` are allowed, to check all other keys before there is a case.
        """

    @abstractmethod
    def with_stream(self, body: JsonObject) -> JsonObject:
        """Return the encoded body of a request for a stream with usage. Its own keys about streams are kept."""

    @abstractmethod
    def completion(self, payload: Json) -> Json:
        """Translate the JSON of a response with status 2xx into a chat.completion value.

        Nothing is lost: fields without a name in chat completions keep their own names. `usage` has prompt_tokens
        (including cached ones), completion_tokens, total_tokens and prompt_tokens_details.cached_tokens, from which
        costs, budgets and rate limits are computed. An error is returned as {"error": ...}; a value that is not
        understood is returned unchanged, and becomes a malformed response. Never raises.
        """

    @abstractmethod
    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Return a new reader of one stream. `headers` are those of its response."""

    def form(self, body: JsonObject) -> list[tuple[str, bytes, str | None]] | None:
        """Return the fields of an encoded request that is sent as a form: name, content, and the file's name if it is one.

        None for one that is sent as JSON.
        """
        return None

    def encoder(self, request: JsonObject) -> BodyEncoder | None:
        """Return the encoder of what is sent for requests that differ from this one only in their messages.

        None if that is the declared request. `of` raises as `encode` does.
        """
        return _Translation(self, request)

    def data(self, request: bytes, *, stream: bool = False, seed: int | None = None) -> bytes:
        """Return the bytes that are sent for a declared request, which is JSON. Raises as `encode` does.

        `seed` is added to the body, for our own server, which accepts the field in every format.
        """
        body = self.encode(json.loads(request))
        if seed is not None:
            body = {**body, "seed": seed}
        return encode(self.with_stream(body) if stream else body)

    def read_reply(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        request: JsonObject,
        finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
        keyed: bool = True,
        limits: TokenLimits = NO_LIMITS,
    ) -> Reply:
        """Return the result of one exchange. `request` is the declared one: its `n`, `tools`, `response_format` count.

        `finish_reasons` has the meanings of an endpoint's own words, by their `word_key`; `keyed` is whether a key was
        sent. `limits` are the server's own limits on tokens, for formats in which it may not say that it cut an answer. Never raises, whatever the bytes are.
        """
        return _reader_of_replies()(
            status,
            headers,
            body,
            request=request,
            finish_reasons=finish_reasons,
            keyed=keyed,
            path=self.path(request, stream=False),
            names=self.names,
            translate=self.completion,
            reader=self.stream,
        )

    def prepare(self) -> None:
        """Import what reads replies, so that the first one does not wait for it."""
        _reader_of_replies()

    def printer(self) -> StreamReader:
        """Return a reader for the text of a stream, as it arrives."""
        from .error_rules import ANYTHING

        return self.stream({}, NONE_DECLARED, ANYTHING)

    def estimate(self, request: JsonObject, size: int) -> float:
        """Estimate the tokens that a declared request of `size` bytes may use: its text plus the limit on the answer."""
        limit = request.get("max_completion_tokens") or request.get("max_tokens")
        return size / _CHARACTERS_PER_TOKEN + (limit if isinstance(limit, int) else 0)

    @property
    def mark(self) -> str | None:
        """Its name in fingerprints, cache keys and files; None for the first format, which they do not name."""
        return None if self.name == DEFAULT_API else self.name

    def counted(self, request: JsonObject) -> dict[str, Json]:
        """Return the fields of a declared request that are part of the fingerprint, with the dialect if it is named."""
        fields = {key: value for key, value in request.items() if key not in self.not_counted}
        return fields if self.mark is None else {"api": self.mark, **fields}

    def fingerprints(self, request: JsonObject) -> Fingerprinter:
        """Return a fingerprinter for requests that differ from this one only in their messages."""
        newest = FINGERPRINTERS[max(FINGERPRINTERS)]
        return newest(request, api=self.mark, not_counted=self.not_counted)

    def older_fingerprints(self, request: JsonObject) -> Iterator[str]:
        """Yield the fingerprints of a declared request that older versions of runner computed."""
        messages = request["messages"]
        assert isinstance(messages, list)
        for version in sorted(FINGERPRINTERS, reverse=True)[1:]:
            yield FINGERPRINTERS[version](request, api=self.mark, not_counted=self.not_counted).of(messages)

    def parts(self, request: JsonObject) -> dict[str, str]:
        """Return the digests of the parts of a declared request (see `fingerprint.parts`)."""
        return parts(request, api=self.mark, not_counted=self.not_counted)


class BodyEncoder(Protocol):
    """Encodes bodies that differ only in their messages."""

    def of(self, messages: Sequence[Json]) -> bytes:
        """Return the body with these messages."""


class _Translation:
    """The encoder of a dialect that translates each request as a whole."""

    def __init__(self, dialect: Dialect, request: JsonObject) -> None:
        self._dialect = dialect
        self._request = request

    def of(self, messages: Sequence[Json]) -> bytes:
        return self._dialect.data(encode({**self._request, "messages": messages}))


@cache
def _reader_of_replies() -> Callable[..., Reply]:
    """Return `read_reply`, which is imported on first use: most commands receive no replies."""
    from .classify import read_reply

    return read_reply


@cache
def _dialect_in(module: str) -> Dialect:
    dialect: Dialect = import_module(module).DIALECT
    return dialect


def dialect_of(api: str) -> Dialect:
    """Return the dialect that has the name `api` in runner.yaml, or of an operation that only assertions use."""
    return _dialect_in(APIS.get(api) or OPERATIONS[api])
