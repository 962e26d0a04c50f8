"""What GitHub Actions shows of a regression run: annotations in the log, and a summary of the job."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from ...errors import Location, StorageError
from ...regress.gates.gate_results import GateResult
from ...regress.modes import Modes
from ...regress.results import CaseResult
from ...regress.tally import Tally
from ..terminal.outlet import Outlet
from ..terminal.workflow_commands import unheeded
from .annotations import annotate, annotate_gates
from .markdown_summary import markdown_summary
from .regression_digest import RegressionDigest

__all__ = ["GitHubReport"]


class GitHubReport:
    """Annotations on `stream`, which is the step's log, and a summary in the file GITHUB_STEP_SUMMARY, if there is one.

    While it is open GitHub obeys no commands from the log: what a model said is printed there by others, and a line
    of it might be one. `locate` says where a case stands in a file, as the user gave it.
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
        """Take in one case."""
        self._digest.add(result)

    def unreferenced(self, file: str) -> None:
        """A snapshot that no case refers to; its path is from the project's root."""
        self._digest.unreferenced.add(lambda: file)

    def gate(self, result: GateResult) -> None:
        """What a gate came to."""
        self._gates.append(result)

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """Show the annotations and append the summary. Raises StorageError where that file cannot be written."""
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
                hint="GITHUB_STEP_SUMMARY names its file; unset it to do without",
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
        """The place with its path as GitHub wants it: from the root of the repository that was checked out."""
        return self._from_root(self._locate(file, case))

    def _from_root(self, at: Location) -> Location:
        workspace, path = Path(self._environ.get("GITHUB_WORKSPACE") or Path.cwd()), Path.cwd() / at.path
        try:
            return Location(path.resolve().relative_to(workspace.resolve()).as_posix(), at.line, at.column)
        except ValueError:
            return at
