"""What an answer holds besides its text. It is paid for, so that all of it is kept: by name, or as `extra`.

`extra` has what has no name of its own, by the object of the response that it stood in: message, choice, completion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ..values import Json, JsonObject
from .content import Content
from .decoding import visible
from .joining import is_empty
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
"""Lists of sources that have names of their own (Perplexity and others) where OpenAI has `annotations`."""

_MOST_OTHERS = 1_000_000
"""Characters of choices that nobody asked for that are kept."""


def spoken(message: Mapping[str, Json]) -> str | None:
    """The transcript of a spoken answer: its text, where it has no other."""
    audio = message.get("audio")
    transcript = audio.get("transcript") if isinstance(audio, Mapping) else None
    return transcript if isinstance(transcript, str) else None


def reasoning_of(message: Mapping[str, Json], content: Content) -> str | None:
    """The model's reasoning, wherever the server has put it."""
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
    content: Content,
    completion: Mapping[str, Json],
    request: JsonObject,
) -> Answer:
    """`answer` with all else that its choice holds, and `completion`, what stands beside the choices."""
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
    kept: dict[str, Json] = {place: told for place, values in extra.items() if (told := _telling(values))}
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
    """Whether a choice is nothing but its text, as most are: quick to tell."""
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
    """`answer` with choices that are no answers of their own, and how many of them did not fit, in words."""
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
    return answer, f"; {left:,} of them are too long to be kept" if left else ""


def completion_fields(completion: Mapping[str, Json]) -> dict[str, Json]:
    """What of a completion stands in no record otherwise."""
    fields = {key: value for key, value in completion.items() if key not in _OF_COMPLETION}
    usage = completion.get("usage")
    return fields if isinstance(usage, Mapping) else {**fields, "usage": usage}


def _left_of_message(
    answer: Answer, message: Mapping[str, Json], content: Content, reasoning: str | None
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
    """OpenAI's annotations as they came, and lists of sources in the same form: {"type": NAME, NAME: the list}."""
    found: list[Json] = []
    for holder in holders:
        annotations = holder.get("annotations")
        if isinstance(annotations, list | tuple) and holder is holders[0]:
            found.extend(annotations)
        found.extend(
            {"type": name, name: holder[name]} for name in _SOURCES if not is_empty(holder.get(name))
        )
    return found


def _telling(values: Mapping[str, Json]) -> dict[str, Json]:
    return {str(visible(key)): visible(value) for key, value in values.items() if not is_empty(value)}


def _object(value: dict[str, Json]) -> dict[str, Json]:
    seen = visible(value)
    return seen if isinstance(seen, dict) else {}
