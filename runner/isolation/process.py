"""One process that renders, as its parent sees it: lines go in, lines come out, and it ends when it must."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import weakref
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from ..processes.programs import python_command
from ..processes.start import PIPE, ChildProcess, start
from .process_limits import GRACE_SECONDS, KERNEL_LIMITS_MEMORY, MAX_LINE, START_SECONDS, Limits
from .protocol import GarbledError, decode, encode, field, printable
from .watch import Watch, resident_size

__all__ = ["BrokenError", "Process"]

_BOOT = "import sys; sys.path += sys.argv[1:]; from runner.isolation.child import main; main()"
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""The environment variables that an interpreter may need to start; it gets no others."""

_numbers = itertools.count()


class BrokenError(Exception):
    """The process is no longer usable; `reason` is why, `detail` describes a crash."""

    def __init__(self, reason: Literal["time", "memory", "crash"], detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


class Process:
    """A child process that was started; `number` is unique. Raises ConfigError if it cannot be started."""

    def __init__(self, limits: Limits, *, kernel_limits_memory: bool = KERNEL_LIMITS_MEMORY) -> None:
        self.number = next(_numbers)
        self._limits = limits
        self._kernel_limits_memory = kernel_limits_memory
        self._ready = False
        self._askers: set[object] = set()
        try:
            popen = _start()
        except OSError as error:
            raise _cannot(str(error)) from None
        assert popen.stdin is not None
        assert popen.stdout is not None
        self.pid = popen.pid
        self._popen, self._in, self._out = popen, popen.stdin, popen.stdout
        self._watch = Watch(popen)
        self.close = weakref.finalize(self, _end, popen, self._watch, os.getpid())

    def ready(self) -> None:
        """Wait until it has given up its rights and is ready. Raises ConfigError if it cannot."""
        if self._ready:
            return
        start = {
            "memory": self._limits.memory,
            "seconds": self._limits.seconds,
            "confine_memory": self._kernel_limits_memory,
        }
        self._watch.set(START_SECONDS)
        try:
            self.send(encode(start))
            field(self.receive_object(), "ready", bool)
        except BrokenError as error:
            raise _cannot(error.detail or f"it was not ready within {START_SECONDS:g} seconds") from None
        except GarbledError:
            raise _cannot("its first message was not that it is ready") from None
        self._watch.lift()
        if not self._kernel_limits_memory:
            own = resident_size(self.pid)
            if own is None:
                raise _cannot("its memory cannot be watched")
            self._watch.watch_memory(own + self._limits.memory)
        self._ready = True

    @property
    def alive(self) -> bool:
        """Return whether the process can serve a request."""
        return self.close.alive and self._watch.ended_for is None and self._popen.poll() is None

    @property
    def crowded(self) -> bool:
        """Whether several texts or expressions use it, so that one may run out of memory because of another."""
        return len(self._askers) > 1

    def ask(self, line: bytes, asker: object) -> None:
        """Send a request, and start the time limit that ends with `answered`. Raises BrokenError."""
        self._askers.add(asker)
        self._watch.set(self._limits.seconds + GRACE_SECONDS)
        self.send(line)

    def answered(self) -> None:
        """Note that the answer is complete."""
        self._watch.lift()

    def send(self, line: bytes) -> None:
        """Write a line. Raises BrokenError."""
        try:
            self._in.write(line)
            self._in.flush()
        except OSError:
            raise self._broken() from None

    def receive(self, most: int = MAX_LINE) -> bytes:
        """Return the next line, of at most `most` bytes. Raises BrokenError."""
        line = self._out.readline(most + 1)
        if line.endswith(b"\n"):
            return line
        if len(line) > most:
            raise GarbledError
        raise self._broken()

    def receive_object(self) -> dict[str, Any]:
        """Return the next line as an object. Raises BrokenError and GarbledError."""
        return self.read_object(self.receive())

    def read_object(self, line: bytes) -> dict[str, Any]:
        """Return a received line as an object. Raises BrokenError and GarbledError."""
        message = decode(line)
        if "failed" in message:
            detail = printable(field(message, "failed", str))[:200]
            # Python raises SystemError in some places where it should raise MemoryError.
            want = detail.startswith(("MemoryError", "SystemError"))
            raise BrokenError("memory" if want else "crash", detail)
        return message

    def _broken(self) -> BrokenError:
        self._popen.kill()  # it may still be running without a pipe
        code = self._popen.wait()
        if self._watch.ended_for:
            return BrokenError(self._watch.ended_for)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            return BrokenError("crash", f"ended with exit code {code}")
        return BrokenError("time" if name == "SIGXCPU" else "crash", f"ended by {name}")


def _start() -> ChildProcess:
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = python_command("-c", _BOOT, *_import_path(), packages=False)
    return start(command, environ, stdin=PIPE, stdout=PIPE, own_session=True)


def _import_path() -> list[str]:
    """Return the folders of the few packages that the child needs, found without importing them."""
    folders = []
    for package in ("runner", "jinja2", "markupsafe"):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise _cannot(f"{package} cannot be found")
        folders.append(str(Path(spec.origin).absolute().parents[1]))
    return list(dict.fromkeys(folders))


def _cannot(reason: str) -> ConfigError:
    return ConfigError(
        f"--isolate: the process that renders cannot be set up: {reason}",
        hint="without --isolate templates are rendered in this process, with fewer limits",
    )


def _end(popen: ChildProcess, watch: Watch, owner: int) -> None:
    """Kill the process, but only from the process that started it, not from a fork of that."""
    watch.close()
    if os.getpid() == owner:
        popen.kill()
        popen.wait()
    else:
        popen.poll()  # in a fork, this notices that the process is not our child
    for pipe in (popen.stdin, popen.stdout):
        with contextlib.suppress(OSError):  # the buffer may hold a line that could not be written
            if pipe is not None:
                pipe.close()
