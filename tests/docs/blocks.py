"""The fenced blocks of the documents, and the commands in them."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCUMENTS", "REPOSITORY", "Block", "blocks"]

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/*.md", "tests/conformance/*.md")
    for path in REPOSITORY.glob(pattern)
)

_FENCE = re.compile(r"^( *)```(.*)\n((?:.*\n)*?)\1```$", re.MULTILINE)
_PROMPT_SIGN = "$ "


@dataclass(frozen=True)
class Block:
    """One fenced block: where its first line is, its language, and its text."""

    file: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def commands(self) -> Iterator[list[str]]:
        """The simple commands of a shell block, as words, without the variables set before them."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line.removeprefix(_PROMPT_SIGN) for line in lines if line.startswith(_PROMPT_SIGN)]
        for line in lines:
            yield from commands(line)

    def shown(self) -> tuple[list[str], str]:
        """Return the command of a console block with one command, as words, and the output below it."""
        first, _, output = self.text.partition("\n")
        return shlex.split(first.removeprefix(_PROMPT_SIGN)), output


def commands(line: str) -> Iterator[list[str]]:
    """The simple commands of one line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in [*lexer, ";"]:
        if set(word) <= set("<>"):
            redirected = True
        elif set(word) <= set("&|;"):
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                yield words
            words = []
        elif redirected:
            redirected = False
        else:
            words.append(word)


def blocks(*languages: str) -> list[Block]:
    """All blocks in one of these languages, or all there are."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            name = path.relative_to(REPOSITORY).as_posix()
            found.append(Block(name, line, match[2], textwrap.dedent(match[3])))
    return [block for block in found if not languages or block.language in languages]
