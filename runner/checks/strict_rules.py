"""The rules of the strict subset that apply to one subschema at a time: S001, S002 and S010 to S053, S071.

The sources are OpenAI's guide "Structured model outputs" (https://platform.openai.com/docs/guides/structured-outputs),
the messages of its 400 responses and, for what those leave open, the schema transformer of the openai-node client. If
providers have behaved differently at different times, the finding is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ..patterns import PatternError
from ..schema import show
from ..schema.ecma import compile_ecma
from ..values import Json, JsonPath, json_type
from .strict_schema import Finding, Subschema, finding, target

__all__ = ["FORMATS", "node_findings"]

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")

_FORBIDDEN = frozenset(
    {
        "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
        "patternProperties", "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties",
        "unevaluatedItems", "contains", "minContains", "maxContains", "uniqueItems", "prefixItems",
        "additionalItems", "contentEncoding", "contentMediaType", "contentSchema", "$anchor", "$dynamicAnchor",
        "$dynamicRef", "$recursiveAnchor", "$recursiveRef",
    }
)  # fmt: skip
# Keywords that replace `type`; if one of these is refused, a missing type is not a second mistake.
_COMBINATORS = frozenset({"allOf", "oneOf", "not", "if", "$dynamicRef", "$recursiveRef"})
_CONTESTED = frozenset({"default", "minLength", "maxLength", "definitions", "$schema", "$id"})
_KNOWN = frozenset(
    {
        "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
        "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems",
        "maxItems", "title", "description", "$comment", "examples", "readOnly", "writeOnly", "deprecated",
    }
)  # fmt: skip
_ROOT_ONLY = frozenset({"$defs", "definitions", "$schema", "$id"})
_MEANT_FOR: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("pattern", "format", "minLength", "maxLength"), frozenset({"string"})),
    **dict.fromkeys(
        ("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        frozenset({"number", "integer"}),
    ),
    **dict.fromkeys(("items", "minItems", "maxItems"), frozenset({"array"})),
    **dict.fromkeys(("required", "additionalProperties"), frozenset({"object"})),
}


def node_findings(node: Subschema, nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    """Yield what is wrong with one subschema, apart from its parts."""
    if not isinstance(node.schema, Mapping):
        came = "true/false" if isinstance(node.schema, bool) else show(node.schema)
        yield finding("S021", "error", node.path, f"{came} is not a usable schema")
        if node.path:
            return
    if not node.path:
        yield from _root(node)
    yield from _keywords(node)
    yield from _type(node)
    yield from _object(node)
    yield from _enum(node)
    yield from _union(node, nodes)
    yield from _string(node)
    yield from _reference(node, nodes)


def _root(node: Subschema) -> Iterator[Finding]:
    declared = node.keywords.get("type")
    if declared != "object":
        yield finding("S001", "error", (), f'root schema must have type "object" (got {show(declared)})')
    if "anyOf" in node.keywords:
        yield finding("S002", "error", ("anyOf",), "root schema must not use anyOf; wrap it in a property")


def _keywords(node: Subschema) -> Iterator[Finding]:
    for keyword, value in node.keywords.items():
        path = (*node.path, keyword)
        if keyword in _FORBIDDEN or (keyword == "$id" and node.path):
            yield finding("S030", "error", path, f"'{keyword}' is not permitted in strict mode")
        elif keyword == "items" and isinstance(value, list):
            yield finding(
                "S030", "error", path, "'items' as a list (a tuple) is not permitted in strict mode"
            )
        elif keyword in _CONTESTED:
            message = (
                f"'{keyword}' is not in the published subset; whether it is accepted varies by date and model"
            )
            yield finding("S031", "warning", path, message)
        elif keyword not in _KNOWN:
            yield finding("S032", "warning", path, f"unknown keyword '{keyword}' (a typo, or ignored)")
        fitting = _MEANT_FOR.get(keyword)
        if fitting and node.types and fitting.isdisjoint(node.types):
            message = f"'{keyword}' has no meaning for type {' or '.join(node.types)}"
            yield finding("S043", "warning", path, message)


def _type(node: Subschema) -> Iterator[Finding]:
    keywords = node.keywords
    if "type" not in keywords:
        said_otherwise = keywords.keys() & ({"anyOf", "$ref", "properties"} | _COMBINATORS)
        if node.path and not said_otherwise:
            yield finding("S020", "error", node.path, "schema must have a 'type' (or anyOf, or $ref)")
        return
    types = node.types
    if not types or any(kind not in TYPES for kind in types) or len({*types}) < len(types):
        allowed = f"one of {', '.join(TYPES)} (or a list of them without repeats)"
        yield finding(
            "S023", "error", (*node.path, "type"), f"type must be {allowed}, got {show(keywords['type'])}"
        )
    if "array" in types and "items" not in keywords:
        yield finding("S022", "error", node.path, "the array schema has no items")


def _object(node: Subschema) -> Iterator[Finding]:
    keywords, properties, required = node.keywords, node.properties, node.required
    if "object" not in node.types:
        if "properties" in keywords:
            yield finding("S024", "error", node.path, 'has properties but no type "object"')
        else:
            return
    if keywords.get("additionalProperties") is not False:
        path = (*node.path, "additionalProperties") if "additionalProperties" in keywords else node.path
        yield finding("S010", "error", path, "additionalProperties must be false")
    missing = [name for name in properties if name not in required]
    if missing:
        path = (*node.path, "required") if "required" in keywords else node.path
        yield finding("S011", "error", path, f"required must list every property; missing {_names(missing)}")
    extra = [name for name in required if name not in properties]
    if extra:
        verb = "is" if len(extra) == 1 else "are"
        message = f"required lists {_names(extra)} which {verb} not in properties"
        yield finding("S012", "error", (*node.path, "required"), message)
    if not properties:
        message = "object without properties: the model can only answer {}, and some validators refuse it"
        yield finding("S013", "warning", node.path, message)


def _enum(node: Subschema) -> Iterator[Finding]:
    if "enum" not in node.keywords:
        return
    values, path = node.keywords["enum"], (*node.path, "enum")
    if not isinstance(values, list) or not values:
        yield finding("S027", "error", path, "enum must be a non-empty list")
        return
    kinds = {json_type(value) for value in values} - {"null"}
    allowed = {"number" if kind == "integer" else kind for kind in node.types}
    if len(kinds) > 1:
        yield finding("S025", "error", path, "enum values must be of the same type (null is also allowed)")
    elif allowed and not kinds <= allowed:
        message = f"enum values of type {kinds.pop()} never match type {' or '.join(node.types)}"
        yield finding("S025", "error", path, message)
    if "null" in node.types and None not in values:
        message = "type allows null but enum does not list null, so null is unreachable"
        yield finding("S028", "warning", path, message)


def _union(node: Subschema, nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    if "anyOf" not in node.keywords:
        return
    branches, path = node.keywords["anyOf"], (*node.path, "anyOf")
    if not isinstance(branches, list) or not branches:
        yield finding("S026", "error", path, "anyOf must be a non-empty list of schemas")
        return
    first_keys: set[str] = set()
    for index in range(len(branches)):
        branch = nodes[(*path, index)]
        # A branch that is a reference counts as its target.
        branch = nodes.get(target(branch.keywords.get("$ref")) or branch.path, branch)
        first = next(iter(branch.properties), None)
        if first is not None and first in first_keys:
            message = (
                f"anyOf objects share the first key '{first}' (refused until March 2025; unverified since)"
            )
            yield finding("S071", "warning", path, message)
            return
        first_keys.update(() if first is None else (first,))


def _string(node: Subschema) -> Iterator[Finding]:
    keywords = node.keywords
    if "format" in keywords and keywords["format"] not in FORMATS:
        message = f"{show(keywords['format'])} is not a valid format ({', '.join(FORMATS)})"
        yield finding("S040", "error", (*node.path, "format"), message)
    if "pattern" not in keywords:
        return
    pattern, path = keywords["pattern"], (*node.path, "pattern")
    if not _compiles(pattern):
        yield finding("S041", "error", path, f"pattern is not a valid regular expression: {show(pattern)}")
    elif _has_lookaround(str(pattern)):
        yield finding("S042", "error", path, f"regex lookaround is not supported: {show(pattern)}")


def _compiles(pattern: Json) -> bool:
    if not isinstance(pattern, str):
        return False
    try:
        compile_ecma(pattern)
    except PatternError:
        return False
    return True


def _has_lookaround(pattern: str) -> bool:
    return any(token["lookaround"] for token in _TOKEN.finditer(pattern))


# An escape and a character class are one token each, so that nothing inside them counts as a lookaround.
_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|(?P<lookaround>\(\?<?[=!])", re.DOTALL)


def _reference(node: Subschema, nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    if "$ref" not in node.keywords:
        return
    reference, path = node.keywords["$ref"], (*node.path, "$ref")
    beside = [
        keyword for keyword in node.keywords if keyword != "$ref" and (node.path or keyword not in _ROOT_ONLY)
    ]
    if beside:
        message = f'$ref cannot have keywords {_names(beside)} next to it; wrap it: {{"anyOf": [{{"$ref": ...}}], ...}}'
        yield finding("S051", "error", path, message)
    place = target(reference)
    if place is None:
        message = f"$ref may only be '#' or '#/$defs/<name>' at the root, got {show(reference)}"
        yield finding("S052", "error", path, message)
    elif place not in nodes:
        yield finding("S053", "error", path, f"{show(reference)} is not defined")


def _names(names: Iterable[Json]) -> str:
    return ", ".join(f"'{name}'" for name in names)
