"""`pytest prompts/`: each case an item, in a pytest of its own as a user would start it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from runner import pytest_plugin
from tests.cli.project import ProjectFolder
from tests.faults import FaultServer, completion
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

PROMPT = """
name: hello
model: m
messages: [{role: user, content: "Hello {{ name }}"}]
tests:
  - {id: ada, vars: {name: Ada}}
  - {id: bob, vars: {name: Bob}}
"""


@pytest.mark.parametrize(("value", "said"), [*click.BOOL.bool_states.items(), (" TRUE ", True)])
def test_a_flag_of_the_environment_is_read_as_the_command_line_reads_it(
    monkeypatch: pytest.MonkeyPatch, *, value: str, said: bool
) -> None:
    monkeypatch.setenv("RUNNER_ISOLATE", value)
    assert pytest_plugin._is_set("RUNNER_ISOLATE") is said


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
        return run_pytest(project, "prompts/", "--runner-record", "new_episodes", *args, **env)


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


def test_a_file_that_does_not_load_is_a_failing_item_with_its_line_and_interrupts_nothing(
    project: ProjectFolder,
) -> None:
    record(project, "--runner-update", "missing")
    project.write("prompts/broken.prompt.yaml", "model: m\nmessages: [{role: usr, content: hi}]\n")
    project.write("test_own.py", "def test_own(): pass\n")
    done = run_pytest(project, "prompts/", "test_own.py", CI="true")
    assert done.returncode == 1
    assert "prompts/broken.prompt.yaml:2:" in done.stdout
    assert "Traceback" not in done.stdout
    assert "3 passed" in done.stdout
    assert "1 failed" in done.stdout


def test_a_row_that_is_off_fails_beside_the_cases_before_it(project: ProjectFolder) -> None:
    record(project, "--runner-update", "missing")
    project.write("prompts/rows.jsonl", '{"id": "one", "vars": {"name": "A"}}\n{"id": "one", "vars": {}}\n')
    project.write(
        "prompts/rows.prompt.yaml",
        PROMPT.split("tests:")[0].replace("name: hello", "name: rows") + "tests: [{file: rows.jsonl}]\n",
    )
    done = run_pytest(project, "prompts/rows.prompt.yaml", CI="true")
    assert done.returncode == 1
    assert "prompts/rows.jsonl:2" in done.stdout


def test_no_model_is_asked_unless_an_option_says_so(project: ProjectFolder) -> None:
    with FaultServer(completion("Good day.")) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        done = run_pytest(project, "prompts/", **env)
        assert server.requests == []
    assert done.returncode == 1
    assert "no request was sent: pytest sends requests only with --runner-record" in done.stdout


def test_record_all_asks_although_the_answers_are_in_the_cache(project: ProjectFolder) -> None:
    with FaultServer(completion("Good day.")) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        run_pytest(
            project, "prompts/", "--runner-record", "new_episodes", "--runner-update", "missing", **env
        )
        server.requests.clear()
        assert run_pytest(project, "prompts/", "--runner-record", "all", **env).returncode == 0
        assert len(server.requests) == 2


FOREIGN = """
name: Text Summarizer
model: openai/gpt-4o-mini
modelParameters: {temperature: 0.5}
messages: [{role: user, content: "Summarize {{input}}"}]
testData: [{input: a fox, expected: fox}]
evaluators: [{name: has fox, string: {contains: fox}}]
"""


@pytest.fixture
def foreign(tmp_path: Path) -> ProjectFolder:
    """A repository of somebody else's, with a prompt file of another tool among its tests."""
    project = ProjectFolder(tmp_path)
    project.write("tests/test_own.py", "def test_own(): pass\n")
    project.write("tests/data/summarize.prompt.yml", FOREIGN)
    return project


@pytest.mark.parametrize("args", [[], ["."], ["tests"], ["tests/data/..", "-k", "own"]])
def test_prompt_files_of_other_tools_are_left_alone(foreign: ProjectFolder, args: list[str]) -> None:
    done = run_pytest(foreign, *args)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_files_that_the_project_does_not_take_are_left_alone(foreign: ProjectFolder) -> None:
    foreign.write("runner.yaml", "prompts: [mine/*.prompt.yaml]\n")
    foreign.write("mine/hello.prompt.yaml", PROMPT)
    done = run_pytest(foreign)
    assert "2 failed, 1 passed" in done.stdout, done.stdout
    assert "summarize" not in done.stdout


def test_a_prompt_of_a_project_that_cannot_be_opened_fails_and_interrupts_nothing(
    foreign: ProjectFolder,
) -> None:
    foreign.write("runner.yaml", "endpoint: nowhere\n")
    done = run_pytest(foreign)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert 'runner.yaml:1:11: there is no endpoint "nowhere"' in done.stdout


@pytest.mark.parametrize(
    "args", [["loose/hello.prompt.yaml"], ["loose"], ["-o", "runner_prompts=loose/*.prompt.yaml"]]
)
def test_without_a_project_a_prompt_is_collected_where_it_is_asked_for(
    tmp_path: Path, args: list[str]
) -> None:
    project = ProjectFolder(tmp_path)
    project.write("loose/hello.prompt.yaml", PROMPT)
    assert "no tests ran" in run_pytest(project).stdout
    assert "2 failed" in run_pytest(project, *args).stdout


def test_each_prompt_is_judged_by_the_project_nearest_to_it(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    with FaultServer(completion("jo@example.com")) as server:
        for service in ("one", "two"):
            project.write(f"{service}/prompts/hello.prompt.yaml", PROMPT)
        project.write(
            "one/runner.yaml",
            f"endpoint: here\nendpoints: {{here: {{base_url: '{server.base_url}'}}}}\nredact: [{{regex: '[a-z]+@[a-z.]+'}}]\n",
        )
        project.write("two/runner.yaml", "models: {m: {deny: true}}\n")
        done = run_pytest(project, "--runner-record", "all", "--runner-update", "missing")
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "denies at two/runner.yaml:1:10" in done.stdout
    stored = (tmp_path / "one/prompts/__snapshots__/hello/ada.snap.yaml").read_text()
    assert "REDACTED" in stored
    assert "example.com" not in stored


def test_a_failure_says_in_which_project_to_record(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write("svc/runner.yaml", "version: 1\n")
    project.write("svc/prompts/hello.prompt.yaml", PROMPT)
    done = run_pytest(project)
    assert (
        f"to record in {tmp_path}/svc: runner test prompts/hello.prompt.yaml --case ada --record"
        in done.stdout
    )


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


def test_prompts_that_share_snapshots_fail_and_write_nothing(project: ProjectFolder) -> None:
    project.write("prompts/copy.prompt.yaml", PROMPT)
    done = record(project, "--runner-update", "missing")
    assert "2 failed" in done.stdout, done.stdout
    assert "overwrite each other's snapshots in prompts/__snapshots__/hello" in done.stdout
    assert not (project.folder / "prompts/__snapshots__").exists()
    named = run_pytest(project, "prompts/hello.prompt.yaml")
    assert "prompts/copy.prompt.yaml:2:7" in named.stdout


def test_a_renamed_prompt_keeps_its_answers(project: ProjectFolder) -> None:
    record(project, "--runner-update", "missing")
    (project.folder / "prompts/hello.prompt.yaml").unlink()
    project.write("other/greeting.prompt.yaml", PROMPT)
    done = run_pytest(project, "other/")
    assert "pending (moved): the same request as prompts/__snapshots__/hello/ada.snap.yaml" in done.stdout
    assert "2 passed" in run_pytest(project, "other/", "--runner-update", "changed").stdout


GATED = (
    """
name: hello
model: m
messages: [{role: user, content: "Hello {{ name }}"}]
assert: [{type: contains, value: good}]
tests:
"""
    + "".join(f"  - {{id: c{number}, vars: {{name: n{number}}}}}\n" for number in range(20))
    + """
regression: {gate: {}}
"""
)


def gated(project: ProjectFolder, share: float, *args: str) -> subprocess.CompletedProcess[str]:
    """Run pytest, or `runner baseline`, with a server that answers well this often."""
    count = 0

    def play(_request: object) -> object:
        nonlocal count
        count += 1
        return completion(f"{'good' if count * share % 1 + share >= 1 else 'bad'} {count}")

    with FaultServer(play) as server:  # type: ignore[arg-type]
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        if args[0] == "baseline":
            assert project.run("baseline", env=env).code == 0
        return run_pytest(project, "prompts/", *args[1:], **env)


def test_a_prompt_with_a_gate_has_an_item_for_it(project: ProjectFolder) -> None:
    project.write("prompts/hello.prompt.yaml", GATED)
    offline = run_pytest(project, "prompts/", "-rs")
    assert "not judged: only --live sends every case (here: --runner-record all)" in offline.stdout
    live = gated(project, 1.0, "baseline", "--runner-record", "all", "-rP")
    assert live.returncode == 0, live.stdout
    assert "1 passed, 20 skipped" in live.stdout
    assert "pass_rate: held 0.0 points (100.0" in live.stdout
    worse = gated(project, 0.5, "test", "--runner-record", "all")
    assert worse.returncode == 1
    assert "hello/runner_gate" in worse.stdout
    assert "pass_rate: WORSE by" in worse.stdout


def test_a_gate_without_a_baseline_fails(project: ProjectFolder) -> None:
    project.write("prompts/hello.prompt.yaml", GATED)
    done = gated(project, 1.0, "test", "--runner-record", "all")
    assert done.returncode == 1
    assert "NOT CHECKED: there is no baseline: runner baseline prompts/hello.prompt.yaml" in done.stdout
