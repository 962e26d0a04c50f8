"""`runner compare --output FILE`: write the comparison as a page, Markdown or JSON, by the extension of the file."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ..file_writer import FileWriter
from ..html_file import refuse_other_files
from .compare_json import compare_json
from .compare_markdown import compare_markdown
from .comparison_facts import ComparisonFacts

__all__ = ["ComparisonFile"]


class _Whole:
    """Writes the one item that it gets."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._suffix = name

    def add(self, facts: ComparisonFacts, /) -> None:
        if self._suffix == ".json":
            data = compare_json(facts.comparisons, facts.notes) + "\n"
        elif self._suffix == ".md":
            data = compare_markdown(facts.comparisons, facts.notes)
        else:
            from .compare_page import compare_page

            data = compare_page(facts)
        self._file.write(data.encode("utf-8", "backslashreplace"))

    def end(self, *, complete: bool) -> None:
        pass


class ComparisonFile(FileWriter[ComparisonFacts]):
    """Writes a comparison. Raises as `FileWriter` does; `force` replaces a file that is not an earlier output."""

    def __init__(self, path: str, *, force: bool = False) -> None:
        suffix = Path(path).suffix.lower()
        pages = (".html", ".htm")
        if suffix in pages:
            refuse_other_files(path, "--output")
        formats = {
            each: (lambda file, each=each: _Whole(file, each)) for each in (".html", ".htm", ".md", ".json")
        }
        super().__init__(path, formats, "--output", force=force or suffix in pages)
