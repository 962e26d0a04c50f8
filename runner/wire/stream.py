"""Join a stream of chat.completion.chunk events into the equivalent chat.completion body.

The shapes are those of OpenAI's API reference ("The chat completion chunk object"), and those of compatible servers:
chunks without choices, reasoning in separate fields, errors in the middle, a whole completion in one event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from ..finish_reasons import NONE_DECLARED, Declared, gravest
from ..values import Json
from .decoding import decode_envelope, visible
from .error_rules import ANYTHING, Asked
from .joining import is_empty, join, join_audio, join_logprobs, join_text, merge_repeated
from .message_content import read_content
from .provider_errors import error_from
from .reply import ProviderError
from .sse import SseEvent, SseSplitter

__all__ = ["StreamAccumulator", "StreamReader", "feed_all"]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_ONCE = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
"""Fields of a chunk whose first non-empty value counts: in Azure's first chunk all of them are empty."""


class StreamReader(Protocol):
    """Joins the events of one stream into the equivalent chat.completion body.

    `failure` is the error event as received, or None.
    """

    failure: Json

    def feed(self, event: SseEvent) -> list[tuple[int, str]]:
        """Add one event and return the text that it adds to the choices, as (choice, text)."""

    def finish(self) -> dict[str, Json] | ProviderError:
        """Return the chat.completion body once the stream has ended, or the error it ended with."""

    def so_far(self) -> dict[str, Json]:
        """Return the chat.completion body of what has arrived, even if the stream failed."""


def feed_all(reader: StreamReader, body: bytes) -> None:
    """Feed a whole recorded stream to a reader."""
    for event in SseSplitter().feed(body):
        reader.feed(event)


class StreamAccumulator:
    """Collects the events of one stream. `headers` are those of its response, for a request id and Retry-After.

    `finish_reasons` has the meanings of the endpoint's own words; the gravest of several words for one choice counts.
    `failure` is the error event as received. `asked` has the known facts about the request.
    """

    def __init__(
        self,
        headers: Mapping[str, str] = _NO_HEADERS,
        finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
        asked: Asked = ANYTHING,
    ) -> None:
        self._headers = headers
        self._finish_reasons = finish_reasons
        self._asked = asked
        self.failure: Json = None
        self._fields: dict[str, Json] = {}
        self._beside: dict[str, list[Json]] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Json = None
        self._error: ProviderError | None = None
        self._done = False

    def feed(self, event: SseEvent) -> list[tuple[int, str]]:
        """Add one event and return the text that it adds to the choices, as (choice, printable text).

        Everything after `[DONE]` or an error is ignored.
        """
        if self._done or self._error or not event.data.strip():
            return []
        if event.name == "fault":
            self._error = _stream_error("malformed_stream", event.data, retryable=False)
            return []
        if event.data.startswith("[DONE]"):
            self._done = True
            return []
        try:
            chunk = decode_envelope(event.data.encode())
        except ValueError as problem:
            self._error = _stream_error(
                "malformed_stream", f"An event of the stream is not JSON: {problem}.", retryable=False
            )
            return []
        if event.name == "error" or not isinstance(chunk, Mapping) or _is_error(chunk):
            self._error = error_from(chunk, 200, self._headers, asked=self._asked)
            self.failure = chunk
            if isinstance(chunk, Mapping):
                self._take({key: value for key, value in chunk.items() if key in ("choices", "usage")})
            return []
        return self._take(chunk)

    def finish(self) -> dict[str, Json] | ProviderError:
        """End the stream. Return the chat.completion body or the error.

        A stream that ends without `[DONE]` and without a finish_reason for every choice was cut: the error "stream_cut",
        which can be retried.
        """
        if self._error:
            return self._error
        finished = bool(self._choices) and all(choice.finished for choice in self._choices.values())
        if not self._done and not finished:
            size = sum(len(piece) for choice in self._choices.values() for piece in choice.content)
            message = f"The stream ended without a finish_reason or [DONE], after {size} characters of text."
            return _stream_error("stream_cut", message, retryable=True)
        return self.so_far()

    def so_far(self) -> dict[str, Json]:
        """Return the chat.completion body of what has arrived, even if the stream failed."""
        choices: list[Json] = [
            choice.as_json(index, self._finish_reasons) for index, choice in sorted(self._choices.items())
        ]
        beside = {name: merge_repeated(pieces) for name, pieces in self._beside.items()}
        body = {**beside, **self._fields, "object": "chat.completion", "choices": choices}
        return body if self._usage is None else {**body, "usage": self._usage}

    def _take(self, chunk: Mapping[str, Json]) -> list[tuple[int, str]]:
        for name in _ONCE:
            if not self._fields.get(name) and chunk.get(name):
                self._fields[name] = chunk[name]
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        _collect(self._beside, chunk, but=_KNOWN_OF_CHUNK, again=False)
        choices = chunk.get("choices")
        texts: list[tuple[int, str]] = []
        for part in choices if isinstance(choices, list) else ():
            if not isinstance(part, Mapping):
                self._error = self._error or _stream_error(
                    "malformed_stream", "A choice in the stream is not a JSON object.", retryable=False
                )
                return []
            index = part.get("index")
            number = index if isinstance(index, int) else 0
            text = self._choices.setdefault(number, _Choice()).add(part)
            if text:
                texts.append((number, str(visible(text))))
        return texts


_KNOWN_OF_CHUNK = frozenset({*_ONCE, "usage", "choices", "error", "obfuscation"})
_KNOWN_OF_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "error", "logprobs"})
_KNOWN_OF_DELTA = frozenset(
    {"role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls", "function_call", "audio"}
)


def _collect(
    into: dict[str, list[Json]], values: Mapping[str, Json], *, but: frozenset[str], again: bool
) -> None:
    """Collect the pieces of all fields except `but`; with `again`, also pieces that repeat the last one."""
    for key, value in values.items():
        if key not in but and value is not None:
            pieces = into.setdefault(key, [])
            if again or not pieces or pieces[-1] != value:
                pieces.append(value)


@dataclass(slots=True)
class _Choice:
    """The parts of one choice that have arrived; chunks of different choices interleave.

    `left` has the content parts that are not text, `more` the pieces of unknown fields.
    """

    content: list[str] = field(default_factory=list)
    left: list[Json] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    audio: list[Json] = field(default_factory=list)
    logprobs: list[Json] = field(default_factory=list)
    tool_calls: list[_Call] = field(default_factory=list)
    function_call: _Call | None = None
    open_calls: dict[Json, _Call] = field(default_factory=dict)
    finish_reasons: list[Json] = field(default_factory=list)
    error: Json = None
    written: bool = False
    more: dict[str, list[Json]] = field(default_factory=dict)
    beside: dict[str, list[Json]] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the choice has a finish_reason."""
        return any(self.finish_reasons)

    def add(self, part: Mapping[str, Json]) -> str:
        """Add one chunk's part of this choice and return the text that it adds."""
        if part.get("finish_reason") is not None:
            self.finish_reasons.append(part["finish_reason"])
        if part.get("error") is not None:
            self.error = part["error"]
        if part.get("logprobs") is not None:
            self.logprobs.append(part["logprobs"])
        _collect(self.beside, part, but=_KNOWN_OF_CHOICE, again=False)
        delta = part.get("delta", part.get("message"))
        if not isinstance(delta, Mapping):
            if not is_empty(delta):
                self.beside.setdefault("message", []).append(delta)
            return ""
        self._add_thoughts(delta)
        self._add_calls(delta)
        audio = delta.get("audio")
        if audio is not None:
            self.audio.append(audio)
        _collect(self.more, delta, but=_KNOWN_OF_DELTA, again=True)
        content = read_content(delta.get("content"))
        self.left.extend(content.left)
        if content.marked:
            self.more.setdefault("content_parts", []).append(list(content.marked))
        for pieces, values in (
            (self.content, (content.text,)),
            (self.refusal, (content.refusal, delta.get("refusal"))),
            (self.reasoning, (content.reasoning,)),
        ):
            pieces.extend(value for value in values if isinstance(value, str))
        if content.text:
            self.written = True
            return content.text
        spoken = audio.get("transcript") if isinstance(audio, Mapping) else None
        return spoken if isinstance(spoken, str) and not self.written else ""

    def _add_thoughts(self, delta: Mapping[str, Json]) -> None:
        """Add reasoning, which has two names; if both have a value, the second is kept under its own name."""
        thoughts = [delta.get("reasoning_content"), delta.get("reasoning")]
        said = next((each for each in thoughts if isinstance(each, str) and each), None)
        if said is not None:
            self.reasoning.append(said)
        for each in thoughts:
            if not is_empty(each) and each != said:
                self.more.setdefault("reasoning", []).append(each)
        refusal = delta.get("refusal")
        if not is_empty(refusal) and not isinstance(refusal, str):
            self.more.setdefault("other_refusals", []).append([refusal])

    def _add_calls(self, delta: Mapping[str, Json]) -> None:
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, Mapping):
                self._call_for(call).add(call)
            elif not is_empty(call):
                self.more.setdefault("other_tool_calls", []).append([call])
        if not isinstance(calls, list) and not is_empty(calls):
            self.more.setdefault("other_tool_calls", []).append(calls)
        legacy = delta.get("function_call")
        if isinstance(legacy, Mapping):
            self.function_call = self.function_call or _Call()
            self.function_call.add({"function": legacy})
        elif not is_empty(legacy):
            self.more.setdefault("other_tool_calls", []).append(legacy)

    def as_json(self, index: int, declared: Mapping[str, Declared]) -> dict[str, Json]:
        """Return the choice as in a chat.completion, without the fields that never arrived."""
        message: dict[str, Json] = {"role": "assistant", "content": join_text(self.content)}
        if self.left:
            text: list[Json] = [{"type": "text", "text": message["content"]}] if self.content else []
            message["content"] = [*text, *self.left]
        message.update((name, join(pieces, name)) for name, pieces in self.more.items())
        if any(self.refusal):
            message["refusal"] = join_text(self.refusal)
        if any(self.reasoning):
            message["reasoning_content"] = join_text(self.reasoning)
        if self.audio:
            message["audio"] = join_audio(self.audio)
        if self.tool_calls:
            message["tool_calls"] = [call.as_json() for call in self.tool_calls]
        if self.function_call:
            message["function_call"] = self.function_call.as_json()["function"]
        beside = {name: merge_repeated(pieces) for name, pieces in self.beside.items()}
        choice: dict[str, Json] = {
            "index": index,
            "message": message,
            "finish_reason": self._last(declared),
            **beside,
        }
        if self.logprobs:
            choice["logprobs"] = join_logprobs(self.logprobs)
        return choice if self.error is None else {**choice, "error": self.error}

    def _last(self, declared: Mapping[str, Declared]) -> Json:
        """Return the gravest finish_reason; a value that is not text takes precedence over all words."""
        odd = [reason for reason in self.finish_reasons if not isinstance(reason, str)]
        words = [reason for reason in self.finish_reasons if isinstance(reason, str)]
        return odd[-1] if odd else gravest(words, declared) or ("" if words else None)

    def _call_for(self, delta: Mapping[str, Json]) -> _Call:
        """Return the call that `delta` continues: the one with its index, or a new one if it has a different id."""
        key = delta.get("index", delta.get("id"))
        key = key if isinstance(key, str | int) else None
        call = self.open_calls.get(key)
        if call is None or (call.id and delta.get("id") and call.id != delta["id"]):
            call = self.open_calls[key] = _Call()
            self.tool_calls.append(call)
        return call


@dataclass(slots=True)
class _Call:
    """One tool call: id, type and name arrive once, the arguments (the input of a custom tool) in pieces."""

    id: Json = None
    type: Json = None
    name: Json = None
    custom: bool = False
    arguments: list[str] = field(default_factory=list)
    inside: dict[str, list[Json]] = field(default_factory=dict)
    beside: dict[str, list[Json]] = field(default_factory=dict)

    def add(self, delta: Mapping[str, Json]) -> None:
        self.id = self.id or delta.get("id")
        self.type = self.type or delta.get("type")
        self.custom = self.custom or ("custom" in delta and not delta.get("function"))
        body, given = self._names()
        function = delta.get(body)
        if isinstance(function, Mapping):
            self.name = self.name or function.get("name")
            if not is_empty(name := function.get("name")) and name != self.name:
                self.inside.setdefault("other_names", []).append([name])
            arguments = function.get(given)
            if arguments is not None:
                self.arguments.append(arguments if isinstance(arguments, str) else json.dumps(arguments))
            _collect(self.inside, function, but=frozenset({"name", given}), again=True)
        elif not is_empty(function):
            self.beside.setdefault(f"other_{body}", []).append([function])
        _collect(self.beside, delta, but=frozenset({"id", "type", "index", body}), again=True)

    def as_json(self) -> dict[str, Json]:
        body, given = self._names()
        inside = {name: join(pieces, name) for name, pieces in self.inside.items()}
        beside = {name: join(pieces, name) for name, pieces in self.beside.items()}
        called: dict[str, Json] = {"name": self.name, given: join_text(self.arguments), **inside}
        return {"id": self.id, "type": self.type or body, **beside, body: called}

    def _names(self) -> tuple[str, str]:
        return ("custom", "input") if self.custom else ("function", "arguments")


def _is_error(chunk: Mapping[str, Json]) -> bool:
    return chunk.get("error") is not None or ("choices" not in chunk and chunk.get("object") == "error")


def _stream_error(code: str, message: str, *, retryable: bool) -> ProviderError:
    return ProviderError(code=code, message=message, status=200, retryable=retryable)
