"""The event loop of a run: uvloop's if it is installed (extra `fast`), else asyncio's own.

uvloop does in C what asyncio does in Python between a socket and its transport; a program sees the same behaviour
(signals, cancellation, timeouts). It has no Windows version.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["loop_factory", "loop_name", "run"]

_T = TypeVar("_T")


def loop_name() -> str:
    """Return the library whose loop `run` uses, "uvloop" or "asyncio", without importing it."""
    installed = sys.platform != "win32" and importlib.util.find_spec("uvloop") is not None
    return "uvloop" if installed else "asyncio"


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` as asyncio.run does, on the fastest available loop, and return its result."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest available loop, None for asyncio's own."""
    if loop_name() == "asyncio":
        return None
    import uvloop

    return uvloop.new_event_loop
