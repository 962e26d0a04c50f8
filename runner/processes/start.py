"""Starting a program, and waiting for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
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
    """A program did not end in the time that it was given, and was ended."""


class TooMuchOutputError(Exception):
    """A program printed more than it may, and was ended."""


class Finished(NamedTuple):
    """A program that has ended: its exit code, what it printed, and what it said on standard error (the beginning)."""

    returncode: int
    stdout: bytes
    stderr: bytes


def inherited_environment(
    projects: Iterable[Path], *, without: Sequence[str] = (), keep: Iterable[str] = ()
) -> dict[str, str]:
    """Our own environment for a child: PATH as programs are looked for, and nothing that tells a Python what to import.

    Variables whose names begin with one of `without` are left out, but for those named in `keep`.
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
    """Start a program by its absolute path, in a folder that no project lies in, with this environment and no other.

    With `own_session` neither Ctrl-C in the terminal nor the terminal itself reaches it. Raises OSError where it cannot
    be started.
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
    """Start a program that may go on when we have ended; its exit code, None if it has none after so many seconds.

    Raises OSError where it cannot be started.
    """
    process = start(command, environ, own_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.returncode = 0  # it is not ours to wait for any more, which Popen would complain of
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
    """Start a program as `start` does, hand it `given`, and wait for what it prints.

    `watch` is called now and then and may raise. Whatever ends the waiting ends the program too. Raises OSError;
    TooMuchOutputError as soon as it has printed more than `most` bytes; StillRunningError after `seconds`.
    """
    due = None if seconds is None else time.monotonic() + seconds
    stdin = PIPE if given else DISCARD
    begun = start(command, environ, stdin=stdin, stdout=PIPE, stderr=PIPE, own_session=own_session)
    with _ended(begun) as process:
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
        )  # not for longer: what it has left behind (an SSH master) may hold the pipe open
        return Finished(process.wait(), bytes(out.data), bytes(said.data))


@contextlib.contextmanager
def _ended(process: ChildProcess) -> Iterator[ChildProcess]:
    """End a program in the end, if it has not ended by itself; Popen's own way does not wait after Ctrl-C."""
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
    """Whether it has ended, or printed too much; answers at once if so, else after a while."""
    out.join(_LOOK_EVERY)
    if out.is_alive():
        return False
    try:
        return out.has_more or process.wait(_LOOK_EVERY) is not None
    except subprocess.TimeoutExpired:
        return False


class _Reading(threading.Thread):
    """Reads a pipe and keeps so many bytes; with `to_the_end` what comes then is read and dropped, so that it can come."""

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
        with contextlib.suppress(OSError, ValueError):  # closed: nobody wants the rest
            while piece := os.read(self._pipe.fileno(), _PIECE):
                room = self._most - len(self.data)
                self.data += piece[:room]
                if len(piece) > room:
                    self.has_more = True
                    if not self._to_the_end:
                        return


def _hand_over(process: ChildProcess, given: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # it has ended, or was ended, and wants no more
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()


def _checked(command: Sequence[str | Path]) -> list[str]:
    words = [str(word) for word in command]
    if not os.path.isabs(words[0]):  # noqa: PTH117 - of a string, for any system's rules
        raise ValueError(f"{words[0]} is no absolute path, so that the folder would decide what is started")
    return words


def _elsewhere() -> str:
    """A folder of the system's: no program looks for its settings or its modules in a project there."""
    return Path(sys.executable or os.path.abspath(os.sep)).anchor  # noqa: PTH100


def _windows(flag: str) -> int:
    found: int = getattr(subprocess, flag, 0)
    return found
