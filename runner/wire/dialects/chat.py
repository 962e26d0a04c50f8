"""Chat completions, the format of prompts, so that nothing is translated (OpenAI's API reference, "Chat")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...finish_reasons import Declared
from ...values import Json, JsonObject
from ..dialect import Dialect
from ..request import with_stream

if TYPE_CHECKING:
    from ..error_rules import Asked
    from ..stream import StreamReader

__all__ = ["DIALECT", "Chat"]


class Chat(Dialect):
    """`POST chat/completions`."""

    name = "chat"

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "chat/completions"

    def encode(self, request: JsonObject) -> JsonObject:
        """Return the request unchanged."""
        return request

    def with_stream(self, body: JsonObject) -> JsonObject:
        """Add `stream` and `stream_options`, unless the body has them."""
        return with_stream(body)

    def encoder(self, request: JsonObject) -> None:
        """Return None: what is declared is sent."""

    def data(self, request: bytes, *, stream: bool = False, seed: int | None = None) -> bytes:
        """Return the bytes that were declared and hashed, unless a stream is requested or a seed is added."""
        return request if not stream and seed is None else super().data(request, stream=stream, seed=seed)

    def completion(self, payload: Json) -> Json:
        """Return the payload unchanged."""
        return payload

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Return a reader that joins the chunks."""
        from ..stream import StreamAccumulator

        return StreamAccumulator(headers, finish_reasons, asked)


DIALECT = Chat()
