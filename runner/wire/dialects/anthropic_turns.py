"""Translate messages into the `system` and the turns of the Messages API: every key has its place, or is refused."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import NoReturn

from ...values import Json, JsonObject, JsonPath
from ..decoding import parse_answer
from ..dialect import UntranslatableError
from ..joining import is_empty

__all__ = ["REFUSED_OF_CALL", "REFUSED_OF_MESSAGE", "REFUSED_OF_PART", "conversation"]

_SYSTEM = ("system", "developer")
_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)
_PLACELESS = "the Messages API has no place for it"
_REASONING = (
    "the Messages API takes reasoning back only as it sent it",
    "write it as a part: {type: thinking, thinking: ..., signature: ...}",
)

REFUSED_OF_MESSAGE: Mapping[str, tuple[str, str | None]] = {
    "name": ("messages have no names there", "put the name into the text"),
    "tool_name": ("results have no names there", None),
    "function_call": ("the Messages API has only tools", "write it under tool_calls"),
    "refusal": (_PLACELESS, "write the refusal as the content"),
    **dict.fromkeys(
        (
            "reasoning_content",
            "reasoning",
            "reasoning_details",
            "reasoning_text",
            "reasoning_opaque",
            "thinking",
        ),
        _REASONING,
    ),
    **dict.fromkeys(
        (
            "audio",
            "tool_plan",
            "annotations",
            "citations",
            "images",
            "extra_content",
            "provider_specific_fields",
        ),
        (_PLACELESS, None),
    ),
    **dict.fromkeys(
        ("prefix", "partial"), ("a last message of the assistant is always continued there", "leave it out")
    ),
    "prompt_cache_breakpoint": ("it has cache_control instead", None),
}
"""Fields of messages that have no place there: why, and what to do. They are refused unless they are null or empty."""

REFUSED_OF_PART = frozenset(
    {
        "annotations", "prompt_cache_breakpoint", "reference_ids", "file_name", "document_name", "document", "closed",
        "uuid", "fps", "min_pixels", "max_pixels", "total_pixels", "extra_content", "image_url", "input_audio", "file",
        "refusal", "reasoning", "document_url", "file_url", "pdf_url", "video_url", "audio_url", "video", "image",
        "file_id",
    }
)  # fmt: skip
"""Fields of parts that have no place there, except where the part's type is translated."""

_OWN_PARTS = {
    "thinking": "thinking",
    "redacted_thinking": "data",
    "image": "source",
    "document": "source",
    "search_result": "source",
}
"""The parts of the Messages API that a prompt may have, each with the field that it must have there."""

_NO_PARTS: Mapping[str, str | None] = {
    "input_audio": None,
    "refusal": "write the refusal as text",
    "reasoning": _REASONING[1],
    "video_url": None,
    "audio_url": None,
    "input_video": None,
    "video": None,
    "reference": None,
    **dict.fromkeys(
        ("document_url", "file_url", "pdf_url"),
        "write it as a part: {type: document, source: {type: url, url: ...}}",
    ),
}

REFUSED_OF_CALL = (
    "index",
    "extra_content",
    "provider_specific_fields",
    "prompt_cache_breakpoint",
    "thought_signature",
)


def conversation(messages: Sequence[Json]) -> tuple[Json, list[Json]]:
    """Return `system`, from the leading system and developer messages (None: there are none), and the turns.

    Neighbours of one role become one turn, as the API itself reads them, and results of tools are part of the user's
    turn. Later system messages stay where they are. Raises UntranslatableError, with a path from the request.
    """
    leading = 0
    while leading < len(messages) and _role(messages[leading]) in _SYSTEM:
        leading += 1
    system = _system([_turn(messages[index], ("messages", index)) for index in range(leading)])
    turns: list[dict[str, Json]] = []
    for index in range(leading, len(messages)):
        turn = _turn(messages[index], ("messages", index))
        if (
            turns
            and turns[-1]["role"] == turn["role"]
            and turns[-1].keys() == turn.keys() == {"role", "content"}
        ):
            turns[-1]["content"] = [*_blocks(turns[-1]["content"]), *_blocks(turn["content"])]
        else:
            turns.append(turn)
    if messages and not turns:
        _refuse(("messages",), "it needs a message besides the system's", "add a message of the user")
    return system, list(turns)


def _refuse(path: JsonPath, reason: str, hint: str | None = None) -> NoReturn:
    raise UntranslatableError(path, reason, hint)


def _role(message: Json) -> Json:
    return message.get("role") if isinstance(message, Mapping) else None


def _system(turns: Sequence[JsonObject]) -> Json:
    for index, turn in enumerate(turns):
        for key in turn:
            if key not in ("role", "content"):
                _refuse(("messages", index, key), "the system prompt has no such key")
    if len(turns) == 1:
        return turns[0]["content"]
    return [block for turn in turns for block in _blocks(turn["content"])] or None


def _blocks(content: Json) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(_list(content))


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()


def _turn(message: Json, at: JsonPath) -> dict[str, Json]:
    """Return one message as a turn: `role`, `content`, and fields that only the provider knows."""
    if not isinstance(message, Mapping):
        _refuse(at, "it is not a message")
    own: dict[str, Json] = {}
    for key, value in message.items():
        if key in REFUSED_OF_MESSAGE and not is_empty(value):
            _refuse((*at, key), *REFUSED_OF_MESSAGE[key])
        if key not in _READ and key not in REFUSED_OF_MESSAGE:
            own[key] = value
    role, content = message.get("role"), _content(message.get("content"), (*at, "content"))
    thoughts, calls = message.get("thinking_blocks"), _list(message.get("tool_calls"))
    if not is_empty(thoughts) and (role != "assistant" or not isinstance(thoughts, list | tuple)):
        _refuse(
            (*at, "thinking_blocks"), "only messages of the assistant have a list of thinking blocks there"
        )
    if role == "function":
        _refuse(
            (*at, "role"), "the Messages API has only tools", "write it as a result of a tool: role: tool"
        )
    if role == "tool":
        result: dict[str, Json] = {
            "type": "tool_result",
            "tool_use_id": message.get("tool_call_id"),
            "content": content,
            **own,
        }
        return {"role": "user", "content": [_cached(result, message)]}
    if thoughts or calls:
        # An empty text beside a call says nothing, as null does; the API refuses empty text.
        said = [] if content in ("", None) else _blocks(content)
        called = [_call(call, (*at, "tool_calls", index)) for index, call in enumerate(calls)]
        content = [*_list(thoughts), *said, *called]
    if message.get("cache_control") is not None:
        *before, last = _blocks(content) or [None]
        if not isinstance(last, Mapping) or "cache_control" in last:
            _refuse(
                (*at, "cache_control"),
                "it is part of the message's last part there, which has one or is missing",
            )
        content = [*before, _cached(last, message)]
    if content is None:
        _refuse((*at, "content"), "the message is empty")
    return {"role": "system" if role in _SYSTEM else role, "content": content, **own}


_READ = frozenset({"role", "content", "tool_call_id", "tool_calls", "thinking_blocks", "cache_control"})


def _cached(block: JsonObject, message: JsonObject) -> dict[str, Json]:
    mark = message.get("cache_control")
    return dict(block) if mark is None else {**block, "cache_control": mark}


def _content(content: Json, at: JsonPath) -> Json:
    if isinstance(content, list | tuple):
        return [_part(part, (*at, index)) for index, part in enumerate(content)]
    return content


def _part(part: Json, at: JsonPath) -> Json:
    if not isinstance(part, Mapping):
        return part
    kind = part.get("type")
    if kind == "image_url":
        return {"type": "image", "source": _image(part["image_url"], (*at, kind)), **_rest(part, kind, at)}
    if kind == "file":
        inner = "file" if isinstance(part.get("file"), Mapping) else "file_id"
        return {**_document(part, at), **_rest(part, inner, at)}
    if isinstance(kind, str) and kind in _NO_PARTS:
        _refuse((*at, "type"), f"the Messages API has no part of type {kind}", _NO_PARTS[kind])
    needed = _OWN_PARTS.get(kind) if isinstance(kind, str) else None
    if needed is not None and (needed not in part or isinstance(part[needed], list | tuple)):
        _refuse(at, f"a part of type {kind} has {needed} there")
    if kind == "text" or needed is not None:
        return {"type": kind, **_rest(part, None, at)}
    return part


def _rest(part: JsonObject, kind: str | None, at: JsonPath) -> dict[str, Json]:
    """Return the fields of a part besides its type and the field that is translated. Null is as good as absent."""
    found: dict[str, Json] = {}
    for key, value in part.items():
        if key in ("type", kind) or value is None:
            continue
        if key in REFUSED_OF_PART:
            _refuse((*at, key), _PLACELESS)
        found[key] = value
    return found


def _only(holder: JsonObject, allowed: Sequence[str], at: JsonPath) -> None:
    for key, value in holder.items():
        if key not in allowed and value is not None:
            _refuse((*at, key), _PLACELESS, "leave it out")


def _image(value: Json, at: JsonPath) -> Json:
    holder: JsonObject = value if isinstance(value, Mapping) else {"url": value}
    _only(holder, ("url",), at)
    url = holder.get("url")
    text, at = (url if isinstance(url, str) else ""), ((*at, "url") if isinstance(value, Mapping) else at)
    if not text.startswith("data:"):
        return {"type": "url", "url": url}
    found = _DATA_URL.fullmatch(text)
    if found is None or not found[1].startswith("image/"):
        _refuse(at, "it needs base64 and the media type of an image", "write data:image/png;base64,...")
    return {"type": "base64", "media_type": found[1], "data": found[2]}


def _document(part: JsonObject, at: JsonPath) -> dict[str, Json]:
    file = part.get("file")
    holder: JsonObject = file if isinstance(file, Mapping) else {"file_id": part.get("file_id")}
    at = (*at, "file") if isinstance(file, Mapping) else at
    _only(holder, ("file_id", "file_data", "filename"), at)
    name = holder.get("filename")
    title: dict[str, Json] = {} if name is None else {"title": name}
    number, data = holder.get("file_id"), holder.get("file_data")
    if (number is None) == (data is None):
        _refuse(at, "it needs either file_id or file_data")
    if number is not None:
        return {"type": "document", "source": {"type": "file", "file_id": number}, **title}
    found = _DATA_URL.fullmatch(data) if isinstance(data, str) else None
    if found is None or found[1] not in ("application/pdf", "text/plain"):
        _refuse((*at, "file_data"), "a document is a PDF or plain text there, as a data: URL with base64")
    if found[1] == "application/pdf":
        source: Json = {"type": "base64", "media_type": found[1], "data": found[2]}
    else:
        source = {"type": "text", "media_type": found[1], "data": _plain(found[2], (*at, "file_data"))}
    return {"type": "document", "source": source, **title}


def _plain(data: str, at: JsonPath) -> str:
    try:
        return b64decode(data, validate=True).decode()
    except ValueError:
        _refuse(at, "it is not base64 of text in UTF-8")


def _call(call: Json, at: JsonPath) -> Json:
    """Return a call as a tool_use block. Its arguments must be a JSON object."""
    if not isinstance(call, Mapping) or call.get("type", "function") != "function":
        kind = call.get("type") if isinstance(call, Mapping) else None
        _refuse(
            at,
            f"it has no calls of type {kind}",
            "declare a function, or write the call as a part of content",
        )
    function = call.get("function")
    holder: JsonObject = function if isinstance(function, Mapping) else {}
    found: dict[str, Json] = {"type": "tool_use", "id": call.get("id"), "name": holder.get("name")}
    for each, path, read in (
        (holder, (*at, "function"), ("name", "arguments")),
        (call, at, ("id", "type", "function")),
    ):
        for key, value in each.items():
            if key in read or value is None:
                continue
            if key in REFUSED_OF_CALL or key in found:
                _refuse((*path, key), _PLACELESS, "leave it out")
            found[key] = value
    arguments = holder.get("arguments")
    try:
        found["input"] = parse_answer(arguments) if isinstance(arguments, str) else arguments
    except ValueError as problem:
        _refuse(
            (*at, "function", "arguments"), f"it is not JSON, and calls have a JSON object there: {problem}"
        )
    if not isinstance(found["input"], Mapping):
        _refuse(
            (*at, "function", "arguments"),
            "calls have a JSON object there, and this is none",
            "write {} for none",
        )
    return found
