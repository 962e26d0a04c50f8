"""Translate a declared request into one of the Messages API: every key has its place there, or is refused.

The sources are Anthropic's API reference ("Messages") and its guides on tools, structured outputs and effort. Keys that
chat completions do not know, such as `thinking` or `top_k` under `extra_body`, are sent as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from ...values import Json, JsonObject, JsonPath
from ..dialect import UntranslatableError
from .anthropic_turns import conversation

__all__ = ["REFUSED", "TRANSLATED", "translated"]

_UNKNOWN = "the Messages API has no such parameter"
_LIMITS = ("max_completion_tokens", "max_tokens")
_USERS = ("safety_identifier", "user")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_TIERS = ("auto", "standard_only")
_HOTTEST = 1
_CHOICES = {"none": "none", "auto": "auto", "required": "any", "any": "any"}

REFUSED: Mapping[str, tuple[str, str | None]] = {
    "n": (
        "a request of the Messages API has one answer",
        "leave it out; several samples are several requests",
    ),
    **dict.fromkeys(
        ("presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "seed"),
        (_UNKNOWN, None),
    ),
    **dict.fromkeys(("store", "verbosity", "prediction", "moderation"), (_UNKNOWN, None)),
    **dict.fromkeys(("modalities", "audio"), ("the Messages API answers with text only", None)),
    **dict.fromkeys(
        ("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
        (_UNKNOWN, "mark what is cached with cache_control, in a part, a message or a tool"),
    ),
    "web_search_options": (
        "there, web search is a tool",
        "declare it: tools: [{type: web_search_20250305, name: web_search}]",
    ),
    "functions": (
        "the Messages API has only tools",
        "declare each as {type: function, function: ...} in tools",
    ),
    "function_call": ("the Messages API has only tools", "declare tools and tool_choice"),
}
"""The declared keys that have no place in the Messages API: why, and what to do."""

TRANSLATED = frozenset(
    {"model", "messages", "temperature", "top_p", "stop", "metadata", "service_tier", "reasoning_effort"}
    | {"response_format", "tools", "tool_choice", "parallel_tool_calls", *_LIMITS, *_USERS}
)
"""The declared keys that are translated. All others are the provider's own and are sent as they are."""


def translated(request: JsonObject) -> dict[str, Json]:
    """Return the body of a declared request, with the keys in the declared order. Raises UntranslatableError."""
    body = _Body(request)
    for key, value in request.items():
        if key in REFUSED:
            raise UntranslatableError((key,), *REFUSED[key])
        if key in TRANSLATED and value is None and key != "model":
            raise UntranslatableError((key,), "null is no value there", "leave the key out")
        translate = _TRANSLATIONS.get(key)
        if translate is not None:
            translate(body, value)
        else:
            body.put(key, key, value)
    if not any(key in request for key in _LIMITS):
        raise UntranslatableError(
            (), "it requires max_tokens", "declare max_completion_tokens or max_tokens: there is no default"
        )
    return body.value


class _Body:
    """The body as far as it is translated. Two declared keys must not mean the same one."""

    def __init__(self, request: JsonObject) -> None:
        self.request = request
        self.value: dict[str, Json] = {}
        self._from: dict[str, str] = {}

    def put(self, key: str, name: str, value: Json) -> None:
        """Set a key of the body, for the declared `key`. Objects of several declared keys are merged."""
        known = self.value.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping) and not known.keys() & value.keys():
            self.value[name] = {**known, **value}
        elif name in self.value:
            other = self._from[name]
            _refuse((key,), f"it is sent as {name}, as {other} is", "declare only one of them")
        else:
            self.value[name] = value
            self._from[name] = key


def _refuse(path: JsonPath, reason: str, hint: str | None = None) -> NoReturn:
    raise UntranslatableError(path, reason, hint)


def _messages(body: _Body, value: Json) -> None:
    system, turns = conversation(value if isinstance(value, list | tuple) else [])
    if system is not None:
        body.put("messages", "system", system)
    body.put("messages", "messages", turns)


def _limit(key: str) -> Callable[[_Body, Json], None]:
    return lambda body, value: body.put(key, "max_tokens", value)


def _user(key: str) -> Callable[[_Body, Json], None]:
    return lambda body, value: body.put(key, "metadata", {"user_id": value})


def _temperature(body: _Body, value: Json) -> None:
    if isinstance(value, int | float) and value > _HOTTEST:
        _refuse(("temperature",), f"it is at most {_HOTTEST} there", "choose a value from 0 to 1")
    body.put("temperature", "temperature", value)


def _stop(body: _Body, value: Json) -> None:
    body.put("stop", "stop_sequences", [value] if isinstance(value, str) else value)


def _metadata(body: _Body, value: Json) -> None:
    for key in value if isinstance(value, Mapping) else ():
        if key != "user_id":
            _refuse(("metadata", key), "the only key of metadata there is user_id")
    body.put("metadata", "metadata", value)


def _tier(body: _Body, value: Json) -> None:
    if value not in _TIERS:
        _refuse(("service_tier",), f"it is {' or '.join(_TIERS)} there")
    body.put("service_tier", "service_tier", value)


def _effort(body: _Body, value: Json) -> None:
    if value not in _EFFORTS:
        hint = (
            "leave it out"
            if value == "default"
            else "to turn thinking off: extra_body: {thinking: {type: disabled}}"
        )
        _refuse(("reasoning_effort",), f"it is {', '.join(_EFFORTS[:-1])} or {_EFFORTS[-1]} there", hint)
    body.put("reasoning_effort", "output_config", {"effort": value})


def _response_format(body: _Body, value: Json) -> None:
    at: JsonPath = ("response_format",)
    declared = value if isinstance(value, Mapping) else {}
    kind = declared.get("type")
    if kind == "text":
        _refuse((*at, "type"), "text is what it always answers", "leave response_format out")
    inner = declared.get("json_schema")
    if kind != "json_schema" or not isinstance(inner, Mapping):
        _refuse((*at, "type"), "it has no JSON without a schema", "declare a schema: type: json_schema")
    if "schema" not in inner:
        _refuse((*at, "json_schema"), "there is no schema to send")
    for key, each in inner.items():
        path = (*at, "json_schema", key)
        if key == "strict" and each is False:
            _refuse(path, "it always enforces the schema", "leave strict out, or set it to true")
        if key == "description":
            _refuse(path, "it has no place beside the schema", "write it as description in the schema")
        if key not in ("name", "strict", "schema"):
            _refuse(path, "it has no such key")
    body.put(
        "response_format", "output_config", {"format": {"type": "json_schema", "schema": inner["schema"]}}
    )


def _tools(body: _Body, value: Json) -> None:
    tools = value if isinstance(value, list | tuple) else []
    body.put("tools", "tools", [_tool(tool, ("tools", index)) for index, tool in enumerate(tools)])


def _tool(tool: Json, at: JsonPath) -> Json:
    if not isinstance(tool, Mapping) or (tool.get("type", "function") != "function"):
        if isinstance(tool, Mapping) and "custom" in tool:
            _refuse(at, "it has no tools whose input is not JSON", "declare a function")
        return tool
    function = tool.get("function")
    inner = function if isinstance(function, Mapping) else {}
    found: dict[str, Json] = {}
    for holder, path in ((inner, (*at, "function")), (tool, at)):
        for key, value in holder.items():
            if holder is tool and key in ("type", "function"):
                continue
            if value is None or key == "prompt_cache_breakpoint":
                _refuse(
                    (*path, key),
                    "null is no value there" if value is None else "it has cache_control instead",
                )
            name = "input_schema" if key == "parameters" else key
            if name in found:
                _refuse((*path, key), "it is declared twice in this tool", "declare only one of them")
            found[name] = value
    # A function without parameters takes none, which the Messages API wants to be told.
    found.setdefault("input_schema", {"type": "object", "properties": {}})
    return found


def _tool_choice(body: _Body, value: Json) -> None:
    at: JsonPath = ("tool_choice",)
    if isinstance(value, str):
        if value not in _CHOICES:
            _refuse(at, "it has no such choice")
        chosen: Json = {"type": _CHOICES[value]}
    elif isinstance(value, Mapping) and value.get("type", "function") == "function":
        function = value.get("function")
        chosen = {"type": "tool", "name": function.get("name") if isinstance(function, Mapping) else None}
    elif isinstance(value, Mapping) and value.get("type") in ("allowed_tools", "custom"):
        _refuse((*at, "type"), f"it has no {value['type']}", "choose one function, or declare fewer tools")
    else:
        chosen = value
    body.put("tool_choice", "tool_choice", chosen)


def _parallel(body: _Body, value: Json) -> None:
    at: JsonPath = ("parallel_tool_calls",)
    if not body.request.get("tools"):
        _refuse(at, "it is part of tool_choice there, which needs tools")
    if body.request.get("tool_choice") == "none":
        _refuse(at, "it has no meaning there with tool_choice: none")
    at_most_one: dict[str, Json] = {"disable_parallel_tool_use": not value}
    # Without a declared choice the model may choose, which the format writes out: {type: auto}.
    choice = {} if "tool_choice" in body.request else {"type": "auto"}
    body.put("parallel_tool_calls", "tool_choice", {**choice, **at_most_one})


_TRANSLATIONS: Mapping[str, Callable[[_Body, Json], None]] = {
    "messages": _messages,
    "temperature": _temperature,
    "stop": _stop,
    "metadata": _metadata,
    "service_tier": _tier,
    "reasoning_effort": _effort,
    "response_format": _response_format,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _parallel,
    **{key: _limit(key) for key in _LIMITS},
    **{key: _user(key) for key in _USERS},
}
