"""OpenAI's Responses API, which other servers have too (OpenAI's API reference, "Responses"; Open Responses).

A declared key is written under its name there, or refused. Two keys are added, because their defaults there differ from
those of chat completions: `store: false` (an answer is stored by default), and `strict: false` of functions and schemas
(schemas of functions are changed and enforced by default). Keys that the format of prompts does not have, from
`extra_body`, are sent unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType

from ...files.formats import schema
from ...files.prompt import OWN_KEYS
from ...finish_reasons import NONE_DECLARED, Declared
from ...values import Json, JsonObject, JsonPath
from ..classify import read_reply
from ..dialect import BodyEncoder, Dialect, UntranslatableError
from ..error_rules import Asked
from ..reply import Reply
from ..request import Encoder
from ..stream import StreamReader
from ..usage import NO_LIMITS, TokenLimits
from .responses_input import foreign, input_items, known_keys
from .responses_reply import completion, limit_of
from .responses_stream import ResponsesReader

__all__ = ["DIALECT", "Responses"]

_SAME = frozenset(
    {
        "model",
        "temperature",
        "top_p",
        "top_logprobs",
        "parallel_tool_calls",
        "service_tier",
        "store",
        "metadata",
    }
    | {"user", "safety_identifier", "moderation", "prompt_cache_key", "prompt_cache_retention"}
    | {"prompt_cache_options"}
)
"""The keys that have the same name and meaning there."""

_RENAMED: Mapping[str, tuple[str, ...]] = {
    "max_completion_tokens": ("max_output_tokens",),
    "max_tokens": ("max_output_tokens",),
    "reasoning_effort": ("reasoning", "effort"),
    "verbosity": ("text", "verbosity"),
    "response_format": ("text", "format"),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "logprobs": ("include",),
}
"""The path of each other key there."""

_LOGPROBS = "message.output_text.logprobs"

_NOT_HERE = "the Responses API has no such parameter"
_REFUSED: Mapping[str, tuple[str, str | None]] = {
    "n": ("the Responses API gives one answer to each request", "use --repeat for several answers"),
    "modalities": ("the Responses API answers with text", None),
    "audio": ("the Responses API has no spoken answers", None),
    "functions": (_NOT_HERE, "use tools"),
    "function_call": (_NOT_HERE, "use tool_choice"),
    "web_search_options": (_NOT_HERE, "declare the tool: `tools: [{type: web_search}]`"),
}


class Responses(Dialect):
    """`POST responses`."""

    name = "responses"
    names = MappingProxyType(
        {
            "input": ("messages",),
            "max_output_tokens": ("max_completion_tokens", "max_tokens"),
            "reasoning": ("reasoning_effort",),
            "text": ("response_format", "verbosity"),
            "text.format": ("response_format",),
            "text.verbosity": ("verbosity",),
            "include": ("logprobs",),
        }
    )

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "responses"

    def encode(self, request: JsonObject) -> JsonObject:
        """Write every key under its name in the Responses API, and `store: false` unless it is declared."""
        body: dict[str, Json] = {}
        for key, value in request.items():
            if key == "messages":
                messages = input_items(value) if isinstance(value, list | tuple) else []
                _put(body, ("input",), messages, (key,))
            elif key in _RENAMED:
                _put(body, _RENAMED[key], _written(key, value), (key,))
            elif key in _others():
                reason, hint = _REFUSED.get(key, (_NOT_HERE, None))
                raise UntranslatableError((key,), reason, hint)
            else:
                _put(body, (key,), value, (key,))
        body.setdefault("store", False)
        return body

    def encoder(self, request: JsonObject) -> BodyEncoder:
        """Return an encoder that translates only the messages of each request."""
        return _InputEncoder(self.encode(request))

    def with_stream(self, body: JsonObject) -> JsonObject:
        """Add `stream` unless the body has it; a stream ends with the usage anyway."""
        return {**body, "stream": body.get("stream", True)}

    def completion(self, payload: Json) -> Json:
        """Translate a response object."""
        return completion(payload)

    def stream(
        self, headers: Mapping[str, str], finish_reasons: Mapping[str, Declared], asked: Asked
    ) -> StreamReader:
        """Return a reader that waits for the response object at the end of the stream."""
        return ResponsesReader(headers, asked)

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
        """Return the result of one exchange; an answer as long as the request or the server allows was cut off."""
        limits = limits._replace(answer=limit_of(request) or limits.answer)
        return read_reply(
            status,
            headers,
            body,
            request=request,
            finish_reasons=finish_reasons,
            keyed=keyed,
            path="responses",
            names=self.names,
            translate=partial(completion, limits=limits),
            reader=lambda headers, _, asked: ResponsesReader(headers, asked, limits),
        )


class _InputEncoder:
    """Encodes bodies that differ only in their input."""

    def __init__(self, body: JsonObject) -> None:
        self._encoder = Encoder(body, "input")

    def of(self, messages: Sequence[Json]) -> bytes:
        return self._encoder.of(input_items(messages))


@cache
def _others() -> frozenset[str]:
    """Return the request fields of prompts that are not written under their own name."""
    return frozenset(schema("prompt")["properties"]) - OWN_KEYS - _SAME


def _put(body: dict[str, Json], path: tuple[str, ...], value: Json, declared: JsonPath) -> None:
    """Write a value at a path of the body. Objects and lists of two keys are joined; two values are an error."""
    for key in path[:0:-1]:
        value = {key: value}
    key = path[0]
    if key not in body:
        body[key] = value
    elif isinstance(body[key], Mapping) and isinstance(value, Mapping):
        inner = dict(body[key])  # type: ignore[arg-type]
        for name, each in value.items():
            _put(inner, (name,), each, declared)
        body[key] = inner
    elif key == "include" and isinstance(body[key], list) and isinstance(value, list | tuple):
        body[key] = [*body[key], *(each for each in value if each not in body[key])]  # type: ignore[misc, operator]
    else:
        raise UntranslatableError(declared, f"another key of the request already sets {'.'.join(path)}")


def _written(key: str, value: Json) -> Json:
    """Return the value of a key that has another form there. Null stays null."""
    if value is None:
        return value
    if key == "logprobs":
        return [_LOGPROBS] if value else []
    if key == "tools" and isinstance(value, list | tuple):
        return [_tool(tool, (key, index)) for index, tool in enumerate(value)]
    if key == "response_format" and isinstance(value, Mapping):
        return _format(value)
    if key == "tool_choice":
        return _choice(value)
    return value


def _format(declared: JsonObject) -> Json:
    """Return `text.format`, in which the keys of a schema stand beside its type."""
    inner = declared.get("json_schema")
    if declared.get("type") != "json_schema" or not isinstance(inner, Mapping):
        return declared
    flat: dict[str, Json] = {key: each for key, each in declared.items() if key != "json_schema"}
    for key, value in inner.items():
        _put(flat, (key,), value, ("response_format", "json_schema", key))
    return _with_strict(flat)


def _with_strict(value: dict[str, Json]) -> dict[str, Json]:
    """Return the value with `strict: false`, unless it is declared: in chat completions that is the default, and null."""
    return {**value, "strict": False} if value.get("strict") is None else value


def _tool(tool: Json, at: JsonPath) -> Json:
    """Return a tool, whose keys stand beside its type. A tool of another type is the provider's own, and unchanged."""
    if not isinstance(tool, Mapping) or tool.get("type", "function") not in ("function", "custom"):
        return tool
    kind = str(tool.get("type", "function"))
    beside = foreign(tool, at, {"type", kind, "defer_loading"}, known_keys("tool"))
    inner = tool.get(kind)
    inner = inner if isinstance(inner, Mapping) else {}
    written = {"name", "description", *(("format",) if kind == "custom" else ("parameters", "strict"))}
    known = known_keys("function") | {"format"}
    own = foreign(inner, (*at, kind), written | {"defer_loading"}, known)
    flat: dict[str, Json] = {"type": kind}
    for key, value in inner.items():
        if key in own or key in written or key == "defer_loading":
            _put(flat, (key,), _grammar(value) if key == "format" else value, (*at, kind, key))
    for key, value in tool.items():
        if key in beside or key == "defer_loading":
            _put(flat, (key,), value, (*at, key))
    return _with_strict(flat) if kind == "function" else flat


def _grammar(declared: Json) -> Json:
    """Return the format of a custom tool; the keys of a grammar stand beside its type."""
    inner = declared.get("grammar") if isinstance(declared, Mapping) else None
    if not isinstance(declared, Mapping) or not isinstance(inner, Mapping):
        return declared
    flat: dict[str, Json] = {key: each for key, each in declared.items() if key != "grammar"}
    for key, value in inner.items():
        _put(flat, (key,), value, ("tools",))
    return flat


def _choice(declared: Json) -> Json:
    """Return `tool_choice`, in which the keys of a tool stand beside its type."""
    if declared == "any":
        reason = "`any` is another provider's word"
        raise UntranslatableError(("tool_choice",), reason, "use required")
    if not isinstance(declared, Mapping):
        return declared
    kind = str(declared.get("type", "function"))
    inner = declared.get(kind)
    if kind not in ("function", "custom", "allowed_tools") or not isinstance(inner, Mapping):
        return declared
    flat: dict[str, Json] = {
        "type": kind,
        **{key: each for key, each in declared.items() if key not in ("type", kind)},
    }
    for key, value in inner.items():
        if kind == "allowed_tools" and key == "tools" and isinstance(value, list | tuple):
            value = [_choice(tool) for tool in value]
        _put(flat, (key,), value, ("tool_choice", kind, key))
    return flat


DIALECT = Responses()
