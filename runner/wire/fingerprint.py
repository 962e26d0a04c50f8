"""The fingerprint of a request: equal fingerprints mean the same question.

A fingerprint covers the whole body, so that unknown new parameters count too; only the fixed list `NOT_COUNTED` is
excluded, because those keys cannot change the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from hashlib import sha256
from secrets import token_hex

from ..canonical import canonical
from ..errors import Location
from ..files.versions import reader_of
from ..values import Json, JsonObject

__all__ = [
    "FINGERPRINT",
    "FINGERPRINTERS",
    "NOT_COUNTED",
    "Fingerprinter",
    "fingerprint_of",
    "parts",
    "refuse_newer",
    "version_of",
]

FINGERPRINT = r"(?:v(?:[2-9]|[1-9][0-9]{1,8}):)?sha256:[0-9a-f]{64}"
"""The pattern of a fingerprint of any version: the first has no `v1:`, because it was the only one."""

_FINGERPRINT = re.compile(FINGERPRINT)

NOT_COUNTED = frozenset(
    {
        "stream",
        "stream_options",
        "user",
        "metadata",
        "store",
        "safety_identifier",
        "prompt_cache_key",
        "service_tier",
        "n",
    }
)
"""Top-level keys that route, bill or label a request without changing what is asked."""

_VERSION = 1
_SCHEMA_KEYS = ("response_format", "tools")
_MEDIA_FIELDS = {"image_url": "url", "input_audio": "data", "file": "file_data"}
"""The field of a content part of each type that may have its medium as base64 text."""

_MEDIA_STARTS = {"image_url": "data:", "input_audio": "", "file": ""}
"""The beginning of that text; an image may be a web address instead, which counts unchanged."""


class Fingerprinter:
    """Computes the fingerprints of bodies that differ only in their messages: "sha256:" and 64 hex digits.

    They cover the RFC 8785 form of `{"v": 1, "body": ...}`, which is computed once for everything except the messages.
    It is built from any one of these bodies; `api` is the name of their wire format, unless it is chat completions.
    Raises ValueError if a body has no canonical form (see `canonical`).
    """

    __slots__ = ("_after", "_before")

    def __init__(
        self, body: JsonObject, *, api: str | None = None, not_counted: Set[str] = NOT_COUNTED
    ) -> None:
        counted = {key: value for key, value in body.items() if key not in not_counted}
        place = token_hex(16)  # a text that occurs nowhere else in the body
        counted["messages"] = place
        before, after = canonical(_named(counted, api)).split(f'"{place}"'.encode())
        self._before, self._after = sha256(before), after

    def of(self, messages: Sequence[Json]) -> str:
        """Return the fingerprint of the body with these messages."""
        digest = self._before.copy()
        digest.update(canonical([_without_media(message) for message in messages]))
        digest.update(self._after)
        return f"sha256:{digest.hexdigest()}"


def fingerprint_of(body: JsonObject, api: str) -> str:
    """Return the fingerprint of a body without messages, in a wire format that has none. Raises as `canonical` does."""
    return f"sha256:{sha256(canonical(_named(body, api))).hexdigest()}"


FINGERPRINTERS: dict[int, type[Fingerprinter]] = {1: Fingerprinter}
"""The fingerprinter of each version. The newest is written; stored fingerprints of all versions are recognised.

From version 2 on, a fingerprint begins with its version: "v2:sha256:...".
"""


def version_of(stored: str) -> int | None:
    """Return the version of a stored fingerprint, known or not; None if it is not a fingerprint."""
    if _FINGERPRINT.fullmatch(stored) is None:
        return None
    return int(stored[1 : stored.index(":")]) if stored.startswith("v") else 1


def refuse_newer(stored: Mapping[str, Json], key: str, what: str, locate: Callable[[], Location]) -> None:
    """Raise NewerFormatError at `locate()` if the fingerprint under `key` has an unknown version."""
    value = stored.get(key)
    if isinstance(value, str):
        reader_of(FINGERPRINTERS, version_of(value), what, locate)


def parts(body: JsonObject, *, api: str | None = None, not_counted: Set[str] = NOT_COUNTED) -> dict[str, str]:
    """Return 8 hex digits each for `messages`, `params` and `schema`, to show what changed without the old request.

    `schema` is response_format and tools; `params` is everything else that counts, including the wire format unless it
    is chat completions. Raises ValueError if `body` has no canonical form.
    """
    counted = _counted(body, not_counted)
    messages = {"messages": counted.pop("messages")} if "messages" in counted else {}
    schema = {key: counted.pop(key) for key in _SCHEMA_KEYS if key in counted}
    params: Json = counted if api is None else {"api": api, "body": counted}
    named: dict[str, Json] = {"messages": messages, "params": params, "schema": schema}
    return {name: sha256(canonical(value)).hexdigest()[:8] for name, value in named.items()}


def _named(counted: JsonObject, api: str | None) -> dict[str, Json]:
    """Return the value that is hashed. It does not name chat completions, which used to be the only format."""
    return {"v": _VERSION, "body": counted} if api is None else {"v": _VERSION, "api": api, "body": counted}


def _counted(body: JsonObject, not_counted: Set[str]) -> dict[str, Json]:
    counted = {key: value for key, value in body.items() if key not in not_counted}
    messages = counted.get("messages")
    if isinstance(messages, list | tuple):
        counted["messages"] = [_without_media(message) for message in messages]
    return counted


def _without_media(message: Json) -> Json:
    """Return the message with each inline medium replaced by its digest, so that megabytes are hashed only once."""
    if not isinstance(message, Mapping):
        return message
    content = message.get("content")
    if not isinstance(content, list | tuple):
        return message
    return {**message, "content": [_digested(part) for part in content]}


def _digested(part: Json) -> Json:
    if not isinstance(part, Mapping):
        return part
    for kind, field in _MEDIA_FIELDS.items():
        holder = part.get(kind)
        medium = holder.get(field) if isinstance(holder, Mapping) else None
        if isinstance(holder, Mapping) and isinstance(medium, str) and medium.startswith(_MEDIA_STARTS[kind]):
            digest = {"$sha256": sha256(medium.encode()).hexdigest()}
            return {**part, kind: {**holder, field: digest}}
    return part
