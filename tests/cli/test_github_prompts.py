"""A repository with prompts of GitHub Models in `.github/prompts`, as it was left: check, render, run, test, diff, packs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runner
from runner.commands.review_rules import RuleWriting
from runner.regress.results import PendingEntry
from runner.regress.rules.compare_answers import FieldVerdict
from runner.regress.snapshots.snapshot import Snapshot
from tests.faults import FaultServer, Received, Steps, completion
from tests.regress.repository import GitFolder

from .project import Done, ProjectFolder

FILE = ".github/prompts/greet.prompt.yml"
PROMPT = """\
name: greet
model: openai/gpt-4o
modelParameters: {temperature: 0, maxTokens: 50}
messages:
  - role: user
    content: Greet {{person}}
testData:
  - {person: Ada, expected: HELLO ADA}
  - {person: Bo, expected: hello bo}
evaluators:
  - name: greets
    string: {startsWith: '{{expected}}'}
"""
CONFIG = "endpoint: local\nendpoints: {local: {base_url: '%s', api_key_env: FAKE_KEY}}\n"
KEY = "sk-test-planted-key-0123456789"


def greeting(request: Received) -> Steps:
    person = request.json["messages"][-1]["content"].removeprefix("Greet ")
    return completion(f"\n Hello {person}, welcome.\n")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(greeting) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, server: FaultServer) -> ProjectFolder:
    project = ProjectFolder(tmp_path)
    project.write(FILE, PROMPT)
    project.write("runner.yaml", CONFIG % server.base_url)
    return project


def do(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


def test_check_finds_it_without_being_told_where(project: ProjectFolder) -> None:
    done = do(project, "check")
    assert (done.code, done.out) == (0, "1 prompt, 2 cases: 0 errors, 0 warnings\n")


def test_render_shows_the_request_of_each_row(project: ProjectFolder) -> None:
    done = do(project, "render", FILE, "--var", "person=Cy", "--var", "expected=x", "--format", "request")
    assert json.loads(done.out) == {
        "model": "openai/gpt-4o",
        "temperature": 0,
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "Greet Cy"}],
    }


def test_run_sends_the_rows_and_judges_the_answers(project: ProjectFolder, server: FaultServer) -> None:
    done = do(project, "run")
    assert done.code == 0, done.out
    assert [each.json["max_tokens"] for each in server.requests] == [50, 50]
    project.write(FILE, PROMPT.replace("startsWith", "equals"))
    assert do(project, "run").code == 1


def test_answers_are_approved_once_and_replayed_without_a_network(
    project: ProjectFolder, server: FaultServer
) -> None:
    assert do(project, "test").code != 0
    assert do(project, "accept", "--all").code == 0
    asked = len(server.requests)
    done = do(project, "test", "--offline")
    assert (done.code, len(server.requests)) == (0, asked), done.out
    project.write(FILE, PROMPT.replace("hello bo", "bye bo"))
    done = do(project, "test", "--offline")
    assert done.code != 0
    project.write(FILE, PROMPT.replace("Greet {{", "Please greet {{"))
    assert do(project, "test", "--offline").code == 4


def test_an_evaluator_that_needs_a_model_is_told_by_check_and_fails_the_test(project: ProjectFolder) -> None:
    project.write(FILE, PROMPT + "  - {name: alike, uses: github/similarity}\n")
    checked = do(project, "check")
    assert checked.code == 0
    assert "greet.prompt.yml:13:19: W019 alike is not judged" in checked.out + checked.err
    done = do(project, "run")
    assert done.code == 1
    assert "alike is not judged: github/similarity asks a model for the verdict" in done.out


def test_a_file_in_both_formats_names_both_lines(project: ProjectFolder) -> None:
    project.write(FILE, PROMPT + "tests: []\n")
    done = do(project, "check")
    assert done.code == 2
    assert 'greet.prompt.yml:13:1: error: "tests" is a key of runner\'s format' in done.out + done.err
    assert '"modelParameters" (line 3) is one of GitHub\'s' in done.out + done.err


def test_a_model_with_a_publisher_is_asked_by_the_name_that_the_endpoint_has(
    project: ProjectFolder, server: FaultServer
) -> None:
    config = (project.folder / "runner.yaml").read_text()
    entry = '"openai/*": {endpoint: local, model: "my-*", price: {input: 1000000, output: 0}}'
    project.write("runner.yaml", f"{config}models: {{{entry}}}\n")
    done = do(project, "run")
    assert (done.code, {each.json["model"] for each in server.requests}) == (0, {"my-gpt-4o"})
    assert "$" in done.out


def test_openai_is_known_to_have_no_models_with_publishers(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write(FILE, PROMPT)
    done = do(project, "check")
    assert done.code == 0
    assert "greet.prompt.yml:2:8: W021 endpoint openai has no model openai/gpt-4o" in done.err
    project.write("runner.yaml", 'models: {"openai/*": {endpoint: openai, model: "*"}}\n')
    assert "W021" not in do(project, "check").err


@pytest.mark.parametrize("text", [PROMPT, "name: greet\nmodel: x\nmessages: [{role: user, content: hi}]\n"])
def test_a_model_that_was_an_input_of_the_action_is_missed_where_it_is_needed(
    tmp_path: Path, text: str
) -> None:
    project = ProjectFolder(tmp_path)
    project.write(FILE, "".join(line for line in text.splitlines(keepends=True) if "model:" not in line))
    done = do(project, "check")
    assert done.code == 0
    assert "greet.prompt.yml:1:1: W020 greet declares no model" in done.err
    assert do(project, "render", FILE, "--var", "person=x", "--var", "expected=x").code == 2


def test_a_review_writes_no_rule_into_a_file_whose_format_has_none(project: ProjectFolder) -> None:
    entry = PendingEntry(
        "changed", "greet", FILE, "a", None,
        ".github/prompts/__snapshots__/greet/a.snap.yaml", Snapshot("sha256:" + "0" * 64, {}, "x"),
    )  # fmt: skip
    rules = RuleWriting(project.folder)
    said = rules.add(entry, FieldVerdict("$.label", "a", "b", "exact", equal=False)).message
    assert f"{FILE} is in GitHub's format, which has no rules" in said
    assert rules.write() == []


def test_an_endpoint_that_is_github_models_is_known_to_be_gone(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write(FILE, PROMPT)
    project.write("runner.yaml", CONFIG % "https://models.github.ai/inference")
    done = do(project, "check")
    assert done.code == 0
    assert "runner.yaml:2:31: W022 endpoint local: GitHub Models was retired on 2026-07-30" in done.err


def test_diff_shows_what_the_change_does_to_the_requests(tmp_path: Path) -> None:
    git = GitFolder(tmp_path)
    git.write(FILE, PROMPT)
    git.commit()
    git.write(FILE, PROMPT.replace("Greet {{", "Kindly greet {{").replace("temperature: 0", "temperature: 1"))
    done = do(ProjectFolder(tmp_path), "diff", "--base", "HEAD")
    assert done.code == 0, done.err
    assert "Kindly greet Ada" in done.out
    assert "temperature" in done.out


def test_the_python_api_loads_and_runs_it(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setenv("RUNNER_TRUST", "1")
    with runner.load(FILE) as prompt:
        result: Any = prompt.run(person="Ada", expected="hello")
        assert result.passed
        assert not prompt.run(person="Ada", expected="goodbye").passed


def test_a_pack_may_hold_prompts_of_github(project: ProjectFolder) -> None:
    project.write("pack/prompts/greet.prompt.yml", PROMPT)
    project.write(
        "pack/pack.yaml",
        "format: 1\nname: acme\nversion: 1.0.0\nlicense: MIT\nexports: {prompts: {greet: prompts/greet.prompt.yml}}\n",
    )
    config = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", config + "packs: {acme: {path: pack}}\n")
    assert do(project, "pack", "lock").code == 0
    done = do(project, "run", "acme:greet")
    assert done.code == 0, done.out + done.err
