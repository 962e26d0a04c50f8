"""`--stream`: print answers on standard output while they arrive, one after the other."""

from __future__ import annotations

from ...engine.plan.job import Job
from ..terminal.outlet import Outlet
from ..terminal.terminal_text import one_line

__all__ = ["StreamText"]


class StreamText:
    """Prints the first choice of each job under a line that names its case."""

    def __init__(self, stream: Outlet) -> None:
        self._stream = stream
        self._job: Job | None = None
        self._line_is_open = False

    def __call__(self, job: Job, choice: int, text: str) -> None:
        """Print text of one choice; an empty text starts the answer (again, after a retry)."""
        if choice != 0:
            return
        if not text:
            again = " (again)" if self._job is job else ""
            self.end()
            self._stream.write(f"── {one_line(job.unit.prompt.name)} · {_which(job)}{again}\n")
            self._job = job
        else:
            self._stream.write(text)
            self._line_is_open = not text.endswith("\n")
        self._stream.flush()

    def end(self) -> None:
        """End the current line of text, so that other messages begin on a new line."""
        if self._line_is_open:
            self._stream.write("\n")
            self._stream.flush()
            self._line_is_open = False


def _which(job: Job) -> str:
    """Return the case, with its variant and the number of its sample."""
    variant = "" if job.unit.variant is None else f"@{job.unit.variant}"
    sample = f" #{job.sample + 1}" if job.sample else ""
    return one_line(f"{job.case.id}{variant}{sample}")
