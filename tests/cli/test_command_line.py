"""What is typed: short options, names, globs, completion, help on a narrow terminal."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS
from runner.endpoints.embedded import tell_progress
from tests.faults import FaultServer

from .asking import KEY, PROMPT, run
from .project import ProjectFolder
from .terminal import Terminal


def test_help_groups_the_commands_and_no_line_is_cut_or_wider_than_80_columns(project: ProjectFolder) -> None:
    text = project.run("--help", env={"COLUMNS": "80"}).out
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "..." not in text.replace("[ARGS]...", "")
    sections = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert sections == [
        "Options:",
        "Write prompts:",
        "Ask models:",
        "Test answers:",
        "Share prompts:",
        "This tool:",
    ]
    for name in COMMANDS:
        assert f"\n  {name} " in text


def test_short_options_stand_for_the_long_ones(asked: ProjectFolder) -> None:
    done = run(
        asked, "prompts/hello.prompt.yaml", "-v", "name=Eve", "-m", "other", "-o", "out.jsonl", "-j", "1"
    )
    assert done.code == 0
    [record] = [json.loads(line) for line in (asked.folder / "out.jsonl").read_text().splitlines()]
    assert (record["vars"], record["model"]) == ({"name": "Eve"}, "other")


def test_quiet_leaves_the_totals(asked: ProjectFolder) -> None:
    done = run(asked, "-q")
    lines = [line for line in done.out.splitlines() if line]
    assert lines[0].startswith("2 passed, 0 failed, 0 errors")
    assert lines[1].startswith("results: ")
    assert len(lines) == 2


@pytest.mark.parametrize("command", ["run", "render", "check"])
def test_a_prompt_of_the_project_is_named_by_its_name(asked: ProjectFolder, command: str) -> None:
    asked.write("prompts/other.prompt.yaml", PROMPT.replace("name: hello", "name: greeting"))
    assert asked.run(command, "greeting", env={"FAKE_KEY": KEY}).code == 0


def test_a_name_takes_no_other_prompt(asked: ProjectFolder) -> None:
    asked.write("prompts/other.prompt.yaml", PROMPT.replace("name: hello", "name: greeting"))
    run(asked, "greeting")
    assert {record["prompt"] for record in asked.run("show", "--json").json_lines()} == {"greeting"}


def test_a_name_that_two_prompts_have_is_an_error_that_names_both(asked: ProjectFolder) -> None:
    asked.write("prompts/other.prompt.yaml", PROMPT)
    done = asked.run("render", "hello")
    assert done.code == 2
    assert "2 prompts have the name hello" in done.err
    assert str(Path("prompts", "hello.prompt.yaml")) in done.err


def test_a_name_that_is_there_as_a_folder_is_the_folder(asked: ProjectFolder) -> None:
    asked.write("hello/other.prompt.yaml", PROMPT.replace("name: hello", "name: greeting"))
    done = asked.run("render", "hello")
    assert "hello/other.prompt.yaml ada" in done.err


def test_a_prompt_with_a_mistake_is_named_by_its_file(asked: ProjectFolder) -> None:
    asked.write("prompts/broken.prompt.yaml", "model: x\nmesages: []\n")
    done = asked.run("render", "broken")
    assert done.code == 2
    assert "prompts/broken.prompt.yaml:2:1" in done.err


def test_a_name_that_no_prompt_has_is_a_file_that_is_not_there(asked: ProjectFolder) -> None:
    done = asked.run("render", "nope")
    assert done.code == 2
    assert "there is no prompt or file nope" in done.err


@pytest.mark.parametrize(
    ("glob", "cases"), [("a*", ["ada"]), ("*", ["ada", "bob"]), ("[bc]ob", ["bob"]), ("b?b", ["bob"])]
)
def test_a_glob_names_cases(asked: ProjectFolder, glob: str, cases: list[str]) -> None:
    done = run(asked, "--case", glob)
    assert done.code == 0
    assert sorted(record["case"] for record in done.records()) == cases


def test_a_glob_that_matches_no_case_selects_nothing(asked: ProjectFolder) -> None:
    assert run(asked, "--case", "x*").code == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("runner ch", {"check"}),
        ("runner run hel", {"hello"}),
        ("runner run --case ", {"ada", "bob"}),
        ("runner test hello --case a", {"ada"}),
        ("runner run --endpoint f", {"fake"}),
        ("runner run --in", {"--in-order", "--input"}),
    ],
)
def test_a_shell_completes(asked: ProjectFolder, typed: str, offered: set[str]) -> None:
    assert completed(asked, typed) == offered


def completed(project: ProjectFolder, typed: str) -> set[str]:
    """What a shell offers behind what is typed, but for files."""
    done = subprocess.run(
        [sys.executable, "-c", "from runner.cli.main import cli; cli(prog_name='runner')"],
        cwd=project.folder,
        env=project.environ(
            {
                "_RUNNER_COMPLETE": "bash_complete",
                "COMP_WORDS": typed,
                "COMP_CWORD": str(len(typed.split(" ")) - 1),
            }
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    items = [line.split(",", 1) for line in done.stdout.splitlines()]
    return {value for kind, value in items if kind == "plain"}


@pytest.mark.slow
def test_completion_offers_nothing_where_the_project_has_a_mistake(asked: ProjectFolder) -> None:
    asked.write("runner.yaml", "endpoints: [\n")
    assert completed(asked, "runner run ") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(project: ProjectFolder, shell: str) -> None:
    done = project.run("completion", shell)
    assert done.code == 0
    assert "_RUNNER_COMPLETE" in done.out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("hel", ["hello"]), ("hello --case a", ["ada"]), ("--in", ["--in-order", "--input"])],
)
def test_bash_completes(asked: ProjectFolder, typed: str, offered: list[str]) -> None:
    """With the printed script: bash forgets words that come before the request to complete files."""
    words = ["runner", "run", *typed.split()]
    asked.write("bin/runner", f'#!/bin/sh\nexec "{sys.executable}" -m runner "$@"\n')
    (asked.folder / "bin/runner").chmod(0o755)
    script = (
        'compopt() { :; }; eval "$(runner completion bash)" 2>/dev/null; set -- $TYPED; COMP_WORDS=("$@")'
    )
    script += '; COMP_CWORD=$(($# - 1)); _runner_completion runner; printf "%s\\n" "${COMPREPLY[@]}"'
    path = f"{asked.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=asked.folder,
        env=asked.environ({"TYPED": " ".join(words), "PATH": path}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == offered


def script_of(project: ProjectFolder, shell: str, file: str) -> dict[str, str]:
    """Install the script of a shell in an empty home, and return the environment of that shell."""
    project.write("bin/runner", f'#!/bin/sh\nexec "{sys.executable}" -m runner "$@"\n')
    (project.folder / "bin/runner").chmod(0o755)
    project.write(file, project.run("completion", shell).out)
    home = str(project.folder / "home")
    path = f"{project.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return project.environ(
        {"HOME": home, "ZDOTDIR": home, "XDG_CONFIG_HOME": f"{home}/.config", "PATH": path}
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_completes_even_if_its_completion_was_not_set_up(asked: ProjectFolder) -> None:
    environ = script_of(asked, "zsh", "home/.zshrc")
    done = subprocess.run(
        ["zsh", "-i", "-c", "print $_comps[runner]"],
        cwd=asked.folder, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("_runner_completion\n", "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes(asked: ProjectFolder) -> None:
    environ = script_of(asked, "fish", "home/.config/fish/completions/runner.fish")
    done = subprocess.run(
        ["fish", "-c", "complete -C 'runner run hel'"],
        cwd=asked.folder, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("hello\n", "")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [24, 40, 60, 80, 200])
@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "x", "a-model-" * 20, "模型"])
def test_the_bar_of_a_download_stays_on_its_line(
    monkeypatch: pytest.MonkeyPatch, columns: int, name: str
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    show = tell_progress()
    for done in (0, 5, 50, 92):
        show(name, done * 10**6, 92 * 10**6)
    first, *drawn = screen.getvalue().removesuffix("\n").split("\r")
    assert first == ""
    assert max(map(len, drawn)) < columns
    assert len(set(map(len, drawn))) == 1, "a shorter line would leave the rest of a longer one"
    assert drawn[-1].endswith("92 of 92 MB")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_narrow_list_of_runs_names_the_prompt_without_its_folder(asked: ProjectFolder) -> None:
    asked.write("prompts/a-folder-with-a-long-name/greet.prompt.yaml", PROMPT)
    run(asked, "prompts/a-folder-with-a-long-name/greet.prompt.yaml")
    for columns, name in (("83", "greet.prompt.yaml"), ("78", "greet")):
        with Terminal(asked, "runs", env={"COLUMNS": columns}) as terminal:
            assert terminal.end() == 0
        assert terminal.text.replace("\r", "").splitlines()[1].endswith(f" {name}")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("columns", ["60", "80", "100"])
def test_the_list_of_runs_is_a_line_each_on_a_terminal(
    asked: ProjectFolder, server: FaultServer, columns: str
) -> None:
    for _ in range(2):
        run(asked)
    with Terminal(asked, "runs", "--limit", "1", env={"COLUMNS": columns}) as terminal:
        assert terminal.end() == 0
    lines = terminal.text.replace("\r", "").splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= int(columns)
    assert "complete" in lines[1]
