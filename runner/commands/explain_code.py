"""Implement `runner check --explain CODE`: print what the code of a finding means and what to do about it.

The explanations are in `explanations.toml` beside this module. The reference page of codes is generated from the same
file.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import UsageError, close_to, did_you_mean
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import wrapped

__all__ = ["FAMILIES", "Explanation", "explain_code", "explanations"]

FAMILIES: Mapping[str, str] = {
    "S": "Schemas of answers",
    "W": "Prompts, tests and projects",
    "P": "Packs",
    "I": "Information and imports",
}
"""The meaning of the first letter of a code."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a code: title, text, severity (or `import`), and the page of docs/ with more information."""

    code: str
    title: str
    text: str
    kind: str
    page: str | None


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return the explanation of every code, in the order of the file."""
    text = Path(__file__).with_name("explanations.toml").read_text(encoding="utf-8")
    return {
        code: Explanation(code, entry["title"], entry["text"].strip(), entry["kind"], entry.get("page"))
        for code, entry in tomllib.loads(text).items()
    }


def explain_code(code: str) -> int:
    """Print the explanation of a code. Raises UsageError if there is no such code."""
    typed = code.strip().upper()
    found = explanations().get(typed)
    if found is None:
        begun = [known for known in explanations() if len(typed) > 1 and known.startswith(typed)]
        close = begun[:3] or close_to(typed, explanations())
        families = ", ".join(f"{letter}… {what.lower()}" for letter, what in FAMILIES.items())
        raise UsageError(
            f"there is no code {code!r}",
            hint=did_you_mean(*close) if close else f"codes begin with {families}",
        )
    print_line(f"{found.code}: {found.title} [{found.kind}]")
    print_line()
    for line in _at_width(found.text, shutil.get_terminal_size().columns if sys.stdout.isatty() else None):
        print_line(line)
    if found.page:
        print_line()
        print_line(f"Read more: docs/{found.page}")
    return 0


def _at_width(text: str, width: int | None) -> list[str]:
    """Return the lines of a text, its paragraphs wrapped anew at `width` columns; as they are for None."""
    if width is None:
        return text.splitlines()
    paragraphs = (part.replace("\n", " ") for part in text.split("\n\n"))
    return wrapped("\n\n".join(paragraphs), width)
