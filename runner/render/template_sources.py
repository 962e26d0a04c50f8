"""The texts of templates, their places, and the files that they include.

Names in `include`, `import` and `extends` are constants, relative to the file that contains them; `alias:name` refers to
a pack and is resolved by a hook. A file is read once, when it is first named, so rendering does not read the disk and a
value can never select a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..documents.text import decode
from ..errors import Location, RunnerError, TemplateError
from ..files.disk.tree import Tree, resolve
from ..files.model import ResolveReference
from .limits import MAX_FILES, MAX_SOURCE

__all__ = ["Files", "Finder", "LocatedUse", "Source"]

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*:[^/].*", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The text of one template, of a message or a file. `label` is its name in messages (`messages[0]`).

    `locate(line, column)` turns a place in the text, counted from 1, into one in the user's file. Relative names start
    from `file`. The same file is the same Source, however often it is named.
    """

    text: str
    label: str
    locate: Callable[[int, int | None], Location]
    file: str

    def find(self, name: str, line: int) -> Location:
        """Return the place where `name` is used on a line of this text, without a column if that is uncertain."""
        lines = self.text.split("\n")
        text = lines[line - 1] if line <= len(lines) else ""
        inside = False
        for found in re.finditer(r"\{[{%]|[%}]\}|(?<![\w.'\"])" + re.escape(name) + r"(?![\w'\"])", text):
            if found[0] in ("{{", "{%", "%}", "}}"):
                inside = found[0][0] == "{"
            elif inside:
                return self.locate(line, found.start() + 1)
        return self.locate(line, None)


@dataclass(frozen=True, slots=True)
class LocatedUse:
    """A variable that a message reads, itself or in a file it includes. `guarded`: it may be missing; `tested`: it is a condition."""

    name: str
    source: Source
    line: int
    guarded: bool = False
    tested: bool = False

    @property
    def location(self) -> Location:
        """Return the place where it is read."""
        return self.source.find(self.name, self.line)


class Finder(Protocol):
    """Finds the files that templates name."""

    def find(self, source: Source, name: str, line: int) -> Source:
        """Return the file that `name`, on a line of `source`, refers to. Raises RunnerError if there is none."""
        ...


class Files:
    """The files that the templates of one prompt include, found in its tree and in packs."""

    def __init__(self, home: Tree, resolve_reference: ResolveReference | None) -> None:
        self._home = home
        self._resolve_reference = resolve_reference
        self._files: dict[tuple[int, str], Source] = {}
        self._trees: dict[Source, Tree] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the files found so far: their paths in the prompt's tree or, for another tree, their shown names."""
        return tuple(
            source.file if tree is self._home else tree.shown(source.file)
            for source, tree in self._trees.items()
        )

    def find(self, source: Source, name: str, line: int) -> Source:
        """See Finder."""
        location = Location(source.file)  # an exact one needs to read the YAML again
        try:
            tree, file = self._find(source, name, line, location)
            known = self._files.get((id(tree), file))
            if known is None:
                if len(self._files) >= MAX_FILES:
                    raise TemplateError(f"the prompt includes more than {MAX_FILES} files", location=location)
                known = self._read(tree, file, location)
        except RunnerError as error:
            if error.location is location:
                error.location = source.locate(line, None)
            raise
        return known

    def _find(self, source: Source, name: str, line: int, location: Location) -> tuple[Tree, str]:
        reference = _REFERENCE.fullmatch(name)
        file = "" if reference else resolve(source.file, name, location=location)
        if name not in source.text:  # a reader of the template must be able to see which file is read
            raise TemplateError(f"the file name {name!r} is written with escapes", location=location)
        if not reference:
            return self._trees.get(source, self._home), file
        if self._resolve_reference is None:
            hint = "a colon separates a pack's alias from a name; no packs are available here"
            raise TemplateError(f"{name!r} is not a file of this project", location=location, hint=hint)
        return self._resolve_reference(name, source.locate(line, None))

    def _read(self, tree: Tree, file: str, location: Location) -> Source:
        shown = tree.shown(file)
        # The last line end of a file is not part of the sentence in which it is included.
        text = decode(tree.read(file, location=location), shown).removesuffix("\n")

        def locate(line: int, column: int | None) -> Location:
            return Location(shown, line, column)

        # Of a text that is too long to compile, keep only enough to report that.
        source = Source(text[: MAX_SOURCE + 1], shown, locate, file)
        self._files[id(tree), file] = source
        self._trees[source] = tree  # keeps the tree alive, so that its id stays unique
        return source
