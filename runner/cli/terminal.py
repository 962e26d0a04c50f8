"""What the person at the terminal says."""

from __future__ import annotations

import click

__all__ = ["confirm", "read_key"]


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on standard error."""
    return click.confirm(question, err=True)


def read_key() -> str:
    """Wait for a key. Raises EOFError where no more can come."""
    return click.getchar()
