"""Open the project of the current folder with the options of the command line."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from ..files.env_file import EnvFile
from ..files.project_root import find_root
from ..render.sandbox import IN_PROCESS, Sandbox
from ..workspace import Workspace
from .show_errors import show_diagnostic

__all__ = ["open_workspace", "sandbox_of"]

PATIENCE = 3
"""How often in a row a prompt may exceed the limits; each time takes seconds, and a file may have many rows."""


def open_workspace(*, isolate: bool = False, env_file: EnvFile | None = None) -> Workspace:
    """Open the project that contains the current folder.

    With `isolate`, templates are rendered in a separate process, which is not started yet: see Sandbox.start.
    """
    with ExitStack() as on_failure:
        sandbox = sandbox_of(on_failure, isolate=isolate)
        opened = Workspace.open(
            find_root(Path.cwd()), os.environ, shown_from=Path.cwd(), sandbox=sandbox, env_file=env_file
        )
        for remark in env_file.unused(opened.project) if env_file is not None else ():
            show_diagnostic(remark)
        on_failure.pop_all()
    return opened


def sandbox_of(closing: ExitStack, *, isolate: bool) -> Sandbox:
    """Return the sandbox to render in, not started yet (see Sandbox.start); `closing` ends its process."""
    if not isolate:
        return IN_PROCESS
    from ..isolation.isolated_sandbox import Isolation

    return closing.enter_context(Isolation(patience=PATIENCE))
