"""Schemas that refuse nothing, and keywords that JSON Schema does not know: both make every answer valid in silence.

Nothing is guessed: `accepted_types` names a type only where each of its values provably fits. Keywords are those of JSON
Schema 2020-12 and of the drafts before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..errors import did_you_mean
from ..values import Json, JsonPath
from .wording import json_path

__all__ = ["TYPES", "Vacuity", "accepted_types", "meant_keyword", "unknown_keywords", "vacuity"]

TYPES = ("object", "array", "string", "number", "boolean", "null")

_SCHEMAS = frozenset(
    {
        "items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties",
        "propertyNames", "not", "if", "then", "else", "contentSchema",
    }
)  # fmt: skip
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_MAPS = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"}
)
_OTHER = frozenset(
    {
        "type", "enum", "const", "required", "dependentRequired", "minProperties", "maxProperties", "minItems",
        "maxItems", "uniqueItems", "minContains", "maxContains", "minLength", "maxLength", "pattern", "format",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "contentEncoding",
        "contentMediaType", "$ref", "$dynamicRef", "$recursiveRef", "title", "description", "default", "examples",
        "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id", "id", "$anchor", "$dynamicAnchor",
        "$recursiveAnchor", "$vocabulary",
    }
)  # fmt: skip
_KEYWORDS = _SCHEMAS | _LISTS | _MAPS | _OTHER
_REMARKS = frozenset(
    {
        "example", "propertyOrdering", "enumNames", "enumDescriptions", "markdownDescription", "errorMessage",
        "discriminator", "xml", "externalDocs", "$async",
    }
)  # fmt: skip
"""Keywords of OpenAPI, of Gemini and of editors that refuse no value where they come from either."""

_WRAPPERS = (
    "response_format",
    "text",
    "format",
    "json_schema",
    "schema",
    "function",
    "parameters",
    "input_schema",
)
_SAYING = frozenset({"properties", "items", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"})


class Vacuity(NamedTuple):
    """Why a schema is no test: one sentence, and what to do."""

    message: str
    hint: str


def vacuity(schema: Json) -> Vacuity | None:
    """Why `schema` would let every answer pass; None where it can refuse one."""
    accepted = accepted_types(schema)
    if (inside := _inside(schema)) and ("object" in accepted or not _has_types(schema)):
        return Vacuity(
            "this is not the schema, but what goes around it, and it refuses no answer",
            f"the schema is what stands under {json_path(inside)[2:]}",
        )
    unknown = _meant_as_keywords(schema)
    if len(accepted) < len(TYPES) and not (unknown and "object" in accepted):
        return None
    if unknown:
        return Vacuity(
            "the schema says nothing about what is in an answer, so every answer would pass",
            f"JSON Schema has no keyword {', '.join(unknown)}",
        )
    return Vacuity(
        "the schema refuses nothing, so every answer would pass",
        "say what the answer is, e.g. {type: object, properties: {...}, required: [...]}; for any JSON object write"
        " response_format: {type: json_object}",
    )


def _meant_as_keywords(schema: Json) -> list[str]:
    """The unknown keywords at the root that were meant to say what is in an answer, each with what may be right."""
    meant = []
    for keyword in [keyword for path, keyword in unknown_keywords(schema) if not path]:
        if right := meant_keyword(keyword):
            meant.append(f'"{keyword}" ({did_you_mean(right)})')
        elif isinstance(schema, Mapping) and isinstance(schema[keyword], Mapping):
            meant.append(f'"{keyword}" (a property stands under "properties")')
    return meant


def unknown_keywords(schema: Json, at: JsonPath = ()) -> Iterator[tuple[JsonPath, str]]:
    """Each keyword that JSON Schema does not know, with the place of the schema it stands in."""
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        if keyword not in _KEYWORDS and keyword not in _REMARKS and not keyword.startswith("x-"):
            yield at, keyword
        for path, inner in _subschemas(keyword, value):
            yield from unknown_keywords(inner, (*at, keyword, *path))


def meant_keyword(keyword: str) -> str | None:
    """The keyword of JSON Schema that an unknown one is probably a slip of."""
    camel = "".join(
        word if index == 0 else word.capitalize() for index, word in enumerate(keyword.split("_"))
    )
    close = get_close_matches(camel, sorted(_KEYWORDS), n=1, cutoff=0.75)
    return close[0] if close else None


def _subschemas(keyword: str, value: Json) -> Iterator[tuple[JsonPath, Json]]:
    if keyword in _LISTS and isinstance(value, list):
        yield from (((index,), each) for index, each in enumerate(value))
    elif keyword in _MAPS and isinstance(value, Mapping):
        yield from (((name,), each) for name, each in value.items())
    elif keyword in _SCHEMAS:
        yield (), value


def _has_types(schema: Json) -> bool:
    """Whether `type`, where it stands, names types: that of what goes around a schema is "json_schema" or "function"."""
    declared: Any = schema.get("type", TYPES) if isinstance(schema, Mapping) else TYPES
    return not isinstance(declared, str) or declared in (*TYPES, "integer")


def _inside(schema: Json) -> JsonPath:
    """Where the schema stands in what goes around it in a request; () where `schema` is none of these."""
    path: JsonPath = ()
    while isinstance(schema, Mapping) and not schema.keys() & _SAYING:
        key = next((key for key in _WRAPPERS if isinstance(schema.get(key), Mapping)), None)
        if key is None:
            break
        path, schema = (*path, key), schema[key]
    return path if path[-1:] in (("schema",), ("parameters",), ("input_schema",)) else ()


# --- what is accepted -------------------------------------------------------------------------------------------------


def accepted_types(schema: Json) -> tuple[str, ...]:
    """The types whose every value provably fits `schema`; all of TYPES where it refuses nothing."""
    proof = _Proof(schema)
    return tuple(kind for kind in TYPES if proof.accepts(schema, kind))


class _Proof:
    """Looks for a reason to refuse. Schemas that refer to each other refuse nothing if none of them finds one."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._refuses: set[tuple[int, str]] = set()
        self._open: set[tuple[int, str]] = set()

    def accepts(self, schema: Json, kind: str) -> bool:
        while True:
            known = len(self._refuses)
            self._open.clear()
            accepted = self._accepts(schema, kind)
            if len(self._refuses) == known:
                return accepted

    def _accepts(self, schema: Json, kind: str) -> bool:
        if not isinstance(schema, Mapping):
            return schema is True
        key = (id(schema), kind)
        if key in self._refuses:
            return False
        if key in self._open:
            return True
        self._open.add(key)
        rules: Mapping[str, Json] = schema
        if "$ref" in schema and _is_old(self._root):
            rules = {"$ref": schema["$ref"]}
        if all(self._passes(keyword, value, rules, kind) for keyword, value in rules.items()):
            return True
        self._refuses.add(key)
        return False

    def _accepts_all(self, schema: Json) -> bool:
        return all(self._accepts(schema, kind) for kind in TYPES)

    def _passes(self, keyword: str, value: Any, rules: Mapping[str, Json], kind: str) -> bool:
        """Whether `keyword` provably lets every value of the type pass."""
        match keyword:
            case "type":
                return kind in ([value] if isinstance(value, str) else value)
            case "enum" | "const":
                values = [value] if keyword == "const" else value
                known = [each for each in values if each is None or isinstance(each, bool)]
                return {"null": None in known, "boolean": True in known and False in known}.get(kind, False)
            case "allOf":
                return all(self._accepts(each, kind) for each in value)
            case "anyOf":
                return any(self._accepts(each, kind) for each in value)
            case "oneOf":
                fitting = [each for each in value if not _excludes(each, kind)]
                return len(fitting) == 1 and self._accepts(fitting[0], kind)
            case "not":
                return _excludes(value, kind)
            case "if":
                return all(self._accepts(rules[each], kind) for each in ("then", "else") if each in rules)
            case "$ref" | "$dynamicRef" | "$recursiveRef":
                return self._accepts(self._target(value), kind)
            case _:
                of, passes = _OF_ONE_TYPE.get(keyword, ("", None))
                return of != kind or passes is None or passes(self, value)

    def _target(self, reference: Json) -> Json:
        """What a reference inside the document means; false, which refuses all, where that is not found."""
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return False
        if reference != "#" and not reference.startswith("#/"):
            named = list(_anchored(self._root, unquote(reference[1:])))
            return named[0] if len(named) == 1 else False
        for step in reference.split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return False
        return found  # type: ignore[no-any-return]


def _excludes(schema: Json, kind: str) -> bool:
    """Whether a schema provably refuses every value of the type."""
    if not isinstance(schema, Mapping):
        return schema is False
    if "type" in schema:
        declared: Any = schema["type"]
        names = [declared] if isinstance(declared, str) else declared
        if kind not in names and not (kind == "number" and "integer" in names):
            return True
    return "not" in schema and (schema["not"] is True or schema["not"] == {})


def _is_old(root: Json) -> bool:
    """Whether the draft is one in which nothing beside a `$ref` counts."""
    dialect = str(root.get("$schema", "")) if isinstance(root, Mapping) else ""
    return any(f"draft-0{number}" in dialect for number in (3, 4, 6, 7))


def _schema_passes(proof: _Proof, value: Any) -> bool:
    return proof._accepts_all(value)


def _schemas_pass(proof: _Proof, value: Any) -> bool:
    each = value.values() if isinstance(value, Mapping) else value
    return all((isinstance(one, list) and not one) or proof._accepts_all(one) for one in each)


def _items_pass(proof: _Proof, value: Any) -> bool:
    return _schemas_pass(proof, value) if isinstance(value, list) else _schema_passes(proof, value)


def _is_nothing(_proof: _Proof, value: Any) -> bool:
    return not value


def _never(_proof: _Proof, _value: Any) -> bool:
    return False


_OF_ONE_TYPE: Mapping[str, tuple[str, Callable[[_Proof, Any], bool]]] = {
    "required": ("object", _is_nothing),
    "minProperties": ("object", _is_nothing),
    "maxProperties": ("object", _never),
    "properties": ("object", _schemas_pass),
    "patternProperties": ("object", _schemas_pass),
    "additionalProperties": ("object", _schema_passes),
    "unevaluatedProperties": ("object", _schema_passes),
    "propertyNames": ("object", lambda proof, value: proof._accepts(value, "string")),
    "dependentRequired": ("object", _schemas_pass),
    "dependentSchemas": ("object", _schemas_pass),
    "dependencies": ("object", _schemas_pass),
    "items": ("array", _items_pass),
    "prefixItems": ("array", _schemas_pass),
    "additionalItems": ("array", _schema_passes),
    "unevaluatedItems": ("array", _schema_passes),
    "contains": ("array", _never),
    "minItems": ("array", _is_nothing),
    "maxItems": ("array", _never),
    "uniqueItems": ("array", _is_nothing),
    "minLength": ("string", _is_nothing),
    "maxLength": ("string", _never),
    "pattern": ("string", _never),
    "format": ("string", _never),
    "minimum": ("number", _never),
    "maximum": ("number", _never),
    "exclusiveMinimum": ("number", _never),
    "exclusiveMaximum": ("number", _never),
    "multipleOf": ("number", _never),
}


def _anchored(value: Json, name: str) -> Iterator[Json]:
    """The objects in a schema that have the anchor `name`."""
    if isinstance(value, Mapping):
        if name in (value.get("$anchor"), value.get("$dynamicAnchor")):
            yield value
        for each in value.values():
            yield from _anchored(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _anchored(each, name)
