"""Read everything in an answer besides its text. It is paid for, so all of it is kept: by name, or in `extra`.

`extra` has the fields without their own name in a record, by the object of the response that had them: message, choice,
completion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ..values import Json, JsonObject
from .decoding import visible
from .joining import is_empty
from .message_content import MessageContent
from .reply import Answer

__all__ = ["completion_fields", "reasoning_of", "spoken", "with_others", "with_parts"]

_OF_COMPLETION = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
    | {"error", "obfuscation"}
)
_OF_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs", "error"})
_OF_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "audio", "annotations"})
_REASONING = ("reasoning_content", "reasoning", "thinking")
_SOURCES = ("citations", "search_results")
"""Lists of sources under the providers' own names (Perplexity and others); OpenAI has `annotations` instead."""

_MOST_OTHERS = 1_000_000
"""The maximum number of characters that are kept of surplus choices."""


def spoken(message: Mapping[str, Json]) -> str | None:
    """Return the transcript of a spoken answer, which is its text if it has no other, or None."""
    audio = message.get("audio")
    transcript = audio.get("transcript") if isinstance(audio, Mapping) else None
    return transcript if isinstance(transcript, str) else None


def reasoning_of(message: Mapping[str, Json], content: MessageContent) -> str | None:
    """Return the model's reasoning, wherever the server puts it, or None."""
    for text in (*(message.get(name) for name in _REASONING), content.reasoning):
        if isinstance(text, str) and text:
            return text
    details = message.get("reasoning_details")
    texts = [
        text
        for each in (details if isinstance(details, list | tuple) else ())
        if isinstance(each, Mapping) and isinstance(text := each.get("text") or each.get("summary"), str)
    ]
    return "".join(texts) or None


def with_parts(
    answer: Answer,
    choice: Mapping[str, Json],
    message: Mapping[str, Json],
    content: MessageContent,
    completion: Mapping[str, Json],
    request: JsonObject,
) -> Answer:
    """Return `answer` with all other fields of its choice, and with `completion`, the fields beside the choices."""
    if not completion and _is_plain(answer, choice, message):
        return answer
    reasoning = reasoning_of(message, content)
    logprobs = choice.get("logprobs")
    annotations = _annotations(message, choice, completion)
    audio = message.get("audio")
    if isinstance(audio, Mapping) and audio:
        asked = request.get("audio")
        format_ = asked.get("format") if isinstance(asked, Mapping) else None
        audio = {**audio, **({"format": format_} if format_ and "format" not in audio else {})}
    extra = {
        "message": _left_of_message(answer, message, content, reasoning),
        "choice": {key: value for key, value in choice.items() if key not in _OF_CHOICE},
        "completion": dict(completion),
    }
    if not is_empty(choice.get("message")) and not isinstance(choice.get("message"), Mapping):
        extra["choice"]["message"] = choice["message"]
    for place in ("choice", "completion"):
        extra[place] = {key: value for key, value in extra[place].items() if key not in _SOURCES}
    kept: dict[str, Json] = {place: full for place, values in extra.items() if (full := _not_empty(values))}
    if kept or reasoning or annotations or not is_empty(logprobs) or not is_empty(audio):
        return answer._replace(
            reasoning=None if reasoning is None else str(visible(reasoning)),
            logprobs=None if is_empty(logprobs) else visible(logprobs),
            annotations=visible(annotations) if annotations else None,
            audio=None if is_empty(audio) else visible(audio),
            extra=_object({**(answer.extra or {}), **kept}) or None,
        )
    return answer


def _is_plain(answer: Answer, choice: Mapping[str, Json], message: Mapping[str, Json]) -> bool:
    """Return whether a choice has nothing but its text, as most choices do; a fast check."""
    return (
        choice.keys() <= _OF_CHOICE
        and message.keys() <= _OF_MESSAGE
        and message.get("role") == "assistant"
        and message.get("content") == answer.text
        and not choice.get("logprobs")
        and (
            len(message) == len(_TEXT) or not any(value for key, value in message.items() if key not in _TEXT)
        )
    )


_TEXT = frozenset({"role", "content"})


def with_others(answer: Answer, choices: Iterable[Json]) -> tuple[Answer, str]:
    """Return `answer` with the surplus choices, and a phrase that says how many of them did not fit."""
    kept: list[Json] = []
    room, left = _MOST_OTHERS, 0
    for choice in choices:
        room -= len(json.dumps(choice))
        if room >= 0:
            kept.append(choice)
        else:
            left += 1
    if kept:
        answer = answer._replace(extra=_object({**(answer.extra or {}), "choices": kept}))
    return answer, f"; {left:,} of them are too long to store" if left else ""


def completion_fields(completion: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of a completion that a record does not have otherwise."""
    fields = {key: value for key, value in completion.items() if key not in _OF_COMPLETION}
    usage = completion.get("usage")
    return fields if isinstance(usage, Mapping) else {**fields, "usage": usage}


def _left_of_message(
    answer: Answer, message: Mapping[str, Json], content: MessageContent, reasoning: str | None
) -> dict[str, Json]:
    left: dict[str, Json] = {
        key: value
        for key, value in message.items()
        if key not in _OF_MESSAGE and not (key in _REASONING and value == reasoning)
    }
    parts = [*content.left, *content.marked]
    hidden = content.text if content.text is not None and visible(content.text) != answer.text else None
    if not is_empty(hidden) or (content.reasoning and content.reasoning != reasoning):
        left["content"] = message.get("content")
    elif parts:
        left["content"] = parts
    if message.get("role") != "assistant":
        left["role"] = message.get("role")
    refusal = message.get("refusal")
    refused = refusal if isinstance(refusal, str) and refusal else content.refusal
    if not is_empty(refusal) and not isinstance(refusal, str):
        left["refusal"] = refusal
    elif refused and visible(refused) != answer.text:
        left["refusal"] = refused
    audio, annotations, calls = (message.get(key) for key in ("audio", "annotations", "tool_calls"))
    if not isinstance(audio, Mapping):
        left["audio"] = audio
    if not isinstance(annotations, list | tuple):
        left["annotations"] = annotations
    if not isinstance(calls, list | tuple) or not all(isinstance(call, Mapping) for call in calls):
        left["tool_calls"] = calls
    legacy = message.get("function_call")
    if not isinstance(legacy, Mapping) or not legacy.get("name"):
        left["function_call"] = legacy
    return {key: value for key, value in left.items() if key not in _SOURCES}


def _annotations(*holders: Mapping[str, Json]) -> list[Json]:
    """Return OpenAI's annotations as received, and lists of sources in the same form: {"type": NAME, NAME: list}."""
    found: list[Json] = []
    for holder in holders:
        annotations = holder.get("annotations")
        if isinstance(annotations, list | tuple) and holder is holders[0]:
            found.extend(annotations)
        found.extend(
            {"type": name, name: holder[name]} for name in _SOURCES if not is_empty(holder.get(name))
        )
    return found


def _not_empty(values: Mapping[str, Json]) -> dict[str, Json]:
    return {str(visible(key)): visible(value) for key, value in values.items() if not is_empty(value)}


def _object(value: dict[str, Json]) -> dict[str, Json]:
    seen = visible(value)
    return seen if isinstance(seen, dict) else {}
