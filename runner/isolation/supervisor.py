"""Keep one rendering process: start it when needed, and again after it had to be killed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UsageError
from .process import BrokenError, Process
from .process_limits import Limits
from .protocol import GarbledError

__all__ = ["Supervisor"]


class Supervisor:
    """Lends the process to one question at a time.

    A process that did not answer correctly is killed; the next question gets a new one. A fork of this process, such as
    a worker of a web server, starts its own.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._process: Process | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._closed = False

    @contextmanager
    def process(self) -> Iterator[Process]:
        """Lend the process for one question and its answer.

        Raises BrokenError if it does not answer, and ConfigError if it cannot be started.
        """
        self._leave_to_parent()
        with self._lock:
            process = self._started()
            try:
                process.ready()
                yield process
            except GarbledError:
                self._end()
                raise BrokenError("crash", "it sent an invalid answer") from None
            except BaseException:
                # Also after Ctrl-C: half an answer may be left in the pipe.
                self._end()
                raise
            else:
                process.answered()

    def begin(self) -> None:
        """Start the process without waiting for it. Raises ConfigError."""
        self._leave_to_parent()
        with self._lock:
            self._started()

    def close(self) -> None:
        """End the process for good."""
        self._leave_to_parent()
        with self._lock:
            self._closed = True
            self._end()

    def _leave_to_parent(self) -> None:
        """Drop the process and the lock in a fork, because they belong to the parent."""
        if self._owner != os.getpid():
            self._owner, self._lock, self._process = os.getpid(), threading.Lock(), None

    def _started(self) -> Process:
        if self._closed:
            raise UsageError("the prompt is closed")
        if self._process is None or not self._process.alive:
            self._end()
            self._process = Process(self.limits)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None
