"""Who is told of a regression run besides the screen: a JUnit or Markdown file, a report, and GitHub where it runs this."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

from ..errors import Location, UsageError
from ..regress.gates.gate_results import GateResult
from ..regress.modes import Modes
from ..regress.results import CaseResult
from ..regress.tally import Tally
from .load_selection import Chosen

__all__ = ["Listener", "listeners"]


class Listener(Protocol):
    """Is told each case, each snapshot that no case refers to, and how the run ended."""

    def case(self, result: CaseResult) -> None:
        """A case was decided."""

    def unreferenced(self, file: str) -> None:
        """No case refers to this snapshot."""

    def gate(self, result: GateResult) -> None:
        """A gate was judged, or is not in this run."""

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """That was all; `complete` unless the run was cut short."""


def listeners(
    closing: ExitStack, output: str | None, report: str | None, chosen: Chosen, *, force: bool
) -> list[Listener]:
    """Those that the command line and the environment ask for; `closing` closes them. Raises UsageError, StorageError."""
    from ..report.regression.github_report import GitHubReport
    from ..report.terminal.workflow_commands import on_github

    found: list[Listener] = []
    environ = chosen.workspace.environ
    if output is not None:
        chosen.check_destination(output, {})
        suffix = Path(output).suffix.lower()
        if suffix == ".md":
            from ..report.regression.markdown_file import MarkdownReport

            found.append(closing.enter_context(MarkdownReport(output, force=force)))
        elif suffix == ".xml":
            from ..report.regression.junit_regression import (
                JUnitReport,  # its XML library imports an HTTP client
            )

            found.append(closing.enter_context(JUnitReport(output, force=force)))
        else:
            raise UsageError(
                f'--output cannot tell a format from "{output}".',
                hint="end the name in .xml (JUnit) or .md (Markdown)",
            )
    if report is not None:
        from .test_report import TestReport

        chosen.check_report(report, {"--output": output})
        found.append(closing.enter_context(TestReport(report, chosen)))
    if on_github(environ):
        locate = partial(_locate, chosen)
        found.append(closing.enter_context(GitHubReport(sys.stdout, locate=locate, environ=environ)))
    return found


def _locate(chosen: Chosen, file: str, case_id: str) -> Location:
    """Where a case is written down, else its prompt's file."""
    for unit in chosen.units:
        if unit.prompt.path == file:
            for case in chosen.selection.cases(unit):
                if case.id == case_id:
                    return case.location
    return Location(file)
