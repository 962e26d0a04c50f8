"""A stream of chat.completion.chunk events put together into the chat.completion body it stands for.

Shapes by OpenAI's API reference ("The chat completion chunk object"), with what compatible servers do besides:
chunks without choices, reasoning in fields of its own, errors in the middle, a whole completion in one event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..values import Json
from .content import read_content
from .decoding import decode_envelope, visible
from .provider_errors import error_from
from .reply import ProviderError
from .sse import SseEvent, SseSplitter

__all__ = ["StreamAccumulator", "read_stream"]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_ONCE = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
"""Fields of a chunk that count where they are first not empty: Azure's first chunk has all of them empty."""


def read_stream(body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> dict[str, Json] | ProviderError:
    """The completion that a whole recorded stream stands for, or the error it ended with. Never raises."""
    splitter, accumulator = SseSplitter(), StreamAccumulator(headers)
    for event in splitter.feed(body):
        accumulator.feed(event)
    splitter.close()
    return accumulator.finish()


class StreamAccumulator:
    """Collects the events of one stream. `headers` are those of its response, for a request id and Retry-After."""

    def __init__(self, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        self._headers = headers
        self._fields: dict[str, Json] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Json = None
        self._error: ProviderError | None = None
        self._done = False

    def feed(self, event: SseEvent) -> list[tuple[int, str]]:
        """Take one event in; what it adds to the answers' texts, as (choice, text), fit to be printed.

        Nothing after `[DONE]` or an error counts.
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
            self._error = _stream_error("malformed_stream", f"An event of the stream is not JSON: {problem}.", retryable=False)
            return []
        if event.name == "error" or not isinstance(chunk, Mapping) or _is_error(chunk):
            self._error = error_from(chunk, 200, self._headers)
            return []
        return self._take(chunk)

    def finish(self) -> dict[str, Json] | ProviderError:
        """The stream has ended: the chat.completion body, or the error.

        A stream that ends with neither `[DONE]` nor a finish_reason for every choice was cut: error "stream_cut",
        which may be asked for again.
        """
        if self._error:
            return self._error
        finished = bool(self._choices) and all(choice.finish_reason for choice in self._choices.values())
        if not self._done and not finished:
            size = sum(len(piece) for choice in self._choices.values() for piece in choice.content)
            message = f"The stream ended without a finish_reason or [DONE], after {size} characters of text."
            return _stream_error("stream_cut", message, retryable=True)
        choices: list[Json] = [choice.as_json(index) for index, choice in sorted(self._choices.items())]
        body = {**self._fields, "object": "chat.completion", "choices": choices}
        return body if self._usage is None else {**body, "usage": self._usage}

    def _take(self, chunk: Mapping[str, Json]) -> list[tuple[int, str]]:
        for name in _ONCE:
            if not self._fields.get(name) and chunk.get(name):
                self._fields[name] = chunk[name]
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        choices = chunk.get("choices")
        texts: list[tuple[int, str]] = []
        for part in choices if isinstance(choices, list) else ():
            if not isinstance(part, Mapping):
                continue
            index = part.get("index")
            number = index if isinstance(index, int) else 0
            text = self._choices.setdefault(number, _Choice()).add(part)
            if text:
                texts.append((number, str(visible(text))))
        return texts
