"""Write JUnit XML as Jenkins, GitLab and GitHub actions read it: a testsuite per prompt, a testcase per record.

Written by hand on `xml.sax.saxutils`: junitparser and xml.etree keep every case in memory until the end.
"""

from __future__ import annotations

import re
import struct
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import escape, quoteattr

from ...engine.journal.counters import measured_with
from ...engine.journal.record import Record
from ..terminal.record_words import answer, check_text, error_text, failed_checks, label, reason, status

if TYPE_CHECKING:
    from ...engine.measured import MeasuredSuites

__all__ = ["JUnitFormat", "quoted", "text_of"]

_HEAD = struct.Struct(
    ">QQ"
)  # the offset of the same suite's next case (0: this is the last), and this case's length
_ILLEGAL = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # XML 1.0, production 2 (Char)


@dataclass(slots=True)
class _Suite:
    first: int
    last: int
    tests: int = 0
    failures: int = 0
    errors: int = 0
    seconds: float = 0.0
    properties: list[tuple[str, str]] = field(default_factory=list)


class JUnitFormat:
    """Spools cases as they arrive, because the counts come before them as attributes; `end` writes the whole file.

    In the spool the cases of one prompt are a linked list, so that memory grows only with the number of prompts,
    whatever the order in which cases arrive.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._suites: dict[str, _Suite] = {}
        self._measured: MeasuredSuites | None = None

    def add(self, record: Record) -> None:
        """Spool one case and count it."""
        self._measured = measured_with(record, self._measured)
        seconds = 0.0 if record["cached"] else (record["latency_ms"] or 0.0) / 1000
        self.add_case(
            record["prompt"],
            _case(record, seconds),
            failed=status(record) == "FAIL",
            errored=status(record) == "ERROR",
            seconds=seconds,
        )

    def add_property(self, suite_name: str, name: str, value: str) -> None:
        """Add a property of a suite that has cases."""
        if (suite := self._suites.get(suite_name)) is not None:
            suite.properties.append((name, value))

    def add_case(self, suite_name: str, case: str, *, failed: bool, errored: bool, seconds: float) -> None:
        """Spool a `<testcase>` element and count it."""
        suite = self._append(suite_name, case)
        suite.failures += failed
        suite.errors += errored
        suite.seconds += seconds

    def end(self, *, complete: bool) -> None:
        """Write the file. An incomplete run gets an extra error, so that CI does not take it for a pass."""
        with self._spool:
            self._finish(complete=complete)

    def _finish(self, *, complete: bool) -> None:
        if not complete:
            case = '<testcase classname="runner" name="run" time="0.000">\n'
            case += '<error type="incomplete" message="the run stopped before all cases were done"/>\n</testcase>\n'
            self._append("runner", case).errors += 1
        if self._measured is not None:
            from ..terminal.metric_lines import metric_properties

            for prompt, name, value in metric_properties(self._measured.figures()):
                self.add_property(prompt, name, value)
        suites = self._suites.values()
        self._write('<?xml version="1.0" encoding="UTF-8"?>\n')
        self._write(
            f'<testsuites name="runner" tests="{sum(suite.tests for suite in suites)}"'
            f' failures="{sum(suite.failures for suite in suites)}" errors="{sum(suite.errors for suite in suites)}"'
            f' time="{sum(suite.seconds for suite in suites):.3f}">\n'
        )
        for name, suite in self._suites.items():
            self._write(
                f'<testsuite name={quoted(name)} tests="{suite.tests}" failures="{suite.failures}"'
                f' errors="{suite.errors}" skipped="0" time="{suite.seconds:.3f}">\n'
            )
            if suite.properties:
                listed = "".join(
                    f"<property name={quoted(each)} value={quoted(value)}/>\n"
                    for each, value in suite.properties
                )
                self._write(f"<properties>\n{listed}</properties>\n")
            self._copy(suite)
            self._write("</testsuite>\n")
        self._write("</testsuites>\n")

    def _append(self, name: str, case: str) -> _Suite:
        data = case.encode()
        here = self._spool.seek(0, 2)
        self._spool.write(_HEAD.pack(0, len(data)) + data)
        suite = self._suites.get(name)
        if suite is None:
            suite = self._suites[name] = _Suite(first=here, last=here)
        else:
            self._spool.seek(suite.last)
            self._spool.write(struct.pack(">Q", here))
            suite.last = here
        suite.tests += 1
        return suite

    def _copy(self, suite: _Suite) -> None:
        place = suite.first
        for _ in range(suite.tests):
            self._spool.seek(place)
            place, length = _HEAD.unpack(self._spool.read(_HEAD.size))
            self._file.write(self._spool.read(length))

    def _write(self, text: str) -> None:
        self._file.write(text.encode())


def _case(record: Record, seconds: float) -> str:
    name = quoted(label(record, prompt=False))
    opening = f'<testcase classname={quoted(record["prompt"])} name={name} time="{seconds:.3f}"'
    if record["passed"]:
        return f"{opening}/>\n"
    tag = "error" if status(record) == "ERROR" else "failure"
    kind = record["error"]["code"] if record["error"] else record["outcome"]
    if kind == "ok":
        kind = "assertion"
    return (
        f"{opening}>\n<{tag} type={quoted(kind)} message={quoted(reason(record))}>{text_of(_explained(record))}</{tag}>\n"
        f"</testcase>\n"
    )


def _explained(record: Record) -> str:
    """Return everything known about a record that did not pass, one item per line, then the answer."""
    lines = [error_text(record), record["error"]["hint"] if record["error"] else None]
    if record["outcome"] not in ("ok", "error"):
        lines.append(f"outcome {record['outcome']}" + (f": {record['detail']}" if record["detail"] else ""))
    lines += map(check_text, failed_checks(record))
    said = answer(record)
    lines.append(f"answer: {said}" if said is not None else None)
    return "\n".join(line for line in lines if line)


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def text_of(text: str) -> str:
    """Return text as the content of an element, with characters that XML does not allow as escapes."""
    return escape(_legal(text), {"\r": "&#13;"})


def quoted(text: str) -> str:
    """Return text as an attribute's value, including the quotes."""
    return quoteattr(_legal(text))
