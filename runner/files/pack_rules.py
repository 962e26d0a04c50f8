"""What a prompt of a pack may not say: fields that reach past the question into its user's account. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import FormatError
from ..values import JsonPath
from .documents import Document
from .media import OWN_URL, WEB_URL

__all__ = ["forbidden_in_pack"]

_ACCOUNT = {
    "moderation": "whether answers are moderated",
    "prompt_cache_key": "how the account caches",
    "prompt_cache_options": "how the account caches",
    "prompt_cache_retention": "how the account caches",
    "safety_identifier": "who asks",
    "service_tier": "what an answer costs",
    "store": "whether the provider keeps the answer",
    "user": "who asks",
    "web_search_options": "a search on the web, which can carry data out",
}
"""Request fields that are its user's to set, and what they decide."""

_MEDIA = {"image_url": "url", "file": "file_data"}


def forbidden_in_pack(document: Document) -> Iterator[FormatError]:
    """An error for each thing that a pack's prompt may not have; the file is one by its format."""
    spec: Any = document.value
    if "extra_body" in spec:
        yield FormatError(
            "extra_body is not allowed in a pack",
            location=document.locate_key(("extra_body",)),
            hint="a pack is data for any endpoint: set provider fields in a prompt of your own",
        )
    places: list[JsonPath] = [(key,) for key in spec] + [("matrix", key) for key in spec.get("matrix", {})]
    for place in places:
        if place[-1] in _ACCOUNT:
            yield FormatError(
                f"{place[-1]} is not allowed in a pack: it decides {_ACCOUNT[str(place[-1])]}",
                location=document.locate_key(place),
                hint="leave it out; who uses the pack decides it",
            )
    for place, url in _urls(spec):
        if WEB_URL.match(url):
            yield FormatError(
                OWN_URL,
                location=document.locate(place),
                hint="put the file into the pack, or let a variable be the whole URL",
            )


def _urls(spec: Mapping[str, Any]) -> Iterator[tuple[JsonPath, str]]:
    """The texts of a prompt that become URLs, and where they stand."""
    for index, message in enumerate(spec["messages"]):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type")
            body = part.get(kind) if kind in _MEDIA else None
            if isinstance(body, Mapping) and isinstance(url := body.get(_MEDIA[kind]), str):
                yield ("messages", index, "content", number, kind, _MEDIA[kind]), url
