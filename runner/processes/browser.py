"""Open an HTML file in the user's browser."""

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
    """Open a file in the browser; return whether a program to open it with started.

    `BROWSER` names a program by its absolute path or by its name; without it the system's opener is used. A program
    inside a project is never used.
    """
    projects = tuple(projects)
    name = os.environ.get("BROWSER") or _OPENERS.get(sys.platform, "xdg-open")
    try:
        code = hand_over([_program(name, projects), file], inherited_environment(projects), seconds=_PATIENCE)
    except OSError:
        return False
    # Still running: the program is a browser itself. explorer.exe exits with 1 even on success.
    return not code or sys.platform == "win32"


def _program(name: str, projects: tuple[Path, ...]) -> Path:
    if not os.path.isabs(name):  # noqa: PTH117 - of a string, for any system's rules
        return find_program(name, projects)
    program = Path(name).resolve()
    if any(program.is_relative_to(project.resolve()) for project in projects):
        raise FileNotFoundError(f"{name} is inside the project")
    return program
