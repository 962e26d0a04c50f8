"""A throw-away project on disk and the command line run in it, as a person would."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.cli.main import cli

__all__ = ["Done", "ProjectFolder"]

REPOSITORY = Path(__file__).resolve().parents[2]

PLAIN = {"NO_COLOR": "1", "RUNNER_TRUST": "1", "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "RUNNER_CACHE_DIR", "COVERAGE_PROCESS_CONFIG")


@dataclass(frozen=True)
class Done:
    """A finished command: exit code, what it printed, and the folder it ran in."""

    code: int
    out: str
    err: str
    folder: Path
    out_bytes: bytes = b""
    err_bytes: bytes = b""

    def json_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def records(self) -> list[dict[str, Any]]:
        """What the newest run of the project journalled."""
        newest = max((self.folder / ".runner" / "runs").iterdir(), key=lambda run: run.stat().st_mtime_ns)
        lines = (newest / "results.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines]
        for record in records:
            assert record.pop("checksum"), "every line of a journal has its checksum"
        return records

    def summary(self) -> dict[str, Any]:
        newest = max((self.folder / ".runner" / "runs").iterdir(), key=lambda run: run.stat().st_mtime_ns)
        return dict(json.loads((newest / "run.json").read_text(encoding="utf-8")))


class ProjectFolder:
    """Files in an empty folder, and the command line called there with a bare environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def environ(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, **PLAIN, "HOME": str(self.folder), **(env or {})}

    def start(
        self, *args: str, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """The command, running; the caller waits for it."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "runner", *args],
            cwd=self.folder,
            env=self.environ(env),
            text=True,
            encoding="utf-8",
            **{
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "stdin": subprocess.DEVNULL,
                **options,
            },
        )

    def run(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> Done:
        """The command, finished: the real command line in this process, in its folder and its bare environment.

        What it does not catch itself fails the test. Starting a process for each of hundreds of calls would take most
        of the suite's time; what needs a process of its own (signals, imports) uses `start`. Standard output and
        standard error have this encoding and this error handler, as PYTHONIOENCODING gives them.
        """
        out, err = (
            io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors, newline="\n") for _ in range(2)
        )
        before, kept = Path.cwd(), dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environ(env))
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = cli(args=list(args), prog_name="runner")
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(kept)
        said = [_bytes(out), _bytes(err)]
        return Done(code, *(each.decode(errors="replace") for each in said), self.folder, *said)


def _bytes(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    kept = stream.buffer
    assert isinstance(kept, io.BytesIO)
    return kept.getvalue()
