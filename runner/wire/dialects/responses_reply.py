"""Read a response object of the Responses API as a chat completion.

Its items become one message. An item of a type that is not known does not pass: its type becomes the finish_reason, so
that an endpoint may declare what it means, as for any unknown word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...values import Json, JsonObject
from ..joining import is_empty
from ..provider_errors import error_message
from ..usage import NO_LIMITS, TokenLimits, token_count

__all__ = ["completion", "limit_of"]

_BESIDE_AN_ANSWER = frozenset(
    {"reasoning", "compaction", "context_compaction", "web_search_call", "file_search_call", "x_search_call"}
    | {"code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call", "tool_search_output"}
    | {"additional_tools", "shell_call_output", "local_shell_call_output", "apply_patch_call_output"}
    | {"function_call_output", "custom_tool_call_output", "computer_call_output"}
)
"""Items of what the server itself did on the way to an answer."""

_FOR_THE_CLIENT = frozenset(
    {"computer_call", "local_shell_call", "shell_call", "apply_patch_call", "mcp_approval_request"}
)
"""Calls that the client would have to answer, as it does those of functions; the turn is not over."""

_REPEATED = frozenset(
    {"background", "conversation", "frequency_penalty", "include", "instructions", "max_output_tokens"}
    | {
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "presence_penalty",
        "previous_response_id",
        "prompt",
    }
    | {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier"}
    | {"store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"}
)
"""The fields in which a response repeats its request."""

_READ = frozenset(
    {"id", "object", "created_at", "completed_at", "status", "model", "output", "usage", "error"}
)
_ENVELOPE = frozenset({"billing", "service_tier"})
_ELSEWHERE = _READ | _REPEATED | _ENVELOPE

_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}
_UNFINISHED = ("queued", "in_progress", "cancelled", "failed")
_USAGE = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}


def limit_of(request: JsonObject) -> int | None:
    """Return the maximum number of tokens that a declared request allows, or None."""
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    return limit if isinstance(limit, int) else None


def completion(payload: Json, limits: TokenLimits = NO_LIMITS) -> Json:
    """Return a response object as a chat.completion value; see `Dialect.completion`.

    An answer that reaches the `limits` was cut off, even if the server calls it completed, as llama.cpp does.

    The fields that repeat the request are left out. Items beside the text and the calls are kept unchanged, as parts of
    the message's content; reasoning with more than its text is one of them.
    """
    if isinstance(payload, list | tuple) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, Mapping):
        return payload
    if not isinstance(payload.get("output"), list | tuple) or payload.get("object") not in ("response", None):
        return _not_understood(payload)
    left = {key: each for key, each in payload.items() if key not in _ELSEWHERE and each is not None}
    details = left.get("incomplete_details")
    if isinstance(details, Mapping) and details.keys() <= {"reason"}:
        del left["incomplete_details"]  # it is the finish_reason
    left.pop("output_text", None)  # the text of the items once more
    value: dict[str, Json] = {
        **{key: payload[key] for key in ("id", "model") if key in payload},
        "object": "chat.completion",
        **left,
        "choices": [_choice(payload, limits)],
        "usage": _usage(payload.get("usage")),
    }
    error = _error(payload)
    return value if error is None else {**value, "error": error}


def _not_understood(payload: JsonObject) -> Json:
    if payload.get("error") is not None or error_message(payload):
        return payload
    message = "The response has no list `output`, so it is not a response of the Responses API."
    if isinstance(payload.get("object"), str):
        message = (
            f"The response is an object of type {payload['object']!r}, not `response` with a list `output`."
        )
    return {**payload, "error": {"message": message, "code": "malformed_response"}}


def _error(payload: JsonObject) -> Json:
    """Return the error of a response that failed or has not ended, or None."""
    error, status = payload.get("error"), payload.get("status")
    if error is not None or status not in _UNFINISHED:
        return error
    if status in ("queued", "in_progress"):
        message = f"The response has not ended (status {status!r}): runner does not ask for it again."
    else:
        message = f"The response ended with status {status!r}."
    return {"message": message, "code": f"response_{status}"}


def _usage(usage: Json) -> Json:
    if not isinstance(usage, Mapping):
        return usage
    return {_USAGE.get(key, key): each for key, each in usage.items()}


class _Parts:
    """What the items of a response have, in their order."""

    def __init__(self, output: list[Json] | tuple[Json, ...]) -> None:
        self.said: list[tuple[Json, str]] = []
        self.content: list[Json] = []
        self.refusals: list[str] = []
        self.reasoning: list[str] = []
        self.annotations: list[Json] = []
        self.logprobs: list[Json] = []
        self.calls: list[Json] = []
        self.ends: list[str] = []
        for item in output:
            self._add(item)
        self.text = self._text()

    def _add(self, item: Json) -> None:
        kind = item.get("type") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(kind, str):
            self.content.append(item)
            self.ends.append("unknown_item")
        elif kind == "message" and item.get("role", "assistant") == "assistant":
            self._add_message(item)
        elif kind in ("function_call", "custom_tool_call"):
            self.calls.append(_call(item, kind))
            self._end_of(item)
        elif kind in _FOR_THE_CLIENT or (kind == "tool_search_call" and item.get("execution") == "client"):
            self.calls.append(item)
        elif kind == "reasoning":
            self._add_reasoning(item)
        else:
            self.content.append(item)
            if kind not in _BESIDE_AN_ANSWER and kind != "tool_search_call":
                self.ends.append(kind)

    def _text(self) -> str | None:
        """Return the text of all messages, or of the final answer alone; comments before it are parts of the content."""
        final = any(phase == "final_answer" for phase, _ in self.said)
        before = [text for phase, text in self.said if final and phase == "commentary"]
        self.content.extend({"type": "message", "phase": "commentary", "text": text} for text in before)
        texts = [text for phase, text in self.said if not (final and phase == "commentary")]
        return "".join(texts) if texts else None

    def _end_of(self, item: JsonObject) -> None:
        """Note that a message or a call has no end: a server may call the whole response completed all the same."""
        status = item.get("status")
        if isinstance(status, str) and status not in ("completed", "complete"):
            self.ends.append(status)

    def _add_message(self, item: JsonObject) -> None:
        self._end_of(item)
        beside = {key: item[key] for key in item if key not in _OF_MESSAGE}
        if not is_empty(beside):
            self.content.append({"type": "message", **beside})
        phase, content = item.get("phase"), item.get("content")
        if isinstance(content, str):
            self.said.append((phase, content))
            return
        for part in content if isinstance(content, list | tuple) else ():
            kind = part.get("type") if isinstance(part, Mapping) else None
            if (
                isinstance(part, Mapping)
                and kind in ("output_text", "text")
                and isinstance(part.get("text"), str)
            ):
                self.said.append((phase, str(part["text"])))
                self._add_marks(part)
            elif isinstance(part, Mapping) and kind == "refusal" and isinstance(part.get("refusal"), str):
                self.refusals.append(str(part["refusal"]))
                self._add_marks(part)
            else:
                self.content.append(part)
                self.ends.append(kind if isinstance(kind, str) else "unknown_part")

    def _add_marks(self, part: JsonObject) -> None:
        """Keep what a part has besides its text: annotations, logprobs, and anything else."""
        for key, into in (("annotations", self.annotations), ("logprobs", self.logprobs)):
            if isinstance(values := part.get(key), list | tuple):
                into.extend(values)
        left = {
            key: each
            for key, each in part.items()
            if key not in ("type", "text", "refusal")
            and not (key in ("annotations", "logprobs") and isinstance(each, list | tuple))
        }
        if not is_empty(left):
            self.content.append({"type": str(part["type"]), **left})

    def _add_reasoning(self, item: JsonObject) -> None:
        texts = list(_texts(item.get("content"))) or list(_texts(item.get("summary")))
        self.reasoning.extend(texts)
        both = any(_texts(item.get("content"))) and any(_texts(item.get("summary")))
        if both or any(not is_empty(each) for key, each in item.items() if key not in _OF_REASONING):
            self.content.append(item)


_OF_MESSAGE = frozenset({"type", "id", "role", "status", "content", "phase"})
_OF_REASONING = frozenset({"type", "id", "status", "summary", "content"})


def _texts(parts: Json) -> Iterator[str]:
    for part in parts if isinstance(parts, list | tuple) else ():
        if isinstance(part, Mapping) and isinstance(part.get("text"), str) and part["text"]:
            yield str(part["text"])


def _call(item: JsonObject, kind: str) -> Json:
    """Return a call as in a chat completion; keys without a name there stay beside it."""
    body, given = ("custom", "input") if kind == "custom_tool_call" else ("function", "arguments")
    beside = {
        key: each
        for key, each in item.items()
        if key not in ("type", "id", "call_id", "status", "name", given) and not is_empty(each)
    }
    called: dict[str, Json] = {"name": item.get("name"), given: item.get(given)}
    return {"id": item.get("call_id") or item.get("id"), "type": body, body: called, **beside}


def _choice(payload: Mapping[str, Any], limits: TokenLimits) -> Json:
    parts = _Parts(payload["output"])
    text = parts.text
    message: dict[str, Json] = {"role": "assistant", "content": text}
    if parts.content:
        message["content"] = [*([{"type": "text", "text": text}] if text is not None else []), *parts.content]
    for key, pieces in (("refusal", parts.refusals), ("reasoning_content", parts.reasoning)):
        if pieces:
            message[key] = ("\n\n" if key == "reasoning_content" else "").join(pieces)
    if parts.annotations:
        message["annotations"] = parts.annotations
    if parts.calls:
        message["tool_calls"] = parts.calls
    choice: dict[str, Json] = {
        "index": 0,
        "message": message,
        "finish_reason": _ending(payload, parts, limits),
    }
    return {**choice, "logprobs": {"content": parts.logprobs}} if parts.logprobs else choice


def _ending(payload: JsonObject, parts: _Parts, limits: TokenLimits) -> Json:
    """Return the finish_reason: why it is incomplete, else what is wrong with an item; None if there is no end."""
    status, details = payload.get("status"), payload.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    if isinstance(reason, str) and reason:
        return _REASONS.get(reason, reason)
    if status in _UNFINISHED:
        return None
    if status not in ("completed", "complete", None):
        return status
    if parts.ends:
        return parts.ends[0]
    usage = payload.get("usage")
    counts = usage if isinstance(usage, Mapping) else None
    if limits.reached(token_count(counts, "input_tokens"), token_count(counts, "output_tokens")):
        return "length"
    return "tool_calls" if parts.calls else "stop"
