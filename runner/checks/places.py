"""Determine what a JSON Schema allows at the places that a path selects, to find paths that select nothing and values
that can never occur there.

Everything here is a superset of what the schema allows: if a schema uses keywords that are not analysed (`allOf`, `if`,
`patternProperties`, a `$ref` with other keywords, ...), any value counts as possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..files.violations import near
from ..json_pointer import unescape_token
from ..schema import SchemaProblem, Validator, show
from ..values import Json, json_type
from .jsonpath import Path, Segment

__all__ = ["Places", "declared_fields", "places"]

_REMARKS = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"}
_DEFINITIONS = {"$defs", "definitions", "$schema", "$id"}
_BRANCHING = ("$ref", "anyOf", "oneOf")
# With any other keyword in a schema, every value counts as possible.
_UNDERSTOOD = {
    *_REMARKS, *_DEFINITIONS, "type", "enum", "const", "properties", "required", "additionalProperties", "items",
    "minItems", "maxItems", "prefixItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "format",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems",
}  # fmt: skip
_MOST = 100
_FINITE = {"boolean": (True, False), "null": (None,)}


@dataclass(frozen=True, slots=True)
class Places:
    """The values possible at a path's places match one of `schemas`; () if the path can never select anything.

    `certain`: a valid output always has the place. `hint` says what the schema has where the path leads nowhere.
    """

    root: Json
    schemas: tuple[Json, ...]
    certain: bool
    hint: str | None = None

    @property
    def types(self) -> frozenset[str] | None:
        """Return the types of the possible values; None if every type is possible."""
        types: set[str] = set()
        for schema in self.schemas:
            if (own := _types(schema)) is None:
                return None
            types |= own
        return frozenset(types)

    @property
    def values(self) -> tuple[Json, ...] | None:
        """Return all possible values if the schema lists them, else None."""
        values: list[Json] = []
        for schema in self.schemas:
            if (own := _values(schema)) is None:
                return None
            values.extend(own)
        return tuple(value for value in values if self.allows(value))

    def allows(self, value: Json) -> bool:
        """Return whether `value` is possible."""
        return any(_allows(self.root, schema, value) for schema in self.schemas)


def places(root: Json, path: Path | None) -> Places | None:
    """Return what `root` allows at the places of `path` (None: at the root itself); None if that is unknown."""
    found = Places(root, tuple(_leaves(root, root)), certain=True)
    for segment in path.segments if path else ():
        if segment.descendant:
            return None
        steps = [step for schema in found.schemas for step in _steps(schema, segment)]
        certain = found.certain and len(found.schemas) == 1 and all(sure for _, sure in steps)
        schemas = [leaf for schema, _ in steps for leaf in _leaves(root, schema)]
        if len(schemas) > _MOST:
            return None
        hint = None if schemas else _hint(found.schemas, segment)
        found = Places(root, tuple(schemas), certain, hint)
        if not schemas:
            break
    return None if any(_is_open(schema) for schema in found.schemas) else found


def declared_fields(root: Json) -> dict[str, list[Json]]:
    """Return all properties that a schema's root declares, in any branch, with their schemas; {} if it is not an object."""
    fields: dict[str, list[Json]] = {}
    stack, seen = [root], set[int]()
    while stack:
        each = stack.pop()
        if not isinstance(each, Mapping) or id(each) in seen:
            continue
        seen.add(id(each))
        properties = each.get("properties")
        for name, schema in properties.items() if isinstance(properties, Mapping) else ():
            fields.setdefault(name, []).append(schema)
        branches = [_target(root, each["$ref"])] if "$ref" in each else []
        for keyword in ("allOf", "anyOf", "oneOf"):
            listed = each.get(keyword)
            branches.extend(listed if isinstance(listed, list) else ())
        stack.extend(reversed(branches))
    return fields


def _is_open(schema: Json) -> bool:
    return schema is True or schema == {}


def _leaves(root: Json, schema: Json) -> Iterator[Json]:
    """Yield schemas such that a value that matches `schema` matches at least one; True for what is not understood."""
    stack, seen = [schema], 0
    while stack:
        each = stack.pop()
        seen += 1
        if seen > _MOST:
            yield True
            return
        if each is False:
            continue
        if not isinstance(each, Mapping):
            yield True
            continue
        said = each.keys() - _REMARKS - _DEFINITIONS
        branching = [keyword for keyword in _BRANCHING if keyword in each]
        if not branching:
            yield each if said <= _UNDERSTOOD else True
        elif len(said) > 1:
            yield True
        elif branching == ["$ref"]:
            stack.append(_target(root, each["$ref"]))
        else:
            branches = each[branching[0]]
            stack.extend(reversed(branches) if isinstance(branches, list) else [True])


def _target(root: Json, reference: Json) -> Json:
    """Return the schema that a `$ref` refers to; True if it is not a plain pointer."""
    if not isinstance(reference, str) or not reference.startswith("#") or "%" in reference:
        return True
    here: Json = root
    for token in reference[1:].split("/")[1:]:
        name = unescape_token(token)
        if not isinstance(here, Mapping) or name not in here:
            return True
        here = here[name]
    return here if reference == "#" or reference.startswith("#/") else True


def _steps(schema: Json, segment: Segment) -> Iterator[tuple[Json, bool]]:
    """Yield the schemas one step down, and for each whether the step always exists."""
    if not isinstance(schema, Mapping):
        yield True, False
        return
    types = _types(schema)
    if "enum" in schema or "const" in schema:
        yield from ((True, False) for _ in range(types is None or bool(types & {"object", "array"})))
        return
    selector = segment.selector
    if (types is None or "object" in types) and not isinstance(selector, int):
        for child, sure in _members(schema, selector):
            yield child, sure and types == frozenset({"object"})
    if types is None or "array" in types:
        index = (
            int(selector)
            if segment.token and isinstance(selector, str) and selector.isdecimal()
            else selector
        )
        if index is None or isinstance(index, int):
            for child, sure in _items(schema, index):
                yield child, sure and types == frozenset({"array"})


def _members(schema: Mapping[str, Json], name: str | None) -> Iterator[tuple[Json, bool]]:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, Mapping) else {}
    if name is None:
        yield from ((child, False) for child in known.values())
    elif name in known:
        yield known[name], isinstance(required, list) and name in required
        return
    more = schema.get("additionalProperties", True)
    if more is not False:
        yield more, False


def _items(schema: Mapping[str, Json], index: int | None) -> Iterator[tuple[Json, bool]]:
    most, least = schema.get("maxItems"), schema.get("minItems")
    needed = 1 if index is None else index + 1 if index >= 0 else -index
    if isinstance(most, int) and most < needed:
        return
    if "prefixItems" in schema or isinstance(schema.get("items"), list):
        yield True, False
        return
    more = schema.get("items", True)
    if more is not False:
        yield more, index is not None and isinstance(least, int) and least >= needed


def _types(schema: Json) -> frozenset[str] | None:
    if not isinstance(schema, Mapping):
        return None
    if (values := _listed(schema)) is not None:
        return frozenset(json_type(value) for value in values)
    declared = schema.get("type")
    if declared is None:
        return None
    names = declared if isinstance(declared, list) else [declared]
    return frozenset("number" if name == "integer" else str(name) for name in names)


def _listed(schema: Mapping[str, Json]) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _values(schema: Json) -> list[Json] | None:
    if not isinstance(schema, Mapping):
        return None
    if (values := _listed(schema)) is not None:
        return values
    types = _types(schema)
    if types is None or not types <= _FINITE.keys():
        return None
    return [value for name in sorted(types) for value in _FINITE[name]]


def _allows(root: Json, schema: Json, value: Json) -> bool:
    if not isinstance(schema, Mapping) or not isinstance(root, Mapping):
        return True
    shared = {key: root[key] for key in ("$schema", "$defs", "definitions") if key in root}
    try:
        return not Validator({**schema, **shared}).check(value)
    except SchemaProblem:  # for a $ref to the root, or to a place that does not exist
        return True


def _hint(schemas: tuple[Json, ...], segment: Segment) -> str | None:
    names: dict[str, None] = {}
    for schema in schemas:
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if isinstance(properties, Mapping):
            names.update(dict.fromkeys(properties))
    if isinstance(segment.selector, str) and (hint := near(segment.selector, names)):
        return hint
    if names:
        return f"the schema has {', '.join(show(name) for name in list(names)[:10])} there"
    types = sorted({name for schema in schemas for name in _types(schema) or ()})
    return f"the schema has a value of type {' or '.join(types)} there" if types else None
