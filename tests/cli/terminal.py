"""The command line on a terminal of its own, as a person has it: keys go in, screens come out."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.patience import PATIENCE

from .project import ProjectFolder

__all__ = ["Terminal"]

CLEARED = "\x1b[H\x1b[2J"


class Terminal:
    """`runner` with these arguments in a project, on a terminal of 100 columns and 30 lines."""

    def __init__(self, project: ProjectFolder, *args: str, env: Mapping[str, str] | None = None) -> None:
        self._master, slave = pty.openpty()
        size = {"COLUMNS": "100", "LINES": "30", "TERM": "xterm"}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "runner", *args],
            cwd=project.folder,
            env=project.environ({**size, **(env or {})}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode  # a read may end within a character
        self._draws = 1

    @property
    def screen(self) -> str:
        """What stands on the screen since it was last cleared, without codes."""
        last = self.text.rpartition(CLEARED)[2]
        return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", last).replace("\r", "")

    def press(self, *keys: str) -> str:
        """Press keys one after the other, each after the screen was drawn; the screen after the last."""
        for key in keys:
            self._wait()
            os.write(self._master, key.encode())
            self._draws += 1
        self._wait()
        return self.screen

    def answer(self, question: str, line: str) -> None:
        """Type a line once the question stands on the screen."""
        while question not in self.text and self._read():
            pass
        os.write(self._master, f"{line}\n".encode())

    def end(self) -> int:
        """Wait for the end; the exit code."""
        while self._read():
            pass
        assert "Traceback" not in self.text, self.text
        return self._process.wait(PATIENCE)

    def _wait(self) -> None:
        """Until the screen was drawn for each key, or the command has ended."""
        while self.text.count(CLEARED) < self._draws and self._read():
            pass
        # A screen is one write; what is left of it comes at once.
        while select.select([self._master], [], [], 0.05)[0] and self._read():
            pass

    def _read(self) -> bool:
        assert select.select([self._master], [], [], PATIENCE)[0], self.text
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux says so when the other side has gone
            return False
        self.text += self._decode(data)
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)
