"""Keeping what a model said from being a command: GitHub Actions obeys lines of the log that begin with `::`.

See "Workflow commands for GitHub Actions", stop-commands.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

__all__ = ["on_github", "unheeded"]


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether GitHub Actions runs this."""
    return environ.get("GITHUB_ACTIONS") == "true"


@contextmanager
def unheeded(stream: TextIO, environ: Mapping[str, str]) -> Iterator[None]:
    """While this is open, GitHub obeys no commands from `stream`; elsewhere it does nothing."""
    if not on_github(environ):
        yield
        return
    token = secrets.token_hex(16)
    stream.write(f"::stop-commands::{token}\n")
    stream.flush()
    try:
        yield
    finally:
        stream.write(f"::{token}::\n")
        stream.flush()
