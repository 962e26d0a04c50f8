"""Print errors and remarks to standard error, with the line of the file that they concern."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache

from ..errors import Diagnostic, Location, Problems, RunnerError
from ..files.disk.plain_files import open_plain
from ..files.disk.tree import MAX_FILE_BYTES
from ..report.terminal.diagnostics import format_diagnostic, format_error
from ..report.terminal.outlet import print_line, print_lines
from ..report.terminal.reporter import wants_color

__all__ = ["show_diagnostic", "show_error", "show_explain_command"]

_IN_URL = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?<=\w:)[^/@:\s]+(?=@)|(?<=[?&])[^\s'\"{}]+")
# The value of a YAML key whose name says that it is a credential or, with `_env` and `_keyring`, names one. Each word is
# examined once, from its beginning, because a line may have 20 MiB.
_VALUE = r"""(\"[^\"]*\"?|'[^']*'?|[^\s,{}\[\]][^,{}#]*)"""
_KEY_VALUE = re.compile(
    r"""(?i)(?<![\w-])((?:[\w-]*(?:api[_-]?key(?!_env\b|_keyring\b)\w{0,40}|authorization|token|secret|password|credential|cookie)|[\w-]+-key)["']?\s*:\s*)"""
    + _VALUE
)
_KEY_NAME = re.compile(r"""(?i)(\bapi_key_(?:env|keyring)["']?\s*:\s*)""" + _VALUE)

_NAME = re.compile(r"[A-Za-z_][\w/]*\s*")


def show_error(error: RunnerError) -> int:
    """Print an error, and return the number of errors in it."""
    # Several mistakes are often on one line, which may be long.
    line_of = lru_cache(maxsize=16)(_line_of)

    def source_line(location: Location) -> str | None:
        return None if location.line is None else line_of(location.path, location.line)

    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    print_lines(format_error(error, color=_colored(), source_line=source_line, width=width), err=True)
    return len(error.errors) if isinstance(error, Problems) else 1


def show_diagnostic(diagnostic: Diagnostic) -> None:
    """Print a warning or another remark."""
    print_lines(format_diagnostic(diagnostic, color=_colored()), err=True)


def show_explain_command(codes: Sequence[str]) -> None:
    """Print the command that explains the first of the codes, if there are any."""
    if codes:
        print_line(f"To explain a code: runner check --explain {codes[0]}", err=True)


def _colored() -> bool:
    return wants_color(sys.stderr, os.environ)


def _line_of(path: str, number: int) -> str | None:
    """Return a line of a file, or None if it cannot be read; paths are relative to the current folder."""
    try:
        with open(open_plain(path, follow=True), "rb") as file:  # noqa: PTH123 - a descriptor
            data = file.read(MAX_FILE_BYTES)
    except (OSError, ValueError):
        return None
    if b"\0" in data:  # not text, such as a workbook, whose rows are not lines
        return None
    text = data.decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").split("\n")
    return _without_keys(lines[number - 1]) if number <= len(lines) else None


def _without_keys(line: str) -> str:
    """Return the line with values that look like keys replaced: a mistaken `api_key: sk-…` must not appear in the log of a CI job."""
    from ..masking import is_plausible_name, mask

    line = _IN_URL.sub("…", line)
    line = _KEY_VALUE.sub(lambda found: found[1] + "…", line)
    line = _KEY_NAME.sub(
        lambda found: (
            found[0] if _NAME.fullmatch(found[2]) and is_plausible_name(found[2]) else found[1] + "…"
        ),
        line,
    )
    return mask(line)
