"""Batches of rows in the form that an engine has them: dicts of columns, pandas, polars, pyarrow.

No such library is imported: a batch is of one of them only if the caller has imported it.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ..errors import UsageError
from ..files.plain_values import plain_value

__all__ = ["COLUMNS", "CellType", "Table", "ddl_of", "table_of"]

CellType: TypeAlias = Literal["string", "bool", "int64", "float64"]

COLUMNS: Mapping[str, CellType] = {
    "outcome": "string",
    "passed": "bool",
    "output": "string",
    "text": "string",
    "detail": "string",
    "error_code": "string",
    "model": "string",
    "finish_reason": "string",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "cost": "float64",
    "latency_ms": "float64",
    "fingerprint": "string",
}
"""The columns of results, with their types, which are the same whatever the rows are."""

_SPARK: Mapping[CellType, str] = {
    "string": "string",
    "bool": "boolean",
    "int64": "bigint",
    "float64": "double",
}
_PANDAS: Mapping[CellType, str] = {"string": "string", "bool": "bool", "int64": "Int64", "float64": "Float64"}


class Table(ABC):
    """A batch. `names` are its columns."""

    names: Sequence[str]

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as mappings of JSON values, with None for what is missing."""

    @abstractmethod
    def extended(self, columns: Mapping[str, tuple[CellType, list[Any]]]) -> Any:
        """Return the batch, in its own form, with more columns."""


def table_of(batch: Any) -> Table:
    """Return the batch as a table. Raises UsageError for anything that is none."""
    if isinstance(batch, Mapping):
        return _Columns(batch)
    pandas, pyarrow, polars = (sys.modules.get(name) for name in ("pandas", "pyarrow", "polars"))
    if pandas is not None and isinstance(batch, pandas.DataFrame):
        return _Pandas(batch, pandas)
    if pyarrow is not None and isinstance(batch, pyarrow.Table | pyarrow.RecordBatch):
        return _Arrow(batch, pyarrow)
    if polars is not None and isinstance(batch, polars.DataFrame):
        return _Polars(batch, polars)
    raise UsageError(
        f"a batch is a dict of columns, a pandas or polars DataFrame, or a pyarrow Table, not {type(batch).__name__}",
        hint="for rows, use prompt.map(rows)",
    )


def ddl_of(prefix: str, schema: Any) -> str:
    """Return the schema of results in Spark's notation, after the columns of `schema`, a Spark StructType."""
    own = ",".join(f"{prefix}{name}:{_SPARK[kind]}" for name, kind in COLUMNS.items())
    return (
        own if schema is None else f"{schema.simpleString().removeprefix('struct<').removesuffix('>')},{own}"
    )


class _Columns(Table):
    """A dict of lists or arrays."""

    def __init__(self, batch: Mapping[str, Any]) -> None:
        self._batch = batch
        self.names = list(batch)
        lengths = {name: len(column) for name, column in batch.items()}
        if len(set(lengths.values())) > 1:
            raise UsageError(f"the columns of the batch have different lengths: {lengths}")

    def rows(self) -> list[dict[str, Any]]:
        lists = [[plain_value(value) for value in column] for column in self._batch.values()]
        return [dict(zip(self.names, values, strict=True)) for values in zip(*lists, strict=True)]

    def extended(self, columns: Mapping[str, tuple[CellType, list[Any]]]) -> dict[str, Any]:
        numpy = sys.modules.get("numpy")
        if numpy is None or not any(isinstance(column, numpy.ndarray) for column in self._batch.values()):
            return {**self._batch, **{name: values for name, (_, values) in columns.items()}}
        arrays = {
            name: numpy.array(values, dtype=bool if kind == "bool" else object)
            for name, (kind, values) in columns.items()
        }
        return {**self._batch, **arrays}


class _Pandas(Table):
    def __init__(self, batch: Any, pandas: Any) -> None:
        self._batch = batch
        self._pandas = pandas
        self.names = list(batch.columns)

    def rows(self) -> list[dict[str, Any]]:
        lists = [
            [
                None if missing else plain_value(value)
                for value, missing in zip(column, column.isna(), strict=True)
            ]
            for column in (self._batch.iloc[:, at] for at in range(len(self.names)))
        ]
        return [dict(zip(self.names, values, strict=True)) for values in zip(*lists, strict=True)]

    def extended(self, columns: Mapping[str, tuple[CellType, list[Any]]]) -> Any:
        index = self._batch.index
        added = {
            name: self._pandas.Series(self._pandas.array(values, dtype=_PANDAS[kind]), index=index)
            for name, (kind, values) in columns.items()
        }
        return self._pandas.concat([self._batch, self._pandas.DataFrame(added, index=index)], axis=1)


class _Arrow(Table):
    def __init__(self, batch: Any, pyarrow: Any) -> None:
        self._batch = batch
        self._pyarrow = pyarrow
        self.names = batch.schema.names

    def rows(self) -> list[dict[str, Any]]:
        return [{name: plain_value(value) for name, value in row.items()} for row in self._batch.to_pylist()]

    def extended(self, columns: Mapping[str, tuple[CellType, list[Any]]]) -> Any:
        pyarrow, batch = self._pyarrow, self._batch
        schema, arrays = batch.schema, list(batch.columns)
        for name, (kind, values) in columns.items():
            of = getattr(pyarrow, {"bool": "bool_"}.get(kind, kind))()
            schema = schema.append(pyarrow.field(name, of))
            arrays.append(pyarrow.array(values, type=of))
        return type(batch).from_arrays(arrays, schema=schema)


class _Polars(Table):
    def __init__(self, batch: Any, polars: Any) -> None:
        self._batch = batch
        self._polars = polars
        self.names = batch.columns

    def rows(self) -> list[dict[str, Any]]:
        return [{name: plain_value(value) for name, value in row.items()} for row in self._batch.to_dicts()]

    def extended(self, columns: Mapping[str, tuple[CellType, list[Any]]]) -> Any:
        polars = self._polars
        kinds = {
            "string": polars.String,
            "bool": polars.Boolean,
            "int64": polars.Int64,
            "float64": polars.Float64,
        }
        series = [polars.Series(name, values, dtype=kinds[kind]) for name, (kind, values) in columns.items()]
        return self._batch.with_columns(series)
