"""Read rows from Parquet files with pyarrow (extra `tables`). Their values keep their types."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ..errors import CaseError, Location
from ..extras import load_extra
from ..values import Json
from .csv_rows import MAX_CELL, header_names
from .expansion import RATIO, most_text, most_unpacked
from .plain_values import plain_scalar

__all__ = ["read_parquet"]

_BATCH = 1_000
"""The most rows of a Parquet file that are in memory at a time."""


def read_parquet(data: BinaryIO, shown: str) -> Iterator[Mapping[str, Json]]:
    """Yield the rows of a Parquet file as JSON values, at most a thousand in memory at a time.

    Dates and times become ISO 8601 strings, durations become seconds, decimals become strings, and bytes become Base64.
    Raises CaseError for a file that is not Parquet or is far larger when unpacked, and for NaN and infinities, which JSON
    does not have.
    """
    pyarrow = load_extra("pyarrow", "tables", "a .parquet file", Location(shown))
    parquet = load_extra("pyarrow.parquet", "tables", "a .parquet file", Location(shown))
    size = data.seek(0, 2)
    left = most_text(size)
    count = 0
    try:
        data.seek(0)
        described = parquet.ParquetFile(data)
        schema = described.schema_arrow
        header_names(list(schema.names), Location(shown))
        batch = _batch_rows(described.metadata, size, shown)
        # With dictionaries, a text that many rows share is in memory only once.
        texts = [field.name for field in schema if pyarrow.types.is_string(field.type)]
        nested = {field.name for field in schema if pyarrow.types.is_nested(field.type)}
        data.seek(0)
        file = parquet.ParquetFile(data, read_dictionary=texts)
        for part in file.iter_batches(batch_size=batch):
            columns = [(name, part.column(name), name in nested) for name in schema.names]
            for at in range(part.num_rows):
                count += 1
                row: dict[str, Json] = {}
                length = 0
                for name, column, parts in columns:
                    length += column.slice(at, 1).nbytes if parts else 0
                    if length <= MAX_CELL:
                        row[name] = value = _json_of(column[at].as_py(), (name,), count, shown)
                        length += len(value) if isinstance(value, str) else 0
                    if length > MAX_CELL:
                        raise CaseError(f"row {count} is longer than 20 MiB", location=Location(shown))
                left -= length
                if left < 0:
                    raise CaseError(
                        f"the rows up to row {count} have far more text than the file, because they share it",
                        location=Location(shown),
                        hint="save it as JSONL",
                    )
                yield row
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise CaseError(f"the file cannot be read as Parquet: {error}", location=Location(shown)) from None


def _batch_rows(metadata: Any, size: int, shown: str) -> int:
    """Return how many rows to read at a time. Raises CaseError for a file that is far larger when unpacked."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    values: int = sum(chunk.num_values for chunk in chunks)
    unpacked = max(values, sum(chunk.total_uncompressed_size for chunk in chunks))
    if unpacked > most_unpacked(size):
        raise CaseError(
            f"the file has {size:,} bytes and would have {unpacked:,} when unpacked, more than {RATIO} times as many",
            location=Location(shown),
            hint="save it as JSONL or CSV",
        )
    rows: int = metadata.num_rows
    return min(_BATCH, max(1, _BATCH_VALUES * max(1, rows) // max(1, values)))


_BATCH_VALUES = 1_000_000
"""The average number of values, including those in lists, that are in memory at a time."""


def _json_of(value: Any, path: tuple[str, ...], row: int, shown: str) -> Json:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise CaseError(
            f"row {row}: {'.'.join(path)} is {value}, which JSON does not have",
            location=Location(shown),
            hint="write null for a missing value",
        )
    if isinstance(value, Mapping):
        return {str(name): _json_of(each, (*path, str(name)), row, shown) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json_of(each, (*path, str(at)), row, shown) for at, each in enumerate(value)]
    if (scalar := plain_scalar(value)) is not None:
        return scalar
    raise CaseError(
        f"row {row}: {'.'.join(path)} has the type {type(value).__name__}, which has no counterpart in JSON",
        location=Location(shown),
    )
