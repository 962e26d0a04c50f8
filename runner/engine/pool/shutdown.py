"""Stop a run: on a signal, if the endpoint is down, if a limit is reached, or if results cannot be stored.

The first Ctrl-C (or SIGTERM, or SIGHUP when a terminal closes) drains the run: nothing new is sent, and requests in
flight are finished and stored, because they are paid for. The second one cancels the requests in flight.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Shutdown"]


class Shutdown:
    """The stop switch of a run, which all workers check. `reason` and `signal` are set once it is stopping."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.signal: int | None = None
        self._wakers: list[Callable[[], None]] = []

    @property
    def stopping(self) -> bool:
        """Whether the run is stopping, so that nothing new may be sent."""
        return self.reason is not None

    def stop(self, reason: str) -> None:
        """Stop the run: send nothing new from now on."""
        if self.reason is None:
            self.reason = reason
        self.wake()

    def resume(self) -> None:
        """Send again: the reason to stop is gone."""
        self.reason = None

    def wake(self) -> None:
        """Wake all waiting workers."""
        for wake in self._wakers:
            wake()

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Register a function to call when the run is stopped, or something that all pools share has changed."""
        self._wakers.append(wake)

    @contextmanager
    def signals(self, cancel: Callable[[], object], notice: Callable[[str], None]) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGHUP during a run; `cancel` is called on the second signal.

        SIGHUP stays ignored if it already is (`nohup`).
        """

        def received(number: int, _frame: object = None) -> None:
            if self.signal is None:
                self.signal = number
                self.stop("interrupted")
                notice("stopping: waiting for the requests in flight (Ctrl-C again to drop them)")
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
            # Loops on Windows have no add_signal_handler; only the main thread may set handlers.
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
