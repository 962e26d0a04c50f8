"""The declared variables of a prompt: validate values against their schemas, and read text as the declared type."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from ..documents.json_reader import parse_json
from ..errors import SyntaxFileError, did_you_mean
from ..schema import SchemaProblem, Validator, show
from ..values import TYPE_WORDS, Json
from .problems import MOST
from .violations import FormatViolation, near, spell

__all__ = [
    "MAX_COLUMNS",
    "Inputs",
    "compiled",
    "from_text",
    "is_misspelt",
    "takes_blank",
    "takes_null",
    "usable_in_jinja",
]

_JINJA_READS = frozenset(
    {"True", "true", "False", "false", "None", "none", "not", "self", "range", "dict", "namespace"}
)
"""Words that do not denote a variable in a Jinja expression."""


def usable_in_jinja(name: str) -> str | None:
    """Return the spelling nearest to `name` that a Jinja template can read; None if `name` itself can be read."""
    if name.isidentifier() and name not in _JINJA_READS:
        return None
    usable = re.sub(r"\W", "_", name)
    return f"{usable}_" if usable in _JINJA_READS else usable


class Inputs:
    """The `inputs` of a prompt, compiled once: each variable has its own schema.

    Raises SchemaProblem, whose path begins with the variable's name, for an invalid schema and for a default that does
    not match its own schema.
    """

    __slots__ = ("_schemas", "_validators")

    def __init__(self, schemas: Mapping[str, Mapping[str, Json]]) -> None:
        self._schemas = schemas
        self._validators: dict[str, Validator] = {}
        for name, schema in schemas.items():
            try:
                validator = Validator(schema)
            except SchemaProblem as problem:
                message = f"this is not a valid JSON Schema: {problem.message}"
                raise SchemaProblem((name, *problem.path), message) from None
            for found in validator.check(schema["default"]) if "default" in schema else ():
                raise SchemaProblem(
                    (name, "default", *found.path), f"the default does not match its schema: {found.message}"
                )
            self._validators[name] = validator

    def bind(self, given: Mapping[str, Json]) -> tuple[dict[str, Json], list[FormatViolation]]:
        """Return the values of all variables in declared order, with defaults filled in, and the violations of `given`.

        Of undeclared names, and of violations of one value, only the first MOST are returned.
        """
        faults: list[FormatViolation] = []
        if not given.keys() <= self._schemas.keys():
            faults.extend(self._undeclared(name) for name in islice(self._unknown(given), MOST))
        bound: dict[str, Json] = {}
        for name, validator in self._validators.items():
            if name in given:
                bound[name] = given[name]
                for found in islice(validator.check(given[name]), MOST):
                    path = (name, *found.path)
                    faults.append(FormatViolation(path, f"{spell(path)}: {found.message}"))
            elif "default" in self._schemas[name]:
                bound[name] = self._schemas[name]["default"]
            else:
                hint = "give it a value, or a default under inputs"
                faults.append(FormatViolation((), f'the variable "{name}" is missing', hint, missing=name))
        if not faults:
            return bound, faults
        # A misspelt name is one mistake, although the right one is missing as well.
        meant = {fault.hint for fault in faults if fault.at_key}
        return bound, [fault for fault in faults if did_you_mean(str(fault.missing)) not in meant]

    def _unknown(self, given: Mapping[str, Json]) -> Iterator[str]:
        return (name for name in given if name not in self._schemas)

    def _undeclared(self, name: str) -> FormatViolation:
        hint = near(name, self._schemas) or (
            f"declared under inputs: {', '.join(self._schemas)}" if self._schemas else "inputs declares none"
        )
        return FormatViolation((name,), f"{show(name)} is not a declared variable", hint, at_key=True)


def compiled(schemas: Mapping[str, Mapping[str, Json]]) -> Inputs:
    """Return `Inputs(schemas)`, cached for the most recent ones. Raises SchemaProblem as `Inputs` does."""
    return _compiled(json.dumps(schemas))


@lru_cache(maxsize=64)
def _compiled(schemas: str) -> Inputs:
    return Inputs(json.loads(schemas))


def from_text(text: str, schema: Mapping[str, Json]) -> Json:
    """Read text (a CSV cell, a `--var`) as the type that `schema` declares, and as nothing else.

    If a string is allowed, or no type is declared, the text stays as it is. Empty text is null if null is allowed.
    Raises ValueError, in words that follow the variable's name, for text that does not match the type.
    """
    declared: Any = schema.get("type", "string")  # the meta-schema allows a name or a list of names
    kinds: list[str] = [declared] if isinstance(declared, str) else declared
    if "string" in kinds:
        return text
    if text == "" and "null" in kinds:
        return None
    for kind in kinds:
        fits, value = _read(text, kind)
        if fits:
            return value
    raise ValueError(
        f"expected {' or '.join(_name(kind) for kind in kinds)}, got {show(text) if text else 'nothing'}"
    )


MAX_COLUMNS = 1_000
"""The most columns that rows may have beside their variables: each is a column of the results."""


@lru_cache(maxsize=MAX_COLUMNS)
def is_misspelt(column: str, absent: tuple[str, ...]) -> bool:
    """Return whether a column of a row is probably one of the `absent` variables, misspelt."""
    return near(column, absent) is not None


def takes_blank(schema: Mapping[str, Json]) -> bool:
    """Return whether empty text is a valid value for `schema`: "" or null."""
    declared: Any = schema.get("type", "string")
    return not {"string", "null"}.isdisjoint([declared] if isinstance(declared, str) else declared)


def takes_null(schema: Mapping[str, Json]) -> bool:
    """Return whether null is a valid type for `schema`."""
    declared: Any = schema.get("type", "null")
    return "null" in ([declared] if isinstance(declared, str) else declared)


def _name(kind: str) -> str:
    return TYPE_WORDS[kind] + (" as JSON" if kind in ("array", "object") else "")


_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,99})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # RFC 8259, section 6
_WORDS: Mapping[tuple[str, str], Json] = {
    ("boolean", "true"): True,
    ("boolean", "false"): False,
    ("null", "null"): None,
}


def _read(text: str, kind: str) -> tuple[bool, Json]:
    if (kind, text.lower()) in _WORDS:  # spreadsheets write TRUE, Python writes True
        return True, _WORDS[kind, text.lower()]
    if kind in {"integer", "number"} and _INTEGER.fullmatch(text):
        return True, int(text)
    if kind in {"integer", "number"} and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        # To JSON Schema 3.0 is an integer, and programs write it if a column has gaps.
        exact = number.is_integer() and abs(number) < 2**53
        return (True, number) if kind == "number" else (exact, int(number) if exact else None)
    if kind in {"array", "object"}:
        try:
            value = parse_json(text, "").value
        except SyntaxFileError:
            return False, None
        return isinstance(value, list if kind == "array" else dict), value
    return False, None
