"""Find programs by name in the folders of PATH, never in the current folder or in a project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

__all__ = ["find_program", "python_command", "search_path"]

_SUFFIXES = (".exe", ".com") if sys.platform == "win32" else ("",)
"""On Windows, not `.bat` and `.cmd` of PATHEXT: cmd.exe would parse their arguments a second time."""


def find_program(name: str, projects: Iterable[Path]) -> Path:
    """Return the absolute path of a program. Raises FileNotFoundError if PATH has none outside `projects`."""
    for folder in search_path(projects):
        for suffix in _SUFFIXES:
            program = folder / f"{name}{suffix}"
            if program.is_file() and os.access(program, os.X_OK):
                return program
    raise FileNotFoundError(f"no program {name} on the PATH outside the project")


def search_path(projects: Iterable[Path]) -> list[Path]:
    """Return the folders of PATH, without those that are empty, relative, or inside a project or the current folder.

    A project includes the checkout that contains it. The folder of the running interpreter is always kept: its programs
    are trusted already.
    """
    return list(_search_path(os.environ.get("PATH", os.defpath), Path.cwd(), tuple(projects)))


@lru_cache(maxsize=32)
def _search_path(path: str, here: Path, projects: tuple[Path, ...]) -> tuple[Path, ...]:
    foreign = tuple(f"{_spelled(folder)}{os.sep}" for folder in _foreign_folders((here, *projects)))
    own = Path(sys.executable).parent if sys.executable else None
    found = []
    for entry in path.split(os.pathsep):
        folder = Path(entry.strip('"'))
        if not entry or not folder.is_absolute():
            continue
        if folder == own or not f"{_spelled(folder)}{os.sep}".startswith(foreign):
            found.append(folder)
    return tuple(found)


def python_command(*arguments: str, packages: bool) -> list[str]:
    """Return a command for this interpreter that ignores the working folder, PYTHONPATH and the user's site.

    `packages` says whether it can import the packages that are installed beside runner. Raises FileNotFoundError if
    there is no interpreter to start.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        raise FileNotFoundError("there is no Python interpreter to start")
    flags = ["-I", *([] if packages else ["-S"]), *(["-B"] if sys.dont_write_bytecode else [])]
    return [sys.executable, *flags, *arguments]


def _foreign_folders(projects: Iterable[Path]) -> Iterator[Path]:
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - Path.home() raises where there is none
    for project in dict.fromkeys(projects):
        folder = project.resolve()
        if folder == Path(
            folder.anchor
        ):  # such as a container's working folder; every program would be inside it
            continue
        yield folder
        checkout = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
        if checkout is not None and checkout not in (home, Path(folder.anchor)):
            yield checkout


def _spelled(folder: Path) -> str:
    """Return the canonical spelling of a folder: links resolved, letter case normalised if the system ignores it."""
    real = os.path.normcase(os.path.realpath(folder))
    return real.casefold() if sys.platform == "darwin" else real
