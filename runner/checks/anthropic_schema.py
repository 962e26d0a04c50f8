"""Lint a schema for Anthropic's structured outputs: what its Messages API refuses before anything is generated.

The source is Anthropic's guide "Structured outputs", section "JSON Schema limitations", with the messages of its 400
responses. A keyword that the guide does not list is a warning. The rules are S101 to S108.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..schema import show
from ..values import Json, JsonPath
from .strict_schema import Finding, Subschema, finding, lay_out, target

__all__ = ["lint_for_anthropic"]

_MAX_OPTIONAL = 24
_MAX_UNIONS = 16

_REFUSED = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
        "uniqueItems", "contains", "minContains", "maxContains", "minProperties", "maxProperties",
    }
)  # fmt: skip
_UNLISTED = frozenset(
    {
        "oneOf", "not", "if", "then", "else", "prefixItems", "patternProperties", "propertyNames", "dependentRequired",
        "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "$anchor", "$dynamicRef", "$dynamicAnchor",
    }
)  # fmt: skip
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_COMPLEX = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]|\\[bB]")
"""Lookaround, backreferences and word boundaries."""


def lint_for_anthropic(schema: Json) -> list[Finding]:
    """Return what the Messages API refuses in `schema`, in the order of the file."""
    nodes = lay_out(schema)
    findings = [found for node in nodes.values() for found in _node(node, nodes)]
    return [*findings, *_recursion(nodes), *_limits(nodes)]


def _node(node: Subschema, nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    keywords = node.keywords
    for keyword, value in keywords.items():
        path = (*node.path, keyword)
        if keyword in _REFUSED:
            yield finding(
                "S101", "error", path, f"'{keyword}' is not supported by Anthropic's structured outputs"
            )
        elif keyword == "minItems" and value not in (0, 1):
            yield finding("S101", "error", path, f"'minItems' must be 0 or 1, got {show(value)}")
        elif keyword in _UNLISTED:
            message = f"'{keyword}' is not listed in Anthropic's subset, so it may be refused or ignored"
            yield finding("S108", "warning", path, message)
    if ("object" in node.types or node.properties) and keywords.get("additionalProperties") is not False:
        where = (*node.path, "additionalProperties") if "additionalProperties" in keywords else node.path
        yield finding("S102", "error", where, "additionalProperties must be false")
    yield from _values(node)
    if "$ref" in keywords:
        place = target(keywords["$ref"])
        if place is None or place not in nodes:
            message = f"{show(keywords['$ref'])} is not a definition of this schema"
            yield finding("S104", "error", (*node.path, "$ref"), message)
    parts = keywords.get("allOf")
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        if isinstance(part, Mapping) and "$ref" in part:
            yield finding(
                "S104", "error", (*node.path, "allOf", index), "Anthropic does not support allOf with $ref"
            )


def _values(node: Subschema) -> Iterator[Finding]:
    enum = node.keywords.get("enum")
    if isinstance(enum, list) and any(isinstance(value, dict | list) for value in enum):
        message = "enum values must be strings, numbers, booleans or null"
        yield finding("S105", "error", (*node.path, "enum"), message)
    form = node.keywords.get("format")
    if isinstance(form, str) and form not in _FORMATS:
        message = f"format {show(form)} is not one of {', '.join(sorted(_FORMATS))}"
        yield finding("S106", "error", (*node.path, "format"), message)
    pattern = node.keywords.get("pattern")
    if isinstance(pattern, str) and _COMPLEX.search(pattern):
        message = f"lookaround, backreferences and \\b are not supported in a pattern: {show(pattern)}"
        yield finding("S106", "error", (*node.path, "pattern"), message)


def _recursion(nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    """Yield each `$ref` that leads back to a schema that it is part of."""
    leads = {
        node.path: place
        for node in nodes.values()
        if "$ref" in node.keywords and (place := target(node.keywords["$ref"])) in nodes and place is not None
    }
    for path, place in leads.items():
        seen, waiting = set[JsonPath](), [place]
        while waiting:
            root = waiting.pop()
            if root in seen:
                continue
            seen.add(root)
            waiting += [to for at, to in leads.items() if at[: len(root)] == root and _is_part(root, at)]
        if any(path[: len(root)] == root and _is_part(root, path) for root in seen):
            yield finding("S103", "error", (*path, "$ref"), "Anthropic does not support recursive schemas")


def _is_part(root: JsonPath, path: JsonPath) -> bool:
    """Return whether the schema at `path` is part of the one at `root`, and not only one of its definitions."""
    inside = path[len(root) :]
    return not inside or inside[0] not in ("$defs", "definitions")


def _limits(nodes: Mapping[JsonPath, Subschema]) -> Iterator[Finding]:
    optional = sum(name not in node.required for node in nodes.values() for name in node.properties)
    if optional > _MAX_OPTIONAL:
        yield finding(
            "S107", "error", (), f"{optional} optional properties exceed the limit of {_MAX_OPTIONAL}"
        )
    unions = sum("anyOf" in node.keywords or len(node.types) > 1 for node in nodes.values())
    if unions > _MAX_UNIONS:
        yield finding(
            "S107", "error", (), f"{unions} unions (anyOf, lists of types) exceed the limit of {_MAX_UNIONS}"
        )
