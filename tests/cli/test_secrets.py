"""Keys: where they may come from, and that they go nowhere but to their endpoint."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.faults import CLOSE, FaultServer, Received, Steps, completion, echo, reply
from tests.patience import PATIENCE

from .asking import KEY, run
from .project import Done, ProjectFolder


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def an_echoing_provider(request: Received) -> Steps:
    return completion(f"You sent {request.headers['authorization']}", model=f"gpt {KEY}", id=KEY)


def a_failing_provider(request: Received) -> Steps:
    error = {"message": f"Incorrect API key provided: {KEY}", "code": KEY, "type": KEY, "param": KEY}
    return reply(401, {"error": error}, headers={"x-request-id": KEY, "x-echo": KEY})


def a_broken_provider(request: Received) -> Steps:
    return reply(500, f"<html><title>{KEY}</title>{KEY}</html>", headers={"content-type": "text/html"})


def a_half_provider(request: Received) -> Steps:
    return (f"HTTP/1.1 200 OK\r\nx-key: {KEY}\r\ncontent-length: 1000\r\n\r\n{KEY}".encode(), CLOSE)


def a_redirecting_provider(request: Received) -> Steps:
    return reply(302, "", headers={"location": f"http://127.0.0.1:9/{KEY}"})


@pytest.mark.parametrize(
    "command", [("run",), ("test",), ("test", "-u"), ("run", "--stream"), ("run", "--json")]
)
@pytest.mark.parametrize(
    "provider",
    [an_echoing_provider, a_failing_provider, a_broken_provider, a_half_provider, a_redirecting_provider],
)
def test_a_key_is_in_no_file_and_no_output_whatever_the_provider_does_with_it(
    asked: ProjectFolder, server: FaultServer, provider: Any, command: tuple[str, ...]
) -> None:
    asked.write(
        "runner.yaml", (asked.folder / "runner.yaml").read_text().replace("max_retries: 2", "max_retries: 0")
    )
    server.play(provider)
    debug = ("--debug", "--output", "out.jsonl") if command[0] == "run" else ("--output", "out.xml")
    done = asked.run(*command, *debug, env={"FAKE_KEY": KEY})
    assert done.code != 0 or provider is an_echoing_provider
    assert KEY not in done.out + done.err
    assert KEY.encode() not in everything_written(asked.folder)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("stand_in", ["k", "x", "ok", "none", "index", "ollama"])
def test_a_stand_in_for_a_key_is_no_key(asked: ProjectFolder, server: FaultServer, stand_in: str) -> None:
    server.play(completion(f"it is {stand_in}"))
    for cached in (False, True):
        done = asked.run("run", env={"FAKE_KEY": stand_in})
        assert done.code == 0, done.err
        assert {record["text"] for record in done.records()} == {f"it is {stand_in}"}
        assert {record["outcome"] for record in done.records()} == {"ok"}
        assert {record["cached"] for record in done.records()} == {cached}


@pytest.mark.slow
def test_a_key_that_reaches_nobody_is_in_no_message(asked: ProjectFolder) -> None:
    asked.write(
        "runner.yaml",
        "endpoint: fake\nendpoints: {fake: {base_url: 'http://127.0.0.1:9/v1', api_key_env: FAKE_KEY}}\n",
    )
    done = run(asked, "--debug")
    assert KEY not in done.out + done.err
    assert KEY.encode() not in everything_written(asked.folder)


def test_a_key_is_in_no_repr_and_no_traceback(asked: ProjectFolder, server: FaultServer) -> None:
    from runner.endpoints.connect import resolve
    from runner.files.model import Endpoint

    connection = resolve(
        Endpoint("fake", base_url=server.base_url, api_key_env="FAKE_KEY"), {"FAKE_KEY": KEY}
    )
    from runner.endpoints.base import Request

    request = Request("POST", connection.url("chat/completions"), connection.headers())
    try:
        raise RuntimeError(connection, request)
    except RuntimeError:
        told = traceback.format_exc()
    assert KEY not in told + repr(connection) + repr(request)


def test_an_env_file_is_read_only_when_asked(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write(".env", f'# for development\nexport FAKE_KEY="{KEY}"\n')
    unasked = asked.run("run")
    assert (unasked.code, server.requests) == (2, [])
    assert "FAKE_KEY, which is not set" in unasked.err
    assert asked.run("run", "--env-file", ".env").code == 0
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_variable_that_is_set_wins_over_the_env_file(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write(".env", "FAKE_KEY=another-key-of-old\n")
    asked.run("run", "--env-file", ".env", env={"FAKE_KEY": KEY})
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nFAKE_KEY\n", ".env:2: this line sets no variable"),
        (f"FAKE_KEY='{KEY}\n", ".env:1: this line sets no variable"),
        ("FAKE_KEY= 'hunter2 and more\n", ".env:1: this line sets no variable"),
        (f"FAKE_KEY={KEY}\nFAKE_KEY=x\n", ".env:2: FAKE_KEY is set twice"),
    ],
)
def test_an_env_file_that_is_off_is_told_at_its_line_without_its_values(
    asked: ProjectFolder, text: str, said: str
) -> None:
    asked.write(".env", text)
    done = asked.run("run", "--env-file", ".env")
    assert done.code == 2
    assert said in done.err
    assert KEY not in done.err
    assert "hunter2" not in done.err


def test_an_env_file_that_is_not_there_is_an_error(asked: ProjectFolder) -> None:
    done = asked.run("run", "--env-file", "nowhere.env")
    assert done.code == 2
    assert "nowhere.env" in done.err


# --- the system's keyring, here one in a file -----------------------------------------------------------------------

KEYRING = {"PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring"}


@pytest.fixture
def with_keyring(asked: ProjectFolder) -> ProjectFolder:
    text = (asked.folder / "runner.yaml").read_text()
    asked.write("runner.yaml", text.replace("api_key_env: FAKE_KEY", "api_key_keyring: acme/bot"))
    return asked


def in_process_of_its_own(project: ProjectFolder, *args: str, env: dict[str, str]) -> Done:
    """keyring chooses its backend once in a process."""
    process = project.start(*args, env={**env, "XDG_DATA_HOME": str(project.folder.with_suffix(".data"))})
    out, err = process.communicate(timeout=PATIENCE)
    return Done(process.returncode, out, err, project.folder)


def keep_key(project: ProjectFolder) -> None:
    import subprocess

    subprocess.run(
        [sys.executable, "-m", "keyring", "set", "acme", "bot"],
        input=f"{KEY}\n",
        text=True,
        check=True,
        env={**project.environ(), **KEYRING, "XDG_DATA_HOME": str(project.folder.with_suffix(".data"))},
        capture_output=True,
    )


@pytest.mark.slow
def test_a_key_comes_from_the_keyring_and_is_as_secret(
    with_keyring: ProjectFolder, server: FaultServer
) -> None:
    keep_key(with_keyring)
    server.play(an_echoing_provider, echo)
    for command in ("run", "test"):
        done = in_process_of_its_own(with_keyring, command, env=KEYRING)
        assert KEY not in done.out + done.err
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert KEY.encode() not in everything_written(with_keyring.folder)


@pytest.mark.slow
def test_a_key_that_the_keyring_does_not_have_is_an_error(with_keyring: ProjectFolder) -> None:
    done = in_process_of_its_own(with_keyring, "run", env=KEYRING)
    assert done.code == 2
    assert "the keyring has no key acme/bot" in done.err
    assert "keyring set acme bot" in done.err


@pytest.mark.slow
def test_a_machine_without_a_keyring_is_an_error(with_keyring: ProjectFolder) -> None:
    done = in_process_of_its_own(
        with_keyring, "run", env={"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    )
    assert done.code == 2
    assert "cannot be read from the keyring" in done.err
    assert "Traceback" not in done.err


def test_an_argument_with_a_key_in_it_is_refused_because_arguments_are_stored(
    asked: ProjectFolder, server: FaultServer
) -> None:
    done = run(asked, "prompts/hello.prompt.yaml", "--var", f"name=it is {KEY}")
    assert done.code == 2
    assert "an argument has the key of an endpoint in it" in done.err
    assert "--var NAME=@FILE" in done.err
    assert KEY not in done.err
    assert not server.requests
    assert KEY.encode() not in everything_written(asked.folder)


def test_a_text_with_a_key_in_it_can_be_sent_from_a_file_and_is_masked_in_the_results(
    asked: ProjectFolder, server: FaultServer, tmp_path: Path
) -> None:
    asked.write("text.txt", f"it is {KEY}")
    done = run(asked, "prompts/hello.prompt.yaml", "--var", "name=@text.txt")
    assert done.code == 0, done.err
    assert KEY.encode() in server.requests[0].body
    (asked.folder / "text.txt").unlink()
    assert KEY.encode() not in everything_written(asked.folder)
