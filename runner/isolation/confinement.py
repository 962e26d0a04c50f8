"""Give up the rights of a process before it sees the first template.

None of it can be taken back by what runs in it. Where there is no filter of system calls the administrator can: a
process that root starts may raise its own limits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..render.limits import OutOfTimeError
from .limits import GRACE_SECONDS, Limits
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
    """Give up everything but computing and the pipes that are open already.

    `memory` is what may be taken beyond what is taken now, in bytes; None: somebody else sees to that. Raises OSError
    or ValueError where the system will not have it.
    """
    if not POSIX:
        return
    if memory is not None:
        _limit(resource.RLIMIT_AS, _own_size() + memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)  # no file and no socket, not even in the place of one that was closed
    refuse_system_calls()  # what needs no descriptor: names of files, other processes


def _limit(which: int, most: int, *, for_good: bool = True) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(which, (most, most if for_good else hard))


def _own_size() -> int:
    """Return the address space that the interpreter itself uses, in bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except OSError:  # not Linux; more than any interpreter has been seen to take
        return 256 * 1024 * 1024
    return pages * resource.getpagesize()


class Clock:
    """Stops work that takes too long by raising OutOfTimeError in the middle of it, once.

    Where the work does not come back to Python for that, and the parent is no longer there to end the process, the
    limit of CPU time does.
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
        """Stop the timer; nothing is raised from here on."""
        if POSIX:
            self._running = False  # first: the signal may be on its way
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise later what is due inside: a line that is half written or read would be the last one."""
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
