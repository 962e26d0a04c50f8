"""Start a program and wait for it to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, TypeAlias

from .programs import search_path

__all__ = [
    "DISCARD",
    "PIPE",
    "ChildProcess",
    "Finished",
    "StillRunningError",
    "TooMuchOutputError",
    "hand_over",
    "inherited_environment",
    "run",
    "start",
]

ChildProcess: TypeAlias = "subprocess.Popen[bytes]"
PIPE = subprocess.PIPE
DISCARD = subprocess.DEVNULL

Stream: TypeAlias = "int | IO[bytes]"

_LOOK_EVERY = 0.2
_PIECE = 65536
_MOST_SAID = 65536


class StillRunningError(Exception):
    """A program did not end within its time limit and was killed."""


class TooMuchOutputError(Exception):
    """A program printed more than its limit and was killed."""


class Finished(NamedTuple):
    """A program that has ended: its exit code, its output, and the beginning of its standard error."""

    returncode: int
    stdout: bytes
    stderr: bytes


def inherited_environment(
    projects: Iterable[Path], *, without: Sequence[str] = (), keep: Iterable[str] = ()
) -> dict[str, str]:
    """Return our environment for a child process, with a safe PATH and without variables that make Python import files.

    Variables whose names begin with one of `without` are left out, except those named in `keep`.
    """
    kept = set(keep)
    dropped = ("PYTHON", "__PYVENV", *without)
    environ = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in kept or not name.upper().startswith(dropped)
    }
    return environ | {"PATH": os.pathsep.join(map(str, search_path(projects)))}


def start(
    command: Sequence[str | Path],
    environ: Mapping[str, str],
    *,
    stdin: Stream = DISCARD,
    stdout: Stream = DISCARD,
    stderr: Stream = DISCARD,
    own_session: bool = False,
) -> ChildProcess:
    """Start a program by its absolute path, in a folder outside every project, with exactly this environment.

    With `own_session` the program is detached from the terminal, so Ctrl-C does not reach it. Raises OSError if it
    cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - an absolute path; what its callers hand over is theirs to check
        _checked(command),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environ,
        cwd=_elsewhere(),
        start_new_session=own_session,
        creationflags=_windows("CREATE_NO_WINDOW")
        | (_windows("CREATE_NEW_PROCESS_GROUP") if own_session else 0),
    )


def hand_over(command: Sequence[str | Path], environ: Mapping[str, str], *, seconds: float) -> int | None:
    """Start a program that may outlive this process; return its exit code, or None if it still runs after `seconds`.

    Raises OSError if it cannot be started.
    """
    process = start(command, environ, own_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.returncode = 0  # the process is no longer ours to wait for; Popen would warn about that
        return None


def run(
    command: Sequence[str | Path],
    environ: Mapping[str, str],
    *,
    most: int,
    given: bytes = b"",
    seconds: float | None = None,
    watch: Callable[[], None] = lambda: None,
    own_session: bool = False,
) -> Finished:
    """Start a program as `start` does, write `given` to it, and return what it printed.

    `watch` is called from time to time and may raise. The program is killed however the waiting ends. Raises OSError;
    TooMuchOutputError as soon as it has printed more than `most` bytes; StillRunningError after `seconds`.
    """
    due = None if seconds is None else time.monotonic() + seconds
    stdin = PIPE if given else DISCARD
    with contextlib.ExitStack() as ending:
        with _interrupts_held():
            begun = start(command, environ, stdin=stdin, stdout=PIPE, stderr=PIPE, own_session=own_session)
            process = ending.enter_context(_ended(begun))
        assert process.stdout is not None
        assert process.stderr is not None
        out, said = _Reading(process.stdout, most), _Reading(process.stderr, _MOST_SAID, to_the_end=True)
        if given:
            threading.Thread(target=_hand_over, args=(process, given), daemon=True).start()
        while not _over(process, out):
            if due is not None and time.monotonic() > due:
                raise StillRunningError(str(command[0]))
            watch()
        if out.has_more:
            raise TooMuchOutputError(str(command[0]))
        said.join(
            _LOOK_EVERY
        )  # bounded, because a process that it left behind (an SSH master) may keep the pipe open
        return Finished(process.wait(), bytes(out.data), bytes(said.data))


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C and the like back until the end of the block: a program whose start they cut short would run on."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers only run in the main thread
        return
    held: list[tuple[int, FrameType | None]] = []
    handlers = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            handlers[number] = handler
            signal.signal(number, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught, frame in held:
            handlers[signal.Signals(caught)](caught, frame)


@contextlib.contextmanager
def _ended(process: ChildProcess) -> Iterator[ChildProcess]:
    """Kill the program on leaving, if it is still running. Popen's own context manager does not wait after Ctrl-C."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _over(process: ChildProcess, out: _Reading) -> bool:
    """Return whether the program has ended or printed too much; if not, wait a moment before returning."""
    out.join(_LOOK_EVERY)
    if out.is_alive():
        return False
    try:
        return out.has_more or process.wait(_LOOK_EVERY) is not None
    except subprocess.TimeoutExpired:
        return False


class _Reading(threading.Thread):
    """Read a pipe and keep at most `most` bytes. With `to_the_end` the rest is drained, so the writer never blocks."""

    def __init__(self, pipe: IO[bytes], most: int, *, to_the_end: bool = False) -> None:
        super().__init__(name="runner-child", daemon=True)
        self.data = bytearray()
        self.has_more = False
        self._to_the_end = to_the_end
        self._pipe = pipe
        self._most = most
        self.start()

    def run(self) -> None:
        """Read."""
        with contextlib.suppress(OSError, ValueError):  # closed: the rest is not needed
            while piece := os.read(self._pipe.fileno(), _PIECE):
                room = self._most - len(self.data)
                self.data += piece[:room]
                if len(piece) > room:
                    self.has_more = True
                    if not self._to_the_end:
                        return


def _hand_over(process: ChildProcess, given: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # the program has ended, or was killed, and reads no more
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()


def _checked(command: Sequence[str | Path]) -> list[str]:
    words = [str(word) for word in command]
    if not os.path.isabs(words[0]):  # noqa: PTH117 - of a string, for any system's rules
        raise ValueError(
            f"{words[0]} is not an absolute path, so the working folder would decide which program starts"
        )
    return words


def _elsewhere() -> str:
    """Return a system folder, where no program finds settings or modules of a project."""
    return Path(sys.executable or os.path.abspath(os.sep)).anchor  # noqa: PTH100


def _windows(flag: str) -> int:
    found: int = getattr(subprocess, flag, 0)
    return found
