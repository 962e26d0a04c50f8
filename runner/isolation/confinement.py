"""Give up the rights of a process before it reads the first template.

Code that runs in the process cannot undo any of it. Exception: without a system call filter, a process started by root
may raise its own limits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..render.limits import OutOfTimeError
from .process_limits import GRACE_SECONDS, Limits
from .system_calls import refuse_system_calls

try:
    import resource
    import signal
except ImportError:  # Windows has no such limits
    POSIX = False
else:
    POSIX = True

__all__ = ["Clock", "confine"]

_LATER = 0.05


def confine(memory: int | None) -> None:
    """Give up everything but computing and the pipes that are already open.

    `memory` is the number of bytes that may be allocated beyond the current use; None if somebody else limits memory.
    Raises OSError or ValueError if the system refuses a limit.
    """
    if not POSIX:
        return
    if memory is not None:
        _limit(resource.RLIMIT_AS, _own_size() + memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)  # no new file or socket, not even with the descriptor of a closed one
    refuse_system_calls()  # whatever needs no descriptor: file names, other processes


def _limit(which: int, most: int, *, for_good: bool = True) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(which, (most, most if for_good else hard))


def _own_size() -> int:
    """Return the address space that the interpreter itself uses, in bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except OSError:  # not Linux; more than any interpreter has been seen to use
        return 256 * 1024 * 1024
    return pages * resource.getpagesize()


class Clock:
    """Stops work that takes too long by raising OutOfTimeError in the middle of it, once.

    If the work does not return to Python to receive the signal, and the parent is no longer there to kill the process,
    the limit of CPU time ends it.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running = self._held = False
        if POSIX:
            signal.signal(signal.SIGALRM, self._ring)

    def start(self) -> None:
        """Start the timer."""
        if POSIX:
            self._running = True
            most = math.ceil(time.process_time() + self._limits.seconds + GRACE_SECONDS) + 1
            _limit(resource.RLIMIT_CPU, most, for_good=False)
            signal.setitimer(signal.ITIMER_REAL, self._limits.seconds)

    def stop(self) -> None:
        """Stop the timer; nothing is raised after that."""
        if POSIX:
            self._running = False  # first: the signal may be on its way
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Delay what would be raised inside; it would cut off a line that is half written or half read."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._running and self._held:
            signal.setitimer(signal.ITIMER_REAL, _LATER)
        elif self._running:
            self._running = False
            raise OutOfTimeError(self._limits.too_slow, self._limits.hint)
