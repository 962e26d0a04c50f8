"""JSON Schema, checked: build a `Validator` once, ask it about values, get violations a person can read.

JSON Schema draft 2020-12 unless `$schema` names another published draft. A few places where the `jsonschema`
library's defaults would let something pass unseen are closed here: formats are checked, `multipleOf` is exact
arithmetic on the decimal numbers as written (RFC 8259 numbers, not their binary neighbours), and a `$ref` that
leaves the document is refused instead of fetched. A `$` in a pattern is the very end of the string (ECMA 262).
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from hashlib import sha256
from typing import Any

from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.protocols import Validator as _Draft
from jsonschema.validators import extend, validator_for
from referencing import Registry, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from .errors import elided
from .patterns import PatternError, compile_pattern
from .schema_shortcut import Shortcut
from .values import Json, JsonPath

__all__ = ["SchemaProblem", "Validator", "Violation", "json_path", "show"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Keywords whose value is one schema, a list of schemas, or schemas by name: where a `$ref` can stand. The members
# of `_IN_PLACE` apply to the same value as the schema around them, so a loop through them alone never ends.
_ONE = (
    "items", "additionalItems", "additionalProperties", "propertyNames", "contains", "contentSchema",
    "unevaluatedItems", "unevaluatedProperties", "not", "if", "then", "else",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_IN_PLACE = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}

_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")

_PLAIN_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_ANCHOR = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)

# anyOf and oneOf say less than any other keyword that fails at the same place.
_WEAK = {"anyOf", "oneOf"}


class SchemaProblem(ValueError):
    """A JSON Schema that cannot be used. `path` is where in the schema, `message` is one sentence."""

    def __init__(self, path: JsonPath, message: str) -> None:
        super().__init__(f"{json_path(path)}: {message}")
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a value breaks a schema: where in the value, which keyword, where in the schema.

    `json_path` spells `path` as JSONPath ("$.items[0].score"); `message` says what was expected and what came.
    """

    path: JsonPath
    json_path: str
    keyword: str
    message: str
    schema_path: JsonPath


class Validator:
    """A JSON Schema, checked against its meta-schema and compiled once.

    Raises SchemaProblem when `schema` is not a JSON Schema, names an unknown draft, holds a `$ref` that does not
    resolve inside it, or refers to itself without ever reaching a smaller value. Formats that are not known are
    annotations, as JSON Schema says (Validation, section 7.2.1).
    """

    __slots__ = ("_draft", "_shortcut")

    def __init__(self, schema: Json) -> None:
        cls = _draft_of(schema)
        try:
            _check_schema(schema, cls)
        except RecursionError:
            raise SchemaProblem((), "the schema is nested too deeply") from None
        self._draft = _exact(cls)(schema, format_checker=_formats(cls), registry=Registry())
        self._shortcut = Shortcut(schema)

    def check(self, value: Json) -> tuple[Violation, ...]:
        """All violations, the most telling first (nearest the root, then by path); () when `value` is valid."""
        if self._shortcut.knows_valid(value):
            return ()
        try:
            found = [_violation(error) for error in self._draft.iter_errors(value)]
        except RecursionError:
            message = "the value is nested too deeply to be checked"
            return (Violation((), "$", "depth", message, ()),)
        return tuple(sorted(found, key=lambda each: (len(each.path), each.keyword in _WEAK, each.path)))


def json_path(path: JsonPath) -> str:
    """A path as JSONPath (RFC 9535), spelled as the jsonschema library spells it: `$.items[0]['a b']`.

    Control characters are escaped (RFC 9535, section 2.7), so that a path is always one line.
    """
    return "$" + "".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_NAME.fullmatch(step):
        return f".{step}"
    escaped = step.replace("\\", r"\\").replace("'", r"\'")
    escaped = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped)
    return f"['{escaped}']"


def show(value: Json, limit: int = 100) -> str:
    """A value as JSON on one line for a message; beyond `limit` characters the middle is left out and counted."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a very deeply nested value"
    # A lone surrogate is legal in a JSON string and in a Python str but cannot be printed.
    return elided(text.encode("utf-8", "backslashreplace").decode("utf-8"), limit)


# --- building -------------------------------------------------------------------------------------------------


_SOUND: set[bytes] = set()
"""Digests of schemas that were found to be ones: a prompt's is read by its loader, its judge and each revision's."""

_MOST_SOUND = 1024


def _check_schema(schema: Json, cls: type[_Draft]) -> None:
    digest = sha256(json.dumps(schema).encode()).digest()
    if digest in _SOUND:
        return
    _check_form(schema, cls)
    _check_references(schema, cls)
    if len(_SOUND) >= _MOST_SOUND:
        _SOUND.clear()
    _SOUND.add(digest)


def _check_form(schema: Json, cls: type[_Draft]) -> None:
    """Hold a schema against the meta-schema."""
    # The format checker finds patterns that are no regular expressions; without it they blow up in check().
    meta = _exact(cls)(cls.META_SCHEMA, format_checker=_formats(cls))
    problem = best_match(meta.iter_errors(schema))
    if problem is not None:
        raise SchemaProblem(tuple(problem.absolute_path), _schema_message(problem))


def _draft_of(schema: Json) -> type[_Draft]:
    if not isinstance(schema, bool | Mapping):
        raise SchemaProblem((), f"a schema is an object (or true or false), got {show(schema)}")
    dialect = _DIALECT if isinstance(schema, bool) else schema.get("$schema", _DIALECT)
    find: Any = validator_for  # the stubs do not know that `default` may be None
    cls: type[_Draft] | None = find({"$schema": dialect}, default=None) if isinstance(dialect, str) else None
    if cls is None:
        raise SchemaProblem(("$schema",), f"{show(dialect)} is not a JSON Schema draft; use {_DIALECT}")
    return cls


@cache
def _exact(cls: type[_Draft]) -> Any:
    """The draft's validator class with the keywords, and the one type, that the library answers differently."""
    build: Any = extend  # untyped in the stubs
    ours = {
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "required": _required,
        "uniqueItems": _unique_items,
    }
    arrays = cls.TYPE_CHECKER.redefine("array", lambda _, value: isinstance(value, list | tuple))
    exact = build(cls, ours, type_checker=arrays)
    fields = [(field.name, field.alias) for field in exact.__attrs_attrs__ if field.init]
    library_evolve = exact.evolve

    def evolve(self: Any, **changes: Any) -> Any:
        # The library's own looks up the class by `$schema`, and so comes back to its own class at every schema that
        # names its draft: the root behind a `$ref`, each part of the meta-schemas.
        schema = changes.get("schema", self.schema)
        if isinstance(schema, Mapping) and "$schema" in schema and _draft_of(schema) is not cls:
            return library_evolve(self, **changes)
        return exact(**{alias: getattr(self, name) for name, alias in fields} | changes)

    exact.evolve = evolve
    return exact


@cache
def _formats(cls: type[_Draft]) -> FormatChecker:
    """The draft's formats; whatever `re` refuses is no regular expression."""
    checker = FormatChecker(())
    checker.checkers = dict(cls.FORMAT_CHECKER.checkers)
    checker.checks("regex", raises=PatternError)(_is_regex)
    return checker


def _is_regex(value: object) -> bool:
    if isinstance(value, str):
        compile_pattern(value)
    return True


def _multiple_of(draft: Any, divisor: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if not draft.is_type(value, "number"):
        return
    try:
        whole = (_fraction(value) / _fraction(divisor)).denominator == 1
    except ValueError:  # NaN and infinities, which Python's json reads although JSON has none
        whole = False
    if not whole:
        yield ValidationError(f"expected a multiple of {show(divisor)}, got {show(value)}")


def _fraction(number: int | float) -> Fraction:
    # repr of a float is the shortest decimal that reads back as it: the number the author wrote.
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _pattern(draft: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if draft.is_type(value, "string") and not _compiled(pattern).search(value):
        yield ValidationError(f"expected a string that matches {show(pattern)}, got {show(value)}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # In ECMA 262, the dialect of JSON Schema, "$" is the very end; in Python it also matches before a last newline.
    return compile_pattern(_ANCHOR.sub(lambda match: r"\Z" if match[0] == "$" else match[0], pattern))


def _required(draft: Any, required: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # Draft 3 has a boolean here; the draft's own `properties` sees to it.
    if draft.is_type(value, "object") and isinstance(required, list):
        for name in required:
            if name not in value:
                yield ValidationError(f"required property {show(name)} is missing")


def _unique_items(draft: Any, unique: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # The library compares every item with every other one as soon as one of them is an object.
    if unique and draft.is_type(value, "array") and len({_identity(item) for item in value}) < len(value):
        yield ValidationError(f"{show(value)} has non-unique elements")


def _identity(value: Json) -> Hashable:
    """Equal for values that JSON Schema calls equal: 1 and 1.0, but not 1 and true; objects in any order."""
    if isinstance(value, Mapping):
        return "object", frozenset((key, _identity(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return "array", tuple(_identity(item) for item in value)
    return isinstance(value, bool), value


def _schema_message(error: ValidationError) -> str:
    """What is wrong with a schema; the two mistakes that the meta-schema's own keywords explain badly first."""
    value: Any = error.instance
    if error.validator == "format" and error.validator_value == "regex":
        return f"{show(value)} is not a regular expression"
    if error.validator == "anyOf" and error.absolute_path and error.absolute_path[-1] == "type":
        return f"unknown type {show(value)}; JSON has {', '.join(_TYPES)}"
    return _message(error)


def _check_references(schema: Json, cls: type[_Draft]) -> None:
    """Resolve every `$ref` now, so that `check` never meets one that leads nowhere or in a circle."""
    if isinstance(schema, bool) or not isinstance(schema, Mapping):
        return
    specification: Specification[Any] = specification_with(str(schema.get("$schema", _DIALECT)))
    root = specification.create_resource(schema)
    # The drafts up to 7 have one meta-schema, which lists their keywords; what others mean is not looked at in these.
    known: Mapping[str, Json] | None = None if "allOf" in cls.META_SCHEMA else cls.META_SCHEMA["properties"]
    same_value: dict[int, list[tuple[int, JsonPath]]] = {}
    # Every schema is visited once, by identity: YAML aliases may share one object between places. What a reference
    # leads to waits until the schema's own tree is done, so that messages name the place where it stands.
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


def _check_target(schema: Json, cls: type[_Draft], path: JsonPath) -> None:
    """Look at what the reference at `path` leads to, in a place where no keyword expects a schema."""
    try:
        _check_form(schema, cls)
    except SchemaProblem as problem:
        raise SchemaProblem(path, f"what this refers to is no schema: {problem}") from None


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
    except (Unresolvable, ValueError, TypeError):  # a JSON Pointer with a word for an index, or into a number
        inside = isinstance(reference, str) and reference.startswith("#")
        why = "is not defined in this schema" if inside else "points outside this schema and is never fetched"
        raise SchemaProblem(path, f"{show(reference)} {why}") from None
    if not isinstance(found.contents, bool | Mapping):
        raise SchemaProblem(path, f"{show(reference)} leads to what is no schema: {show(found.contents)}")
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
                raise SchemaProblem(step[1], "the schema refers to itself without end")
            elif step[0] not in done:
                trail.append(step[0])


# --- wording --------------------------------------------------------------------------------------------------


def _violation(error: ValidationError) -> Violation:
    # Inside anyOf and oneOf the branch that comes closest says more than "none of them fits".
    telling = best_match([error]) or error
    path: JsonPath = tuple(telling.absolute_path)
    schema_path: JsonPath = tuple(telling.absolute_schema_path)
    return Violation(path, json_path(path), str(telling.validator or "false"), _message(telling), schema_path)


def _message(error: ValidationError) -> str:
    keyword: Any = error.validator
    wanted: Any = error.validator_value
    value: Any = error.instance
    came = f"got {show(value)}"
    match keyword:
        case "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            return f"expected {' or '.join(map(str, names))}, got {_kind(value)}{show(value)}"
        case "enum":
            return f"expected one of {_listed(wanted)}, {came}"
        case "const":
            return f"expected {show(wanted)}, {came}"
        case "additionalProperties":
            rules: Any = error.schema
            patterns = rules.get("patternProperties", ())
            known = rules.get("properties", ())
            extra = [
                name for name in value if name not in known and not any(re.search(p, name) for p in patterns)
            ]
            return f"unexpected {'property' if len(extra) == 1 else 'properties'} {_listed(extra)}"
        case "format":
            return f"expected a string in format {show(wanted)}, {came}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"expected {_BOUNDS[keyword]} {show(wanted)}, {came}"
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            bound, unit = _COUNTS[keyword]
            return f"expected at {bound} {wanted:,} {unit}, got {len(value):,}"
        case "uniqueItems":
            return f"expected no item twice, {came}"
        case "anyOf":
            return f"expected a value that fits one of {len(wanted)} alternatives, {came}"
        case "oneOf":
            return f"expected a value that fits exactly one of {len(wanted)} alternatives, {came}"
        case "not":
            return f"expected a value that does not fit {show(wanted)}, {came}"
        case None:
            return f"no value is allowed here, {came}"
        case _:  # our own keywords, and rare ones in the library's words
            return error.message if len(error.message) <= 300 else f"{keyword} does not hold, {came}"


_BOUNDS = {
    "minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than", "exclusiveMaximum": "less than",
}  # fmt: skip
_COUNTS = {
    "minLength": ("least", "characters"), "maxLength": ("most", "characters"),
    "minItems": ("least", "items"), "maxItems": ("most", "items"),
    "minProperties": ("least", "properties"), "maxProperties": ("most", "properties"),
}  # fmt: skip


def _kind(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "boolean "
        case int() | float():
            return "number "
        case str():
            return "string "
        case Mapping():
            return "object "
        case _:
            return "array "


def _listed(values: list[Json]) -> str:
    shown = ", ".join(show(each) for each in values[:10])
    return shown if len(values) <= 10 else f"{shown} and {len(values) - 10} more"
