"""A wire format that no server speaks, all of it in one module, as a new one would be added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from runner.finish_reasons import Declared
from runner.values import Json, JsonObject
from runner.wire.dialect import Dialect, UntranslatableError
from runner.wire.error_rules import Asked
from runner.wire.reply import ProviderError
from runner.wire.sse import SseEvent

TRANSLATED = {"model": "who", "max_completion_tokens": "most", "messages": "say", "user": "for"}


class Toy(Dialect):
    """`POST say/MODEL`: messages become lines; an answer is `{"said": ..., "why": ..., "cost": [in, out]}`."""

    name = "toy"
    headers = MappingProxyType({"toy-version": "7", "x-team": "toys"})
    not_counted = frozenset({"user"})

    def path(self, request: JsonObject, *, stream: bool) -> str:
        return f"{'stream' if stream else 'say'}/{request['model']}"

    def encode(self, request: JsonObject) -> JsonObject:
        for key in request:
            if key not in TRANSLATED:
                raise UntranslatableError((key,), "a toy has no such thing")
        body: dict[str, Json] = {TRANSLATED[key]: value for key, value in request.items()}
        body["say"] = [self._line(index, message) for index, message in enumerate(self._messages(request))]
        return body

    def _messages(self, request: JsonObject) -> list[Any]:
        messages = request["messages"]
        assert isinstance(messages, list)
        return messages

    def _line(self, index: int, message: Any) -> str:
        if not isinstance(message["content"], str):
            raise UntranslatableError(
                ("messages", index, "content"), "a toy reads nothing but text", "use text"
            )
        return f"{message['role']}: {message['content']}"

    def with_stream(self, body: JsonObject) -> JsonObject:
        return {**body, "slowly": True}

    def completion(self, payload: Json) -> Json:
        if not isinstance(payload, dict) or "said" not in payload:
            return payload
        took, made = payload.pop("cost")
        usage = {"prompt_tokens": took, "completion_tokens": made, "total_tokens": took + made}
        message = {"role": "assistant", "content": payload.pop("said")}
        choice = {"index": 0, "message": message, "finish_reason": payload.pop("why")}
        return {**payload, "choices": [choice], "usage": usage}

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> ToyReader:
        return ToyReader(self)


class ToyReader:
    """Words, one an event; the last event has the rest of the answer."""

    def __init__(self, dialect: Toy) -> None:
        self.failure: Json = None
        self._dialect = dialect
        self._words: list[str] = []
        self._last: dict[str, Json] | None = None

    def feed(self, event: SseEvent) -> list[tuple[int, str]]:
        value = json.loads(event.data)
        if isinstance(value, str):
            self._words.append(value)
            return [(0, value)]
        self._last = value
        return []

    def finish(self) -> dict[str, Json] | ProviderError:
        if self._last is None:
            return ProviderError("stream_cut", "The toy fell silent.", status=200, retryable=True)
        return self.so_far()

    def so_far(self) -> dict[str, Json]:
        last = self._last or {"why": None, "cost": [0, 0]}
        value = self._dialect.completion({"said": "".join(self._words), **last})
        assert isinstance(value, dict)
        return value


DIALECT = Toy()
