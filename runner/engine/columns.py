"""The columns of a table of results: the variables and fields that records may have, known before the first record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..checks.places import declared_fields
from .plan.job import Unit

__all__ = ["Columns", "columns_of", "recorded_columns"]


class Columns(NamedTuple):
    """The names of the variables, of the fields declared by the response schemas, and of the rows' other columns."""

    vars: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    row: tuple[str, ...] = ()


def columns_of(units: Iterable[Unit], row: tuple[str, ...] = ()) -> Columns:
    """Return the columns of all prompts: `inputs` and properties in the author's order, inferred variables sorted.

    `row` are the columns of the rows that are not variables. Call it after the preflight, which finds the variables that the cases' own assertions read.
    """
    variables: dict[str, None] = {}
    fields: dict[str, None] = {}
    for unit in units:
        prompt = unit.prompt
        inferred = sorted(unit.template.variables | unit.judge.variables)
        variables.update(dict.fromkeys(inferred if prompt.inputs is None else prompt.inputs))
        if prompt.response_schema is not None:
            fields.update(dict.fromkeys(declared_fields(prompt.response_schema.schema)))
    return Columns(tuple(variables), tuple(fields), row)


def recorded_columns(manifests: Iterable[Mapping[str, Any]]) -> Columns:
    """Return the columns in any of these `run.json`; older versions of runner wrote none."""
    columns = [manifest.get("columns") for manifest in manifests]
    return Columns(*(tuple(dict.fromkeys(_names(columns, name))) for name in Columns._fields))


def _names(columns: Iterable[object], name: str) -> Iterator[str]:
    for each in columns:
        names = each.get(name) if isinstance(each, Mapping) else None
        if isinstance(names, list):
            yield from (one for one in names if isinstance(one, str))
