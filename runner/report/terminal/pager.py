"""Show long texts: through the pager on a terminal, directly on standard output elsewhere."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...errors import UsageError
from ...processes.programs import find_program
from ...processes.start import PIPE, inherited_environment, start
from .outlet import Outlet, print_line
from .painting import Line, ansi

__all__ = ["page"]

_PAGERS = ("less", "more")
_PROMPT = r"Ps?eend\: q leaves:more follows\: space shows it, q leaves."
"""The prompt of less below the text, in the syntax of less."""


def page(lines: Iterable[Line], *, color: bool, environ: Mapping[str, str], projects: Iterable[Path]) -> None:
    """Print lines through the pager that PAGER names, else `less` or `more`, if standard output is a terminal.

    The pager is looked up on the PATH outside `projects`, or given by its absolute path. If the user quits it early, no
    more lines are produced. An empty PAGER, or `cat`, means no pager. Raises UsageError if PAGER is not a valid
    command.
    """
    command = _command(environ, list(projects)) if _is_screen(environ) else []
    if not command:
        out = Outlet(sys.stdout, "standard output")
        for line in lines:
            out.line(line.painted(color=color))
            out.check()
        out.flush()
        out.check()
        return
    # Only less, started as below, is known to show colours.
    color = color and Path(command[0]).stem == "less"
    settings = inherited_environment(projects)
    settings.setdefault("LESS", f"FRX{_PROMPT}")
    process = start(command, settings, stdin=PIPE, stdout=sys.stdout.fileno(), stderr=sys.stderr.fileno())
    assert process.stdin is not None
    try:
        for line in lines:
            process.stdin.write(f"{ansi(line.painted(color=color))}\n".encode("utf-8", "backslashreplace"))
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # the user has quit it
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        while process.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):  # it is meant for the pager, which has the terminal
                process.wait()


def _is_screen(environ: Mapping[str, str]) -> bool:
    return sys.stdout.isatty() and environ.get("TERM", "") not in ("", "dumb")


def _command(environ: Mapping[str, str], projects: list[Path]) -> list[str]:
    """Return the command of the pager; empty if there is none, or none is wanted."""
    wanted = environ.get("PAGER")
    if wanted is not None:
        try:
            words = shlex.split(wanted)
        except ValueError as error:
            raise UsageError(
                f"PAGER is not a valid command: {error}", hint="an empty PAGER means no pager"
            ) from None
        if not words or words == ["cat"]:
            return []
        found = _program(words[0], projects)
        if found is None:
            print_line(
                f"PAGER {words[0]} is not a program outside the project: printing without it", err=True
            )
            return []
        return _with_colors([found, *words[1:]])
    for name in _PAGERS:
        found = _program(name, projects)
        if found is not None:
            return _with_colors([found])
    return []


def _program(name: str, projects: list[Path]) -> str | None:
    path = Path(name)
    if path.is_absolute():
        real = path.resolve()
        inside = any(real.is_relative_to(project.resolve()) for project in projects)
        return None if inside or not os.access(real, os.X_OK) else str(path)
    if path.name != name:
        return None  # a path relative to the current folder, which may be a project
    try:
        return str(find_program(name, projects))
    except FileNotFoundError:
        return None


def _with_colors(command: list[str]) -> list[str]:
    return [*command, "-R"] if Path(command[0]).stem == "less" else command
