"""Asking, at a terminal, whether a project may send keys to the servers that it names."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from ..engine.trust import Disclosure, Trust
from ..regress.modes import is_ci
from ..report.outlet import print_line
from .invocation import env_file_of

__all__ = ["trust_of"]


def trust_of(root: str | os.PathLike[str], *, given: bool) -> Trust:
    """The trust in the project in `root`: `given` by --trust, else asked for where a person can answer."""
    asks = sys.stdin.isatty() and sys.stderr.isatty() and not is_ci(os.environ)
    file = env_file_of(click.get_current_context(silent=True))
    # A file says where a key goes that it brings itself; not where one of the environment does.
    own_key = file is None or os.environ.get("OPENAI_API_KEY")
    environ = os.environ if own_key or file is None else file.beside(os.environ)
    note = partial(print_line, err=True)
    return Trust(Path(root), environ, given=given, ask=_ask if asks else None, note=note)


def _ask(root: Path, needed: Sequence[Disclosure]) -> bool:
    print_line(f"{root} is not trusted on this machine. It would send", err=True)
    for each in needed:
        print_line(f"  {each}  ({each.location})", err=True)
    return click.confirm("Allow this, now and in future?", err=True)
