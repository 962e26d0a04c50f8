"""The system's own way to open a file of HTML for the person who sits there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from .programs import find_program
from .start import hand_over, inherited_environment

__all__ = ["open_in_browser"]

_OPENERS = {"darwin": "open", "win32": "explorer"}
_PATIENCE = 5


def open_in_browser(file: Path, projects: Iterable[Path]) -> bool:
    """Open a file; whether something here opens it.

    `BROWSER` names a program by its absolute path or by its name; without it the system's opener is asked. Neither is
    taken from a project.
    """
    projects = tuple(projects)
    name = os.environ.get("BROWSER") or _OPENERS.get(sys.platform, "xdg-open")
    try:
        code = hand_over([_program(name, projects), file], inherited_environment(projects), seconds=_PATIENCE)
    except OSError:
        return False
    # What is still there is a browser itself; explorer.exe says 1 for what it has opened.
    return not code or sys.platform == "win32"


def _program(name: str, projects: tuple[Path, ...]) -> Path:
    if not os.path.isabs(name):  # noqa: PTH117 - of a string, for any system's rules
        return find_program(name, projects)
    program = Path(name).resolve()
    if any(program.is_relative_to(project.resolve()) for project in projects):
        raise FileNotFoundError(f"{name} lies in the project")
    return program
