"""A stranger's runner.yaml sends a key of this machine only after a person has agreed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults import FaultServer, completion, reply

from .asking import KEY, write_rows
from .project import Done, ProjectFolder
from .terminal import Terminal

UNTRUSTED = {"FAKE_KEY": KEY, "RUNNER_TRUST": ""}
SENDING = [
    ["run"],
    ["test"],
    ["test", "--samples", "3"],
    ["baseline"],
    ["models"],
    ["run", "prompts/hello.prompt.yaml", "--input", "rows.jsonl"],
]


def say(asked: ProjectFolder, *args: str, **env: str) -> Done:
    return asked.run(*args, env={**UNTRUSTED, **env})


def remembered(asked: ProjectFolder) -> Mapping[str, list[str]]:
    [place] = asked.folder.rglob("trust.json")
    folders: Mapping[str, list[str]] = json.loads(place.read_text())["folders"]
    return folders


@pytest.mark.parametrize("command", SENDING, ids=" ".join)
def test_a_project_that_was_never_trusted_sends_nothing_and_names_variable_server_and_place(
    asked: ProjectFolder, server: FaultServer, command: list[str]
) -> None:
    write_rows(asked, ["Ada"])
    done = say(asked, *command)
    assert done.code == 2
    assert (
        f"runner.yaml:3:3: error: this project would send the variable FAKE_KEY to {server.base_url}"
        in done.err
    )
    assert "--trust" in done.err
    assert f"RUNNER_TRUST=FAKE_KEY@{server.base_url}" in done.err
    assert KEY not in done.err + done.out
    assert not server.requests


@pytest.mark.parametrize("command", SENDING, ids=" ".join)
def test_a_refused_project_is_not_announced_as_if_it_ran(asked: ProjectFolder, command: list[str]) -> None:
    write_rows(asked, ["Ada"])
    assert say(asked, *command).out == ""


@pytest.mark.parametrize(
    "command", [["check"], ["render"], ["run", "--dry-run"], ["test", "--offline"]], ids=" ".join
)
def test_what_sends_nothing_needs_no_trust(asked: ProjectFolder, command: list[str]) -> None:
    assert "trust" not in say(asked, *command).err.lower()


def test_the_flag_agrees_once_for_the_folder_its_variable_and_its_server(
    asked: ProjectFolder, server: FaultServer
) -> None:
    assert say(asked, "run", "--trust").code == 0
    assert remembered(asked) == {str(asked.folder.resolve()): [f"FAKE_KEY@{server.base_url}"]}
    server.play(reply(200, {"data": [{"id": "gpt-test"}]}))
    assert say(asked, "models").code == 0


def test_another_variable_or_another_server_is_asked_about_again(
    asked: ProjectFolder, server: FaultServer
) -> None:
    assert say(asked, "run", "--trust").code == 0
    declared = (asked.folder / "runner.yaml").read_text()
    asked.write("runner.yaml", declared.replace("FAKE_KEY", "OTHER_KEY"))
    assert say(asked, "run", "--no-cache", OTHER_KEY=KEY).code == 2
    asked.write("runner.yaml", declared.replace("/v1'", "/v1/elsewhere'"))
    assert say(asked, "run", "--no-cache").code == 2


def test_trust_in_one_folder_is_none_in_another(
    asked: ProjectFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert say(asked, "run", "--trust").code == 0
    other = ProjectFolder(tmp_path_factory.mktemp("clone"))
    for name in ("runner.yaml", "prompts/hello.prompt.yaml"):
        other.write(name, (asked.folder / name).read_text())
    assert say(other, "run", HOME=str(asked.folder)).code == 2


@pytest.mark.parametrize(
    "value", ["1", "FAKE_KEY@{server}", "FAKE_KEY@{server}/", "OTHER@https://x.example/v1,FAKE_KEY@{server}"]
)
def test_the_variable_agrees_without_remembering(
    asked: ProjectFolder, server: FaultServer, value: str
) -> None:
    assert say(asked, "run", RUNNER_TRUST=value.format(server=server.base_url)).code == 0
    assert not list(asked.folder.rglob("trust.json"))


@pytest.mark.parametrize("value", ["0", "OTHER@{server}", "FAKE_KEY@https://x.example/v1", "yes please", "*"])
def test_a_variable_that_names_something_else_agrees_to_nothing(
    asked: ProjectFolder, server: FaultServer, value: str
) -> None:
    assert say(asked, "run", RUNNER_TRUST=value.format(server=server.base_url)).code == 2
    assert not server.requests


def test_an_env_file_cannot_agree(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write(".env", "RUNNER_TRUST=1\n")
    done = asked.run("run", "--env-file", ".env", env={"FAKE_KEY": KEY, "RUNNER_TRUST": "0"})
    assert done.code == 2
    assert not server.requests


@pytest.mark.parametrize(
    "declared",
    [
        "endpoints: {openai: {rpm: 600}}",
        "endpoints: {openai: {base_url: 'SERVER', api_key_env: OPENAI_API_KEY}}",
        "endpoint: open\nendpoints: {open: {base_url: 'SERVER'}}",
    ],
    ids=["built in", "the user's own server and key", "no key"],
)
def test_what_the_environment_says_itself_and_servers_without_keys_need_no_trust(
    asked: ProjectFolder, server: FaultServer, declared: str
) -> None:
    asked.write("runner.yaml", declared.replace("SERVER", server.base_url))
    done = say(asked, "run", OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY=KEY)
    assert done.code == 0, done.err


def test_the_users_key_for_openai_needs_trust_for_another_server(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write(
        "runner.yaml",
        f"endpoints: {{openai: {{base_url: '{server.base_url}', api_key_env: OPENAI_API_KEY}}}}",
    )
    assert say(asked, "run", OPENAI_API_KEY=KEY).code == 2


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2), ("", 2)])
def test_a_terminal_asks_once(asked: ProjectFolder, server: FaultServer, answer: str, code: int) -> None:
    with Terminal(asked, "run", env=UNTRUSTED) as terminal:
        terminal.answer("[y/N]", answer)
        assert terminal.end() == code
        assert f"the variable FAKE_KEY to {server.base_url}" in terminal.text
    with Terminal(asked, "run", env=UNTRUSTED) as again:
        if code:
            again.answer("[y/N]", "n")
        assert again.end() == code
        assert ("[y/N]" in again.text) == bool(code)


@pytest.mark.slow
def test_ci_is_not_asked_even_where_it_has_a_terminal(asked: ProjectFolder) -> None:
    with Terminal(asked, "run", env={**UNTRUSTED, "CI": "true"}) as terminal:
        assert terminal.end() == 2
        assert "[y/N]" not in terminal.text


@pytest.mark.slow
def test_pytest_sends_nothing_of_a_project_that_was_never_trusted(
    asked: ProjectFolder, server: FaultServer
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "prompts", "--runner-record", "all"],
        cwd=asked.folder,
        env=asked.environ(UNTRUSTED),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "RUNNER_TRUST" in done.stdout
    assert not server.requests


def test_a_folder_that_cannot_be_written_is_trusted_for_one_run_and_says_so(asked: ProjectFolder) -> None:
    asked.write("file", "")
    done = say(asked, "run", "--trust", XDG_CONFIG_HOME=str(asked.folder / "file"))
    assert done.code == 0
    assert "trusted for this run only" in done.err


DAMAGED = ["", "[]", '{"runner_trust": 1}', '{"runner_trust": 1, "folders": 3}', "\0", "[" * 100_000]
DAMAGED += [
    f'{{"runner_trust": {version}, "folders": {{}}}}' for version in ("0", "-1", "true", "null", '"1"')
]
DAMAGED += [f'{{"runner_trust": 1, "folders": {{"/": {keys}}}}}' for keys in ("null", '"A@b"', "[1]", "{}")]


@pytest.mark.parametrize("text", DAMAGED, ids=lambda text: text[:60])
def test_a_damaged_file_of_trusted_projects_trusts_nobody(
    asked: ProjectFolder, server: FaultServer, text: str
) -> None:
    place = asked.write("config/prompt-runner/trust.json", text)
    done = say(asked, "run", XDG_CONFIG_HOME=str(asked.folder / "config"))
    assert (done.code, str(place) in done.err, server.requests) == (2, True, [])


def test_a_file_of_a_newer_version_asks_for_an_upgrade(asked: ProjectFolder) -> None:
    asked.write("config/prompt-runner/trust.json", '{"runner_trust": 2, "folders": {}}')
    assert "upgrade" in say(asked, "run", XDG_CONFIG_HOME=str(asked.folder / "config")).err


def test_a_program_that_loads_a_prompt_has_decided(asked: ProjectFolder, server: FaultServer) -> None:
    import runner

    server.play(completion("Hi."))
    prompt = runner.load(Path(asked.folder, "prompts/hello.prompt.yaml"), environ={"FAKE_KEY": KEY})
    assert prompt.run(name="Ada").passed
