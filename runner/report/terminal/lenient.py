"""Let a stream show what its encoding cannot represent. Apart from `outlet`, because a help page needs nothing else."""

from __future__ import annotations

import io
from typing import TextIO

__all__ = ["lenient"]

# Error handlers that never raise: a user may have set PYTHONIOENCODING to one of them, and keeps it.
_NEVER_RAISE = frozenset({"backslashreplace", "ignore", "namereplace", "replace", "xmlcharrefreplace"})


def lenient(stream: TextIO) -> TextIO:
    """Return the stream, changed to escape characters that its encoding cannot represent.

    An old code page, or the ASCII of the C locale, must not end a command with a traceback and leave a run half paid
    for.
    """
    if isinstance(stream, io.TextIOWrapper) and stream.errors not in _NEVER_RAISE:
        stream.reconfigure(errors="backslashreplace")
    return stream
