"""Files of YAML between two lines of three hyphens and a body: Prompty and dotprompt."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..documents.documents import Document
from ..documents.yaml_reader import parse_yaml
from ..errors import Location
from .ledger import RefusedSourceError

__all__ = ["FrontMatter", "split"]

_FENCE = re.compile(r"((?:(?:#[^\n]*|[ \t]*)\n)*)---[ \t]*\n(.*?)(?:\n|\A)---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Both parts; `body_line` is the line of the file on which the body begins."""

    document: Document
    body: str
    body_line: int
    header: tuple[str, ...]


def split(text: str, shown: str) -> FrontMatter:
    """The parts of a file. Raises RefusedSourceError where it has none, SyntaxFileError for bad YAML at its line."""
    found = _FENCE.match(text)
    if found is None:
        raise RefusedSourceError(
            "I902",
            "it has no front matter (YAML between two lines of ---), so it is no prompt of this format",
            location=Location(shown, 1, 1),
        )
    # The lines before are kept as empty ones, so that the places of the YAML are those of the file.
    before = "\n" * text.count("\n", 0, found.start(2))
    document = parse_yaml(before + found[2], shown)
    header = tuple(line for line in found[1].split("\n") if line.startswith("#"))
    return FrontMatter(document, text[found.end() :], text.count("\n", 0, found.end()) + 1, header)
