"""Find the words that a shell completes: prompt names, case ids, endpoints. A file with a mistake offers none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from ..errors import RunnerError
from ..files.cases import cases_of
from ..files.model import Prompt
from ..workspace import Workspace
from .open_workspace import open_workspace

__all__ = ["words"]

_MOST = 1000


def words(kind: str, paths: Sequence[str]) -> list[str]:
    """Return the words of a kind (prompts, cases, endpoints) in the current project; `paths` are the prompts typed so far.

    A shell cannot show an error while somebody types, so errors are ignored here: the command itself reports them.
    """
    with suppress(RunnerError, OSError), open_workspace() as workspace:
        if kind == "endpoints":
            return sorted(workspace.project.endpoints)
        found = _ids(workspace, paths) if kind == "cases" else (each.name for each in _prompts(workspace, ()))
        return list(dict.fromkeys(islice(found, _MOST)))
    return []


def _prompts(workspace: Workspace, paths: Sequence[str]) -> Iterator[Prompt]:
    for prompt in workspace.each_prompt(paths):
        if not isinstance(prompt, RunnerError):
            yield prompt


def _ids(workspace: Workspace, paths: Sequence[str]) -> Iterator[str]:
    for prompt in _prompts(workspace, paths):
        with suppress(RunnerError):
            for case in cases_of(prompt):
                yield case.id
