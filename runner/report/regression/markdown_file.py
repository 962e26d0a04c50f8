"""Write the summary of a regression run to a Markdown file, for instance for a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from ...regress.modes import Modes
from ...regress.results import CaseResult
from ...regress.tally import Tally
from ..file_writer import FileWriter
from .markdown_summary import markdown_summary
from .regression_digest import RegressionDigest

if TYPE_CHECKING:
    from ...regress.gates.gate_results import GateResult

__all__ = ["MarkdownReport"]


class MarkdownReport(FileWriter[str]):
    """Writes the text of the job summary to a .md file when the run has finished."""

    def __init__(self, path: str, *, force: bool = False) -> None:
        super().__init__(path, {".md": _Text}, force=force)
        self._digest = RegressionDigest()
        self._gates: list[GateResult] = []

    def case(self, result: CaseResult) -> None:
        """Add one case."""
        self._digest.add(result)

    def unreferenced(self, file: str) -> None:
        """Add a snapshot that no case refers to."""
        self._digest.unreferenced.add(lambda: file)

    def gate(self, result: GateResult) -> None:
        """Add one gate."""
        self._gates.append(result)

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """Move the file to its destination. Raises StorageError."""
        self.write(
            markdown_summary(
                self._digest, tally, modes=modes, seconds=seconds, complete=complete, gates=self._gates
            )
        )
        self.close(complete=complete)


class _Text:
    """Writes texts unchanged; a file without any says that the run did not finish."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._empty = True

    def add(self, thing: str) -> None:
        self._file.write(thing.encode("utf-8", "backslashreplace"))
        self._empty = False

    def end(self, *, complete: bool) -> None:
        if self._empty:
            self.add("### Prompts: the run did not finish\n")
