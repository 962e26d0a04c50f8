"""Chat completions, the format that prompts are written in: nothing is translated (OpenAI's API reference, "Chat")."""

from __future__ import annotations

from collections.abc import Mapping

from ...finish_reasons import Declared
from ...values import Json, JsonObject
from ..dialect import Dialect
from ..error_rules import Asked
from ..request import with_stream
from ..stream import StreamAccumulator, StreamReader

__all__ = ["DIALECT", "Chat"]


class Chat(Dialect):
    """`POST chat/completions`."""

    name = "chat"

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Always the same."""
        return "chat/completions"

    def encode(self, request: JsonObject) -> JsonObject:
        """The request as it is declared."""
        return request

    def with_stream(self, body: JsonObject) -> JsonObject:
        """`stream` and `stream_options`, where the body does not say."""
        return with_stream(body)

    def data(self, request: bytes, *, stream: bool = False, seed: int | None = None) -> bytes:
        """The very bytes that were declared and hashed, unless a stream is asked for or a seed is added."""
        return request if not stream and seed is None else super().data(request, stream=stream, seed=seed)

    def completion(self, payload: Json) -> Json:
        """The payload as it is."""
        return payload

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Chunks, put together."""
        return StreamAccumulator(headers, finish_reasons, asked)


DIALECT = Chat()
