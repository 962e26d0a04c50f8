"""The request body: exactly the declared keys, in the declared order.

To a provider, absent, null and default are three different things, and answers to strict schemas follow the order
of the properties; so nothing is added, dropped or sorted here.
"""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from secrets import token_hex
from types import MappingProxyType

from ..canonical import canonical
from ..compact_json import compact_json
from ..masking import mask
from ..values import Json, JsonObject

__all__ = ["Encoder", "as_curl", "as_curl_form", "build_body", "encode", "with_stream"]

_NOTHING: JsonObject = MappingProxyType({})
_KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key"})
_KEY_REFERENCE = re.compile(r"(?:[A-Za-z]+ )?\$[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def build_body(
    request: JsonObject, messages: Sequence[Json], extra_body: JsonObject, overrides: JsonObject = _NOTHING
) -> dict[str, Json]:
    """Return the body of one request.

    `request` determines keys and order; its `messages` (templates) are replaced by the rendered `messages`; `overrides`
    (matrix, --model, --set) replace declared keys in place, and new ones follow; `extra_body` is last. An override of
    `extra_body` adds its keys to it, and one of a path such as `extra_body.provider.order` sets one value in it.
    Raises ValueError if `overrides` has messages, or if `extra_body` repeats a key.
    """
    if "messages" in overrides:
        raise ValueError("messages come from the prompt's templates and cannot be overridden")
    added = {key: value for key, value in overrides.items() if key.partition(".")[0] == "extra_body"}
    body: dict[str, Json] = {**request, "messages": list(messages), **overrides}
    for key in added:
        del body[key]
    for key, value in _overridden(extra_body, added).items() if added else extra_body.items():
        if key in body:
            raise ValueError(f"extra_body repeats {key!r}, which the request already has")
        body[key] = value
    return body


def _overridden(extra_body: JsonObject, added: JsonObject) -> JsonObject:
    found: JsonObject = extra_body
    for key, value in added.items():
        path = key.split(".")[1:]
        if path:
            found = _with(found, path, value)
        elif isinstance(value, Mapping):
            found = {**found, **value}
    return found


def _with(holder: JsonObject, path: Sequence[str], value: Json) -> JsonObject:
    """Return an object with a value at a path; what is not an object on the way is replaced by one."""
    first, *rest = path
    inner = holder.get(first)
    return {
        **holder,
        first: _with(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value,
    }


def with_stream(body: JsonObject) -> dict[str, Json]:
    """Return the body of a request for a stream with usage. Keys about streams that it already has are kept."""
    streamed = dict(body)
    streamed.setdefault("stream", True)
    if streamed["stream"] is True:
        streamed.setdefault("stream_options", {"include_usage": True})
    return streamed


def encode(body: JsonObject) -> bytes:
    """Return compact JSON in UTF-8, with keys in their order.

    Raises ValueError, naming the path, for NaN, infinities and lone surrogates, which JSON in UTF-8 cannot represent.
    """
    try:
        return compact_json(body).encode()
    except (ValueError, RecursionError) as error:
        canonical(body)  # refuses the same values and names their paths
        raise ValueError(f"the request is not JSON: {error}") from error


class Encoder:
    """`encode` for bodies that differ only in their messages: the rest is encoded once.

    It is built from any one of these bodies; `key` is the one with the messages. Raises ValueError as `encode` does.
    """

    __slots__ = ("_after", "_before")

    def __init__(self, body: JsonObject, key: str = "messages") -> None:
        place = token_hex(16)  # a text that occurs nowhere else in the body
        self._before, self._after = encode({**body, key: place}).split(f'"{place}"'.encode())

    def of(self, messages: Sequence[Json]) -> bytes:
        """Return the body with these messages. Raises ValueError, naming the path, as `encode` does."""
        try:
            return b"%s%s%s" % (self._before, compact_json(messages).encode(), self._after)
        except (ValueError, RecursionError):
            encode({"messages": messages})
            raise


def as_curl(
    url: str, headers: Mapping[str, str], body: JsonObject, references: Mapping[str, str] | None = None
) -> str:
    """Return a command for a POSIX shell that sends this request; the key stays in the environment.

    A header with a key (Authorization, api-key, x-api-key) is written unchanged only if it already refers to a variable
    ("Bearer $OPENAI_API_KEY"); otherwise its value is replaced by such a reference. Anything that looks like a key in
    another header is masked. `references` are headers whose value the shell takes from a variable or a command, as in
    "Bearer $OPENAI_API_KEY". Raises ValueError as `encode` does.
    """
    encode(body)
    lines = [
        *_curl_head(url, headers, references or {}),
        f"--data-raw {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}",
    ]
    return " \\\n  ".join(lines)


def as_curl_form(
    url: str,
    headers: Mapping[str, str],
    fields: Sequence[tuple[str, bytes, str | None]],
    references: Mapping[str, str],
) -> str:
    """Return a command as `as_curl` does, for a form: name, content, and the name of the file if a field is one.

    The only file comes from standard input, where it is decoded from base64.
    """
    lines = _curl_head(url, headers, references)
    start = ""
    for name, content, file in fields:
        if file is None:
            lines.append(f"--form-string {shlex.quote(f'{name}={content.decode()}')}")
        else:
            start = f"printf %s {b64encode(content).decode()} | base64 -d | "
            lines.append(f"-F {shlex.quote(f'{name}=@-;filename={file}')}")
    return start + " \\\n  ".join(lines)


def _curl_head(url: str, headers: Mapping[str, str], references: Mapping[str, str]) -> list[str]:
    lines = [f"curl {shlex.quote(url)}"]
    for name, value in headers.items():
        if name.lower() in _KEY_HEADERS:
            reference = _KEY_REFERENCE.fullmatch(value)
            scheme = "Bearer " if name.lower() == "authorization" else ""
            lines.append(f'-H "{name}: {reference[0] if reference else f"{scheme}$OPENAI_API_KEY"}"')
        else:
            lines.append(f"-H {shlex.quote(f'{name}: {mask(value)}')}")
    return [*lines, *(f'-H "{name}: {value}"' for name, value in references.items())]
