"""Write our own commands to GitHub Actions, which obeys lines of the log that begin with `::`.

`Outlet` makes sure that no other line of ours is a command. While others print to the same log (a model's library, a
plugin), stop-commands keeps GitHub from obeying; see "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .outlet import Outlet

__all__ = ["on_github", "unheeded"]


def on_github(environ: Mapping[str, str]) -> bool:
    """Return whether GitHub Actions runs this."""
    return environ.get("GITHUB_ACTIONS") == "true"


@contextmanager
def unheeded(stream: Outlet, environ: Mapping[str, str]) -> Iterator[None]:
    """Keep GitHub from obeying commands from `stream` while this is open; elsewhere do nothing."""
    if not on_github(environ):
        yield
        return
    token = secrets.token_hex(16)
    stream.command(f"::stop-commands::{token}")
    stream.flush()
    try:
        yield
    finally:
        stream.command(f"::{token}::")
        stream.flush()
