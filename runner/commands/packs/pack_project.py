"""Lock a project for a command that changes its packs, and edit its runner.yaml as text."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ...documents.text import decode, encode_like
from ...errors import EncodingError, Location, MissingFileError, Problems, RunnerError, UsageError
from ...files.disk.file_lock import alone_in
from ...files.disk.tree import DiskTree, MemoryTree
from ...files.model import Project
from ...files.project import PROJECT_FILE, load_project_from
from ...files.project_root import find_root
from ...report.terminal.outlet import print_line

__all__ = ["ProjectFile", "alone"]


@contextmanager
def alone() -> Iterator[None]:
    """Keep other commands from changing the packs of the project, and handle SIGTERM like Ctrl-C."""

    def wait() -> None:
        print_line("note: waiting for another runner pack command in this project", err=True)

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with alone_in(find_root(Path.cwd()), wait):
            yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


class ProjectFile:
    """The runner.yaml of a folder; `data` is its new content, if an earlier edit is not written yet."""

    def __init__(self, root: Path, environ: Mapping[str, str], data: bytes | None = None) -> None:
        path = root / PROJECT_FILE
        self._root = root
        self._environ = environ
        self._shown = DiskTree(root, Path.cwd()).shown(PROJECT_FILE)
        try:
            self._before = data if data is not None else path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise MissingFileError(
                f"it cannot be read: {error.strerror or error}", location=Location(self._shown)
            ) from None

    def edited(self, edit: Callable[[str], str | None], lines: str) -> tuple[bytes, Project]:
        """Return the bytes of the file after an edit, and the project that they define.

        Raises UsageError if the file cannot be edited safely, with the `lines` for a person to write, and if the edited
        project is invalid.
        """
        try:
            text = decode(self._before, self._shown)
        except EncodingError:
            text = None
        # A file with mixed line endings would not keep them.
        whole = text is not None and encode_like(text, self._before) == self._before
        new = edit(text) if text is not None and whole else None
        if new is None:
            raise UsageError(
                f"{self._shown} is written in a way that cannot be edited safely",
                location=Location(self._shown),
                hint=f"{lines}  then: runner pack lock"
                if lines.endswith("\n")
                else f"{lines}; then runner pack lock",
            )
        data = encode_like(new, self._before)
        shown_folder = self._shown[: -len(PROJECT_FILE)]
        tree = MemoryTree({PROJECT_FILE: data}, shown_folder)
        try:
            return data, load_project_from(tree, self._root, environ=self._environ)
        except RunnerError as error:
            # The edit is wrong: the file does not have the line that the error would name.
            first = error.errors[0] if isinstance(error, Problems) else error
            raise UsageError(first.message, hint=first.hint) from None
