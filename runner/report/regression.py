"""How a regression run looks: silent where nothing changed, a field table where something did, one line at the end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TextIO

from ..engine.record import Record
from ..regress.modes import Modes
from ..regress.results import CaseResult
from ..regress.testing import Tally
from .console import wants_color, wants_live
from .figures import count, duration, plural
from .table import format_table
from .visible import one_line, shorten, visible

__all__ = ["RegressionReporter", "case_name", "value_text"]

MOST = 30
"""Cases told in full; the others are counted."""

_FIELDS = 12
_WIDE = 34
_LIVE_SECONDS = 0.1
_COLORS = {"fail": "31", "error": "31", "flaky": "33", "pending": "33", "outdated": "33", "pass": "32"}
_WORDS = {"fail": "FAIL", "error": "ERROR", "flaky": "flaky", "pending": "review", "outdated": "outdated"}


def case_name(result: CaseResult) -> str:
    """`prompt/case@variant`."""
    return f"{result.prompt}/{result.case}" + (f"@{result.variant}" if result.variant is not None else "")


def value_text(value: object, *, missing: bool = False, width: int = _WIDE) -> str:
    """A value in a table's cell: JSON on one line, shortened; nothing as a dash."""
    return "-" if missing else shorten(one_line(json.dumps(value, ensure_ascii=False)), width)


class RegressionReporter:
    """Shows a run on `stream`. A case that is as it was leaves no line; what it keeps has an upper bound.

    On a terminal a line of counts is redrawn at most ten times a second. As a context manager it leaves the screen in
    order whatever happens.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._live = wants_live(self._stream, os.environ)
        self._color = wants_color(self._stream, os.environ)
        self._told = 0
        self._more: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._orphans: list[str] = []
        self._next = 0.0
        self._drawn = False

    def start(self, *, title: str) -> None:
        """Begin; `title` says what runs."""
        self._print(self._paint(visible(title), "1"))

    def case(self, result: CaseResult) -> None:
        """Take in one case; tell it where it is not as it was."""
        self._counts[result.verdict] += 1
        if result.verdict == "pass" and not result.written and not result.notes:
            return
        if self._told < MOST:
            self._told += 1
            for line in self._explained(result):
                self._print(line)
        else:
            self._more[result.verdict] += 1

    def record(self, record: Record) -> None:
        """A sample has come; the case it belongs to is told when it is decided."""
        self.tick()

    def tick(self) -> None:
        """Redraw the counts, if it is time to."""
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next = now + _LIVE_SECONDS
            counts = " · ".join(f"{count(number)} {name}" for name, number in sorted(self._counts.items()))
            self._stream.write(f"\r\x1b[2K  {counts or 'asking'}")
            self._stream.flush()
            self._drawn = True

    def note(self, text: str) -> None:
        """Say something now."""
        self._print(self._paint(visible(text), "2"))

    def unreferenced(self, file: str) -> None:
        """A snapshot that no case refers to."""
        if len(self._orphans) < MOST:
            self._orphans.append(file)
        else:
            self._more["unreferenced"] += 1

    def finish(self, tally: Tally, *, modes: Modes, seconds: float) -> None:
        """What there is to do, and the totals."""
        for verdict, number in sorted(self._more.items()):
            self._print(f"and {count(number)} more {verdict}")
        if self._orphans:
            word = "rejected" if modes.unreferenced == "reject" else "only prune deletes them"
            self._print(f"{plural(tally.unreferenced, 'snapshot')} without a case ({word}):")
            for file in self._orphans:
                self._print(f"  {visible(file)}")
        for line in _what_to_do(tally, modes):
            self._print(self._paint(line, "1"))
        parts = [f"{count(tally.passed)} passed", f"{count(tally.failed)} failed"]
        names = ("flaky", "pending", "outdated", "errors")
        parts += [f"{count(getattr(tally, name))} {_TOTALS[name]}" for name in names if getattr(tally, name)]
        asked = f" · {count(tally.called)} asked" if tally.called else ""
        written = f" · {plural(tally.written, 'snapshot')} written" if tally.written else ""
        good = tally.passed == tally.selected
        line = self._paint(", ".join(parts), "1;32" if good else "1")
        self._print(f"{line} in {duration(seconds)}{asked}{written}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()

    def _explained(self, result: CaseResult) -> Iterator[str]:
        if result.verdict == "pass":
            what = "approved" if result.written else "pass"
        else:
            what = _WORDS[result.verdict]
        kind = (
            f" {result.kind}" if result.kind else f" {result.status}" if result.verdict == "outdated" else ""
        )
        head = self._paint(what, _COLORS[result.verdict])
        reason = f": {visible(one_line(result.reason))}" if result.reason else ""
        yield f"{head}{kind}  {visible(case_name(result))}{reason}"
        if result.error and result.error["hint"]:
            yield f"    hint: {visible(result.error['hint'])}"
        for check in result.checks[:_FIELDS]:
            if not check["passed"]:
                place = f" {check['path']}" if check["path"] else ""
                yield f"    {visible(check['type'] + place)}: {visible(one_line(check['message']))}"
        differing = [each for each in result.fields if not each.equal] or list(result.fields)
        if differing and (result.kind or result.verdict in ("fail", "flaky")):
            rows = [
                (
                    each.path,
                    value_text(each.approved, missing=each.approved_missing),
                    value_text(each.new, missing=each.new_missing),
                    each.rule + (f" ({each.note})" if each.note else ""),
                    "same" if each.equal else "changed",
                )
                for each in differing[:_FIELDS]
            ]
            table = format_table(("path", "approved", "new", "rule", "verdict"), rows)
            yield from (f"    {line}" for line in table.splitlines())
            if len(differing) > _FIELDS:
                yield f"    and {len(differing) - _FIELDS} more"
        if result.samples > 1:
            was = (
                f", {result.agreement[0]} of {result.agreement[1]} when approved" if result.agreement else ""
            )
            flavour = f" ({result.flavour})" if result.flavour else ""
            yield f"    {result.passed_samples} of {result.samples} samples{was}{flavour}"
        for note in result.notes:
            yield f"    {visible(note)}"
        if result.verdict == "outdated":
            yield f"    runner test {visible(result.file)} --case {visible(result.case)} --record new_episodes"

    def _print(self, line: str) -> None:
        self._wipe()
        self._stream.write(f"{line}\n")

    def _wipe(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[2K")
            self._drawn = False

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color else text


_TOTALS = {"flaky": "flaky", "pending": "to review", "outdated": "out of date", "errors": "not checked"}


def _what_to_do(tally: Tally, modes: Modes) -> Iterator[str]:
    if tally.pending:
        yield "runner review shows what waits for approval; runner accept --kind new,refreshed,moved approves the rest"
    if tally.outdated and modes.record == "none":
        yield "record anew with: runner test --record new_episodes, then runner review"
