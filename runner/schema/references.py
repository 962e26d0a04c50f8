"""Check that the `$ref`s of a schema lead to schemas inside it, and not in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from referencing import Registry, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from ..values import Json, JsonPath
from .draft_versions import DIALECT, Draft, check_form, draft_of
from .problem import SchemaProblem
from .wording import show

__all__ = ["check_references"]

# Keywords whose value is one schema, a list of schemas, or schemas by name: the places where a `$ref` can occur. The
# members of `_IN_PLACE` apply to the same value as the schema around them, so a loop through them alone never ends.
_ONE = (
    "items", "additionalItems", "additionalProperties", "propertyNames", "contains", "contentSchema",
    "unevaluatedItems", "unevaluatedProperties", "not", "if", "then", "else",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_IN_PLACE = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}


def check_references(schema: Json, cls: type[Draft]) -> None:
    """Resolve every `$ref` now, so that a check never meets one that leads nowhere or in a circle.

    Raises SchemaProblem.
    """
    if isinstance(schema, bool) or not isinstance(schema, Mapping):
        return
    specification: Specification[Any] = specification_with(str(schema.get("$schema", DIALECT)))
    root = specification.create_resource(schema)
    # The drafts up to 7 have one meta-schema, which lists their keywords; unknown keywords are ignored in these.
    known: Mapping[str, Json] | None = None if "allOf" in cls.META_SCHEMA else cls.META_SCHEMA["properties"]
    same_value: dict[int, list[tuple[int, JsonPath]]] = {}
    # Every schema is visited once, by identity: YAML aliases may share one object between places. The target of a
    # reference is visited after the schema's own tree, so that messages name its own place.
    seen: set[int] = set()
    tree: list[tuple[Json, JsonPath, Any]] = [(schema, (), Registry().resolver_with_root(root))]
    targets: list[tuple[Json, JsonPath, Any]] = []
    while tree or targets:
        elsewhere = not tree
        node, path, resolver = targets.pop() if elsewhere else tree.pop()
        if not isinstance(node, Mapping) or id(node) in seen:
            continue
        if elsewhere:
            _check_target(node, cls, path)
        seen.add(id(node))
        if path:
            _check_draft(node, path)
            resolver = resolver.in_subresource(specification.create_resource(node))
        edges = same_value.setdefault(id(node), [])
        for keyword in _REFERENCES:
            if keyword in node:
                target, its_resolver = _resolve(resolver, node[keyword], (*path, keyword))
                edges.append((id(target), (*path, keyword)))
                targets.append((target, (*path, keyword), its_resolver))
        for child, step in _children(node, known):
            if step[0] in _IN_PLACE:
                edges.append((id(child), (*path, *step)))
            tree.append((child, (*path, *step), resolver))
    _check_circles(same_value)


def _check_draft(schema: Json, path: JsonPath) -> None:
    try:
        draft_of(schema)
    except SchemaProblem as problem:
        raise SchemaProblem((*path, *problem.path), problem.message) from None


def _check_target(schema: Json, cls: type[Draft], path: JsonPath) -> None:
    """Validate the target of the reference at `path` if no keyword expects a schema at its place."""
    try:
        check_form(schema, cls)
    except SchemaProblem as problem:
        raise SchemaProblem(path, f"the target of this reference is not a schema: {problem}") from None


def _children(
    node: Mapping[str, Json], known: Mapping[str, Json] | None
) -> Iterator[tuple[Json, tuple[str | int, ...]]]:
    for keyword, value in node.items():
        if known is not None and keyword not in known:
            continue
        if keyword in _ONE and isinstance(value, Mapping):
            yield value, (keyword,)
        if keyword in _MANY and isinstance(value, list):
            yield from ((child, (keyword, index)) for index, child in enumerate(value))
        if keyword in _NAMED and isinstance(value, Mapping):
            yield from ((child, (keyword, name)) for name, child in value.items())


def _resolve(resolver: Any, reference: Json, path: JsonPath) -> tuple[Json, Any]:
    try:
        found = resolver.lookup(reference)
    except (
        Unresolvable,
        ValueError,
        TypeError,
    ):  # e.g. a JSON Pointer with a word as an index, or into a number
        inside = isinstance(reference, str) and reference.startswith("#")
        why = "is not defined in this schema" if inside else "points outside this schema and is never fetched"
        raise SchemaProblem(path, f"{show(reference)} {why}") from None
    if not isinstance(found.contents, bool | Mapping):
        raise SchemaProblem(
            path, f"{show(reference)} does not lead to a schema but to {show(found.contents)}"
        )
    return found.contents, found.resolver


def _check_circles(edges: Mapping[int, list[tuple[int, JsonPath]]]) -> None:
    """Refuse schemas that apply themselves to one and the same value, e.g. {"$ref": "#"}."""
    done: set[int] = set()
    for start in edges:
        open_: dict[int, Iterator[tuple[int, JsonPath]]] = {}
        trail = [] if start in done else [start]
        while trail:
            node = trail[-1]
            following = open_.setdefault(node, iter(edges.get(node, ())))
            step = next(following, None)
            if step is None:
                done.add(trail.pop())
            elif step[0] in open_ and step[0] not in done:
                raise SchemaProblem(step[1], "the schema refers to itself endlessly")
            elif step[0] not in done:
                trail.append(step[0])
