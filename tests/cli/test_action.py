"""action.yml: it is a valid action, holds to the rules for workflows, and its scripts do what it says in a real repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from .project import REPOSITORY, ProjectFolder

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
MATCHERS = json.loads((REPOSITORY / "action" / "matcher.json").read_text(encoding="utf-8"))["problemMatcher"]
PINS = (REPOSITORY / "action" / "requirements.txt").read_text(encoding="utf-8")


# --- what it is ---------------------------------------------------------------------------------------------------------


def test_it_obeys_github_s_schema_of_actions() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_other_actions_are_pinned_by_commit() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []


def test_nothing_that_is_passed_in_becomes_text_of_a_script() -> None:
    assert [step.get("name") for step in STEPS if "${{" in step.get("run", "")] == []


def test_every_input_has_a_description_and_none_is_required() -> None:
    for name, spec in ACTION["inputs"].items():
        assert spec["description"], name
        assert "default" in spec, name


def test_only_the_comment_has_the_token() -> None:
    having = [
        step.get("name")
        for step in STEPS
        if "github-token" in json.dumps(step) or "secrets." in json.dumps(step)
    ]
    assert having == ["Comment"]


def test_the_pinned_packages_fulfil_what_runner_requires() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", PINS, re.MULTILINE))
    for line in [*project["project"]["dependencies"], *project["build-system"]["requires"]]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(pinned[requirement.name]), line
    entries = re.findall(r"^[\w.-]+==.*?(?=^[\w.-]+==|\Z)", PINS, re.MULTILINE | re.DOTALL)
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


# --- what its scripts do ------------------------------------------------------------------------------------------------


class Job:
    """A job of GitHub's with this action in it, as far as its scripts can tell. What other actions do is left out."""

    def __init__(self, project: ProjectFolder, **event: str) -> None:
        self.project = project
        self.temp = project.folder.parent / f"{project.folder.name}-temp"
        self.temp.mkdir()
        self.context: dict[str, str] = {
            "github.event_name": "pull_request",
            "github.action_path": str(REPOSITORY),
            "github.repository": "acme/shop",
            "github.event.pull_request.head.repo.full_name": "acme/shop",
            "github.event.pull_request.number": "7",
            "github.server_url": "https://github.com",
            "github.run_id": "1",
            "github.token": "ghs_planted",
            "steps.python.outputs.python-path": sys.executable,
        } | event
        self.log = ""
        self.ran: list[str] = []
        self.code = 0

    def run(self, **inputs: str) -> None:
        """The steps that GitHub would run, in order, up to the first that fails."""
        for name, spec in ACTION["inputs"].items():
            self.context[f"inputs.{name}"] = inputs.get(name.replace("-", "_"), self.fill(spec["default"]))
        for step in STEPS:
            if "run" not in step or step.get("name") == "Install" or not self.holds(step.get("if", "true")):
                continue
            self.code = self.step(step)
            self.ran.append(step["name"])
            if self.code:
                break

    def step(self, step: Mapping[str, Any]) -> int:
        output = self.temp / "output"
        output.write_text("", encoding="utf-8")
        bin_folder = self.temp / "bin"
        bin_folder.mkdir(exist_ok=True)
        runner = bin_folder / "runner"
        runner.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m runner "$@"\n', encoding="utf-8")
        gh = bin_folder / "gh"
        gh.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{self.temp}/gh.log"\n'
            f'case "$*" in *--paginate*) cat "{self.temp}/old" 2>/dev/null;; esac\n'
            f'for each in "$@"; do case "$each" in body=@*) cp "${{each#body=@}}" "{self.temp}/comment.md";; esac; done\nexit 0\n',
            encoding="utf-8",
        )
        for program in (runner, gh):
            program.chmod(0o755)
        plain = self.project.environ({"RUNNER_TRUST": "1"})
        env = plain | {
            "PATH": f"{bin_folder}{os.pathsep}{plain['PATH']}", "CI": "true", "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
            **{name: self.fill(value) for name, value in step.get("env", {}).items()},
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.project.folder / self.fill(step.get("working-directory", ".")),
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False, timeout=300,
        )  # fmt: skip
        self.log += done.stdout
        for line in output.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            self.context[f"steps.{step.get('id')}.outputs.{name}"] = value
        return done.returncode

    def fill(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.value(found[1]), text)

    def value(self, expression: str) -> str:
        if chosen := re.fullmatch(r"(\S+) == '(.*)' && '(.*)' \|\| '(.*)'", expression):
            return chosen[3] if self.value(chosen[1]) == chosen[2] else chosen[4]
        return self.context.get(expression, "")

    def holds(self, condition: str) -> bool:
        parts = re.findall(r"(\S+) (==|!=) '(.*?)'", condition)
        return all((self.value(name) == text) is (sign == "==") for name, sign, text in parts)

    @property
    def comment(self) -> str | None:
        path = self.temp / "comment.md"
        return path.read_text(encoding="utf-8") if path.exists() else None


@pytest.fixture
def shop(project: ProjectFolder) -> ProjectFolder:
    """A new project, committed."""
    assert project.run("init").code == 0
    for words in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "a"],
    ):
        subprocess.run(["git", *words], cwd=project.folder, check=True)
    return project


def edit(project: ProjectFolder) -> None:
    path = project.folder / "prompts" / "sentiment.prompt.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Classify the", "Name the"), encoding="utf-8")


@pytest.mark.slow
def test_a_project_that_is_as_approved_is_green_and_makes_a_report(shop: ProjectFolder) -> None:
    job = Job(shop)
    job.run(comment="true")
    assert (job.code, job.ran) == (0, ["Refuse events that combine untrusted code with secrets", "Check", "Test", "Comment", "Verdict"]), job.log  # fmt: skip
    report = Path(job.context["steps.test.outputs.report"])
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert Path(job.context["steps.test.outputs.summary"]).is_file()
    assert job.comment is None, "a pull request that never was red needs no comment"
    assert (
        subprocess.run(
            ["git", "status", "--porcelain"], cwd=shop.folder, capture_output=True, check=True
        ).stdout
        == b""
    )


@pytest.mark.slow
def test_a_changed_prompt_is_red_with_annotations_a_summary_and_a_comment(shop: ProjectFolder) -> None:
    edit(shop)
    job = Job(shop)
    job.run(comment="true")
    assert job.code == 4, job.log
    assert job.ran[-1] == "Verdict"
    assert "::error file=prompts/sentiment.prompt.yaml," in job.log
    assert "Out of date" in (job.temp / "summary.md").read_text(encoding="utf-8")
    assert job.comment is not None
    assert job.comment.startswith(
        "<!-- prompt gate of runner -->\n**Prompts: not as approved (exit code 4).**\n"
    )
    assert "sentiment" in job.comment
    assert "https://github.com/acme/shop/actions/runs/1" in job.comment
    assert "--method POST repos/acme/shop/issues/7/comments" in (job.temp / "gh.log").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_a_comment_of_an_earlier_run_is_updated_also_when_all_is_well_again(shop: ProjectFolder) -> None:
    job = Job(shop)
    (job.temp / "old").write_text("4711\n", encoding="utf-8")
    job.run(comment="true")
    assert job.code == 0, job.log
    assert job.comment is not None
    assert "every case is as approved" in job.comment
    assert "--method PATCH repos/acme/shop/issues/comments/4711" in (job.temp / "gh.log").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_a_pull_request_from_a_fork_is_tested_and_not_commented_on(shop: ProjectFolder) -> None:
    edit(shop)
    job = Job(shop, **{"github.event.pull_request.head.repo.full_name": "mallory/shop"})
    job.run(comment="true")
    assert job.code == 4, job.log
    assert job.comment is None
    assert "::notice title=Prompt gate::no comment" in job.log


@pytest.mark.slow
@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_an_event_with_secrets_for_foreign_code_is_refused(shop: ProjectFolder, event: str) -> None:
    job = Job(shop, **{"github.event_name": event})
    job.run()
    assert job.code == 1
    assert job.ran == ["Refuse events that combine untrusted code with secrets"]
    assert "::error title=Prompt gate::Do not run this action on" in job.log


@pytest.mark.slow
def test_a_mistake_in_a_file_ends_the_job_at_the_check_and_is_found_by_the_matchers(
    shop: ProjectFolder,
) -> None:
    path = shop.folder / "prompts" / "sentiment.prompt.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("\ntemperature", "\ntemprature"), encoding="utf-8"
    )
    schema = shop.folder / "schemas" / "sentiment.json"
    schema.write_text(
        schema.read_text(encoding="utf-8").replace('"additionalProperties": false', '"title": "x"'),
        encoding="utf-8",
    )
    job = Job(shop)
    job.run()
    assert (job.code, job.ran[-1]) == (2, "Check"), job.log
    patterns = [re.compile(each["pattern"][0]["regexp"]) for each in MATCHERS]
    found = [match for line in job.log.splitlines() for pattern in patterns if (match := pattern.match(line))]
    assert [match[1] for match in found] == ["prompts/sentiment.prompt.yaml"]


def test_the_matchers_know_both_forms_of_a_finding() -> None:
    findings, errors = (re.compile(each["pattern"][0]["regexp"]) for each in MATCHERS)
    found = findings.match("schemas/a.json:3:5: S010 additionalProperties must be false [error]")
    assert found is not None
    assert found.groups() == (
        "schemas/a.json",
        "3",
        "5",
        "S010",
        "additionalProperties must be false",
        "error",
    )
    assert errors.match('prompts/a.prompt.yaml:4:1: error: unknown key "temprature"')


@pytest.mark.slow
def test_paths_and_options_are_words_and_never_commands(shop: ProjectFolder) -> None:
    job = Job(shop)
    planted = shop.folder / "planted"
    job.run(paths=f"$(touch {planted})\n; touch {planted}", options=f"--tag=`touch {planted}`")
    assert job.code == 2, job.log
    assert not planted.exists()


@pytest.mark.slow
def test_paths_folders_and_options_are_obeyed(shop: ProjectFolder) -> None:
    job = Job(shop)
    job.run(paths="prompts/sentiment.prompt.yaml\n", options="--case=happy\n--quiet")
    assert job.code == 0, job.log
    assert "1 passed" in job.log


@pytest.mark.slow
def test_trust_is_what_the_input_says_and_nothing_else(shop: ProjectFolder) -> None:
    shop.write(
        "runner.yaml",
        "endpoint: mine\nendpoints: {mine: {base_url: 'http://127.0.0.1:1/v1', api_key_env: MINE}}\n",
    )
    edit(shop)
    job = Job(shop)  # whose environment trusts everything
    job.run(options="--live")
    assert job.code == 2, job.log
    assert "would send the variable MINE" in job.log


@pytest.mark.e2e
def test_the_pinned_packages_install_and_run_what_the_action_s_commit_has(tmp_path: Path) -> None:
    (install,) = (step for step in STEPS if step.get("name") == "Install")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {
        "PYTHON": sys.executable,
        "ACTION": str(REPOSITORY),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_PATH": str(tmp_path / "path"),
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", install["run"]],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runner, version" in done.stdout
    assert (tmp_path / "path").read_text(encoding="utf-8").strip().endswith(("bin", "Scripts"))
