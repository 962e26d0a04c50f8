"""`--report FILE`: a report written beside its place, which it takes whole when it is closed."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ..errors import UsageError
from ..files.plain_files import open_plain
from .file_writer import FileWriter
from .html.entry import ReportEntry, RunFacts
from .html.page import MARK, HtmlReport
from .terminal.terminal_text import visible

__all__ = ["ReportWriter", "refuse_other_files"]

_ENDINGS = (".html", ".htm")


class ReportWriter(FileWriter[ReportEntry]):
    """Writes entries to the report at `path`, which `option` names."""

    def __init__(self, path: str, facts: RunFacts, option: str) -> None:
        self._page: HtmlReport | None = None

        def begin(file: BinaryIO) -> HtmlReport:
            self._page = HtmlReport(file, facts)
            return self._page

        super().__init__(path, dict.fromkeys(_ENDINGS, begin), option)

    def discard(self) -> None:
        """Give up the report; an older one stays as it was."""
        super().discard()
        if self._page is not None:
            self._page.discard()

    def note(self, sentence: str) -> None:
        """Say something above everything else."""
        assert self._page is not None
        self._page.note(sentence)

    def missing(self, name: str) -> None:
        """Name a case that only the run that is compared with has."""
        assert self._page is not None
        self._page.missing(name)


def refuse_other_files(path: str, option: str) -> None:
    """Raise UsageError for the name of a report that is none, and for a file that is there and is no report of ours."""
    if Path(path).suffix.lower() not in _ENDINGS:
        raise UsageError(
            f'{option} "{visible(path)}" does not end in .html', hint="a report is one file of HTML"
        )
    try:
        with open(open_plain(Path(path).resolve()), "rb") as file:  # noqa: PTH123 - a descriptor
            begins = file.read(len(MARK))
    except OSError:
        return  # there is nothing yet; or what cannot be read cannot be replaced either, which is told then
    if begins and begins != MARK:
        raise UsageError(
            f'{option} "{visible(path)}" is there, and is no report of runner',
            hint="name another file, or remove it",
        )
