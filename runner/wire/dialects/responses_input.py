"""Write the messages of a request as input items of the Responses API (OpenAI's API reference, "Responses", `input`).

A key of messages that has no place there is refused. Keys and types that the format of prompts does not have, such as
those from `extra`, are the provider's own and are sent unchanged. An optional key that is null, or an empty list, says
nothing, and is not sent.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache

from ...files.formats import schema
from ...files.provider_fields import known_types
from ...values import Json, JsonObject, JsonPath
from ..dialect import UntranslatableError

__all__ = ["foreign", "input_items", "known_keys"]

_ABSENT: tuple[Json, ...] = (None, [], ())


def input_items(messages: Sequence[Json]) -> list[Json]:
    """Return the items of all messages, in their order. Raises UntranslatableError."""
    items: list[Json] = []
    custom: set[Json] = set()
    for index, message in enumerate(messages):
        if isinstance(message, Mapping):
            at: JsonPath = ("messages", index)
            if message.get("role") == "tool":
                items.append(_result(message, at, custom))
            else:
                items.extend(_said(message, at, custom))
    return items


@cache
def known_keys(place: str) -> frozenset[str]:
    """Return the keys that the format of prompts gives an object: one of its definitions, such as wireMessage."""
    rules = schema("prompt")["$defs"][place]
    return frozenset(rules.get("then", rules)["properties"])


def foreign(
    value: JsonObject, at: JsonPath, written: Container[str], known: Container[str]
) -> dict[str, Json]:
    """Return the provider's own keys of an object. Raises UntranslatableError for a known one that is not `written`."""
    own: dict[str, Json] = {}
    for key, each in value.items():
        if key in written:
            continue
        if key not in known:
            own[key] = each
        elif each not in _ABSENT:
            reason, hint = _REASONS.get(key, ("the Responses API has no place for it here", None))
            raise UntranslatableError((*at, key), reason, hint)
    return own


_REASONS: Mapping[str, tuple[str, str | None]] = {
    "name": ("messages of the Responses API have no name", "write the name into the text"),
    "audio": ("the Responses API has no spoken answers", "use an endpoint with `api: chat`"),
    "function_call": (
        "the Responses API has no older form of calls",
        "use tool_calls and a message of role tool",
    ),
}


def _said(message: JsonObject, at: JsonPath, custom: set[Json]) -> Iterator[Json]:
    """Yield the items of a message that is not the result of a tool: the message itself, and the calls in it."""
    role = message.get("role")
    if role == "function":
        reason = "the Responses API knows a result by the id of its call"
        raise UntranslatableError((*at, "role"), reason, "use tool_calls and a message of role tool")
    written = {"role", "content", *(("refusal", "tool_calls") if role == "assistant" else ())}
    beside = foreign(message, at, written, known_keys("wireMessage"))
    content, refusal, calls = message.get("content"), message.get("refusal"), message.get("tool_calls")
    if isinstance(content, list | tuple):
        content = _parts(content, (*at, "content"), role)
    if refusal is not None:
        said: list[Json] = [{"type": "output_text", "text": content}] if isinstance(content, str) else []
        content = [*(content if isinstance(content, list) else said), {"type": "refusal", "refusal": refusal}]
    if content is not None:
        yield {"role": role, "content": content, **beside}
    elif beside:
        key = next(iter(beside))
        raise UntranslatableError((*at, key), "a message without content has no item that could have it")
    for index, call in enumerate(calls if isinstance(calls, list | tuple) else ()):
        yield _call(call, (*at, "tool_calls", index), custom)


def _call(call: Json, at: JsonPath, custom: set[Json]) -> Json:
    """Return the item of a call. A call of a type that the format of prompts does not have is an item already."""
    if not isinstance(call, Mapping) or call.get("type", "function") not in ("function", "custom"):
        return call
    kind = str(call.get("type", "function"))
    beside = foreign(call, at, {"type", "id", kind}, known_keys("toolCall"))
    called, given = call.get(kind), "input" if kind == "custom" else "arguments"
    called = called if isinstance(called, Mapping) else {}
    if kind == "custom":
        custom.add(call.get("id"))
    own = foreign(called, (*at, kind), {"name", given}, _KEYS_OF_CALLED)
    named: dict[str, Json] = {key: called[key] for key in ("name", given) if key in called}
    word = "custom_tool_call" if kind == "custom" else "function_call"
    return joined({"type": word, "call_id": call.get("id"), **named}, at, beside, own)


_KEYS_OF_CALLED = frozenset({"name", "arguments", "input", "thought_signature", "provider_specific_fields"})


def _result(message: JsonObject, at: JsonPath, custom: set[Json]) -> Json:
    """Return the item of the result of a tool; `custom` has the ids of earlier calls of custom tools."""
    beside = foreign(message, at, {"role", "content", "tool_call_id"}, known_keys("wireMessage"))
    content, call = message.get("content"), message.get("tool_call_id")
    if isinstance(content, list | tuple):
        content = _parts(content, (*at, "content"), "tool")
    word = "custom_tool_call_output" if call in custom else "function_call_output"
    return joined({"type": word, "call_id": call, "output": content}, at, beside)


def joined(item: dict[str, Json], at: JsonPath, *others: JsonObject) -> dict[str, Json]:
    """Return an item with the provider's own keys. Raises UntranslatableError for one that the item has already."""
    for other in others:
        for key, value in other.items():
            if key in item:
                raise UntranslatableError(
                    (*at, key), f"`{key}` is written from another key of the same object"
                )
            item[key] = value
    return item


def _parts(parts: Sequence[Json], at: JsonPath, role: Json) -> list[Json]:
    return [_part(part, (*at, index), role) for index, part in enumerate(parts)]


def _part(part: Json, at: JsonPath, role: Json) -> Json:
    """Return a part of a message. A part of a type that the format of prompts does not have is sent unchanged."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind not in known_types("part"):
        return part
    if kind == "text":
        return _flat(part, at, "output_text" if role == "assistant" else "input_text", {"text": "text"})
    if kind == "refusal" and role == "assistant":
        return _flat(part, at, "refusal", {"refusal": "refusal"})
    if role == "assistant":
        reason = "a message of the model consists of text and refusals in the Responses API"
        raise UntranslatableError(at, f"{kind}: {reason}")
    if kind == "image_url":
        return _medium(part, at, "image_url", "input_image", {"url": "image_url", "detail": "detail"})
    if kind == "file":
        same = {key: key for key in ("file_id", "filename", "file_data")}
        return _medium(part, at, "file", "input_file", same)
    if kind == "input_audio":
        reason = "the Responses API does not accept sound"
        raise UntranslatableError(at, reason, "use an endpoint with `api: chat`")
    if kind in _FILE_URLS:
        return _file_at(part, at, str(kind))
    raise UntranslatableError(at, f"the Responses API has no part of type {kind}")


_FILE_URLS = ("file_url", "document_url", "pdf_url")
_FILE_NAMES = {"file_name": "filename", "document_name": "filename"}


def _file_at(part: JsonObject, at: JsonPath, kind: str) -> dict[str, Json]:
    """Return a file that the provider fetches, which the part has as a URL or as {url: ...}."""
    value = part.get(kind)
    if isinstance(value, Mapping) and value.keys() == {"url"}:
        value = value["url"]
    if not isinstance(value, str):
        raise UntranslatableError((*at, kind), "the Responses API accepts nothing but a URL here")
    item = _flat({key: each for key, each in part.items() if key != kind}, at, "input_file", _FILE_NAMES)
    return joined(item, (*at, kind), {"file_url": value})


def _flat(part: JsonObject, at: JsonPath, kind: str, names: Mapping[str, str]) -> dict[str, Json]:
    own = foreign(part, at, {"type", "prompt_cache_breakpoint", *names}, known_keys("knownPart"))
    item: dict[str, Json] = {"type": kind}
    for key, value in part.items():
        if key in names:
            item[names[key]] = value
        elif key == "prompt_cache_breakpoint":
            item[key] = value
    return joined(item, at, own)


def _medium(part: JsonObject, at: JsonPath, key: str, kind: str, names: Mapping[str, str]) -> dict[str, Json]:
    """Return an image or a file, whose keys are beside its type; some providers have them there in messages too."""
    holder = part.get(key)
    beside = {"file_id": "file_id"} if "file_id" in names else {}
    item = _flat({name: each for name, each in part.items() if name != key}, at, kind, beside)
    if isinstance(holder, str):
        return joined(item, at, {key: holder})
    if not isinstance(holder, Mapping):
        return item
    own = foreign(holder, (*at, key), names, {*names, "format"})
    return joined(item, (*at, key), {names[name]: holder[name] for name in holder if name in names}, own)
