"""Read the files of a git revision from its objects. No checkout, no network, no writing.

Everything is done with plumbing commands of `git`, so that no user's configuration changes the results.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ...errors import Location, MissingFileError, UsageError, close_to, did_you_mean
from ...files.disk.ignored import under_ignored
from ...files.disk.tree import MAX_FILE_BYTES, MemoryTree
from ...processes.git import (
    DISTRUSTED_HINT,
    git_command,
    is_distrusted,
    read_blob,
    reading_environment,
    tree_entries,
)
from ...processes.start import PIPE, ChildProcess, Finished, StillRunningError, TooMuchOutputError, run, start

__all__ = ["Repository", "RevisionTree"]

_OBJECT_NAME = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SECONDS = 300
_MOST_LISTED = 64 * 1024 * 1024
"""Maximum size of the names of a revision's files; a tree of a few kilobytes can list a billion of them."""


class Repository:
    """The git repository that contains a folder. Keeps one process while files are read; `close` ends it.

    Raises UsageError if there is no git or no repository.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader: ChildProcess | None = None
        self._environ = reading_environment([folder])
        try:
            self._program = git_command([folder])
        except FileNotFoundError as error:
            raise _no_git(error) from None
        done = self._git("rev-parse", "--show-toplevel")
        if done.returncode:
            raise _no_repository(folder, done.stderr)
        self.top = Path(os.fsdecode(done.stdout.removesuffix(b"\n"))).resolve()

    def commit(self, rev: str) -> str:
        """Return the commit that a revision names, in hex: 40 digits (64 in a SHA-256 repository).

        Raises UsageError for an invalid or unknown name, with a hint at what may have been meant.
        """
        if not rev.strip() or rev.startswith("-") or not rev.isprintable():
            raise UsageError(f"{rev!r} is not a git revision", hint="name a branch, a tag or a commit")
        done = self._git("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
        name = os.fsdecode(done.stdout).strip()
        if done.returncode or not _OBJECT_NAME.fullmatch(name):
            raise UsageError(f"there is no revision {rev} in this repository", hint=self._hint(rev))
        return name

    def tree(self, rev: str, root: Path) -> RevisionTree:
        """Return the files below the folder `root` as they were in a revision; no files if the folder did not exist.

        Blobs are returned as stored, without a checkout's filters and line endings. Links and submodules are not
        followed. Messages name the files as git does: `main:prompts/triage.prompt.yaml`.

        Raises UsageError for an unknown revision and for a folder outside the repository.
        """
        commit = self.commit(rev)
        folder = root.resolve()
        if not folder.is_relative_to(self.top):
            raise UsageError(f"{root} is outside the git repository {self.top}")
        prefix = "" if folder == self.top else f"{folder.relative_to(self.top).as_posix()}/"
        done = self._git("ls-tree", "-r", "-z", "--full-tree", commit, *([prefix] if prefix else []))
        if done.returncode:
            raise UsageError(
                f"the files of {rev} cannot be listed: {_said(done.stderr)}",
                hint="git fsck reports what is missing",
            )
        blobs: dict[str, str] = {}
        unfollowed: dict[str, str] = {}
        for entry in tree_entries(done.stdout):
            file = os.fsdecode(entry.path).removeprefix(prefix)
            if entry.kind == "file":
                blobs[file] = entry.name
            else:
                unfollowed[file] = "a link" if entry.kind == "link" else "a submodule, another repository"
        return RevisionTree(_Blobs(blobs, f"{rev}:{prefix}", self._blob), f"{rev}:{prefix}", unfollowed)

    def close(self) -> None:
        """End the process that reads files; closing twice is harmless."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.kill()  # it only reads, and may be in the middle of a large file
            reader.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- asking git -------------------------------------------------------------------------------------------------

    def _git(self, *args: str, folder: Path | None = None) -> Finished:
        command = self._command(*args, folder=folder)
        try:
            return run(command, self._environ, most=_MOST_LISTED, seconds=_SECONDS)
        except OSError as error:
            raise _no_git(error) from None
        except StillRunningError:
            raise UsageError(
                f"git {args[0]} does not end in {self._folder}", hint="does its configuration include a pipe?"
            ) from None
        except TooMuchOutputError:
            raise UsageError(
                f"git {args[0]} prints more than {_MOST_LISTED // 2**20} MiB: there are too many files or refs"
                " to compare"
            ) from None

    def _command(self, *args: str, folder: Path | None = None) -> list[str]:
        return [*self._program, "-C", str((folder or self._folder).absolute()), *args]

    def _blob(self, name: str) -> bytes | None:
        """Return the first MAX_FILE_BYTES + 1 bytes of a blob; None if git does not have the object."""
        if self._reader is None:
            self._reader = self._start_reader()
        into, out = _pipes(self._reader)
        try:
            into.write(name.encode() + b"\n")
            into.flush()
            found = read_blob(out, MAX_FILE_BYTES + 1)
        except OSError:
            found = None
        if found is None or found[0] > MAX_FILE_BYTES + 1:
            self.close()  # do not wait for the rest of a huge file
        size, data = found or (0, b"")
        return data if found and len(data) == min(size, MAX_FILE_BYTES + 1) else None

    def _start_reader(self) -> ChildProcess:
        return start(self._command("cat-file", "--batch"), self._environ, stdin=PIPE, stdout=PIPE)

    def _hint(self, rev: str) -> str:
        if self._git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
            return "this clone is shallow: fetch the whole history (actions/checkout: `fetch-depth: 0`)"
        if "..." in rev:
            ours, theirs = rev.split("...", 1)
            return f'for the commit where two branches diverged, use "$(git merge-base {ours or "HEAD"} {theirs or "HEAD"})"'
        start = re.split(r"[~^]", rev, maxsplit=1)[0]
        counted = (
            self._git("rev-list", "--count", "--first-parent", start, "--")
            if start not in ("", rev)
            else None
        )
        if counted is not None and not counted.returncode:
            number = counted.stdout.decode(errors="replace").strip()
            return f"the history of {start} has {number} commit{'' if number == '1' else 's'}"
        names = self._git("for-each-ref", "--format=%(refname:short)").stdout.decode(errors="replace").split()
        if not names:
            return "the repository has no commits yet"
        close = close_to(rev, names) or [each for each in names if each.endswith(f"/{rev}")]
        return did_you_mean(close[0]) if close else "git fetch downloads what the server has"


class _Blobs(Mapping[str, bytes]):
    """Files by name, each read when it is needed."""

    def __init__(self, names: Mapping[str, str], prefix: str, read: Callable[[str], bytes | None]) -> None:
        self._names = names
        self._prefix = prefix
        self._read = read

    def __getitem__(self, file: str) -> bytes:
        data = self._read(self._names[file])
        shown = self._prefix + file
        if data is None:
            raise MissingFileError(
                f"git cannot read {shown}",
                location=Location(shown),
                hint="the clone may be partial: clone it without --filter",
            )
        if len(data) > MAX_FILE_BYTES:
            raise MissingFileError(
                f"{shown} is larger than {MAX_FILE_BYTES // 2**20} MiB", location=Location(shown)
            )
        return data

    def __contains__(self, file: object) -> bool:
        return file in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class RevisionTree(MemoryTree):
    """The files of a revision; `files` leaves out the same folders, links and submodules as it does on disk."""

    def __init__(self, files: Mapping[str, bytes], prefix: str, unfollowed: Mapping[str, str]) -> None:
        super().__init__(files, prefix)
        self._unfollowed = unfollowed

    def read(self, file: str, *, shown: str | None = None, location: Location | None = None) -> bytes:
        """Return the content of `file`; see Tree.read."""
        if (place := self._link_above(file)) is not None:
            what = f"{self.shown(place)} is {self._unfollowed[place]}, and is not followed"
            raise MissingFileError(what, location=location or Location(shown or self.shown(file)))
        return super().read(file, shown=shown, location=location)

    def hides(self, file: str) -> bool:
        """Return whether a file would be behind a link or in a submodule, so that nothing is known about it."""
        return self._link_above(file) is not None

    def _link_above(self, file: str) -> str | None:
        places = [file, *(file[:end] for end, character in enumerate(file) if character == "/")]
        return next((place for place in places if place in self._unfollowed), None)

    def files(self) -> Iterator[str]:
        """Yield all files, sorted, without those that `DiskTree.files` leaves out."""
        ignored = under_ignored(self._files.keys(), github=True)
        return (name for name in sorted(self._files) if not ignored(name))


def _pipes(process: ChildProcess) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _no_git(error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError):
        return UsageError(
            "git is not installed, or not on the PATH", hint="git is needed to compare revisions"
        )
    return UsageError(f"git cannot be started: {error.strerror or error}")


def _no_repository(folder: Path, stderr: bytes) -> UsageError:
    said = _said(stderr)
    if "not a git repository" in said:
        return UsageError(f"{folder} is not in a git repository", hint="git init creates one")
    hint = DISTRUSTED_HINT if is_distrusted(said) else None
    return UsageError(f"git refuses to read {folder}: {said}", hint=hint)


def _said(stderr: bytes) -> str:
    """Return the first line of git's error output."""
    return stderr.decode(errors="replace").strip().partition("\n")[0].removeprefix("fatal: ")
