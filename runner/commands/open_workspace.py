"""The project of the current folder, opened as the command line says."""

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
"""How often in a row a prompt may go beyond the limits; each time takes seconds, and a file may have many rows."""


def open_workspace(*, isolate: bool = False, env_file: EnvFile | None = None) -> Workspace:
    """Open the project that the current folder lies in.

    With `isolate` templates are rendered in a process of their own, which is only begun: see Sandbox.start.
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
    """Return the sandbox to render in; `closing` ends its process. It is only begun: see Sandbox.start."""
    if not isolate:
        return IN_PROCESS
    from ..isolation.isolated_sandbox import Isolation

    return closing.enter_context(Isolation(patience=PATIENCE))
