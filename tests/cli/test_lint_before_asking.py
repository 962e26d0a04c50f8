"""What `check` calls an error is refused by the commands that ask, before anything is sent."""

from __future__ import annotations

import asyncio

import pytest

import runner
from tests.faults import FaultServer

from .asking import KEY, run
from .project import ProjectFolder

PROMPT = """
model: m
messages: [{role: user, content: hi}]
response_format:
  type: json_schema
  json_schema:
    name: s
    strict: true
    schema: {type: object, properties: {a: {type: string}}}
tests: [{id: one}]
"""


@pytest.fixture
def strict(asked: ProjectFolder) -> ProjectFolder:
    asked.write("prompts/hello.prompt.yaml", PROMPT)
    return asked


@pytest.mark.parametrize("args", [("run",), ("run", "--dry-run"), ("test",), ("test", "--live")])
def test_nothing_is_sent_that_check_refuses(
    strict: ProjectFolder, server: FaultServer, args: tuple[str, ...]
) -> None:
    checked = strict.run("check")
    done = strict.run(*args, env={"FAKE_KEY": KEY})
    assert (checked.code, done.code, server.requests) == (2, 2, [])
    assert "prompts/hello.prompt.yaml:9:13: error: S0" in done.err
    assert "hint: " in done.err
    assert not (strict.folder / ".runner").exists()


@pytest.mark.parametrize("command", ["run", "test"])
def test_whoever_insists_is_obeyed(strict: ProjectFolder, server: FaultServer, command: str) -> None:
    strict.run(command, "--no-lint", env={"FAKE_KEY": KEY})
    assert len(server.requests) == 1


@pytest.mark.parametrize("args", [("test", "--offline"), ("render",), ("explain", "one")])
def test_what_asks_nobody_is_as_it_was(strict: ProjectFolder, args: tuple[str, ...]) -> None:
    assert "S0" not in strict.run(*args).err


def test_python_is_told_as_well(strict: ProjectFolder, server: FaultServer) -> None:
    path = strict.folder / "prompts/hello.prompt.yaml"
    with pytest.raises(runner.RunnerError, match="lint=False"):
        runner.load(path)
    prompt = runner.load(path, lint=False, environ={"FAKE_KEY": KEY})
    asyncio.run(prompt.arun())
    assert len(server.requests) == 1


def test_a_rule_of_comparison_that_is_wrong_is_refused_too(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write(
        "prompts/hello.prompt.yaml",
        "model: m\nmessages: [{role: user, content: hi}]\nregression: {rules: [{path: '$.a[', compare: exact}]}\n",
    )
    assert asked.run("check").code == 2
    assert (run(asked).code, server.requests) == (2, [])
