"""Call git: find it, choose its settings and environment, and parse its output."""

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
    "safe.bareRepository=explicit",  # a bare repository found from the working folder may be untrusted data
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.alternateRefsCommand=",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
"""Settings that no configuration file can override; each could start a program that a repository names."""

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
"""Variables that a git hook sets for its own repository; here the folder alone decides which repository is meant."""

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
"""The user's GIT_* variables that reading needs: the paths of the settings (`safe.directory`) and of git itself."""

_ALWAYS = {
    "LC_ALL": "C",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would otherwise fetch each missing file
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
}

_TRANSPORTS = "file:git:http:https:ssh"


def git_command(projects: Iterable[Path], *more_settings: str) -> list[str]:
    """Return the beginning of every git command. Raises FileNotFoundError if there is no git outside `projects`."""
    settings = (part for setting in (*_SETTINGS, *more_settings) for part in ("-c", setting))
    return [str(find_program("git", projects)), "--no-pager", *settings]


def reading_environment(projects: Iterable[Path]) -> dict[str, str]:
    """Return an environment for git commands that only read; no version of git contacts a server with it."""
    numbered = [name for name in os.environ if name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))]
    environ = inherited_environment(projects, without=("GIT_",), keep=(*_FOR_READING, *numbered))
    return (
        environ
        | _ALWAYS
        | {
            "GIT_ALLOW_PROTOCOL": "none",  # has the same effect in git before 2.45, which ignores GIT_NO_LAZY_FETCH
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
    )


def fetching_environment(projects: Iterable[Path]) -> dict[str, str]:
    """Return an environment for git commands that fetch, with the user's SSH, proxies, credentials and certificates.

    No transport may be a command (`ext::`), neither in this git nor in one that it starts for a local repository.
    """
    environ = inherited_environment(projects, without=_OF_ANOTHER_REPOSITORY)
    allowed = environ.get("GIT_ALLOW_PROTOCOL", _TRANSPORTS).split(":")
    return (
        environ
        | _ALWAYS
        | {
            "GIT_ALLOW_PROTOCOL": ":".join(name for name in allowed if name not in ("ext", "fd")) or "none",
            "GIT_DEFAULT_HASH": "sha1",  # the lock file stores 40-digit SHA-1 hashes
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
    )


class TreeEntry(NamedTuple):
    """One line of `git ls-tree -r -z`; with `-l` it includes the file's size."""

    path: bytes
    kind: Literal["file", "link", "submodule"]
    name: str
    size: int | None


def tree_entries(listed: bytes) -> Iterator[TreeEntry]:
    """Parse the output of `git ls-tree -r -z`, with or without `-l`."""
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, name, *size = head.decode().split()
        kind: Literal["file", "link", "submodule"] = "file" if mode.startswith("100") else "link"
        if mode == "160000":
            kind = "submodule"
        yield TreeEntry(path, kind, name, int(size[0]) if size and size[0] != "-" else None)


def read_blob(out: IO[bytes], most: int) -> tuple[int, bytes] | None:
    """Read the next object from `git cat-file --batch`: return its size, and at most `most` of its bytes.

    Returns None if git does not have the object. If the size exceeds `most`, the rest is still unread.
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
    """Return whether git refuses a folder because another user owns it. DISTRUSTED_HINT is the hint for that."""
    return "dubious ownership" in said
