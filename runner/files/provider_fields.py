"""Fields for one provider only: `extra` inside messages and tools, and types that only some servers know (pure).

Known fields of messages, parts, tool calls and tools are sent as written (`formats/prompt.schema.json`). Any other field
is written under `extra` of its object and is sent in that object, after the others, like `extra_body` at the top level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

from ..documents.documents import Document
from ..errors import Diagnostic
from ..values import Json, JsonPath
from .formats import schema
from .violations import FormatViolation, near, spell

__all__ = [
    "EXTRA",
    "collisions",
    "extra_fault",
    "extras",
    "known_types",
    "merged",
    "merged_message",
    "message_collisions",
    "unknown_types",
]

EXTRA = "extra_body"
"""The field that has the provider's own fields; one of them is written `extra_body.NAME`, or `extra_body.NAME.KEY`."""

_HOLDERS = ("image_url", "input_audio", "file")
_CALLED = ("function", "custom")
_TOOL_FIELDS = ("tools", "functions")
_READ_BY_RUNNER = frozenset({"role", "type", "content", "tool_calls", "function", "custom", "parameters"})
"""Keys that define an object. They are checked, rendered and judged, so they are not allowed in `extra`."""


def extra_fault(name: str, value: Json) -> tuple[str, str] | None:
    """Return what is wrong with an override of `extra_body`, or of a path in it, and what to do; None for nothing."""
    if not all(name.split(".")):
        return f"{name} is not the path of a field", "write extra_body.NAME"
    keys = [name.split(".")[1]] if name != EXTRA else list(value) if isinstance(value, dict) else []
    known = schema("prompt")["properties"]["matrix"]["properties"].keys() - {EXTRA}
    for key in keys:
        if key in ("messages", "stream", "stream_options"):
            return f'"{key}" is not allowed in extra_body', "runner writes this field itself"
        if key in known:
            return f'"{key}" is a request field', f"write {key} instead of {EXTRA}.{key}"
    return None


def merged(field: str, value: Json) -> Json:
    """Return the value of a request field as it is sent: with each `extra` in `messages`, `tools` and `functions` merged."""
    if not isinstance(value, list):
        return value
    if field == "messages":
        return [merged_message(each) if isinstance(each, dict) else each for each in value]
    if field in _TOOL_FIELDS:
        return [_merged(each, list(_in_tool(each, ()))) if isinstance(each, dict) else each for each in value]
    return value


def merged_message(message: dict[str, Json]) -> dict[str, Json]:
    """Return one message as it is sent. The given message is not changed, and is returned if it has no `extra`."""
    return _merged(message, list(_in_message(message, ())))


def extras(spec: Mapping[str, Json]) -> Iterator[JsonPath]:
    """Yield the path of each object of a prompt file's request that has an `extra`."""
    for field, value, at in _fields(spec):
        for index, each in enumerate(value if isinstance(value, list) else ()):
            if isinstance(each, Mapping):
                found = _in_message if field == "messages" else _in_tool
                yield from found(each, (*at, index))


def collisions(spec: Mapping[str, Json]) -> Iterator[FormatViolation]:
    """Yield a violation for each key that `extra` must not have: one that its object has, or that runner reads itself."""
    for place in extras(spec):
        yield from _collisions(_at(spec, place), place)


def message_collisions(message: Mapping[str, Json], at: JsonPath) -> Iterator[FormatViolation]:
    """Yield the same for one message, whose path in something larger is `at`."""
    for place in _in_message(message, ()):
        yield from _collisions(_at(message, place), (*at, *place))


def _collisions(owner: Mapping[str, Any], at: JsonPath) -> Iterator[FormatViolation]:
    for key in owner["extra"]:
        path = (*at, "extra", key)
        if key in owner and key != "extra":
            yield FormatViolation(
                path, f'{spell((*at, "extra"))} repeats "{key}"', "keep one of them", at_key=True
            )
        elif key in _READ_BY_RUNNER or key in known_types("part"):
            message = f'"{key}" is not allowed in {spell((*at, "extra"))}'
            yield FormatViolation(
                path, message, "write it next to extra: runner reads it itself", at_key=True
            )


def unknown_types(spec: Mapping[str, Json], document: Document) -> Iterator[Diagnostic]:
    """Yield W005 for each type of part, tool call or tool that no known provider supports, or not in this role."""
    for field, value, at in _fields(spec):
        for index, each in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(each, Mapping):
                continue
            if field == "messages":
                for key, part in (("content", "part"), ("tool_calls", "toolCall")):
                    items = each.get(key)
                    for number, item in enumerate(items if isinstance(items, list) else ()):
                        place = (*at, index, key, number)
                        yield from _unknown_type(item, part, place, document)
                        if each.get("role") != "user" and part == "part":
                            yield from _media_elsewhere(item, str(each.get("role")), place, document)
            elif field == "tools":
                yield from _unknown_type(each, "tool", (*at, index), document)

    choice = spec.get("tool_choice")
    if not isinstance(choice, Mapping) or choice.get("type") != "allowed_tools":
        yield from _unknown_type(choice, "tool", ("tool_choice",), document)


def _unknown_type(item: Json, part: str, at: JsonPath, document: Document) -> Iterator[Diagnostic]:
    kind = item.get("type") if isinstance(item, Mapping) else None
    known = known_types(part)
    if not isinstance(kind, str) or kind in known or (part == "tool" and ":" in kind):
        return
    hint = near(kind, known) or f"known here: {', '.join(known)}"
    message = f'{spell(at)}.type is "{kind}", which runner does not know; it is sent unchanged'
    yield Diagnostic("warning", "W005", message, document.locate((*at, "type")), hint)


def _media_elsewhere(part: Json, role: str, at: JsonPath, document: Document) -> Iterator[Diagnostic]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in _HOLDERS:
        message = f"{spell(at)} is {kind} in a message of role {role}, where OpenAI does not accept it"
        hint = "some providers do; otherwise put it in a user message"
        yield Diagnostic("warning", "W005", message, document.locate((*at, "type")), hint)


@cache
def known_types(part: str) -> tuple[str, ...]:
    """Return the known types of a part, a tool call or a tool, as the format lists them."""
    rules = schema("prompt")["$defs"][part]
    declared = rules["properties"]["type"]["examples"] if "properties" in rules else None
    return tuple(declared or rules["if"]["properties"]["type"]["enum"])


def _fields(spec: Mapping[str, Json]) -> Iterator[tuple[str, Json, JsonPath]]:
    """Yield name, value and path of the fields that contain messages and tools, including those of `matrix`."""
    for field in ("messages", *_TOOL_FIELDS):
        if field in spec:
            yield field, spec[field], (field,)
    matrix = spec.get("matrix")
    for field in _TOOL_FIELDS:
        values = matrix.get(field) if isinstance(matrix, Mapping) else None
        for index, value in enumerate(values if isinstance(values, list) else ()):
            yield field, value, ("matrix", field, index)


def _in_message(message: Mapping[str, Json], at: JsonPath) -> Iterator[JsonPath]:
    """Yield the paths of objects with `extra` in a message, beginning with itself, outer ones before inner ones."""
    if message.get("type") == "placeholder" and "role" not in message:
        return
    yield from _self(message, at)
    content, calls = message.get("content"), message.get("tool_calls")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        yield from _self_and(part, _HOLDERS, (*at, "content", index))
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        yield from _self_and(call, _CALLED, (*at, "tool_calls", index))


def _in_tool(tool: Mapping[str, Json], at: JsonPath) -> Iterator[JsonPath]:
    yield from _self_and(tool, _CALLED, at)


def _self_and(value: Json, inner: Sequence[str], at: JsonPath) -> Iterator[JsonPath]:
    if isinstance(value, Mapping):
        yield from _self(value, at)
        for key in inner:
            yield from _self(value.get(key), (*at, key))


def _self(value: Json, at: JsonPath) -> Iterator[JsonPath]:
    if isinstance(value, Mapping) and isinstance(value.get("extra"), Mapping):
        yield at


def _merged(value: dict[str, Json], places: Sequence[JsonPath]) -> dict[str, Json]:
    for place in reversed(
        places
    ):  # inner ones first, so that the places of the outer ones stay what they are
        value = cast("dict[str, Json]", _merged_at(value, place))
    return value


def _merged_at(value: Any, place: JsonPath) -> Json:
    if place:
        first, rest = place[0], place[1:]
        changed = value.copy()
        changed[first] = _merged_at(value[first], rest)
        return cast("Json", changed)
    own = {key: each for key, each in value.items() if key != "extra"}
    return {**own, **value["extra"]}


def _at(value: Any, place: JsonPath) -> Any:
    for step in place:
        value = value[step]
    return value
