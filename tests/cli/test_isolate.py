"""`--isolate` on the commands that render: the same results, and no Jinja in the process of the command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from functools import partial

import pytest

from runner.isolation.process_limits import Limits
from tests.faults import FaultServer, completion
from tests.isolation.support import children, needs_proc, wait_for_the_end_of
from tests.isolation.test_bombs import TWO
from tests.patience import PATIENCE, wait_until

from .project import REPOSITORY, ProjectFolder
from .test_startup import modules_after

pytestmark = pytest.mark.slow

HELLO = """
name: hello
model: m
messages:
  - {role: system, content: "{% include 'tone.md' %}"}
  - {role: user, content: "Hello {{ name }}"}
tests:
  - {id: ada, vars: {name: Ada}, assert: [{type: expr, value: "text == 'Hi ' ~ vars.name"}]}
  - {id: bob, vars: {name: Bob}}
"""

BOMB = (
    """
name: bomb
model: m
messages:
  - role: user
    content: |-
      Hello {{ name }}
      {% if name == 'x' %}
      """
    + TWO
    + """
      {{ n.v == n.w }}
      {% endif %}
tests:
  - {id: ada, vars: {name: Ada}}
  - {id: evil, vars: {name: x}}
"""
)

TOO_SLOW = """bomb.prompt.yaml:7: error: messages[0]: the template takes longer than 1.5 seconds (with the variables of bomb.prompt.yaml:14:5)
  7 |       Hello {{ name }}
hint: with --isolate a prompt has 1.5 seconds and 512 MiB to render in
"""


@pytest.fixture
def hello(project: ProjectFolder) -> ProjectFolder:
    project.write("hello.prompt.yaml", HELLO)
    project.write("tone.md", "Be {{ 'kind' | upper }}.\n")
    return project


@pytest.fixture
def bomb(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    monkeypatch.setattr("runner.isolation.isolated_sandbox.Limits", partial(Limits, seconds=1.5))
    project.write("bomb.prompt.yaml", BOMB)
    return project


def commit(project: ProjectFolder) -> None:
    for args in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *args], cwd=project.folder, check=True, env=project.environ())


COMMANDS = [
    ("check",),
    ("render",),
    ("render", "--where", "vars.name == 'Ada'"),
    ("run", "--dry-run"),
    ("test", "--offline"),
    ("explain", "ada"),
    ("prune",),
    ("diff", "--base", "HEAD"),
    ("test", "--offline", "--base", "HEAD"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_the_same_with_and_without(hello: ProjectFolder, command: tuple[str, ...]) -> None:
    commit(hello)
    without, isolated = (hello.run(*command, *more) for more in ((), ("--isolate",)))
    told = [
        (done.code, re.sub(r" in [0-9.]+ s$", "", done.out, flags=re.MULTILINE), done.err)
        for done in (without, isolated)
    ]
    assert told[0] == told[1]
    assert without.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_loads_jinja_beside_its_isolation(hello: ProjectFolder, command: tuple[str, ...]) -> None:
    commit(hello)
    loaded = modules_after(hello, *command, "--isolate")
    assert "runner.isolation.isolated_sandbox" in loaded
    assert "jinja2" not in loaded


def test_without_the_option_there_is_no_isolation(hello: ProjectFolder) -> None:
    loaded = modules_after(hello, "check")
    assert "jinja2" in loaded
    assert "runner.isolation.isolated_sandbox" not in loaded


def test_our_own_prompts_are_the_same_requests(project: ProjectFolder) -> None:
    for folder in ("prompts", "schemas", "examples"):
        shutil.copytree(REPOSITORY / folder, project.folder / folder)
    shutil.copy(REPOSITORY / "runner.yaml", project.folder)
    # An example is a project of its own, and rendered in its folder.
    for folder, path in ((project.folder, "prompts"), (project.folder / "examples/python-api", ".")):
        without, isolated = (
            ProjectFolder(folder).run("render", "--format", "request", path, *more)
            for more in ((), ("--isolate",))
        )
        assert (without.code, isolated.out) == (0, without.out)
    assert project.run("test", "--offline", "--isolate", "prompts").code == 0


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_the_environment_can_ask_for_it(
    hello: ProjectFolder, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr("runner.isolation.process._BOOT", "import sys; sys.exit(3)")
    done = hello.run("render", env={"RUNNER_ISOLATE": value})
    assert done.code == 2
    assert hello.run("render", env={"RUNNER_ISOLATE": "0"}).code == 0


@pytest.mark.parametrize("command", [*COMMANDS, ("run",), ("test",)], ids=" ".join)
def test_where_it_cannot_be_set_up_nothing_is_rendered(
    hello: ProjectFolder, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    commit(hello)
    monkeypatch.setattr("runner.isolation.process._BOOT", "import sys; sys.exit(3)")
    done = hello.run(*command, "--isolate")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: --isolate: the process that renders cannot be set up: ended with exit code 3\n"
        "hint: without --isolate templates are rendered in this process, with fewer limits\n"
    )


def test_check_tells_a_bomb_at_its_place_and_goes_on(bomb: ProjectFolder) -> None:
    bomb.write("a.prompt.yaml", "model: m\nmessages: [{role: user, content: 'a{{ 1 }}'}]\n")
    bomb.write("z.prompt.yaml", "model: m\nmessages: [{role: user, content: 'z{{ 1 }}'}]\n")
    done = bomb.run("check", "--isolate")
    assert done.code == 2
    assert done.err == TOO_SLOW
    assert done.out == "3 prompts, 2 cases: 1 error, 0 warnings\n"


@pytest.mark.parametrize("command", ["run", "test"])
def test_of_a_run_with_a_bomb_nothing_is_sent(bomb: ProjectFolder, command: str) -> None:
    bomb.write("hello.prompt.yaml", "model: m\nmessages: [{role: user, content: 'a{{ 1 }}'}]\n")
    with FaultServer() as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        done = bomb.run(command, "--isolate", env=env)
        assert (done.code, done.err) == (2, TOO_SLOW)
        assert server.requests == []


def test_the_harmless_cases_of_a_bomb_are_rendered(bomb: ProjectFolder) -> None:
    done = bomb.run("render", "--isolate", "--case", "ada")
    assert (done.code, json.loads(done.out)[0]["content"]) == (0, "Hello Ada\n")


def test_many_rows_of_bombs_do_not_take_a_time_each(bomb: ProjectFolder) -> None:
    rows = "".join(json.dumps({"vars": {"name": "x"}, "id": f"r{n}"}) + "\n" for n in range(200))
    bomb.write("rows.jsonl", rows)
    done = bomb.run("render", "--isolate", "--input", "rows.jsonl")
    assert done.code == 2
    assert done.err.count("takes longer than 1.5 seconds") == 3
    assert "exceeded its limits 3 times and will not be rendered again" in done.err
    assert "and 180 more mistakes in the cases" in done.err


def test_an_expression_that_is_a_bomb_fails_its_check(
    bomb: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb.write(
        "bomb.prompt.yaml",
        """
name: bomb
model: m
messages: [{role: user, content: hi}]
assert:
  - {type: expr, value: "text == 'Hi'"}
  - {type: expr, value: "text != 'Hi' or range(100000) | map('string') | list * 10 == range(99999) | sum or (range(100000) | select('in', range(100000) | map('string') | list) | list)"}
""",
    )
    with FaultServer(completion("Hi")) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        assert bomb.run("run", "--isolate", env=env).code == 1
        [record] = bomb.run("run", "--isolate", "--json", env=env).json_lines()
    passed, failed = record["checks"]
    assert passed["passed"] is True
    assert failed["passed"] is False
    assert "cannot be evaluated: the template takes longer than 1.5 seconds" in failed["message"]


def test_an_expression_that_is_none_is_an_error_at_its_line(hello: ProjectFolder) -> None:
    hello.write("hello.prompt.yaml", HELLO.replace("vars.name", "varz.name"))
    without, isolated = (hello.run("check", *more) for more in ((), ("--isolate",)))
    assert without.code == 2
    assert "hello.prompt.yaml:8:63" in without.err
    assert (isolated.code, isolated.err) == (without.code, without.err)


def test_answers_are_judged_the_same(hello: ProjectFolder) -> None:
    with FaultServer(completion("Hi Ada")) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        first = hello.run("test", "--isolate", "--update", "missing", env=env)
        assert first.code == 0, first.err
    assert hello.run("test", "--offline", "--isolate").code == 0
    assert hello.run("test", "--offline").code == 0


def test_a_run_that_goes_on_stays_isolated_and_may_become_so(
    hello: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(completion("Hi Ada")) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "key-12345678"}
        for first, then, more in (
            (["--isolate"], [], {}),
            ([], ["--isolate"], {}),
            ([], [], {"RUNNER_ISOLATE": "1"}),
        ):
            assert hello.run("run", "--case", "ada", *first, env=env).code == 0
            assert hello.run("run", "--resume", "last", *then, env=env | more).code == 0
            with monkeypatch.context() as patched:
                patched.setattr("runner.isolation.process._BOOT", "import sys; sys.exit(3)")
                done = hello.run("run", "--resume", "last", *then, env=env | more)
            assert (done.code, "--isolate: the process" in done.err) == (2, True)


@needs_proc
def test_ctrl_c_ends_the_command_and_its_process_without_a_traceback(project: ProjectFolder) -> None:
    project.write("bomb.prompt.yaml", BOMB)
    process = project.start("render", "--isolate", start_new_session=True)
    wait_until(lambda: children(process.pid))
    [pid] = children(process.pid)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everybody in the foreground
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")
    wait_for_the_end_of(pid)
