"""How git is called: by whom it is found, with which settings, and with what of the user's environment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .programs import find_program
from .start import inherited_environment

__all__ = ["fetching_environment", "git_command", "reading_environment"]

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
