"""Put a message of the Messages API together from the events of its stream (Anthropic's guide "Streaming messages")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ...finish_reasons import Declared, gravest
from ...values import Json
from ..decoding import decode_envelope, visible
from ..error_rules import Asked
from ..joining import join_text
from ..provider_errors import error_from
from ..reply import ProviderError
from ..sse import SseEvent

__all__ = ["MessageStream"]

_TEXT_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "compaction_delta": "content",
}
"""The field of a content block to which each type of delta adds text; its name in the delta is the same."""

_OF_EVENT = frozenset({"type", "delta", "usage"})


class _Translation(Protocol):
    def __call__(self, message: Mapping[str, Json], *, ended: bool = True) -> dict[str, Json]: ...


@dataclass(slots=True)
class _Block:
    """One content block: what it began with, and the pieces that followed."""

    begun: Mapping[str, Json]
    texts: dict[str, list[str]] = field(default_factory=dict)
    input: list[str] = field(default_factory=list)
    citations: list[Json] = field(default_factory=list)
    others: list[Json] = field(default_factory=list)

    def add(self, delta: Mapping[str, Json]) -> str:
        """Add a delta and return the text that it adds to the answer."""
        kind = delta.get("type")
        name = _TEXT_DELTAS.get(kind) if isinstance(kind, str) else None
        piece = delta.get(name) if name else None
        if name and isinstance(piece, str):
            self.texts.setdefault(name, []).append(piece)
            return piece if name == "text" else ""
        if kind == "input_json_delta" and isinstance(part := delta.get("partial_json"), str):
            self.input.append(part)
        elif kind == "citations_delta" and "citation" in delta:
            self.citations.append(delta["citation"])
        elif not (name and piece is None):
            self.others.append(delta)
        return ""

    def as_json(self) -> dict[str, Json]:
        """Return the block as in a whole message."""
        block = dict(self.begun)
        for name, pieces in self.texts.items():
            start = block.get(name)
            block[name] = join_text([*([start] if isinstance(start, str) else []), *pieces])
        if self.input:
            block["input"] = _input("".join(self.input))
        if self.citations:
            start = block.get("citations")
            block["citations"] = [*(start if isinstance(start, list) else []), *self.citations]
        return {**block, "other_deltas": self.others} if self.others else block


class MessageStream:
    """Reads one stream. `headers` are those of its response; `translate` makes a chat.completion of a message.

    `failure` is the error event as received.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        finish_reasons: Mapping[str, Declared],
        asked: Asked,
        translate: _Translation,
    ) -> None:
        self.failure: Json = None
        self._headers = headers
        self._finish_reasons = finish_reasons
        self._asked = asked
        self._translate = translate
        self._message: dict[str, Json] = {}
        self._blocks: dict[int, _Block] = {}
        self._reasons: list[Json] = []
        self._others: list[Json] = []
        self._error: ProviderError | None = None
        self._stopped = False
        self._handlers: dict[str, Callable[[Mapping[str, Json]], str]] = {
            "message_start": self._start,
            "content_block_start": self._start_block,
            "content_block_delta": self._delta,
            "content_block_stop": lambda _: "",
            "message_delta": self._end,
            "message_stop": self._stop,
            "ping": lambda _: "",
        }

    def feed(self, event: SseEvent) -> list[tuple[int, str]]:
        """Add one event and return the text that it adds. Everything after message_stop or an error is ignored."""
        if self._stopped or self._error or not event.data.strip() or event.data.startswith("[DONE]"):
            return []
        if event.name == "fault":
            self._fail(event.data)
            return []
        try:
            value = decode_envelope(event.data.encode())
        except ValueError as problem:
            self._fail(f"An event of the stream is not JSON: {problem}.")
            return []
        if not isinstance(value, Mapping) or event.name == "error" or value.get("error") is not None:
            self._error = error_from(value, 200, self._headers, asked=self._asked)
            self.failure = value
            return []
        kind = value.get("type", event.name)
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        if handler is None:
            self._others.append(value)
            return []
        text = handler(value)
        return [(0, str(visible(text)))] if text else []

    def finish(self) -> dict[str, Json] | ProviderError:
        """End the stream. Without message_stop it was cut: the error "stream_cut", which can be retried."""
        if self._error:
            return self._error
        if not self._stopped:
            size = sum(len(piece) for block in self._blocks.values() for piece in block.texts.get("text", ()))
            message = f"The stream ended without message_stop, after {size} characters of text."
            return ProviderError("stream_cut", message, status=200, retryable=True)
        return self._completion(ended=True)

    def so_far(self) -> dict[str, Json]:
        """Return the chat.completion body of what has arrived, even if the stream failed."""
        return self._completion(ended=False)

    def _completion(self, *, ended: bool) -> dict[str, Json]:
        blocks: list[Json] = [block.as_json() for _, block in sorted(self._blocks.items())]
        others = {"other_events": self._others} if self._others else {}
        message = {**self._message, **others, "content": blocks, "stop_reason": self._reason()}
        return self._translate(message, ended=ended)

    def _reason(self) -> Json:
        odd = [reason for reason in self._reasons if not isinstance(reason, str)]
        words = [reason for reason in self._reasons if isinstance(reason, str)]
        return odd[-1] if odd else gravest(words, self._finish_reasons)

    def _start(self, event: Mapping[str, Json]) -> str:
        message = event.get("message")
        if not isinstance(message, Mapping):
            return self._fail("message_start has no message.")
        self._message.update(message)
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            self._blocks[index] = _Block(
                block if isinstance(block, Mapping) else {"type": "text", "text": block}
            )
        if message.get("stop_reason") is not None:
            self._reasons.append(message["stop_reason"])
        return ""

    def _start_block(self, event: Mapping[str, Json]) -> str:
        index, block = event.get("index"), event.get("content_block")
        if not isinstance(index, int) or not isinstance(block, Mapping):
            return self._fail("content_block_start has no index or no content_block.")
        if index in self._blocks:
            return self._fail(f"Content block {index} starts twice.")
        self._blocks[index] = _Block(block)
        text = block.get("text")
        return text if block.get("type") == "text" and isinstance(text, str) else ""

    def _delta(self, event: Mapping[str, Json]) -> str:
        index, delta = event.get("index"), event.get("delta")
        block = self._blocks.get(index) if isinstance(index, int) else None
        if block is None or not isinstance(delta, Mapping):
            return self._fail(f"A delta belongs to no content block (index {index!r}).")
        return block.add(delta)

    def _end(self, event: Mapping[str, Json]) -> str:
        delta, usage = event.get("delta"), event.get("usage")
        changed = dict(delta) if isinstance(delta, Mapping) else {}
        reason = changed.pop("stop_reason", None)
        if reason is not None:
            self._reasons.append(reason)
        self._message.update(changed)
        self._message.update({key: value for key, value in event.items() if key not in _OF_EVENT})
        if isinstance(usage, Mapping):
            known = self._message.get("usage")
            counted = {key: value for key, value in usage.items() if value is not None}
            self._message["usage"] = {**(known if isinstance(known, Mapping) else {}), **counted}
        return ""

    def _stop(self, event: Mapping[str, Json]) -> str:
        self._stopped = True
        beside = {key: value for key, value in event.items() if key != "type"}
        if beside:
            self._others.append(event)
        return ""

    def _fail(self, message: str) -> str:
        self._error = ProviderError("malformed_stream", message, status=200, retryable=False)
        return ""


def _input(text: str) -> Json:
    """Return the JSON of a call's input, or the text itself if it is not JSON."""
    try:
        return decode_envelope(text.encode("utf-8", "surrogatepass")) if text else {}
    except ValueError:
        return text
