"""JUnit XML of a regression run: a testcase a case; a flaky one passes and says so (`<flakyFailure>`, as Surefire does)."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import StorageError, UsageError
from ..regress.results import CaseResult
from .junit import JUnitFormat, quoted, text_of
from .regression import value_text

__all__ = ["JUnitReport"]

_ELEMENTS = {
    "fail": "failure",
    "pending": "failure",
    "outdated": "failure",
    "error": "error",
    "flaky": "flakyFailure",
}


class JUnitReport:
    """Writes `path` when closed; of a run that did not end it says so. Flat in memory.

    Raises UsageError for another ending, StorageError where the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).resolve()
        if self._path.suffix.lower() != ".xml":
            raise UsageError(
                f"--output {path}: the verdicts are saved as .xml (JUnit)", hint="end the name in .xml"
            )
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")
        except OSError as error:
            raise self._cannot(error) from None
        self._format = JUnitFormat(self._file)

    def case(self, result: CaseResult) -> None:
        """Add one case."""
        name = result.case if result.variant is None else f"{result.case}@{result.variant}"
        seconds = (result.latency_ms or 0.0) / 1000
        lines = [f'<testcase classname={quoted(result.prompt)} name={quoted(name)} time="{seconds:.3f}">\n']
        lines.append(f'<properties><property name="status" value={quoted(result.status)}/></properties>\n')
        element = _ELEMENTS.get(result.verdict)
        if element is not None:
            kind = (
                result.kind or result.outcome or result.status
                if result.verdict != "outdated"
                else result.status
            )
            details = text_of("\n".join(_details(result)))
            lines.append(
                f"<{element} type={quoted(kind)} message={quoted(result.reason)}>{details}</{element}>\n"
            )
        lines.append("</testcase>\n")
        failed = result.verdict in ("fail", "pending", "outdated")
        self._format.add_case(
            result.prompt, "".join(lines), failed=failed, errored=result.verdict == "error", seconds=seconds
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._format.end(complete=kind is None)
            self._file.close()
            self._part.replace(self._path)
        except OSError as failure:
            raise self._cannot(failure) from None

    def _cannot(self, error: OSError) -> StorageError:
        return StorageError(f"--output {self._path} cannot be written: {error.strerror or error}")


def _details(result: CaseResult) -> list[str]:
    lines = [
        f"{each.path}: approved {value_text(each.approved, missing=each.approved_missing, width=200)}, "
        f"new {value_text(each.new, missing=each.new_missing, width=200)} ({each.rule})"
        for each in result.fields
        if not each.equal
    ]
    lines += [
        f"{check['type']} {check['path'] or ''}: {check['message']}"
        for check in result.checks
        if not check["passed"]
    ]
    if result.error is not None:
        lines.append(f"{result.error['code']}: {result.error['message']}")
    return [*lines, *result.notes]
