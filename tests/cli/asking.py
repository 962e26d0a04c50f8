"""A project whose one endpoint is a scripted server, and `runner run` in it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import IO, Any

from tests.faults import Behaviour, FaultServer, Received, Steps, echo

from .project import Done, ProjectFolder

__all__ = ["KEY", "PROMPT", "held_after", "read_until", "rows", "run", "write_rows"]

KEY = "sk-test-planted-key-0123456789"

PROMPT = """
name: hello
model: gpt-test
inputs: {name: {type: string}}
messages: [{role: user, content: "Hello {{ name }}"}]
tests:
  - {id: ada, vars: {name: Ada}}
  - {id: bob, vars: {name: Bob}, tags: [smoke]}
"""


def run(project: ProjectFolder, *args: str, **options: Any) -> Done:
    return project.run("run", *args, env={"FAKE_KEY": KEY}, **options)


def held_after(
    server: FaultServer, count: int, released: threading.Event, *, then: float = 0.005
) -> Behaviour:
    """Echoes so many requests, and the others `then` seconds after it is released, at the earliest."""

    def answer(request: Received) -> Steps:
        return (0.005, *echo(request)) if len(server.requests) <= count else (released, then, *echo(request))

    return answer


def read_until(stream: IO[str] | None, word: str) -> None:
    """Read lines of a process up to the one with this word in it."""
    assert stream is not None
    for line in stream:
        if word in line:
            return
    raise AssertionError(f"it ended without {word!r}")


def rows(count: int) -> list[str]:
    """Names of so many people, all different."""
    return [f"n{number}" for number in range(count)]


def write_rows(project: ProjectFolder, names: Iterable[str]) -> None:
    project.write("rows.jsonl", "".join(json.dumps({"name": name}) + "\n" for name in names))
