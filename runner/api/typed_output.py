"""The output of an answer as an instance of a class: a pydantic model or a dataclass."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from ..errors import UsageError
from ..schema import json_path
from ..values import Json, JsonPath

__all__ = ["typed"]

_T = TypeVar("_T")


class _MisfitError(Exception):
    """A part of the output that does not fit its type."""

    def __init__(self, path: JsonPath, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def typed(output: Json, kind: type[_T]) -> _T:
    """Return an output as an instance of `kind`.

    A pydantic model reads it as JSON, by its own rules. A dataclass gets exactly its fields: nothing is converted, except
    that a number may be an integer, and nothing is left out. Raises UsageError if the output does not fit.
    """
    name = getattr(kind, "__name__", str(kind))
    if callable(read := getattr(kind, "model_validate_json", None)):
        try:
            found: _T = read(json.dumps(output))
        except ValueError as error:  # pydantic's ValidationError is one
            raise UsageError(f"the output does not fit {name}: {error}") from None
        return found
    if not (dataclasses.is_dataclass(kind) and isinstance(kind, type)):
        raise UsageError(f"{name} is neither a pydantic model nor a dataclass")
    try:
        built: _T = _value(output, kind, ())
    except _MisfitError as error:
        raise UsageError(
            f"the output does not fit {name}: {json_path(error.path)} {error.reason}",
            hint="the response schema of the prompt and the class must agree",
        ) from None
    return built


def _value(value: Json, kind: Any, path: JsonPath) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(value, get_args(kind), path)
    if origin is Literal:
        for allowed in get_args(kind):
            if type(allowed) is type(value) and allowed == value:
                return value
        raise _MisfitError(path, f"is {_shown(value)}, not one of {', '.join(map(repr, get_args(kind)))}")
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _instance(value, kind, path)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        for member in kind:
            if type(member.value) is type(value) and member.value == value:
                return member
        raise _MisfitError(path, f"is {_shown(value)}, which is not a value of {kind.__name__}")
    if (origin or kind) in (list, tuple, dict, set, frozenset):
        return _collection(value, origin or kind, get_args(kind), path)
    return _plain(value, kind, path)


def _plain(value: Json, kind: Any, path: JsonPath) -> Any:
    if kind is None or kind is type(None):
        if value is None:
            return None
        raise _MisfitError(path, f"is {_shown(value)}, not null")
    if kind is float and type(value) is int:
        return float(value)
    if kind not in (str, int, float, bool):
        what = "a TypedDict" if is_typeddict(kind) else str(kind)
        raise _MisfitError(
            path, f"has a type that a dataclass cannot have here: {what}; use a pydantic model"
        )
    if type(value) is not kind:
        raise _MisfitError(path, f"is {_shown(value)}, not {kind.__name__}")
    return value


def _one_of(value: Json, kinds: tuple[Any, ...], path: JsonPath) -> Any:
    reasons = []
    for kind in sorted(kinds, key=lambda each: each is float):  # an integer is an int if that is allowed, too
        try:
            return _value(value, kind, path)
        except _MisfitError as error:
            reasons.append(error)
    raise max(reasons, key=lambda error: len(error.path))


def _instance(value: Json, kind: type, path: JsonPath) -> Any:
    if not isinstance(value, Mapping):
        raise _MisfitError(path, f"is {_shown(value)}, not an object")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for name in value:
        if name not in fields:
            raise _MisfitError((*path, name), f"is not a field of {kind.__name__}")
    hints = get_type_hints(kind)
    given = {}
    for name, field in fields.items():
        if name in value:
            given[name] = _value(value[name], hints[name], (*path, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _MisfitError((*path, name), "is missing")
    return kind(**given)


def _collection(value: Json, kind: type, parts: tuple[Any, ...], path: JsonPath) -> Any:
    if kind is dict:
        if not isinstance(value, Mapping):
            raise _MisfitError(path, f"is {_shown(value)}, not an object")
        if parts and parts[0] is not str:
            raise _MisfitError(path, "has names that are strings")
        of = parts[1] if parts else Any
        return {name: _value(each, of, (*path, name)) for name, each in value.items()}
    if not isinstance(value, list):
        raise _MisfitError(path, f"is {_shown(value)}, not an array")
    if kind is tuple and parts and parts[-1] is not Ellipsis:
        if len(value) != len(parts):
            raise _MisfitError(path, f"has {len(value)} items, not {len(parts)}")
        return tuple(
            _value(each, of, (*path, at)) for at, (each, of) in enumerate(zip(value, parts, strict=True))
        )
    of = parts[0] if parts else Any
    return kind(_value(each, of, (*path, at)) for at, each in enumerate(value))


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 60
