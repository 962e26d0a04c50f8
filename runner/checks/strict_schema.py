"""Collect every subschema of a schema once, with its path, depth and references, for the strict lint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import unquote

from ..json_pointer import unescape_token
from ..schema import json_path, show
from ..values import Json, JsonPath

__all__ = ["Finding", "Severity", "Subschema", "ends", "finding", "lay_out", "target"]

Severity: TypeAlias = Literal["error", "warning"]

_REFERENCE = re.compile(r"#/(\$defs|definitions)/([^/]+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of the lint. `path` is inside the schema: keys and indexes from its root."""

    code: str
    severity: Severity
    message: str
    path: JsonPath


def finding(code: str, severity: Severity, path: JsonPath, message: str) -> Finding:
    """Return a finding whose message names its path."""
    return Finding(code, severity, f"{json_path(path)}: {message}" if path else message, path)


@dataclass(frozen=True, slots=True)
class Subschema:
    """One subschema. `depth` is 0 at the root and in a definition, and grows with each `properties` and `items`.

    `schema` is what the author wrote there, whether it is a schema or not.
    """

    schema: Json
    path: JsonPath
    depth: int

    @property
    def keywords(self) -> Mapping[str, Json]:
        """Return the keywords at this place; {} if it is not an object."""
        return self.schema if isinstance(self.schema, Mapping) else {}

    @property
    def types(self) -> tuple[str, ...]:
        """Return the declared types, with anything that is not a string as JSON text; () if there are none."""
        declared = self.keywords.get("type", [])
        names = declared if isinstance(declared, list) else [declared]
        return tuple(name if isinstance(name, str) else show(name) for name in names)

    @property
    def properties(self) -> Mapping[str, Json]:
        """Return the declared properties; {} if there are none."""
        declared = self.keywords.get("properties")
        return declared if isinstance(declared, Mapping) else {}

    @property
    def required(self) -> dict[str, None]:
        """Return the names of the required properties, as an ordered set."""
        declared = self.keywords.get("required")
        names = declared if isinstance(declared, list) else []
        return dict.fromkeys(name for name in names if isinstance(name, str))


def lay_out(schema: Json) -> dict[JsonPath, Subschema]:
    """Return every subschema by its path, parents first, in the order of the file.

    Descends into properties, items, anyOf and definitions; not into enum, const, default and examples, which are data.
    """
    nodes: dict[JsonPath, Subschema] = {}
    stack = [Subschema(schema, (), 0)]
    while stack:
        node = stack.pop()
        nodes[node.path] = node
        stack.extend(reversed(list(_children(node))))
    return nodes


def _children(node: Subschema) -> Iterator[Subschema]:
    for keyword, value in node.keywords.items():
        path = (*node.path, keyword)
        match keyword, value:
            case "properties", Mapping():
                yield from (Subschema(child, (*path, name), node.depth + 1) for name, child in value.items())
            case "$defs" | "definitions", Mapping():
                yield from (Subschema(child, (*path, name), 0) for name, child in value.items())
            case "anyOf", list():
                yield from (Subschema(child, (*path, index), node.depth) for index, child in enumerate(value))
            case "items", Mapping() | bool():
                yield Subschema(value, path, node.depth + 1)


def target(reference: Json) -> JsonPath | None:
    """Return the path of a `$ref` of the permitted forms, "#" or a definition at the root; None for other forms."""
    if reference == "#":
        return ()
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None:
        return None
    return match[1], unescape_token(unquote(match[2]))


def ends(nodes: Mapping[JsonPath, Subschema]) -> set[JsonPath]:
    """Return the paths whose schemas match at least one finite value. All others require endlessly nested values."""
    finite: set[JsonPath] = set()
    children_first = list(nodes.values())[::-1]
    grown = True
    while grown:
        known = len(finite)
        finite.update(
            node.path for node in children_first if node.path not in finite and _ends(node, nodes, finite)
        )
        grown = len(finite) > known
    return finite


def _ends(node: Subschema, nodes: Mapping[JsonPath, Subschema], finite: set[JsonPath]) -> bool:
    keywords = node.keywords
    if "$ref" in keywords:
        place = target(keywords["$ref"])
        return place is None or place not in nodes or place in finite
    if "enum" in keywords or "const" in keywords:
        return True
    branches = keywords.get("anyOf")
    if isinstance(branches, list) and branches:
        return any((*node.path, "anyOf", index) in finite for index in range(len(branches)))
    if any(kind not in {"object", "array"} for kind in node.types):
        return True
    if "array" in node.types:
        return not keywords.get("minItems") or (*node.path, "items") in finite or "items" not in keywords
    return all(
        (*node.path, "properties", name) in finite for name in node.required if name in node.properties
    )
