"""Convert records to rows of a table: the columns of CSV, XLSX and Parquet outputs, and their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from ...engine.columns import Columns, ColumnType
from ...engine.journal.record import Record
from ..terminal.record_words import check_text, error_text, failed_checks

__all__ = ["Cell", "table_columns", "table_row"]

Cell: TypeAlias = str | int | float | bool | None

_FIXED: Mapping[str, ColumnType] = {
    **dict.fromkeys(("prompt", "case", "variant"), "string"),
    **dict.fromkeys(("sample", "choice"), "integer"),
    "outcome": "string",
    "passed": "boolean",
    **dict.fromkeys(("text", "output", "checks", "error", "detail", "model", "served_model"), "string"),
    "finish_reason": "string",
    **dict.fromkeys(("prompt_tokens", "completion_tokens"), "integer"),
    **dict.fromkeys(("cost", "latency_ms"), "number"),
    "attempts": "integer",
    "cached": "boolean",
    **dict.fromkeys(("fingerprint", "vars"), "string"),
    "index": "integer",
}


def table_columns(columns: Columns) -> list[tuple[str, ColumnType]]:
    """Return the names of all columns with the types of their values.

    The fixed columns are followed by `vars.NAME`, `output.FIELD` and `row.NAME`. `output` and `vars` are JSON; `checks`
    lists the failed checks.
    """
    return [*_FIXED.items(), *((name, columns.kinds.get(name, "string")) for name in columns.named())]


def table_row(record: Record, columns: Columns) -> list[Cell]:
    """Return the values of a record in the order of `table_columns`.

    Lists and objects become JSON; null and missing values become None. Values are not converted to the type of their column.
    """
    usage = record["usage"] or {}
    output = record["output"]
    given: dict[str, object] = {
        **record,
        "output": None if output is None else _json(output),
        "checks": "\n".join(map(check_text, failed_checks(record))) or None,
        "error": error_text(record),
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "vars": _json(record["vars"]),
    }
    fields = output if isinstance(output, Mapping) else {}
    row = record.get("row", {})
    return [
        *(_cell(given.get(name)) for name in _FIXED),
        *(_cell(record["vars"].get(name)) for name in columns.vars),
        *(_cell(fields.get(name)) for name in columns.output),
        *(_cell(row.get(name)) for name in columns.row),
    ]


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
