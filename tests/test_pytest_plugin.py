"""`pytest prompts/`: each case an item, in a pytest of its own as a user would start it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.project import ProjectFolder
from tests.faults import FaultServer, completion
from tests.patience import PATIENCE

PROMPT = """
name: hello
model: m
messages: [{role: user, content: "Hello {{ name }}"}]
tests:
  - {id: ada, vars: {name: Ada}}
  - {id: bob, vars: {name: Bob}}
"""


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path)
    project.write("prompts/hello.prompt.yaml", PROMPT)
    return project


def run_pytest(project: ProjectFolder, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *args],
        cwd=project.folder,
        env=project.environ(env),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def record(project: ProjectFolder, *args: str) -> subprocess.CompletedProcess[str]:
    with FaultServer(completion("Good day.")) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        return run_pytest(project, "prompts/", *args, **env)


def test_a_case_without_a_snapshot_fails_and_says_how_to_record_it(project: ProjectFolder) -> None:
    done = run_pytest(project, "prompts/", "--runner-record", "none")
    assert done.returncode == 1
    assert "2 failed" in done.stdout
    assert "runner test prompts/hello.prompt.yaml --case ada --record new_episodes" in done.stdout


def test_recorded_and_approved_cases_pass_offline(project: ProjectFolder) -> None:
    assert record(project, "--runner-update", "missing").returncode == 0
    done = run_pytest(project, "prompts/", CI="true")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_recording_without_updating_leaves_the_answer_to_a_review(project: ProjectFolder) -> None:
    assert record(project).returncode == 1
    assert not (project.folder / "prompts" / "__snapshots__").exists()
    assert len(json.loads(project.run("pending", "--json").out)) == 2


def test_one_item_can_be_named(project: ProjectFolder) -> None:
    record(project, "--runner-update", "missing")
    done = run_pytest(project, "prompts/hello.prompt.yaml::bob", CI="true")
    assert "1 passed" in done.stdout


def test_a_file_that_does_not_load_is_a_collection_error_with_its_line(project: ProjectFolder) -> None:
    project.write("prompts/broken.prompt.yaml", "model: m\nmessages: [{role: usr, content: hi}]\n")
    done = run_pytest(project, "prompts/", CI="true")
    assert done.returncode == 2
    assert "prompts/broken.prompt.yaml:2:" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_snapshot_without_a_case_is_never_deleted(project: ProjectFolder) -> None:
    record(project, "--runner-update", "all")
    project.write("prompts/hello.prompt.yaml", PROMPT.replace("  - {id: bob, vars: {name: Bob}}\n", ""))
    assert record(project, "--runner-update", "all").returncode == 0
    assert (project.folder / "prompts/__snapshots__/hello/bob.snap.yaml").is_file()


def test_a_project_without_prompts_loads_nothing_of_it(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write(
        "test_it.py",
        "import sys\n\ndef test_nothing_heavy():\n"
        "    assert not {'yaml', 'jinja2', 'jsonschema', 'httpx', 'click', 'runner.engine'} & set(sys.modules)\n",
    )
    done = run_pytest(project)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.e2e
def test_workers_side_by_side_judge_the_same(project: ProjectFolder) -> None:
    record(project, "--runner-update", "missing")
    done = run_pytest(project, "prompts/", "-n", "2", CI="true")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize(
    ("args", "env", "loaded"),
    [
        ([], {}, True),
        (["--runner-isolate"], {}, False),
        ([], {"RUNNER_ISOLATE": "1"}, False),
        ([], {"RUNNER_ISOLATE": "off"}, True),
    ],
)
def test_a_session_can_be_isolated_and_then_loads_no_jinja(
    project: ProjectFolder, args: list[str], env: dict[str, str], loaded: bool
) -> None:
    assert record(project, "--runner-update", "missing").returncode == 0
    project.write(
        "conftest.py", "import sys\ndef pytest_sessionfinish(): print('JINJA', 'jinja2' in sys.modules)\n"
    )
    done = run_pytest(project, "prompts/", "-W", "error", *args, CI="true", **env)
    assert done.returncode == 0, done.stdout
    assert f"JINJA {loaded}" in done.stdout


def test_a_variable_that_says_neither_yes_nor_no_is_an_error(project: ProjectFolder) -> None:
    done = run_pytest(project, "prompts/", RUNNER_ISOLATE="perhaps")
    assert done.returncode == 2
    assert "RUNNER_ISOLATE: 'perhaps' is not a valid boolean" in done.stdout
    assert "Traceback" not in done.stdout
