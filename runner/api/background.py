"""The event loop of `run`, `map` and `stream`: one thread of this process, shared by all prompts.

A call from a thread without an event loop, from a notebook's cell inside one, and from a pool of threads all run here,
so that they share the connections and the limits of the prompt.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..engine.pool.event_loop import loop_factory
from ..errors import UsageError

__all__ = ["call", "loop_if_running"]

_T = TypeVar("_T")


class _Background:
    """An event loop in a daemon thread, which is ended in an orderly way when the interpreter exits."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=loop_factory())
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runner", daemon=True)
        self._thread.start()
        self._started.wait()
        atexit.register(self._end)

    def _work(self) -> None:
        with self._runner:
            self.loop = self._runner.get_loop()
            self._runner.run(self._wait())

    async def _wait(self) -> None:
        self._started.set()
        await self._stop.wait()

    def _end(self) -> None:
        if self._thread.is_alive() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        if threading.current_thread() is self._thread:
            work.close()
            raise UsageError(
                "a prompt was called from inside the work of another one", hint="use arun or amap"
            )
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C in the caller's thread; otherwise it is done already
            raise


_lock = threading.Lock()
_background: _Background | None = None
_left_to_parent: list[_Background] = []


def call(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on the background loop and return its result. May be called from any thread."""
    global _background
    with _lock:
        if _background is None:
            _background = _Background()
        background = _background
    return background.call(work)


def loop_if_running() -> asyncio.AbstractEventLoop | None:
    """Return the background loop, or None if nothing has run there yet."""
    return None if _background is None else _background.loop


def _forget() -> None:
    """Leave thread, loop and connections to the parent process, after a fork."""
    global _background, _lock
    _lock = threading.Lock()
    if _background is not None:
        atexit.unregister(_background._end)
        _left_to_parent.append(_background)  # destroying it would close what the parent uses
        _background = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
