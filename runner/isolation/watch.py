"""Kill a process that takes too long, or uses too much memory if the system cannot limit it."""

from __future__ import annotations

import math
import threading
import time
from typing import Literal

from ..processes.start import ChildProcess, StillRunningError, TooMuchOutputError, run

__all__ = ["Watch", "resident_size"]

_LOOK_EVERY = 0.1


class Watch:
    """A thread that kills the process once its deadline has passed.

    It sleeps until there is a deadline, and then until that deadline; setting and lifting deadlines ten thousand times
    a second does not wake it each time. `ended_for` is the reason why it killed the process.
    """

    def __init__(self, process: ChildProcess) -> None:
        self.ended_for: Literal["time", "memory"] | None = None
        self._process = process
        self._memory: int | None = None
        self._due: float | None = None
        self._until = math.inf
        self._closed = False
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="runner-isolation", daemon=True).start()

    def set(self, seconds: float) -> None:
        """Kill the process after so many seconds, unless the deadline is lifted or set again before."""
        self._due = due = time.monotonic() + seconds
        if due < self._until:
            self._wake.set()

    def lift(self) -> None:
        """Lift the deadline."""
        self._due = None

    def watch_memory(self, memory: int) -> None:
        """From now on check, while a deadline is set, whether the process uses more bytes than this."""
        self._memory = memory
        self._wake.set()

    def close(self) -> None:
        """Let the thread end."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            self._until = math.inf  # before reading the deadline: one that is set later must wake this thread
            due = self._due
            if due is None:
                self._wake.wait()
                continue
            left = due - time.monotonic()
            if left <= 0:
                self._end("time")
                return
            if self._memory is not None:
                left = min(left, _LOOK_EVERY)
            self._until = due
            self._wake.wait(left)
            if self._memory is not None and self._due == due:  # it has been busy with the same request since
                size = resident_size(self._process.pid)
                if size is not None and size > self._memory:
                    self._end("memory")
                    return

    def _end(self, reason: Literal["time", "memory"]) -> None:
        self.ended_for = reason
        self._process.kill()


def resident_size(pid: int) -> int | None:
    """Return the bytes of memory that a process uses, as `ps` reports; None if that is unknown."""
    command = ["/bin/ps", "-o", "rss=", "-p", str(pid)]
    try:
        return int(run(command, {}, most=100, seconds=5).stdout) * 1024
    except (OSError, ValueError, StillRunningError, TooMuchOutputError):
        return None
