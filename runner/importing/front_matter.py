"""Read the files of Prompty and dotprompt: YAML front matter between two lines of three hyphens, and a body."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..documents.documents import Document
from ..documents.yaml_reader import parse_yaml
from ..errors import Location
from .ledger import Ledger, RefusedSourceError
from .nodes import Node, root_of
from .secrets import report_keys
from .sources import Folder

__all__ = ["FrontMatter", "Parts", "read_front_matter", "split"]

_FENCE = re.compile(r"((?:(?:#[^\n]*|[ \t]*)\n)*)---[ \t]*\n(.*?)(?:\n|\A)---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a file. `body_line` is the line of the file on which the body begins."""

    document: Document
    body: str
    body_line: int


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The front matter of a source, which is an object, with the keys in it that must not be copied, and the body."""

    root: Node
    keys: frozenset[str]
    body: str
    body_location: Location

    def in_body(self, line: int) -> Location:
        """Return the location of a line of the body, counted from 1."""
        first = self.body_location
        return Location(first.path, (first.line or 1) + line - 1, 1)


def split(text: str, shown: str) -> Parts:
    """Split a file. Raises RefusedSourceError if it has no front matter, SyntaxFileError for invalid YAML."""
    found = _FENCE.match(text)
    if found is None:
        raise RefusedSourceError(
            "I902",
            "it has no front matter (YAML between two lines of ---), so it is not a prompt in this format",
            location=Location(shown, 1, 1),
        )
    # Empty lines replace the lines above, so that locations in the YAML are those in the file.
    before = "\n" * text.count("\n", 0, found.start(2))
    document = parse_yaml(before + found[2], shown)
    return Parts(document, text[found.end() :], text.count("\n", 0, found.end()) + 1)


def read_front_matter(name: str, folder: Folder, ledger: Ledger) -> FrontMatter:
    """Read a file and report the keys in its front matter.

    Raises RefusedSourceError if the file has no front matter that is an object, RunnerError if it cannot be read.
    """
    shown = folder.shown_as(name)
    parts = split(folder.text(name), shown)
    root = root_of(parts.document)
    if root.value is None:
        root = Node({}, parts.document)
    if not isinstance(root.value, dict):
        raise RefusedSourceError("I902", "its front matter is not an object", location=root.location)
    return FrontMatter(root, report_keys(root, ledger), parts.body, Location(shown, parts.body_line, 1))
