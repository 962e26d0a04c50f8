"""A project in a project: each prompt is governed by the runner.yaml nearest to it, or not touched at all."""

from __future__ import annotations

from pathlib import Path

import pytest

import runner
from runner.errors import UsageError
from tests.faults import FaultServer

from .project import ProjectFolder

PROMPT = "model: m\nmessages: [{role: user, content: 'Hello {{ q }}'}]\ntests: [{id: a, vars: {q: x}}]\n"


@pytest.fixture
def nested(project: ProjectFolder) -> ProjectFolder:
    project.write("svc/runner.yaml", "models: {m: {deny: true}}\n")
    project.write("svc/prompts/a.prompt.yaml", PROMPT)
    return project


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("render",),
        ("run",),
        ("test", "--update", "all"),
        ("test", "--record", "all"),
        ("test", "--offline"),
        ("explain", "a"),
        ("prune",),
        ("review",),
        ("accept",),
        ("reject",),
        ("pending",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("path", ["svc/prompts/a.prompt.yaml", "svc"])
def test_a_command_refuses_prompts_that_another_project_governs(
    nested: ProjectFolder, server: FaultServer, command: tuple[str, ...], path: str
) -> None:
    done = nested.run(
        *command, path, env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
    )
    assert done.code == 2
    assert "svc/runner.yaml is nearer to svc" in done.err
    assert "run `runner` in svc" in done.err
    assert server.requests == []
    assert not (nested.folder / "svc/prompts/__snapshots__").exists()


def test_check_passes_over_a_project_in_the_project_and_counts_that_as_a_warning(
    nested: ProjectFolder,
) -> None:
    nested.write("prompts/own.prompt.yaml", PROMPT)
    done = nested.run("check")
    assert done.code == 0
    assert "svc/runner.yaml: W010 1 prompt of the project in svc skipped [warning]" in done.err
    assert done.out == "1 prompt, 1 case: 0 errors, 1 warning\n"


def test_a_loaded_prompt_is_governed_by_its_own_project_wherever_the_program_runs(
    nested: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(nested.folder)
    with pytest.raises(runner.RunnerError, match="which this project denies"):
        runner.load("svc/prompts/a.prompt.yaml")


def test_a_link_into_another_project_is_refused_by_load(nested: ProjectFolder) -> None:
    nested.write("runner.yaml", "version: 1\n")
    link = nested.folder / "link.prompt.yaml"
    link.symlink_to(Path("svc/prompts/a.prompt.yaml"))
    with pytest.raises(UsageError, match="is nearer to"):
        runner.load(link)
