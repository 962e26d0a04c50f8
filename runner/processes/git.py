"""How git is called and read: how it is found, its settings, what of the user's environment it gets, what it prints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple

from .programs import find_program
from .start import inherited_environment

__all__ = [
    "DISTRUSTED_HINT",
    "TreeEntry",
    "fetching_environment",
    "git_command",
    "is_distrusted",
    "read_blob",
    "reading_environment",
    "tree_entries",
]

_SETTINGS = (
    "safe.bareRepository=explicit",  # a repository without a checkout, found by standing in it, is somebody's data
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.alternateRefsCommand=",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
"""What no configuration file can say otherwise: each of these could start a program that a repository names."""

_OF_ANOTHER_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
"""What a hook of git sets for its own repository: which one is meant is said by the folder here."""

_FOR_READING = (
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_SYSTEM",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
)
"""Of the user's own GIT_* what reading needs: where his settings stand (`safe.directory`) and where git is installed."""

_ALWAYS = {
    "LC_ALL": "C",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would ask its server for each missing file
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
}

_TRANSPORTS = "file:git:http:https:ssh"


def git_command(projects: Iterable[Path], *more_settings: str) -> list[str]:
    """The beginning of every command. Raises FileNotFoundError where there is no git outside `projects`."""
    settings = (part for setting in (*_SETTINGS, *more_settings) for part in ("-c", setting))
    return [str(find_program("git", projects)), "--no-pager", *settings]


def reading_environment(projects: Iterable[Path]) -> dict[str, str]:
    """For git that only reads what is there: no server can be asked, whatever git's version and the configuration."""
    numbered = [name for name in os.environ if name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))]
    environ = inherited_environment(projects, without=("GIT_",), keep=(*_FOR_READING, *numbered))
    return (
        environ
        | _ALWAYS
        | {
            "GIT_ALLOW_PROTOCOL": "none",  # closes what a git before 2.45 does not know GIT_NO_LAZY_FETCH for
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
    )


def fetching_environment(projects: Iterable[Path]) -> dict[str, str]:
    """For git that fetches, with its user's own ways to a server: SSH, proxies, credentials, certificates.

    No transport may be a command (`ext::`), in this git and in the one that it starts for a repository on this machine.
    """
    environ = inherited_environment(projects, without=_OF_ANOTHER_REPOSITORY)
    allowed = environ.get("GIT_ALLOW_PROTOCOL", _TRANSPORTS).split(":")
    return (
        environ
        | _ALWAYS
        | {
            "GIT_ALLOW_PROTOCOL": ":".join(name for name in allowed if name not in ("ext", "fd")) or "none",
            "GIT_DEFAULT_HASH": "sha1",  # of which the lock has the 40 digits, whatever new repositories get here
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
    )


class TreeEntry(NamedTuple):
    """One line of `git ls-tree -r -z`, with the size of a file if it was asked for (`-l`)."""

    path: bytes
    kind: Literal["file", "link", "submodule"]
    name: str
    size: int | None


def tree_entries(listed: bytes) -> Iterator[TreeEntry]:
    """What `git ls-tree -r -z` prints, with or without `-l`."""
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, name, *size = head.decode().split()
        kind: Literal["file", "link", "submodule"] = "file" if mode.startswith("100") else "link"
        if mode == "160000":
            kind = "submodule"
        yield TreeEntry(path, kind, name, int(size[0]) if size and size[0] != "-" else None)


def read_blob(out: IO[bytes], most: int) -> tuple[int, bytes] | None:
    """The size of the next object that `git cat-file --batch` prints, and its bytes, at most so many.

    None if git does not have it. Where the size is more than `most`, the rest is still to be read.
    """
    try:
        size = int(out.readline().split()[2])  # `<name> blob <size>`, or `<name> missing`
    except (IndexError, ValueError):
        return None
    data = out.read(min(size, most))
    if size <= most:
        out.read(1)
    return size, data


DISTRUSTED_HINT = "git config --global --add safe.directory FOLDER, if you trust it"


def is_distrusted(said: str) -> bool:
    """Whether git refuses a folder because it belongs to somebody else; DISTRUSTED_HINT says what to do."""
    return "dubious ownership" in said
