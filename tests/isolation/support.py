"""Prompts in a process of their own, with limits that end a test soon."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

import pytest

from runner.isolation.isolated_sandbox import Isolation
from runner.render.templates import CompiledPrompt, compile_prompt
from tests.patience import wait_until
from tests.render.support import make_prompt

REPOSITORY = Path(__file__).resolve().parents[2]

MIB = 2**20

needs_posix = pytest.mark.skipif(os.name != "posix", reason="this system has no such limits")
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")


def compiled(isolation: Isolation, *contents: str, files: Mapping[str, str] | None = None) -> CompiledPrompt:
    """A prompt with one user message for each content; the first line of the first is line 4 of the file."""
    text = "messages:\n"
    for content in contents:
        text += "- role: user\n  content: |-\n" + indent(content, "    ") + "\n"
    return compile_prompt(make_prompt(text, files), sandbox=isolation)


def rendered(isolation: Isolation, content: str, **values: object) -> object:
    return compiled(isolation, content).render(values)[0]["content"]  # type: ignore[arg-type] # JSON, as the test says


def children(pid: int | None = None) -> set[int]:
    """The processes that a process has started and not yet seen the end of."""
    tasks = Path(f"/proc/{pid or os.getpid()}/task")
    return {int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()}


def is_running(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end_of(pid: int) -> None:
    wait_until(lambda: not is_running(pid))


def _unmeasured() -> dict[str, str]:
    """The environment without what makes coverage measure the process: it could not save what it measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process with this package, which prints lines to us; it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        cwd=REPOSITORY,
        env={**_unmeasured(), "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
