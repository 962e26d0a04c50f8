"""Which project a path belongs to: the nearest runner.yaml above it, outside vendored packs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import (
    Diagnostic,
    Location,
    UsageError,
)
from .project import PROJECT_FILE

__all__ = [
    "FoundFile",
    "ProjectBorder",
    "absolute",
    "find_root",
    "is_in_vendored_folder",
    "project_above",
    "shown_path",
]


def find_root(start: Path) -> Path:
    """Return the folder of the project that contains `start`, else `start` itself, as an absolute path."""
    start = absolute(start, Path.cwd())
    return project_above(start) or start


def project_above(folder: Path) -> Path | None:
    """Return the nearest folder, from `folder` upward, that contains runner.yaml, or None.

    A runner.yaml inside the vendored copy of a pack has no effect: a pack is data.
    """
    for each in (folder, *folder.parents):
        if (each / PROJECT_FILE).is_file() and not is_in_vendored_folder(each):
            return each
    return None


def is_in_vendored_folder(path: Path) -> bool:
    """Return whether a path is in the folder of vendored packs: `packs/` beside a packs.lock, or `.runner/packs/`."""
    for folder in (path, *path.parents):
        if folder.name == "packs":
            home = folder.parent.parent if folder.parent.name == ".runner" else folder.parent
            if (home / "packs.lock").is_file():
                return True
    return False


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that a search found, and its path as the user gave it, if the user named it."""

    path: Path
    shown: str | None = None


@dataclass(slots=True)
class ProjectBorder:
    """The border of a project: the next runner.yaml. An instance lives for one search."""

    root: Path
    cwd: Path
    _above: dict[Path, Path | None] = field(default_factory=dict)
    _skipped: dict[Path, int] = field(default_factory=dict)

    def other_project(self, path: Path) -> Path | None:
        """Return the folder of the other project that a path belongs to; None if it is this project, or none."""
        # The target of a link is governed by its own project, whose rules must not be evaded.
        for folder in dict.fromkeys((path if path.is_dir() else path.parent, _real_folder(path))):
            if folder not in self._above:
                above = project_above(folder)
                same = above is None or above == self.root or above.resolve() == self.root.resolve()
                self._above[folder] = None if same else above
            if (other := self._above[folder]) is not None:
                return other
        return None

    def own(self, found: Iterable[FoundFile]) -> list[FoundFile]:
        """Return those that belong to this project. Raises UsageError if there are others only, e.g. one named file."""
        found = list(found)
        others = [(each, other) for each in found if (other := self.other_project(each.path)) is not None]
        if len(others) == len(found) and others:
            raise self.refusal(*others[0])
        for _, other in others:
            self._skipped[other] = self._skipped.get(other, 0) + 1
        refused = {each.path for each, _ in others}
        return [each for each in found if each.path not in refused]

    def refusal(self, found: FoundFile, other: Path) -> UsageError:
        """Return the error for a file of another project."""
        file = found.shown or shown_path(found.path, self.cwd)
        return UsageError(
            f"{shown_path(other / PROJECT_FILE, self.cwd)} is nearer to {file}, and its endpoints and rules would not apply",
            location=Location(file),
            hint=f"run `runner` in {shown_path(other, self.cwd)}",
        )

    def remarks(self) -> Iterator[Diagnostic]:
        """Yield a remark for each project whose prompts were skipped."""
        for other, number in sorted(self._skipped.items()):
            folder = shown_path(other, self.cwd)
            yield Diagnostic(
                "warning",
                "W010",
                f"{number} {'prompt' if number == 1 else 'prompts'} of the project in {folder} skipped",
                Location(shown_path(other / PROJECT_FILE, self.cwd)),
                f"run `runner` in {folder}, or list this project's files in `prompts`",
            )


def _real_folder(path: Path) -> Path:
    try:
        real = path.resolve()
    except (OSError, RuntimeError):  # a loop of links, which reading reports
        return path.parent
    return real if real.is_dir() else real.parent


def shown_path(path: Path, cwd: Path) -> str:
    """Return a path relative to `cwd`, or as it is if there is no relative one."""
    try:
        return os.path.relpath(path, cwd)
    except ValueError:  # another drive on Windows
        return str(path)


def absolute(path: Path, cwd: Path) -> Path:
    """Return a path as an absolute one, lexically: a folder that is a link keeps the path that the user sees."""
    return Path(os.path.normpath(cwd / path))
