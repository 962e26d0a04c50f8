"""Find what is not allowed in a prompt of a pack: fields that affect its user's account beyond the request (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..documents.documents import Document
from ..errors import FormatError
from ..values import JsonPath
from .media import OWN_URL, web_urls
from .provider_fields import extras, known_types

__all__ = ["forbidden_in_pack"]

_ACCOUNT = {
    "moderation": "whether answers are moderated",
    "prompt_cache_key": "how the account caches",
    "prompt_cache_options": "how the account caches",
    "prompt_cache_retention": "how the account caches",
    "safety_identifier": "who is asking",
    "service_tier": "what an answer costs",
    "store": "whether the provider keeps the answer",
    "user": "who is asking",
    "web_search_options": "a web search, which can leak data",
}
"""Request fields that only the user of a pack may set, and what they decide."""

_INSIDE = {
    "cache_control": "how the account caches",
    "prompt_cache_breakpoint": "how the account caches",
    "provider_specific_fields": "what a gateway passes on to any provider",
}
"""Fields of messages, parts and tools that only the user of a pack may set, and what they decide."""


def forbidden_in_pack(document: Document) -> Iterator[FormatError]:
    """Yield an error for each forbidden field of a pack's prompt; the file has already been validated."""
    spec: Any = document.value
    provider_fields: list[JsonPath] = [("extra_body",)] if "extra_body" in spec else []
    matrix = spec.get("matrix", {})
    provider_fields += [("matrix", key) for key in matrix if key.partition(".")[0] == "extra_body"]
    for place in provider_fields:
        yield FormatError(
            "extra_body is not allowed in a pack",
            location=document.locate_key(place),
            hint="a pack is data for any endpoint: set provider fields in a prompt of your own",
        )
    places: list[JsonPath] = [(key,) for key in spec] + [("matrix", key) for key in spec.get("matrix", {})]
    for place in places:
        if place[-1] in _ACCOUNT:
            yield FormatError(
                f"{place[-1]} is not allowed in a pack: it decides {_ACCOUNT[str(place[-1])]}",
                location=document.locate_key(place),
                hint="leave it out; the user of the pack decides this",
            )
    for at in extras(spec):
        yield FormatError(
            "extra is not allowed in a pack",
            location=document.locate_key((*at, "extra")),
            hint="a pack is data for any endpoint: set provider fields in a prompt of your own",
        )
    yield from _in_messages(spec["messages"], document)
    for at, tools in _tools(spec):
        yield from _in_tools(tools, at, document)


def _in_messages(messages: Any, document: Document) -> Iterator[FormatError]:
    for index, message in enumerate(messages):
        at: JsonPath = ("messages", index)
        for place, _ in web_urls(message):
            yield FormatError(
                OWN_URL,
                location=document.locate((*at, *place)),
                hint="put the file into the pack, or use a variable for the whole URL",
            )
        yield from _account_fields(message, at, document)
        calls, content = message.get("tool_calls"), message.get("content")
        for number, call in enumerate(calls or ()):
            yield from _account_fields(call, (*at, "tool_calls", number), document)
        for number, part in enumerate(content if isinstance(content, list) else ()):
            place = (*at, "content", number)
            yield from _account_fields(part, place, document)
            if part["type"] not in known_types("part"):
                yield FormatError(
                    f'a part of type "{part["type"]}" is not allowed in a pack: it is unknown what it makes a server do',
                    location=document.locate((*place, "type")),
                    hint="leave it out",
                )


def _in_tools(tools: Any, at: JsonPath, document: Document) -> Iterator[FormatError]:
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        place = (*at, index)
        yield from _account_fields(tool, place, document)
        kind = tool.get("type", "function")
        if kind not in ("function", "custom"):
            yield FormatError(
                f'a tool of type "{kind}" is not allowed in a pack: the provider runs it, which costs money and can leak data',
                location=document.locate((*place, "type")),
                hint="leave it out; the user of the pack decides this",
            )
        elif isinstance(tool.get(kind), Mapping):
            yield from _account_fields(tool[kind], (*place, kind), document)


def _tools(spec: Mapping[str, Any]) -> Iterator[tuple[JsonPath, Any]]:
    """Yield the lists of tools of a prompt, including those of `matrix`, each with its path."""
    for key in ("tools", "functions"):
        if key in spec:
            yield (key,), spec[key]
        for index, value in enumerate(spec.get("matrix", {}).get(key, ())):
            yield ("matrix", key, index), value


def _account_fields(value: Mapping[str, Any], at: JsonPath, document: Document) -> Iterator[FormatError]:
    for key, decides in _INSIDE.items():
        if key in value:
            yield FormatError(
                f"{key} is not allowed in a pack: it decides {decides}",
                location=document.locate_key((*at, key)),
                hint="leave it out; the user of the pack decides this",
            )
