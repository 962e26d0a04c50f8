"""Anthropic's Messages API (its API reference, "Messages"), as Anthropic, Bedrock, Ollama, llama.cpp and relays serve it.

The version of the API is 2023-06-01. `anthropic_request` writes the request, this module reads the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from ...finish_reasons import Declared
from ...values import Json, JsonObject
from ..dialect import Dialect
from ..error_rules import Asked
from ..joining import is_empty
from ..stream import StreamReader
from ..usage import token_count
from .anthropic_request import translated
from .anthropic_stream import MessageStream

__all__ = ["DIALECT", "Messages"]

_RENAMED = frozenset({"type", "role", "content", "stop_reason", "stop_sequence", "stop_details", "usage"})
"""Fields of a message that a completion has elsewhere, or under another name."""

_OF_CALL = frozenset({"type", "id", "name", "input"})
_PLAIN_TEXT = frozenset({"type", "text"})


class Messages(Dialect):
    """`POST messages`, below a base URL that ends in /v1."""

    name = "messages"
    headers = MappingProxyType({"anthropic-version": "2023-06-01"})
    schema_rules = "anthropic"
    names = MappingProxyType(
        {
            "system": ("messages",),
            "max_tokens": ("max_completion_tokens", "max_tokens"),
            "stop_sequences": ("stop",),
            "metadata": ("metadata", "safety_identifier", "user"),
            "output_config": ("response_format", "reasoning_effort"),
            "output_config.format": ("response_format",),
            "output_config.effort": ("reasoning_effort",),
        }
    )

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "messages"

    def encode(self, request: JsonObject) -> JsonObject:
        """Translate every key, or refuse it."""
        return translated(request)

    def with_stream(self, body: JsonObject) -> JsonObject:
        """Add `stream`, unless the body has it. A stream always has the usage."""
        return {**body, "stream": body.get("stream", True)}

    def completion(self, payload: Json) -> Json:
        """Translate a message. Any other value, such as an error, is returned unchanged."""
        if not isinstance(payload, dict) or not isinstance(payload.get("content"), list):
            return payload
        if payload.get("error") is not None or "choices" in payload:
            return payload
        return completion_of(payload)

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Return a reader that puts the message together from its content blocks."""
        return MessageStream(headers, finish_reasons, asked, completion_of)


def completion_of(message: Mapping[str, Json], *, ended: bool = True) -> dict[str, Json]:
    """Return a message as a chat.completion. A stop_reason that is missing in a message that has `ended` is unknown.

    Text, thinking and blocks without a counterpart stay in `content`; calls of declared tools become `tool_calls`, and
    citations are listed as `annotations` too.
    """
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    said: dict[str, Json] = {
        "role": message.get("role", "assistant"),
        "content": _content([block for block in blocks if not _is_call(block)]),
    }
    if calls := [_call(block) for block in blocks if isinstance(block, Mapping) and _is_call(block)]:
        said["tool_calls"] = calls
    if citations := [citation for block in blocks for citation in _citations(block)]:
        said["annotations"] = citations
    reason = message.get("stop_reason")
    choice: dict[str, Json] = {
        "index": 0,
        "message": said,
        "finish_reason": "null" if reason is None and ended else reason,
        **{key: message[key] for key in ("stop_sequence", "stop_details") if not is_empty(message.get(key))},
    }
    fields = {key: value for key, value in message.items() if key not in _RENAMED}
    usage = message.get("usage")
    return {
        **fields,
        "object": "chat.completion",
        "choices": [choice],
        "usage": usage_of(usage) if isinstance(usage, Mapping) else usage,
    }


def usage_of(usage: Mapping[str, Json]) -> dict[str, Json]:
    """Return the usage with the names of chat completions beside its own. Cached tokens are part of the prompt there."""
    read, written = (
        token_count(usage, name) or 0 for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    new, answer = token_count(usage, "input_tokens"), token_count(usage, "output_tokens")
    counts: dict[str, Json] = {}
    if new is not None:
        counts["prompt_tokens"] = new + read + written
    if answer is not None:
        counts["completion_tokens"] = answer
    if new is not None and answer is not None:
        counts["total_tokens"] = new + read + written + answer
    if new is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": read, **_written(usage, written)}
    details = usage.get("output_tokens_details")
    thought = token_count(details, "thinking_tokens") if isinstance(details, Mapping) else None
    if thought is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": thought}
    return {**usage, **counts}


def _written(usage: Mapping[str, Json], written: int) -> dict[str, Json]:
    """Return the tokens that were written to the cache, and those of them that it keeps for an hour."""
    if not written:
        return {}
    by_time = usage.get("cache_creation")
    kept = token_count(by_time, "ephemeral_1h_input_tokens") if isinstance(by_time, Mapping) else None
    return {"cache_write_tokens": written, **({"cache_write_1h_tokens": kept} if kept else {})}


def _is_call(block: Json) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "tool_use"


def _call(block: Mapping[str, Json]) -> dict[str, Json]:
    """Return a tool_use block as a call. Input that is not complete JSON, which a cut stream leaves, stays text."""
    given = block.get("input")
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    beside = {key: value for key, value in block.items() if key not in _OF_CALL}
    called: dict[str, Json] = {"name": block.get("name"), "arguments": text}
    return {"id": block.get("id"), "type": "function", **beside, "function": called}


def _content(blocks: list[Json]) -> Json:
    """Return the content as text if it is nothing but text, else the blocks as received."""
    texts: list[str] = []
    for block in blocks:
        text = block.get("text") if isinstance(block, Mapping) and block.get("type") == "text" else None
        if not isinstance(block, Mapping) or not isinstance(text, str):
            return blocks
        if not all(is_empty(value) for key, value in block.items() if key not in _PLAIN_TEXT):
            return blocks
        texts.append(text)
    return "".join(texts) if texts else None


def _citations(block: Json) -> list[Json]:
    found = block.get("citations") if isinstance(block, Mapping) and block.get("type") == "text" else None
    return found if isinstance(found, list) else []


DIALECT = Messages()
