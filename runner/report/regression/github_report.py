"""Show a regression run in GitHub Actions: annotations in the log, and a summary of the job."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from ...errors import Location, StorageError
from ...regress.modes import Modes
from ...regress.results import CaseResult
from ...regress.tally import Tally
from ..terminal.outlet import Outlet
from ..terminal.workflow_commands import unheeded
from .annotations import annotate, annotate_gates
from .markdown_summary import markdown_summary
from .regression_digest import RegressionDigest

if TYPE_CHECKING:
    from ...regress.gates.gate_results import GateResult

__all__ = ["GitHubReport"]


class GitHubReport:
    """Writes annotations to `stream`, the step's log, and a summary to the file GITHUB_STEP_SUMMARY, if that is set.

    While it is open, GitHub obeys no commands in the log, because others print answers of models there, and a line of
    an answer might be a command. `locate` returns the location of a case in a file, given by the user's path.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        locate: Callable[[str, str], Location],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._stream = Outlet.of(stream)
        self._locate = locate
        self._environ = environ
        self._digest = RegressionDigest()
        self._gates: list[GateResult] = []
        self._unheeded = ExitStack()

    def case(self, result: CaseResult) -> None:
        """Add one case."""
        self._digest.add(result)

    def unreferenced(self, file: str) -> None:
        """Add a snapshot that no case refers to, by its path from the project's root."""
        self._digest.unreferenced.add(lambda: file)

    def gate(self, result: GateResult) -> None:
        """Add the result of a gate."""
        self._gates.append(result)

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """Write the annotations and append the summary. Raises StorageError if its file cannot be written."""
        self.close()
        for line in annotate(self._digest, modes=modes, locate=self._in_workspace):
            self._stream.command(line)
        for line in annotate_gates(self._gates, self._from_root):
            self._stream.command(line)
        self._stream.flush()
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        text = markdown_summary(
            self._digest, tally, modes=modes, seconds=seconds, complete=complete, gates=self._gates
        )
        try:
            with Path(path).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise StorageError(
                f"the job summary cannot be written: {error.strerror or error}",
                hint="the variable GITHUB_STEP_SUMMARY names its file; unset it to write no summary",
            ) from None

    def close(self) -> None:
        """Let GitHub obey commands again; closing twice is harmless."""
        self._unheeded.close()

    def __enter__(self) -> Self:
        self._unheeded.enter_context(unheeded(self._stream, self._environ))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _in_workspace(self, file: str, case: str) -> Location:
        """Return the location with its path relative to the root of the checked-out repository, as GitHub requires."""
        return self._from_root(self._locate(file, case))

    def _from_root(self, at: Location) -> Location:
        workspace, path = Path(self._environ.get("GITHUB_WORKSPACE") or Path.cwd()), Path.cwd() / at.path
        try:
            return Location(path.resolve().relative_to(workspace.resolve()).as_posix(), at.line, at.column)
        except ValueError:
            return at
