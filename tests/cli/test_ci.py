"""A CI: the workflow that `runner init` writes, and `runner test` under GitHub Actions."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

from tests.faults import FaultServer, completion

from .asking import KEY
from .project import REPOSITORY, ProjectFolder

KEYS = {"FAKE_KEY": KEY}

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


@pytest.mark.parametrize("recipe", recipes(), ids=["gate", "action", "record", "packs", "drift"])
def test_the_options_of_each_recipe_exist(recipe: str, project: ProjectFolder) -> None:
    whole = recipe if "jobs:" in recipe else f"jobs:\n{recipe}"
    for words in commands(whole):
        done = project.run(*words, "--help")
        assert done.code == 0, done.err


# --- the answers that changed -------------------------------------------------------------------------------------------


def test_a_markdown_file_has_a_new_answer_and_then_what_changed_in_it(
    asked: ProjectFolder, server: FaultServer
) -> None:
    server.play(completion("We will pay. | <b>@octocat</b>"))
    assert asked.run("test", "--record", "all", "--output", "new.md", env=KEYS).code == 4
    text = (asked.folder / "new.md").read_text(encoding="utf-8")
    assert "**new** <code>hello&#47;ada</code>" in text
    assert (
        "answer: <code>&#34;We will pay&#46; &#124; &#60;b&#62;&#64;octocat&#60;&#47;b&#62;&#34;</code>"
        in text
    )
    assert asked.run("accept", "--all").code == 0
    server.play(completion("We will not pay. | <b>@octocat</b>"))
    done = asked.run("test", "--record", "all", "--no-cache", "--output", "changed.md", env=KEYS)
    assert done.code == 1
    text = (asked.folder / "changed.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if "We will not pay" in line)
    assert row.startswith("| <code>&#36;</code> | <code>&#34;We will pay&#46;")
    assert row.endswith("| <code>exact</code> | <code>changed</code> |")


def test_a_markdown_file_says_what_the_job_summary_says(asked: ProjectFolder, server: FaultServer) -> None:
    server.play(completion("Hello"))
    summary = asked.folder / "summary.md"
    env = {**KEYS, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    asked.run("test", "--record", "all", "--output", "o.md", env=env)
    assert (asked.folder / "o.md").read_bytes() == summary.read_bytes()


def test_an_output_of_another_ending_is_refused_before_anything_is_sent(
    asked: ProjectFolder, server: FaultServer
) -> None:
    done = asked.run("test", "--record", "all", "--output", "o.txt", env=KEYS)
    assert done.code == 2
    assert "use a name that ends in .xml (JUnit) or .md (Markdown)" in done.err
    assert server.requests == []
