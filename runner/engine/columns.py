"""Determine the columns of a table of results before the first record: the variables and fields that records may have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from ..checks.places import declared_fields
from ..values import Json
from .plan.job import Unit

__all__ = ["ColumnType", "Columns", "columns_of", "recorded_columns"]

ColumnType: TypeAlias = Literal["string", "integer", "number", "boolean"]
"""The type of a column's values; lists and objects are JSON strings."""


class Columns(NamedTuple):
    """The names of the variables, of the fields that the response schemas declare, and of the other columns of the rows.

    `kinds` maps `vars.NAME` and `output.FIELD` to the type of the column, unless it is string.
    """

    vars: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    row: tuple[str, ...] = ()
    kinds: Mapping[str, ColumnType] = MappingProxyType({})

    def as_json(self) -> dict[str, Json]:
        """Return the columns as they are stored in `run.json`."""
        return {**{part: list(names) for part, names in self._parts()}, "kinds": dict(self.kinds)}

    def _parts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield from (("vars", self.vars), ("output", self.output), ("row", self.row))

    def named(self) -> Iterator[str]:
        """Yield the names of all columns as tables show them: `vars.NAME`, `output.FIELD`, `row.NAME`."""
        return (f"{part}.{name}" for part, names in self._parts() for name in names)


def columns_of(units: Iterable[Unit], row: tuple[str, ...] = ()) -> Columns:
    """Return the columns of all prompts: `inputs` and properties in the author's order, inferred variables sorted.

    `row` lists the columns of the rows that are not variables. Call this after the preflight, which finds the variables
    that the cases' own assertions read.
    """
    variables: dict[str, None] = {}
    fields: dict[str, None] = {}
    kinds: dict[str, set[ColumnType]] = {}
    for unit in units:
        inputs = unit.prompt.inputs
        inferred = sorted(unit.template.variables | unit.judge.variables)
        for name in inferred if inputs is None else inputs:
            variables[name] = None
            kinds.setdefault(f"vars.{name}", set()).add(_kind_of((inputs or {}).get(name)))
        if unit.prompt.response_schema is not None:
            for name, schemas in declared_fields(unit.prompt.response_schema.schema).items():
                fields[name] = None
                kinds.setdefault(f"output.{name}", set()).update(map(_kind_of, schemas))
    return Columns(tuple(variables), tuple(fields), row, _agreed(kinds))


def _kind_of(schema: Json | Mapping[str, Json]) -> ColumnType:
    """Return the type that a schema declares besides null, or string if it is not exactly one scalar type."""
    declared: Any = schema.get("type") if isinstance(schema, Mapping) else None
    types = {declared} if isinstance(declared, str) else set(declared or ())
    types -= {"null"}
    found: Any = types.pop() if len(types) == 1 else "string"
    return found if found in get_args(ColumnType) else "string"


def _agreed(kinds: Mapping[str, set[ColumnType]]) -> dict[str, ColumnType]:
    """Return the type of each column that has only one type, unless it is string."""
    return {
        name: next(iter(found)) for name, found in kinds.items() if len(found) == 1 and found != {"string"}
    }


def recorded_columns(manifests: Iterable[Mapping[str, Any]]) -> Columns:
    """Merge the columns in these `run.json`; older versions of runner recorded no columns, or none of the rows."""
    found = [each for manifest in manifests if isinstance(each := manifest.get("columns"), Mapping)]
    parts = [tuple(dict.fromkeys(_names(found, part))) for part in ("vars", "output", "row")]
    kinds: dict[str, set[ColumnType]] = {}
    for each in found:
        recorded = each.get("kinds")
        for part in ("vars", "output"):
            for name in _names([each], part):
                kind: Any = recorded.get(f"{part}.{name}") if isinstance(recorded, Mapping) else None
                kinds.setdefault(f"{part}.{name}", set()).add(
                    kind if kind in get_args(ColumnType) else "string"
                )
    variables, fields, row = parts
    return Columns(variables, fields, row, _agreed(kinds))


def _names(columns: Iterable[Mapping[str, Any]], part: str) -> Iterator[str]:
    for each in columns:
        names = each.get(part)
        if isinstance(names, list):
            yield from (one for one in names if isinstance(one, str))
