"""The common part of operations other than a conversation: their requests have no messages, their answers no choices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import NoReturn

from ...finish_reasons import NONE_DECLARED, Declared
from ...values import Json, JsonObject
from ..decoding import decode_envelope, visible
from ..dialect import Dialect
from ..error_rules import Asked
from ..provider_errors import error_from, read_error
from ..reply import Answer, Outcome, ProviderError, Reply
from ..stream import StreamReader
from ..usage import NO_LIMITS, TokenLimits

__all__ = ["Operation"]


class Operation(Dialect):
    """An operation whose request is declared under the server's own names, and sent unchanged.

    Its answer is one JSON value, the `output`; it has no text.
    """

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the name of the operation."""
        return self.name

    def encode(self, request: JsonObject) -> JsonObject:
        """Return the request unchanged."""
        return request

    def data(self, request: bytes, *, stream: bool = False, seed: int | None = None) -> bytes:
        """Return the bytes that were declared and hashed: there is no stream, and no chance."""
        return request

    def with_stream(self, body: JsonObject) -> NoReturn:
        """Refuse: nothing is streamed."""
        raise AssertionError("it is never streamed")

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Refuse: nothing is streamed."""
        raise AssertionError("it is never streamed")

    def completion(self, payload: Json) -> Json:
        """Return the payload unchanged."""
        return payload

    def unwrapped(self, payload: Json) -> Json:
        """Return the object in a response: some gateways put it into a list."""
        return payload[0] if isinstance(payload, list) and len(payload) == 1 else payload

    @abstractmethod
    def result(self, payload: Mapping[str, Json]) -> JsonObject:
        """Return the result in a response. Raises ValueError with the reason if it has none."""

    def read_reply(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        request: JsonObject,
        finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
        keyed: bool = True,
        limits: TokenLimits = NO_LIMITS,
    ) -> Reply:
        """Return the result of one exchange. Never raises, whatever the bytes are."""
        asked = Asked(request, keyed, self.name)
        try:
            payload = decode_envelope(body)
        except ValueError:
            return Reply(error=read_error(status, headers, body, asked))
        payload = self.unwrapped(payload)
        if not 200 <= status < 300 or not isinstance(payload, dict) or payload.get("error") is not None:
            return Reply(error=error_from(payload, status, headers, asked=asked))
        try:
            output = self.result(payload)
        except ValueError as error:
            message = f"The response is no answer of {self.name}: {error}."
            return Reply(error=ProviderError("malformed_response", message, status=status))
        usage, model = visible(payload.get("usage")), payload.get("model")
        if isinstance(usage, dict) and "prompt_tokens" in usage:
            usage = {
                "completion_tokens": 0,
                **usage,
            }  # the answer has no tokens, and costs are computed from both
        return Reply(
            answers=(Answer(0, Outcome.OK, output=output, finish_reason="stop"),),
            served_model=model if isinstance(model, str) and model else None,
            usage=usage if isinstance(usage, dict) else None,
        )
