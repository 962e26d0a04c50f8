"""Find schemas that accept everything, and unknown keywords: both would make every answer valid silently.

Nothing is guessed: `accepted_types` names a type only if each of its values is provably valid. The known keywords are
those of JSON Schema 2020-12 and of the drafts before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..errors import close_to, did_you_mean
from ..json_pointer import unescape_token
from ..values import Json, JsonPath
from .wording import json_path

__all__ = ["TYPES", "Vacuity", "accepted_types", "meant_keyword", "unknown_keywords", "vacuity", "wrapper"]

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
"""Keywords of OpenAPI, Gemini and editors, which accept every value there."""

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
    """Why a schema tests nothing: one sentence, and what to do."""

    message: str
    hint: str


def wrapper(schema: Json) -> Vacuity | None:
    """Return the finding for a request's wrapper around a schema, if its `type` is not a JSON type.

    Call this before the validator, which can only report that "json_schema" is an unknown type.
    """
    inside = _inside(schema)
    return _wraps(inside) if inside and not _has_types(schema) else None


def vacuity(schema: Json) -> Vacuity | None:
    """Return why every answer would pass the valid `schema`; None if it can refuse one."""
    if found := wrapper(schema):
        return found
    accepted = accepted_types(schema)
    if (inside := _inside(schema)) and "object" in accepted:
        return _wraps(inside)
    unknown = _meant_as_keywords(schema)
    if len(accepted) < len(TYPES) and not (unknown and "object" in accepted):
        return None
    if unknown:
        return Vacuity(
            "the schema says nothing about the content of an answer, so every answer would pass",
            f"JSON Schema has no keyword {', '.join(unknown)}",
        )
    return Vacuity(
        "the schema accepts everything, so every answer would pass",
        "describe the answer, e.g. {type: object, properties: {...}, required: [...]}; for any JSON object write"
        " response_format: {type: json_object}",
    )


def _wraps(inside: JsonPath) -> Vacuity:
    return Vacuity(
        "this is the wrapper of a schema rather than the schema, and every answer would pass it",
        f"the schema itself is under {json_path(inside)[2:]}",
    )


def _meant_as_keywords(schema: Json) -> list[str]:
    """Return the unknown keywords at the root that were meant to describe an answer, each with a suggestion."""
    meant = []
    for keyword in [keyword for path, keyword in unknown_keywords(schema) if not path]:
        if right := meant_keyword(keyword):
            meant.append(f'"{keyword}" ({did_you_mean(right)})')
        elif isinstance(schema, Mapping) and isinstance(schema[keyword], Mapping):
            meant.append(f'"{keyword}" (properties are declared under "properties")')
    return meant


def unknown_keywords(schema: Json, at: JsonPath = ()) -> Iterator[tuple[JsonPath, str]]:
    """Yield each unknown keyword, after the path of its schema."""
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        if keyword not in _KEYWORDS and keyword not in _REMARKS and not keyword.startswith("x-"):
            yield at, keyword
        for path, inner in _subschemas(keyword, value):
            yield from unknown_keywords(inner, (*at, keyword, *path))


def meant_keyword(keyword: str) -> str | None:
    """Return the keyword of JSON Schema that an unknown one is probably a misspelling of, or None."""
    camel = "".join(
        word if index == 0 else word.capitalize() for index, word in enumerate(keyword.split("_"))
    )
    close = close_to(camel, sorted(_KEYWORDS), cutoff=0.75)
    return close[0] if close else None


def _subschemas(keyword: str, value: Json) -> Iterator[tuple[JsonPath, Json]]:
    if keyword in _LISTS and isinstance(value, list):
        yield from (((index,), each) for index, each in enumerate(value))
    elif keyword in _MAPS and isinstance(value, Mapping):
        yield from (((name,), each) for name, each in value.items())
    elif keyword in _SCHEMAS:
        yield (), value


def _has_types(schema: Json) -> bool:
    """Return whether `type`, if present, names JSON types: in the wrapper of a schema it is "json_schema" or "function"."""
    declared: Any = schema.get("type", TYPES) if isinstance(schema, Mapping) else TYPES
    return not isinstance(declared, str) or declared in (*TYPES, "integer")


def _inside(schema: Json) -> JsonPath:
    """Return the path of the schema inside its wrapper in a request; () if `schema` is not a wrapper."""
    path: JsonPath = ()
    while isinstance(schema, Mapping) and not schema.keys() & _SAYING:
        key = next((key for key in _WRAPPERS if isinstance(schema.get(key), Mapping)), None)
        if key is None:
            break
        path, schema = (*path, key), schema[key]
    return path if path[-1:] in (("schema",), ("parameters",), ("input_schema",)) else ()


# --- what is accepted -------------------------------------------------------------------------------------------------


def accepted_types(schema: Json) -> tuple[str, ...]:
    """Return the types of which every value is provably valid; all of TYPES if `schema` accepts everything."""
    proof = _Proof(schema)
    return tuple(kind for kind in TYPES if proof.accepts(schema, kind))


class _Proof:
    """Search for a reason to refuse values. Schemas that refer to each other accept everything if none of them has one."""

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
        """Return whether `keyword` provably accepts every value of the type."""
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
        """Return the target of a reference inside the document; false, which refuses everything, if there is none."""
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return False
        if reference != "#" and not reference.startswith("#/"):
            named = list(_anchored(self._root, unquote(reference[1:])))
            return named[0] if len(named) == 1 else False
        for step in reference.split("/")[1:]:
            name = unescape_token(unquote(step))
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return False
        return found  # type: ignore[no-any-return]


def _excludes(schema: Json, kind: str) -> bool:
    """Return whether a schema provably refuses every value of the type."""
    if not isinstance(schema, Mapping):
        return schema is False
    if "type" in schema:
        declared: Any = schema["type"]
        names = [declared] if isinstance(declared, str) else declared
        if kind not in names and not (kind == "number" and "integer" in names):
            return True
    return "not" in schema and (schema["not"] is True or schema["not"] == {})


def _is_old(root: Json) -> bool:
    """Return whether the schema has a draft in which keywords next to a `$ref` are ignored."""
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
    """Yield the objects in a schema that have the anchor `name`."""
    if isinstance(value, Mapping):
        if name in (value.get("$anchor"), value.get("$dynamicAnchor")):
            yield value
        for each in value.values():
            yield from _anchored(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _anchored(each, name)
