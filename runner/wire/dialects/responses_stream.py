"""Read a stream of the Responses API: its last event has the whole response object, which is all that counts.

The events before it are read for the text as it arrives, and for what there is of an answer if the stream breaks off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...values import Json
from ..decoding import decode_envelope, visible
from ..error_rules import Asked
from ..provider_errors import error_from
from ..reply import ProviderError
from ..sse import SseEvent
from ..usage import NO_LIMITS, TokenLimits
from .responses_reply import completion

__all__ = ["ResponsesReader"]

_LAST = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)


class ResponsesReader:
    """Collects the events of one stream. `headers` are those of its response, `asked` the facts about the request.

    An answer that reaches the `limits` was cut off.
    """

    def __init__(self, headers: Mapping[str, str], asked: Asked, limits: TokenLimits = NO_LIMITS) -> None:
        self.failure: Json = None
        self._headers = headers
        self._asked = asked
        self._limits = limits
        self._error: ProviderError | None = None
        self._response: dict[str, Json] = {}
        self._items: dict[int | str, dict[str, Any]] = {}
        self._size = 0
        self._ended = False

    def feed(self, event: SseEvent) -> list[tuple[int, str]]:
        """Add one event and return the text that it adds. Everything after the last event or an error is ignored."""
        if self._ended or self._error or not event.data.strip() or event.data.startswith("[DONE]"):
            return []
        if event.name == "fault":
            self._error = _malformed(event.data)
            return []
        try:
            value = decode_envelope(event.data.encode())
        except ValueError as problem:
            self._error = _malformed(f"An event of the stream is not JSON: {problem}.")
            return []
        kind = value.get("type") if isinstance(value, Mapping) else None
        kind = kind if isinstance(kind, str) else event.name
        if not isinstance(value, Mapping) or "error" in (kind, event.name) or _is_error(value):
            self._error = error_from(value, 200, self._headers, asked=self._asked)
            self.failure = value
            return []
        if kind == "message":
            self._error = _malformed(
                "An event of the stream has no type, so it is not one of the Responses API."
            )
            return []
        response = value.get("response")
        if isinstance(response, Mapping):
            beside = {key: each for key, each in value.items() if key not in _OF_EVENT}
            self._response = {**beside, **response}
        self._ended = kind in _LAST
        if self._ended and not isinstance(response, Mapping):
            self._error = _malformed(f"The event {kind} has no response.")
        return self._take(kind, value)

    def finish(self) -> dict[str, Json] | ProviderError:
        """End the stream. Without its last event it was cut: the error "stream_cut", which can be retried."""
        if self._error:
            return self._error
        if not self._ended:
            message = f"The stream ended without its last event, after {self._size} characters of text."
            return ProviderError("stream_cut", message, status=200, retryable=True)
        return self.so_far()

    def so_far(self) -> dict[str, Json]:
        """Return the chat.completion body of what has arrived, even if the stream failed."""
        output = self._response.get("output")
        response = dict(self._response)
        if not isinstance(output, list) or not output or not self._ended:
            response["output"] = list(self._items.values()) or output or []
        if not self._ended:
            response["status"] = "in_progress"
        value = completion(response, self._limits)
        return dict(value) if isinstance(value, Mapping) else {}

    def _take(self, kind: str, value: Mapping[str, Any]) -> list[tuple[int, str]]:
        """Add an event about an item; events of other kinds have nothing that the last one lacks."""
        delta, item = value.get("delta"), value.get("item")
        own = item.get("id") if isinstance(item, Mapping) else value.get("item_id")
        index = value.get("output_index", own)  # llama.cpp numbers nothing
        if not isinstance(index, int | str):
            return []
        if kind in ("response.output_item.added", "response.output_item.done"):
            if isinstance(item, Mapping):
                self._items[index] = {
                    key: list(each) if isinstance(each, list) else each for key, each in item.items()
                }
            return []
        place = _PLACES.get(kind)
        if place is None or not isinstance(delta, str):
            return []
        of, key, of_part = place
        known = self._items.setdefault(index, {"type": of})
        if of_part is None:
            known[key] = _text(known, key) + delta
            return []
        parts = known.get(key)
        if not isinstance(parts, list):
            parts = known[key] = []
        number = value.get("summary_index" if key == "summary" else "content_index", 0)
        number = number if isinstance(number, int) and 0 <= number <= len(parts) else len(parts) - 1
        if number == len(parts) or number < 0:
            parts.append({"type": of_part, _TEXT.get(of_part, "text"): ""})
        part, word = parts[number], _TEXT.get(of_part, "text")
        parts[number] = {**part, word: _text(part, word) + delta} if isinstance(part, Mapping) else part
        if of_part != "output_text":
            return []
        self._size += len(delta)
        return [(0, str(visible(delta)))] if delta else []


_OF_EVENT = frozenset({"type", "response", "sequence_number", "event_id"})
_TEXT = {"refusal": "refusal"}
_PLACES: Mapping[str, tuple[str, str, str | None]] = {
    "response.output_text.delta": ("message", "content", "output_text"),
    "response.refusal.delta": ("message", "content", "refusal"),
    "response.reasoning_text.delta": ("reasoning", "content", "reasoning_text"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary", "summary_text"),
    "response.function_call_arguments.delta": ("function_call", "arguments", None),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input", None),
}
"""For each event with a piece: the type of its item, the key that it continues, and the type of the part there."""


def _is_error(value: Mapping[str, Json]) -> bool:
    return value.get("error") is not None and not isinstance(value.get("response"), Mapping)


def _text(holder: Mapping[str, Any], key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def _malformed(message: str) -> ProviderError:
    return ProviderError("malformed_stream", message, status=200, retryable=False)
