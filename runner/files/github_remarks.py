"""The mistakes and remarks that are found while a prompt file of GitHub Models is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..documents.documents import Document
from ..errors import Diagnostic, FormatError, Location, did_you_mean
from ..values import JsonPath
from .problems import MOST, ProblemList
from .violations import near

__all__ = ["UNREAD", "GithubRemarks"]

UNREAD: Final = "W018"
"""The code of a remark on what GitHub's tools did not read, or read in another way."""


class GithubRemarks:
    """The mistakes and remarks of one file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems = ProblemList()
        self.warnings: list[Diagnostic] = []
        self._refused = 0

    def first_warnings(self) -> Iterator[Diagnostic]:
        """Yield the first MOST remarks, and how many more there are."""
        yield from self.warnings[:MOST]
        if len(self.warnings) > MOST:
            more, location = len(self.warnings) - MOST, self.warnings[MOST].location
            yield Diagnostic("warning", UNREAD, f"there are {more:,} more warnings of this kind", location)

    def refuse(self, message: str, location: Location, hint: str | None = None) -> None:
        """Keep an error; the first MOST are reported, as for every format."""
        if self._refused < MOST:
            self.problems.add(FormatError(message, location=location, hint=hint))
        self._refused += 1

    def warn(self, code: str, message: str, location: Location, hint: str | None = None) -> None:
        """Add a remark."""
        self.warnings.append(Diagnostic("warning", code, message, location, hint))

    def unread(self, at: JsonPath, message: str, hint: str | None = None) -> None:
        """Add a remark on a key that GitHub's tools did not read, or read in another way."""
        self.warn(UNREAD, message, self.document.locate_key(at), hint)

    def unknown(self, at: JsonPath, known: Sequence[str], where: str) -> None:
        """Handle a key that GitHub's tools do not read: a mistake if it resembles one that they do, else a note."""
        key = str(at[-1])
        if hint := self.meant(key, known):
            self.refuse(f'unknown key "{key}" in {where}', self.document.locate_key(at), hint)
        else:
            hint = "begin notes with x-" if len(at) == 1 else None
            self.unread(at, f'"{key}" is not part of GitHub\'s format and is ignored', hint)

    @staticmethod
    def meant(key: str, known: Sequence[str] | Mapping[str, Any]) -> str | None:
        """Return the hint for a key that resembles a known one, or differs only in case and underscores."""
        plain = re.sub(r"[_-]", "", key).lower()
        same = next((each for each in known if re.sub(r"[_-]", "", each).lower() == plain), None)
        return near(key, known) or (did_you_mean(same) if same else None)
