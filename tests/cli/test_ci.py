"""A CI: the workflow that `runner init` writes, and `runner test` under GitHub Actions."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

from .project import REPOSITORY, ProjectFolder

PROMPT = """\
name: triage
model: gpt-test
inputs: {ticket: {type: string}}
messages: [{role: user, content: "{{ ticket }}"}]
tests:
  - {id: refund, vars: {ticket: "I want my money back"}}
"""


def test_a_case_without_a_snapshot_is_shown_at_its_line_and_in_the_summary(project: ProjectFolder) -> None:
    project.write("runner.yaml", "version: 1\n")
    project.write("prompts/triage.prompt.yaml", PROMPT)
    summary = project.folder / "summary.md"
    env = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = project.run("test", env=env)
    assert done.code == 4
    assert done.out.startswith("::stop-commands::")
    assert "\n::error file=prompts/triage.prompt.yaml,line=6,col=5,title=missing triage/refund::" in done.out
    assert "#### Out of date" in summary.read_text()


def commands(text: str) -> list[list[str]]:
    """The runner commands of the steps of a workflow."""
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    runs = [shlex.split(step.get("run", "")) for step in steps]
    return [words[1:] for words in runs if words[:1] == ["runner"]]


def test_the_workflow_of_a_new_project_is_green_without_a_key(project: ProjectFolder) -> None:
    assert project.run("init").code == 0
    workflow = (project.folder / ".github/workflows/prompts.yml").read_text()
    steps = commands(workflow)
    assert [words[0] for words in steps] == ["check", "test"]
    for words in steps:
        done = project.run(*words, env={"CI": "true"})
        assert done.code == 0, done.out + done.err


def recipes() -> list[str]:
    text = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("recipe", recipes(), ids=["gate", "record", "packs", "drift"])
def test_the_options_of_each_recipe_exist(recipe: str, project: ProjectFolder) -> None:
    whole = recipe if "jobs:" in recipe else f"jobs:\n{recipe}"
    for words in commands(whole):
        done = project.run(*words, "--help")
        assert done.code == 0, done.err
