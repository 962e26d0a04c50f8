"""`runner test` under GitHub Actions, as far as it can be seen from here."""

from __future__ import annotations

from .project import ProjectFolder

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
