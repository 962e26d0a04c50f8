"""Describe a record in a few words: its name, its status, why it did not pass, and the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from ...engine.journal.record import CheckRecord, Record
from ...values import Json
from .figures import count
from .terminal_text import one_line, shorten

__all__ = [
    "RecordStatus",
    "answer",
    "check_text",
    "error_text",
    "failed_checks",
    "input_text",
    "label",
    "reason",
    "status",
]

_VALUE = 200
_INPUT = 1000

RecordStatus = Literal["pass", "FAIL", "ERROR"]


def label(record: Record, *, prompt: bool = True) -> str:
    """Return `prompt/case@variant #2 choice 1`, with only the parts that apply; samples are counted from 1 here."""
    parts = [f"{record['prompt']}/" if prompt else "", record["case"]]
    if record["variant"] is not None:
        parts.append(f"@{record['variant']}")
    if record["sample"]:
        parts.append(f" #{record['sample'] + 1}")
    if "choice" in record:
        parts.append(f" choice {record['choice']}")
    return "".join(parts)


def status(record: Record) -> RecordStatus:
    """Return `pass`, `FAIL` for a wrong answer, or `ERROR` if there is no answer to judge."""
    if record["passed"]:
        return "pass"
    return "ERROR" if record["outcome"] == "error" else "FAIL"


def failed_checks(record: Record) -> list[CheckRecord]:
    """Return the checks that did not pass, in their order."""
    return [check for check in record["checks"] if check["passed"] is False]


def check_text(check: CheckRecord) -> str:
    """Return a check as one line: `equals $.label: expected "refund", got "other"`."""
    return f"{check['type']}{' ' + check['path'] if check['path'] else ''}: {check['message']}"


def error_text(record: Record) -> str | None:
    """Return `429 rate_limit_exceeded: Slow down.`, with the HTTP status if there was one; None without an error."""
    error = record["error"]
    if error is None:
        return None
    code = error["code"]
    if error["status"] is not None and str(error["status"]) != code:
        code = f"{error['status']} {code}"
    return f"{code}: {error['message']}"


def reason(record: Record) -> str:
    """Return why the record did not pass, in one sentence: the error, the outcome, or its first failed check."""
    if record["error"] is not None:
        return error_text(record) or ""
    if record["outcome"] != "ok":
        return f"{record['outcome']}: {record['detail']}" if record["detail"] else record["outcome"]
    for check in failed_checks(record):
        return check_text(check)
    return record["detail"] or record["outcome"]


def answer(record: Record) -> str | None:
    """Return the answer: its JSON on one line if JSON is declared, else its text, else its tool calls."""
    if record["output"] is not None:
        return json.dumps(record["output"], ensure_ascii=False)
    if not record["text"] and record.get("tool_calls"):
        return json.dumps(record["tool_calls"], ensure_ascii=False)
    return record["text"]


def input_text(variables: Mapping[str, Json], row: int | None = None) -> str | None:
    """Return the row, if known, and the shortened variables on one line; None if there are none."""
    values = [
        f"{name}: {shorten(one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)), _VALUE)}"
        for name, value in variables.items()
    ]
    parts = [*([f"row {count(row)}"] if row is not None else []), *([", ".join(values)] if values else [])]
    return shorten(" · ".join(parts), _INPUT) if parts else None
