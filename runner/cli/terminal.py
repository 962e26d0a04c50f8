"""Input from the person at the terminal."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator

import click

__all__ = ["confirm", "keyboard", "split_keys"]

_IDLE = 0.3
"""Seconds after which waiting for a key ends without one, so that a resized terminal is noticed."""
_REST = 0.05
"""Seconds to wait for the other bytes of a key that is sent as several bytes."""

# A control sequence, a key in application mode, or one character.
_KEY = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|.", re.DOTALL)
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on standard error."""
    return click.confirm(question, err=True)


def split_keys(text: str) -> list[str]:
    """Split the input of a terminal into keys: keys that are typed fast or pasted arrive together."""
    return _KEY.findall(text)


@contextlib.contextmanager
def keyboard() -> Iterator[Callable[[], str]]:
    """Read single keys from standard input, a terminal, without showing them.

    Yields a function that waits for the next key and returns it, or "" if no key arrives for a moment. It raises EOFError
    at the end of the input or after Ctrl-D. Keys that arrive together are returned one by one; Ctrl-C interrupts.
    """
    if sys.platform == "win32":
        yield _read_windows
        return
    import termios

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    changed = termios.tcgetattr(descriptor)
    changed[3] &= ~(termios.ICANON | termios.ECHO)
    if not _sends_signals(descriptor):
        changed[3] &= ~termios.ISIG  # Ctrl-C then arrives as a key
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    # Ctrl-Z would leave the shell without echo and on the other screen.
    changed[6][termios.VSUSP] = bytes([os.fpathconf(descriptor, "PC_VDISABLE") & 0xFF])
    termios.tcsetattr(
        descriptor, termios.TCSADRAIN, changed
    )  # not TCSAFLUSH, which drops keys that were typed ahead
    try:
        yield _Keys(descriptor).read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _sends_signals(descriptor: int) -> bool:
    """Return whether Ctrl-C on this terminal interrupts this process: only if it is the controlling terminal."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


class _Keys:
    """Reads keys from the file descriptor of a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decode = codecs.getincrementaldecoder(sys.stdin.encoding or "utf-8")("replace").decode
        self._waiting: list[str] = []

    def read(self) -> str:
        """Return the next key, or "" if none arrives for a moment. Raises EOFError."""
        if not self._waiting:
            if not self._ready(_IDLE):
                return ""
            text = self._receive()
            while _BEGUN.search(text) and self._ready(_REST):
                text += self._receive()
            self._waiting = split_keys(text)
            if not self._waiting:
                return ""
        key = self._waiting.pop(0)
        if key == "\x03":
            raise KeyboardInterrupt
        if key == "\x04":
            raise EOFError
        return key

    def _ready(self, seconds: float) -> bool:
        import select

        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def _receive(self) -> str:
        try:
            data = os.read(self._descriptor, 4096)
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            raise EOFError
        return self._decode(data)


def _read_windows() -> str:
    """Return the next key; `click` joins the two halves of a special key."""
    return click.getchar()
