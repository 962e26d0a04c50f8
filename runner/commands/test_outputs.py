"""The outputs of a regression run besides the screen: a JUnit or Markdown file, a report, and GitHub Actions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import Location, UsageError
from ..regress.modes import Modes
from ..regress.results import CaseResult
from ..regress.tally import Tally
from .load_selection import Chosen

if TYPE_CHECKING:
    from ..regress.gates.gate_results import GateResult

__all__ = ["Listener", "listeners"]


class Listener(Protocol):
    """Receives each case, each unreferenced snapshot, each gate, and the totals of a run."""

    def case(self, result: CaseResult) -> None:
        """Receive the result of a case."""

    def unreferenced(self, file: str) -> None:
        """Receive the path of a snapshot that no case refers to."""

    def gate(self, result: GateResult) -> None:
        """Receive the result of a gate, which may be that it was not judged in this run."""

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """End the output; `complete` is False if the run was cut short."""


def listeners(
    closing: ExitStack, output: str | None, report: str | None, chosen: Chosen, *, force: bool
) -> list[Listener]:
    """Return the outputs that the command line and the environment request; `closing` closes them.

    Raises UsageError, StorageError.
    """
    from ..report.terminal.workflow_commands import on_github

    found: list[Listener] = []
    environ = chosen.workspace.environ
    if output is not None:
        chosen.check_destination(output, {})
        writer = _FORMATS.get(Path(output).suffix.lower())
        if writer is None:
            known = " or ".join(f"{ending} ({each.name})" for ending, each in _FORMATS.items())
            raise UsageError(
                f'the file name "{output}" of --output does not show its format',
                hint=f"use a name that ends in {known}",
            )
        found.append(closing.enter_context(writer.open(output, force=force)))
    if report is not None:
        from .test_report import TestReport

        chosen.check_report(report, {"--output": output})
        found.append(closing.enter_context(TestReport(report, chosen)))
    if on_github(environ):
        from ..report.regression.github_report import GitHubReport

        locate = partial(_locate, chosen)
        found.append(closing.enter_context(GitHubReport(sys.stdout, locate=locate, environ=environ)))
    return found


def _junit(path: str, *, force: bool) -> AbstractContextManager[Listener]:
    from ..report.regression.junit_regression import JUnitReport  # its XML library imports an HTTP client

    return JUnitReport(path, force=force)


def _markdown(path: str, *, force: bool) -> AbstractContextManager[Listener]:
    from ..report.regression.markdown_file import MarkdownReport

    return MarkdownReport(path, force=force)


class _Format(NamedTuple):
    name: str
    open: Callable[..., AbstractContextManager[Listener]]


_FORMATS = {".xml": _Format("JUnit", _junit), ".md": _Format("Markdown", _markdown)}
"""The formats of --output, by the ending of the file's name."""


def _locate(chosen: Chosen, file: str, case_id: str) -> Location:
    """Return the place where a case is declared, or else its prompt's file."""
    for unit in chosen.units:
        if unit.prompt.path == file:
            for case in chosen.selection.cases(unit):
                if case.id == case_id:
                    return case.location
    return Location(file)
