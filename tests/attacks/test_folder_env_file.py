"""A folder of a stranger: its `.env`, where a person asks for it, gives what runner reads and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

import runner.cli
from runner.files.env_file import SETTINGS
from tests.cli.asking import PROMPT
from tests.cli.project import ProjectFolder
from tests.faults import FaultServer

KEY = "sk-of-this-person"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """A project that asks `openai`, as most do."""
    project = ProjectFolder(tmp_path)
    project.write("prompts/hello.prompt.yaml", PROMPT)
    return project


def environment_after(project: ProjectFolder, *args: str, env: dict[str, str]) -> dict[str, str]:
    """What the environment of the process is once a command has read its file."""
    seen: dict[str, str] = {}
    kept = dict(os.environ)

    class Watching(ProjectFolder):
        def environ(self, env: object = None) -> dict[str, str]:
            return project.environ(env)  # type: ignore[arg-type]

    import runner.endpoints.connect as connecting

    real = connecting.resolve

    def resolve(*given: object, **named: object) -> object:
        seen.update(os.environ)
        return real(*given, **named)  # type: ignore[arg-type]

    patch = pytest.MonkeyPatch()
    patch.setattr("runner.endpoints.connect.resolve", resolve)
    try:
        Watching(project.folder).run(*args, env=env)
    finally:
        patch.undo()
    assert dict(os.environ) == kept
    return seen


OF_OTHERS = [
    "PATH", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "UV_DEFAULT_INDEX",
    "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GIT_EXEC_PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES",
    "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "HOME",
    "XDG_CONFIG_HOME", "TMPDIR", "PYTHON_KEYRING_BACKEND", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "CI", "OPENAI_PROXY",
    "RUNNER_ENDPIONT",
]  # fmt: skip


def test_variables_of_other_programs_are_not_set_and_this_is_told(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write(
        "runner.yaml",
        f"endpoint: f\nendpoints: {{f: {{base_url: '{server.base_url}', api_key_env: MY_KEY}}}}\n",
    )
    project.write("s.env", "".join(f"{name}=evil\n" for name in OF_OTHERS) + f"MY_KEY={KEY}\n")
    env = {"RUNNER_TRUST": "1"}
    seen = environment_after(project, "run", "--env-file", "s.env", env=env)
    assert {name for name in seen if seen[name] == "evil"} == set()
    assert "MY_KEY" not in seen  # no other program that is started gets it
    done = project.run("run", "--env-file", "s.env", env=env)
    assert done.code == 0
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    for line, name in enumerate(OF_OTHERS, start=1):
        assert f"s.env:{line}: W016 {name} is not used" in done.err
    assert "evil" not in done.err
    assert "MY_KEY" not in done.err


def test_a_name_of_another_program_is_still_not_set_where_an_endpoint_names_it(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write(
        "runner.yaml",
        f"endpoint: f\nendpoints: {{f: {{base_url: '{server.base_url}', api_key_env: HTTPS_PROXY}}}}\n",
    )
    project.write("s.env", "HTTPS_PROXY=http://127.0.0.1:1\n")
    seen = environment_after(project, "run", "--env-file", "s.env", env={"RUNNER_TRUST": "1"})
    assert "HTTPS_PROXY" not in seen


def test_a_key_of_the_environment_does_not_go_where_a_file_says(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write(".env", f"# x\nOPENAI_BASE_URL={server.base_url}\n")
    for command in (("run",), ("test",), ("models",), ("run", "--endpoint", "openai")):
        done = project.run(*command, "--env-file", ".env", env={"OPENAI_API_KEY": KEY, "RUNNER_TRUST": ""})
        assert done.code == 2
        assert ".env:2: " in done.err
        assert f"OPENAI_API_KEY to {server.base_url}" in done.err
    assert server.requests == []


@pytest.mark.parametrize("declared", ["openai: {rpm: 600}", "openai: {api_key_env: OTHER_KEY}"])
def test_nor_where_the_project_declares_the_endpoint(
    project: ProjectFolder, server: FaultServer, declared: str
) -> None:
    project.write("runner.yaml", f"endpoints: {{{declared}}}\n")
    project.write(".env", f"OPENAI_BASE_URL={server.base_url}\n")
    done = project.run(
        "run", "--env-file", ".env", env={"OPENAI_API_KEY": KEY, "OTHER_KEY": KEY, "RUNNER_TRUST": ""}
    )
    assert done.code == 2
    assert server.requests == []


def test_it_does_when_its_owner_agrees(project: ProjectFolder, server: FaultServer) -> None:
    project.write(".env", f"OPENAI_BASE_URL={server.base_url}\n")
    done = project.run(
        "run", "--env-file", ".env", "--trust", env={"OPENAI_API_KEY": KEY, "RUNNER_TRUST": ""}
    )
    assert done.code == 0
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("declared", ["", "endpoints: {openai: {rpm: 6000}}\n"])
def test_a_file_that_brings_the_key_too_says_where_it_goes(
    project: ProjectFolder, server: FaultServer, declared: str
) -> None:
    project.write("runner.yaml", declared)
    project.write(".env", f"OPENAI_BASE_URL={server.base_url}\nOPENAI_API_KEY={KEY}\n")
    assert project.run("run", "--env-file", ".env").code == 0
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_server_of_the_environment_goes_before_that_of_the_file(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write(".env", "OPENAI_BASE_URL=http://127.0.0.1:1/v1\n")
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
    assert project.run("run", "--env-file", ".env", env=env).code == 0


def test_a_file_without_an_end_is_refused(project: ProjectFolder) -> None:
    project.write(".env", b"A=1\n" * 300_000)
    done = project.run("run", "--env-file", ".env")
    assert done.code == 2
    assert "larger than 1 MiB" in done.err


def test_settings_of_a_file_count(project: ProjectFolder, server: FaultServer) -> None:
    project.write("runner.yaml", f"endpoints: {{f: {{base_url: '{server.base_url}'}}}}\n")
    project.write(".env", "RUNNER_ENDPOINT=f\n")
    assert project.run("run", "--env-file", ".env").code == 0
    assert server.requests


def test_every_variable_that_stands_for_an_option_is_a_setting() -> None:
    found = {"RUNNER_CACHE_DIR"}
    folder = Path(runner.cli.__file__).parent
    for path in folder.glob("*.py"):
        command = getattr(import_module(f"runner.cli.{path.stem}"), "command", None)
        if isinstance(command, click.Command):
            found |= {name for option in command.params for name in [option.envvar] if isinstance(name, str)}
    assert found == SETTINGS
