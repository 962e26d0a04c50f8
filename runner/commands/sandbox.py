"""Where a command renders: `--isolate`."""

from __future__ import annotations

import click

from ..render.sandbox import IN_PROCESS, Sandbox

__all__ = ["sandbox_of"]

PATIENCE = 3
"""How often in a row a prompt may go beyond the limits; each time takes seconds, and a file may have many rows."""


def sandbox_of(*, isolate: bool) -> Sandbox:
    """The sandbox of the command at hand, until it ends. Its process is only begun: see Sandbox.start."""
    if not isolate:
        return IN_PROCESS
    from ..isolation.isolation import Isolation

    return click.get_current_context().with_resource(Isolation(patience=PATIENCE))
