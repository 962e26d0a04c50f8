"""Stopping a run: by a signal, because the endpoint is down, a bound is reached, or results cannot be kept.

The first Ctrl-C (SIGTERM, or SIGHUP where a terminal closes) drains: nothing new is sent, what is under way is finished
and kept, since it is paid for. The second one cancels what is under way.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Shutdown"]


class Shutdown:
    """The stop switch that all workers of a run look at. `reason` and `signal` say why, once it is thrown."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.signal: int | None = None
        self._wakers: list[Callable[[], None]] = []

    @property
    def stopping(self) -> bool:
        """Whether nothing new may be sent."""
        return self.reason is not None

    def stop(self, reason: str) -> None:
        """Send nothing new from now on."""
        if self.reason is None:
            self.reason = reason
        self.wake()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        for wake in self._wakers:
            wake()

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when the run is stopped, and whenever something changed that all pools share."""
        self._wakers.append(wake)

    @contextmanager
    def signals(self, cancel: Callable[[], object], notice: Callable[[str], None]) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGHUP while a run is on; `cancel` is called for the second one.

        SIGHUP stays ignored where it is (`nohup`).
        """

        def received(number: int, _frame: object = None) -> None:
            if self.signal is None:
                self.signal = number
                self.stop("interrupted")
                notice("stopping: waiting for the answers under way (Ctrl-C again to drop them)")
            else:
                cancel()

        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        try:
            for number in numbers:
                loop.add_signal_handler(number, received, number)
        except (NotImplementedError, RuntimeError, ValueError):
            # Windows' loops have no add_signal_handler; a thread that is not the main one may set no handler at all.
            yield from self._plain_handlers(loop, received)
            return
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    @staticmethod
    def _plain_handlers(loop: asyncio.AbstractEventLoop, received: Callable[[int], None]) -> Iterator[None]:
        def handler(number: int, _frame: object) -> None:
            loop.call_soon_threadsafe(received, number)

        try:
            before = signal.signal(signal.SIGINT, handler)
        except ValueError:
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
