"""`--report FILE`: write a report beside its destination, and replace that when it is complete."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ..errors import UsageError
from ..files.disk.plain_files import open_plain
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

        super().__init__(path, dict.fromkeys(_ENDINGS, begin), option, force=True)  # see refuse_other_files

    def discard(self) -> None:
        """Discard the report; an older one is left unchanged."""
        super().discard()
        if self._page is not None:
            self._page.discard()

    def note(self, sentence: str) -> None:
        """Add a sentence to show above everything else."""
        assert self._page is not None
        self._page.note(sentence)

    def missing(self, name: str) -> None:
        """Add the name of a case that only the other run of a comparison has."""
        assert self._page is not None
        self._page.missing(name)


def refuse_other_files(path: str, option: str) -> None:
    """Raise UsageError if `path` has another extension, or exists and is not a report of runner."""
    if Path(path).suffix.lower() not in _ENDINGS:
        raise UsageError(f'{option} "{visible(path)}" does not end in .html', hint="a report is an HTML file")
    try:
        with open(open_plain(Path(path).resolve()), "rb") as file:  # noqa: PTH123 - a descriptor
            begins = file.read(len(MARK))
    except OSError:
        return  # there is no file; or it cannot be read, so it cannot be replaced either, which is reported then
    if begins and begins != MARK:
        raise UsageError(
            f'{option} "{visible(path)}" exists and is not a report of runner',
            hint="choose another name, or delete the file",
        )
