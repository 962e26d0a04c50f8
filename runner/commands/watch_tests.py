"""Implement `runner test --watch`: run the tests again whenever a file that they depend on is saved."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from ..errors import RunnerError
from ..extras import load_extra
from ..files.disk.ignored import is_ignored
from ..files.disk.tree import DiskTree
from ..files.model import CaseFile, Prompt
from ..files.project import PROJECT_FILE
from ..files.project_root import find_root
from ..files.prompt import PROMPT_ENDINGS
from ..regress.snapshots.snapshot import folder_of
from ..report.terminal.figures import plural
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import visible
from .load_selection import load_selection, tests_of
from .show_errors import show_error
from .test import RegressionCommand

__all__ = ["Dependencies", "watch"]

_SHARED_ENDINGS = (
    PROJECT_FILE,
    "packs.lock",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".wav",
    ".mp3",
    ".pdf",
)
"""Endings of files that may affect any prompt: if one is saved, all prompts are tested again."""


_TIMEOUT = 300
"""The time in milliseconds that the watcher waits for a change before it reports that there was none."""


def watch(command: RegressionCommand, carry_out: Callable[[RegressionCommand], int]) -> NoReturn:
    """Run the tests, then those that a saved file affects, until Ctrl-C. Errors are shown, and the next save tries again.

    Raises ConfigError if the extra `watch` is not installed.
    """
    library = load_extra("watchfiles", "watch", "--watch")
    root = find_root(Path.cwd())
    batches = library.watch(
        root, watch_filter=None, debounce=400, step=50, yield_on_timeout=True, rust_timeout=_TIMEOUT
    )
    next(batches)  # start watching before the first round, so that files saved during it count, too
    _round(command, carry_out)
    known = _dependencies(command, root)
    _wait_line()
    for changes in batches:
        saved = {Path(path) for _, path in changes if _is_watched(Path(path), root)}
        touched = known.touched(saved)
        if touched is not None and not touched:
            continue
        print_line("")
        print_line(f"{time.strftime('%H:%M:%S')}  saved: {_named(saved, root)}")
        _round(command if touched is None else replace(command, paths=touched), carry_out)
        known = _dependencies(command, root)
        _wait_line()
    raise KeyboardInterrupt  # the loop ends with Ctrl-C


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The files and folders that each prompt depends on; `complete` is False while a prompt has an error."""

    files: Mapping[str, frozenset[Path]] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    complete: bool = True

    def touched(self, saved: Iterable[Path]) -> list[str] | None:
        """Return the prompts that depend on the saved files, or None if any prompt may depend on them."""
        found: dict[str, None] = {}
        for path in saved:
            prompts = [
                name
                for name, files in self.files.items()
                if path in files or path.is_relative_to(self.folders[name])
            ]
            if not prompts and (not self.complete or path.name.endswith((*PROMPT_ENDINGS, *_SHARED_ENDINGS))):
                return None
            found.update(dict.fromkeys(prompts))
        return list(found)


def _round(command: RegressionCommand, carry_out: Callable[[RegressionCommand], int]) -> None:
    try:
        carry_out(command)
    except RunnerError as error:
        show_error(error)


def _dependencies(command: RegressionCommand, root: Path) -> Dependencies:
    """Load the prompts one by one to find the files that each of them reads."""
    files: dict[str, frozenset[Path]] = {}
    folders: dict[str, Path] = {}
    complete = True
    try:
        with ExitStack() as closing:
            named = [
                prompt.place if prompt.origin else prompt.path
                for prompt in load_selection(tests_of(command.paths), closing).prompts
            ]
    except RunnerError:
        return Dependencies(complete=False)
    for name in named:
        try:
            with ExitStack() as closing:
                (prompt,) = load_selection(tests_of([name]), closing).prompts
        except RunnerError:
            complete = False
            continue
        files[name] = frozenset(_files_of(prompt))
        folders[name] = root.resolve() / folder_of(prompt)
    return Dependencies(files, folders, complete)


def _files_of(prompt: Prompt) -> Iterator[Path]:
    """Yield the paths of the files that were read for a prompt, and of its case files.

    Paths are compared, not inodes, because many editors save a file by replacing it.
    """
    if isinstance(prompt.tree, DiskTree):
        names = [Path(name).resolve() for name in prompt.tree.reads.values()]
        yield from (path for path in names if path.name != PROJECT_FILE)
        for test in prompt.tests:
            if isinstance(test, CaseFile):
                yield (prompt.tree.root / test.path).resolve()


def _is_watched(path: Path, root: Path) -> bool:
    folders = path.relative_to(root.resolve()).parts[:-1] if path.is_relative_to(root.resolve()) else ()
    return not any(is_ignored(name) and name != ".github" for name in folders)


def _named(saved: Iterable[Path], root: Path) -> str:
    names = sorted(str(path.relative_to(root.resolve())) for path in saved if path.exists()) or ["(deleted)"]
    more = f" and {plural(len(names) - 3, 'more file')}" if len(names) > 3 else ""
    return f"{', '.join(map(visible, names[:3]))}{more}"


def _wait_line() -> None:
    print_line("waiting for a file to be saved; press Ctrl-C to stop")
    sys.stdout.flush()  # in a pipe the line would otherwise be buffered until the next save
