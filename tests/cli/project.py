"""A throw-away project on disk and the command line run in it, as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Done", "ProjectFolder"]

REPOSITORY = Path(__file__).resolve().parents[2]

PLAIN = {"NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "RUNNER_CACHE_DIR")


@dataclass(frozen=True)
class Done:
    """A finished command: exit code, what it printed, and the folder it ran in."""

    code: int
    out: str
    err: str
    folder: Path

    def json_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def records(self) -> list[dict[str, Any]]:
        """What the newest run of the project journalled."""
        newest = max((self.folder / ".runner" / "runs").iterdir(), key=lambda run: run.stat().st_mtime_ns)
        return [
            json.loads(line) for line in (newest / "results.jsonl").read_text(encoding="utf-8").splitlines()
        ]

    def summary(self) -> dict[str, Any]:
        newest = max((self.folder / ".runner" / "runs").iterdir(), key=lambda run: run.stat().st_mtime_ns)
        return dict(json.loads((newest / "run.json").read_text(encoding="utf-8")))


class ProjectFolder:
    """Files in an empty folder; `run` calls the command line there in a process of its own, with a bare environment."""

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
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            **options,
        )

    def run(self, *args: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> Done:
        """The command, finished. A traceback fails the test wherever it happens."""
        with self.start(*args, env=env) as process:
            out, err = process.communicate(timeout=timeout)
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err, self.folder)
