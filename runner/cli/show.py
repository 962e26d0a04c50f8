"""Errors and remarks on standard error, with the line of the file they are about."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from ..errors import Diagnostic, Location, Problems, RunnerError
from ..report.console import wants_color
from ..report.errors import format_diagnostic, format_error

__all__ = ["show_diagnostic", "show_error"]

_IN_URL = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?<=\w:)[^/@:\s]+(?=@)|(?<=[?&])[^\s'\"{}]+")
_KEY_VALUE = re.compile(r"(?i)(\b(?:api[_-]?key|authorization|token|secret|password)[\"']?\s*:\s*)([^\s{}]+)")


def show_error(error: RunnerError) -> int:
    """Print an error; returns how many it was."""
    sys.stderr.write(format_error(error, color=_colored(), source_line=_source_line) + "\n")
    return len(error.errors) if isinstance(error, Problems) else 1


def show_diagnostic(diagnostic: Diagnostic) -> None:
    """Print a remark."""
    sys.stderr.write(format_diagnostic(diagnostic, color=_colored()) + "\n")


def _colored() -> bool:
    return wants_color(sys.stderr, os.environ)


def _source_line(location: Location) -> str | None:
    """The line of a location, when its file can be read; paths are as typed from the current folder."""
    if location.line is None:
        return None
    try:
        text = Path(location.path).read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    lines = text.replace("\r\n", "\n").split("\n")
    return _without_keys(lines[location.line - 1]) if location.line <= len(lines) else None


def _without_keys(line: str) -> str:
    """The line with what looks like a key dotted out: a mistaken `api_key: sk-…` must not end up in a CI's log."""
    from ..wire.masking import mask

    line = _IN_URL.sub("…", line)
    dotted = _KEY_VALUE.sub(lambda found: found.group(1) + "…" * bool(found.group(2)), line)
    return mask(dotted)
