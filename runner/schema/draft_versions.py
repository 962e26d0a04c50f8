"""The drafts of JSON Schema, with corrections for the keywords that the `jsonschema` library does not treat as specified."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.protocols import Validator as Draft
from jsonschema.validators import extend, validator_for
from referencing import Registry

from ..matching import is_found
from ..patterns import PatternError
from ..values import Json, JsonPath
from .ecma import compile_ecma
from .problem import SchemaProblem
from .wording import additional, schema_message, show

__all__ = ["DIALECT", "Draft", "check_form", "draft_of", "exact_draft"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of a schema without `$schema`."""


def draft_of(schema: Json) -> type[Draft]:
    """Return the class of the draft that a schema names. Raises SchemaProblem if the draft is unknown."""
    if not isinstance(schema, bool | Mapping):
        raise SchemaProblem((), f"a schema is an object (or true or false), got {show(schema)}")
    dialect = DIALECT if isinstance(schema, bool) else schema.get("$schema", DIALECT)
    cls = _draft_called(dialect)
    if cls is None:
        raise SchemaProblem(("$schema",), f"{show(dialect)} is not a JSON Schema draft; use {DIALECT}")
    return cls


def _draft_called(dialect: Json) -> type[Draft] | None:
    if not isinstance(dialect, str):
        return None
    find: Any = validator_for  # the stubs do not know that `default` may be None
    try:
        cls: type[Draft] | None = find({"$schema": dialect}, default=None)
    except ValueError:  # no URL
        return None
    if cls is None:
        return None
    # The library also accepts other spellings of the same URL, which its own resolver of references does not know.
    name = str(cls.META_SCHEMA.get("$id") or cls.META_SCHEMA.get("id"))
    return cls if dialect.rstrip("#") == name.rstrip("#") else None


def exact_draft(cls: type[Draft], schema: Json) -> Any:
    """Return a validator of the library for `schema` that is exact, checks formats and fetches nothing."""
    return _exact(cls)(schema, format_checker=_formats(cls), registry=Registry())


def check_form(schema: Json, cls: type[Draft]) -> None:
    """Validate a schema against its meta-schema. Raises SchemaProblem."""
    # The format checker finds invalid regular expressions; without it they would raise in check().
    meta = _exact(cls)(cls.META_SCHEMA, format_checker=_formats(cls))
    problem = best_match(meta.iter_errors(schema))
    if problem is not None:
        raise SchemaProblem(tuple(problem.absolute_path), schema_message(problem))
    _refuse_foreign_names(schema, ())


def _refuse_foreign_names(schema: Json, path: JsonPath, *, unevaluated: bool = False) -> None:
    """Refuse patterns that Python cannot compile if `unevaluatedProperties` applies: there the library itself reads them."""
    if isinstance(schema, Mapping):
        unevaluated = unevaluated or "unevaluatedProperties" in schema
        patterns = schema.get("patternProperties")
        for pattern in patterns if unevaluated and isinstance(patterns, Mapping) else ():
            try:
                re.compile(pattern)
            except re.error:
                message = f"{show(pattern)} cannot be checked together with unevaluatedProperties"
                raise SchemaProblem((*path, "patternProperties", pattern), message) from None
        for key, value in schema.items():
            _refuse_foreign_names(value, (*path, key), unevaluated=unevaluated)
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            _refuse_foreign_names(value, (*path, index), unevaluated=unevaluated)


@cache
def _exact(cls: type[Draft]) -> Any:
    """Return the draft's validator class with the corrected keywords and the corrected array type."""
    build: Any = extend  # untyped in the stubs
    ours = {
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "required": _required,
        "uniqueItems": _unique_items,
    }
    arrays = cls.TYPE_CHECKER.redefine("array", lambda _, value: isinstance(value, list | tuple))
    exact = build(cls, ours, type_checker=arrays)
    fields = [(field.name, field.alias) for field in exact.__attrs_attrs__ if field.init]
    library_evolve = exact.evolve

    def evolve(self: Any, **changes: Any) -> Any:
        # The library's own method looks up the class by `$schema`, and so returns to its own class at every schema that
        # names its draft: the root behind a `$ref`, each part of the meta-schemas.
        schema = changes.get("schema", self.schema)
        if isinstance(schema, Mapping) and "$schema" in schema:
            named = _draft_called(schema["$schema"])
            if named is not None and named is not cls:
                return library_evolve(self, **changes)
        return exact(**{alias: getattr(self, name) for name, alias in fields} | changes)

    exact.evolve = evolve
    return exact


@cache
def _formats(cls: type[Draft]) -> FormatChecker:
    """Return the draft's formats, with `regex` checked by our compiler."""
    checker = FormatChecker(())
    checker.checkers = dict(cls.FORMAT_CHECKER.checkers)
    checker.checks("regex", raises=PatternError)(_is_regex)
    return checker


def _is_regex(value: object) -> bool:
    if isinstance(value, str):
        compile_ecma(value)
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
    # repr of a float is the shortest decimal that parses to it: the number that the author wrote.
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _pattern(draft: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if draft.is_type(value, "string") and not is_found(compile_ecma(pattern), value):
        yield ValidationError(f"expected a string that matches {show(pattern)}, got {show(value)}")


def _pattern_properties(draft: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if draft.is_type(value, "object"):
        for pattern, schema in patterns.items():
            for name, each in value.items():
                if is_found(compile_ecma(pattern), name):
                    yield from draft.descend(each, schema, path=name, schema_path=pattern)


def _additional_properties(draft: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not draft.is_type(value, "object"):
        return
    extra = additional(value, schema)
    if draft.is_type(rule, "object"):
        for name in extra:
            yield from draft.descend(value[name], rule, path=name)
    elif not rule and extra:
        yield ValidationError(f"unexpected properties {', '.join(map(show, extra))}")


def _required(draft: Any, required: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # Draft 3 has a boolean here, which the draft's own `properties` handles.
    if draft.is_type(value, "object") and isinstance(required, list):
        for name in required:
            if name not in value:
                yield ValidationError(f"required property {show(name)} is missing")


def _unique_items(draft: Any, unique: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # The library compares every item with every other one as soon as one of them is an object.
    if unique and draft.is_type(value, "array") and len({_identity(item) for item in value}) < len(value):
        yield ValidationError(f"{show(value)} has non-unique elements")


def _identity(value: Json) -> Hashable:
    """Return a key that is equal for equal JSON values: 1 and 1.0, but not 1 and true; objects in any order."""
    if isinstance(value, Mapping):
        return "object", frozenset((key, _identity(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return "array", tuple(_identity(item) for item in value)
    return isinstance(value, bool), value
