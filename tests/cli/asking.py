"""A project whose one endpoint is a scripted server, and `runner run` in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .project import Done, ProjectFolder

__all__ = ["KEY", "PROMPT", "rows", "run", "write_rows"]

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


def rows(count: int) -> list[str]:
    """Names of so many people, all different."""
    return [f"n{number}" for number in range(count)]


def write_rows(project: ProjectFolder, names: Iterable[str]) -> None:
    project.write("rows.jsonl", "".join(json.dumps({"name": name}) + "\n" for name in names))
