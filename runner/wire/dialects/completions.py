"""The older Completions API, which continues a text (OpenAI's API reference, "Completions"): for base models.

vLLM, llama.cpp and others serve it too. A prompt is one message, whose text is sent as it is, without a chat template.
Keys that the format of prompts does not have, from `extra_body`, are sent unchanged: `suffix`, `echo`, `top_k` ...
`response_format` is too, because vLLM enforces it; OpenAI refuses it, and llama.cpp ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...finish_reasons import Declared
from ...values import Json, JsonObject
from ..dialect import Dialect
from ..error_rules import Asked
from ..request import with_stream
from ..stream import StreamAccumulator, StreamReader
from .one_text import only_text, refuse

__all__ = ["DIALECT", "REFUSED", "SAME", "TRANSLATED", "Completions"]

SAME = frozenset(
    {"model", "temperature", "top_p", "n", "stop", "presence_penalty", "frequency_penalty", "logit_bias"}
    | {"seed", "user", "response_format"}
)
"""The keys that have the same name and meaning there."""

_LIMITS = ("max_completion_tokens", "max_tokens")
TRANSLATED = frozenset({"messages", "logprobs", "top_logprobs", *_LIMITS})

_NOT_HERE = "the Completions API has no such parameter"
_NO_TOOLS = "the Completions API has no tools"
REFUSED: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("tools", "tool_choice", "parallel_tool_calls"), (_NO_TOOLS, None)),
    **dict.fromkeys(("functions", "function_call"), (_NO_TOOLS, None)),
    **dict.fromkeys(("modalities", "audio"), ("the Completions API answers with text", None)),
    **dict.fromkeys(("reasoning_effort", "verbosity", "prediction", "moderation"), (_NOT_HERE, None)),
    **dict.fromkeys(("store", "metadata", "service_tier", "safety_identifier"), (_NOT_HERE, None)),
    **dict.fromkeys(
        ("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"), (_NOT_HERE, None)
    ),
    "web_search_options": (_NOT_HERE, None),
}
"""The declared keys that have no place there: why, and what to do."""

_ONE_MESSAGE = "the Completions API continues one text: write all of it into one message of role user"


class Completions(Dialect):
    """`POST completions`."""

    name = "completions"
    names = MappingProxyType(
        {"prompt": ("messages",), "max_tokens": _LIMITS, "logprobs": ("logprobs", "top_logprobs")}
    )

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "completions"

    def encode(self, request: JsonObject) -> JsonObject:
        """Write every key under its name in the Completions API, or refuse it."""
        body: dict[str, Json] = {}
        for key, value in request.items():
            if key in REFUSED:
                refuse((key,), *REFUSED[key])
            if key == "messages":
                body["prompt"] = only_text(value, "Completions API", _ONE_MESSAGE)
            elif key in _LIMITS:
                if "max_tokens" in body:
                    refuse(
                        (key,),
                        "another key of the request already sets max_tokens",
                        "declare only one of them",
                    )
                body["max_tokens"] = value
            elif key == "logprobs":
                body["logprobs"] = _number_of_logprobs(request) if value else None
            elif key == "top_logprobs":
                if value is None:
                    refuse((key,), "null is no value there", "leave the key out")
                if not request.get("logprobs"):
                    refuse((key,), "it needs logprobs: true")
            else:
                body[key] = value
        return body

    def with_stream(self, body: JsonObject) -> JsonObject:
        """Add `stream` and `stream_options`, unless the body has them."""
        return with_stream(body)

    def completion(self, payload: Json) -> Json:
        """Translate an object of type text_completion. Any other value, such as an error, is returned unchanged."""
        return _as_chat(payload, "message") if isinstance(payload, Mapping) else payload

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Return a reader that joins the pieces of the texts."""
        return _TextStream(headers, finish_reasons, asked)


class _TextStream(StreamAccumulator):
    """Joins a stream of text_completion objects, whose choices have a piece of text each."""

    def _take(self, chunk: Mapping[str, Json]) -> list[tuple[int, str]]:
        return super()._take(_as_chat(chunk, "delta"))


def _number_of_logprobs(request: JsonObject) -> Json:
    """Return the number of alternatives to each token: without one, the most likely; llama.cpp takes 0 as none at all."""
    number = request.get("top_logprobs")
    return 1 if number is None else number


def _as_chat(value: Mapping[str, Json], place: str) -> dict[str, Json]:
    """Return a text_completion as a chat.completion, or a chunk of one; `place` is the key of the message."""
    choices = value.get("choices")
    if not isinstance(choices, list):
        return dict(value)
    return {**value, "object": "chat.completion", "choices": [_choice(choice, place) for choice in choices]}


def _choice(choice: Json, place: str) -> Json:
    if not isinstance(choice, Mapping) or "text" not in choice:
        return choice
    role = {"role": "assistant"} if place == "message" else {}
    left = {key: value for key, value in choice.items() if key not in ("text", "logprobs")}
    found: dict[str, Json] = {place: {**role, "content": choice["text"]}, **left}
    return {**found, "logprobs": _logprobs(choice["logprobs"])} if "logprobs" in choice else found


def _logprobs(value: Json) -> Json:
    """Return logprobs as in a chat completion: an object for each token instead of a list for each field."""
    tokens, own = (value.get("tokens"), value.get("token_logprobs")) if isinstance(value, Mapping) else (0, 0)
    if not isinstance(value, Mapping) or not isinstance(tokens, list) or not isinstance(own, list):
        return value
    top = value.get("top_logprobs")
    others = top if isinstance(top, list) else [None] * len(tokens)
    if not len(tokens) == len(own) == len(others):
        return value
    content: list[Json] = []
    for token, number, likely in zip(tokens, own, others, strict=True):
        entry: dict[str, Json] = {"token": token, "logprob": number}
        if isinstance(likely, Mapping):
            entry["top_logprobs"] = [{"token": word, "logprob": each} for word, each in likely.items()]
        elif likely is not None:
            entry["top_logprobs"] = likely
        content.append(entry)
    read = ("tokens", "token_logprobs", *(["top_logprobs"] if isinstance(top, list) or top is None else []))
    return {"content": content, **{key: each for key, each in value.items() if key not in read}}


DIALECT = Completions()
