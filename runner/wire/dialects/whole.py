"""The common part of formats whose answers arrive in one piece: images, speech, transcriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from ...finish_reasons import Declared
from ...values import Json, JsonObject
from ..dialect import Dialect
from ..error_rules import Asked
from ..stream import StreamReader

__all__ = ["NO_CHAT", "Whole", "counted"]

NO_CHAT = frozenset(
    {"stop", "max_completion_tokens", "max_tokens", "presence_penalty", "frequency_penalty", "logit_bias"}
    | {
        "top_logprobs",
        "seed",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "metadata",
    }
    | {"store", "service_tier", "reasoning_effort", "verbosity", "prediction", "tools", "tool_choice"}
    | {
        "parallel_tool_calls",
        "web_search_options",
        "functions",
        "function_call",
        "top_p",
        "safety_identifier",
    }
)
"""The declared keys that none of these formats has."""

_USAGE = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}


class Whole(Dialect):
    """A format without streams."""

    streams = False

    def with_stream(self, body: JsonObject) -> NoReturn:
        """Refuse: nothing is streamed."""
        raise AssertionError("it is never streamed")

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Read a stream that was not asked for as one of chat completions, which makes it an error."""
        from ..stream import StreamAccumulator

        return StreamAccumulator(headers, finish_reasons, asked)


def counted(usage: Json) -> Json:
    """Return the usage with the names of chat completions."""
    if not isinstance(usage, Mapping):
        return usage
    return {_USAGE.get(key, key): each for key, each in usage.items()}
