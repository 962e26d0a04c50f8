"""Search with users' regular expressions in bounded time.

Python's `re` backtracks. While it does, nothing else runs in the process and nothing can stop it: `(a+)+$` needs an
hour for forty characters. A search that may take long, judging by the pattern and the length of the text, therefore
runs in a separate process, which is killed if it does not answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import weakref
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .processes.start import ChildProcess

__all__ = ["SECONDS", "Span", "TooSlowError", "is_found", "spans"]

SECONDS = 2.0
"""The time limit of one search."""

Span: TypeAlias = "tuple[int, int]"
"""Where a match, or a group of it, begins and ends; both are -1 for a group that took no part."""

_STEPS = 50_000_000
_SHORT = 16
_BRANCHES = 10

_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{)")
_REPEAT = re.compile(r"[*+]|\{\d*,?\d*\}")
_OPTIONAL = re.compile(r"(?<![*+?}(])\?")

_PROGRAM = """
import json, re, sys, warnings
warnings.simplefilter("ignore")
for line in sys.stdin.buffer:
    pattern, text, wanted = json.loads(line)
    if wanted == "spans":
        found = [[m.span(group) for group in range(m.re.groups + 1)] for m in re.finditer(pattern, text)]
    else:
        found = (re.fullmatch if wanted == "whole" else re.search)(pattern, text) is not None
    print(json.dumps(found), flush=True)
"""


class TooSlowError(Exception):
    """A search took longer than SECONDS; the message says so, to follow the name of the pattern."""

    def __init__(self) -> None:
        super().__init__(f"takes more than {SECONDS:g} seconds to match against a text of this length")


def is_found(pattern: re.Pattern[str], text: str, *, whole: bool = False) -> bool:
    """Return whether the pattern is found in the text or, with `whole`, matches all of it. Raises TooSlowError."""
    if len(text) <= _longest_direct(pattern.pattern):
        return _is_found(pattern, text, whole=whole)
    found = _CHILD.ask(pattern, text, "whole" if whole else "found")
    return _is_found(pattern, text, whole=whole) if found is None else bool(found)


def spans(pattern: re.Pattern[str], text: str) -> list[list[Span]]:
    """Return where each match of the pattern, and each of its groups, begins and ends. Raises TooSlowError."""
    found = None
    if len(text) > _longest_direct(pattern.pattern):
        found = _CHILD.ask(pattern, text, "spans")
    if found is None:
        return [[m.span(group) for group in range(m.re.groups + 1)] for m in pattern.finditer(text)]
    return [[(start, end) for start, end in match] for match in found]


def _is_found(pattern: re.Pattern[str], text: str, *, whole: bool) -> bool:
    return (pattern.fullmatch(text) if whole else pattern.search(text)) is not None


@lru_cache(maxsize=1024)
def _longest_direct(source: str) -> int:
    """Return the longest text for which a search is known to end soon, in characters.

    Each repeat outside repeated groups adds a power of the length, and so does the position where the search begins.
    A repeated group, or many branches, can take exponential time.
    """
    plain = _LITERAL.sub("x", source)
    branches = len(_OPTIONAL.findall(plain)) + (plain.count("(") if "|" in plain else 0)
    if _REPEATED_GROUP.search(plain) or branches > _BRANCHES:
        return _SHORT
    return int(_STEPS ** (1 / (len(_REPEAT.findall(plain)) + 1)))


class _Child:
    """The process that searches, started when it is first needed; it handles one search at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._process: ChildProcess | None = None
        self._close: weakref.finalize[..., _Child] | None = None

    def ask(self, pattern: re.Pattern[str], text: str, wanted: str) -> Any:
        """Return what the process found; None if no process can be started. Raises TooSlowError."""
        if (
            self._owner != os.getpid()
        ):  # in a fork: the process, and the holder of the lock, belong to the parent
            self._lock, self._owner, self._process = threading.Lock(), os.getpid(), None
        with self._lock:
            try:
                process = self._started()
            except OSError:  # no process can be started (a frozen program), so the caller searches
                return None
            timer = threading.Timer(SECONDS, process.kill)
            timer.daemon = True
            timer.start()
            try:
                answer = _ask(process, json.dumps([pattern.pattern, text, wanted]).encode() + b"\n")
            except BaseException:
                self._end()  # also after Ctrl-C: the answer is still on its way
                raise
            finally:
                timer.cancel()
            if not answer.endswith(b"\n"):
                self._end()
                raise TooSlowError
            return json.loads(answer)

    def _started(self) -> ChildProcess:
        if self._process is None or self._process.poll() is not None:
            from .processes.programs import python_command  # most commands do not need it
            from .processes.start import PIPE, start

            self._end()
            environ = {
                name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ
            }
            command = python_command("-c", _PROGRAM, packages=False)
            self._process = start(command, environ, stdin=PIPE, stdout=PIPE, own_session=True)
            self._close = weakref.finalize(self, _end, self._process, os.getpid())
        return self._process

    def _end(self) -> None:
        if self._close is not None:
            self._close()
        self._process = self._close = None


def _ask(process: ChildProcess, line: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except OSError:  # it was killed while the text was being written
        return b""
    return process.stdout.readline()


def _end(process: ChildProcess, owner: int) -> None:
    if os.getpid() != owner:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()


_CHILD = _Child()
