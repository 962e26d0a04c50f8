"""`api_key_command`: a program prints the key, which is renewed when it expires or is refused, and never stored."""

from __future__ import annotations

import base64
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultServer, Received, Steps, completion, echo, reply

from .project import Done, ProjectFolder

PROMPT = "model: m\nmessages: [{role: user, content: 'hi {{ n }}'}]\ntests: [{id: a, vars: {n: 1}}, {id: b, vars: {n: 2}}]\n"


class Tokens:
    """A program outside the project that prints one token after the other, and counts its calls."""

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls"
        self._tokens = folder / "tokens.json"
        self.program = folder / "token.py"
        self.program.write_text(
            "import json, sys, pathlib\n"
            f"calls = pathlib.Path({str(self._calls)!r})\n"
            f"tokens = json.loads(pathlib.Path({str(self._tokens)!r}).read_text())\n"
            "number = len(calls.read_text()) if calls.exists() else 0\n"
            "calls.write_text('x' * (number + 1))\n"
            "print(tokens[min(number, len(tokens) - 1)])\n"
        )

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(self.program)]

    @property
    def calls(self) -> int:
        return len(self._calls.read_text()) if self._calls.exists() else 0

    def print_in_turn(self, *tokens: str) -> None:
        self._tokens.write_text(json.dumps(tokens))


@pytest.fixture
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    tokens = Tokens(tmp_path_factory.mktemp("program"))
    tokens.print_in_turn("token-number-one-0123", "token-number-two-4567")
    return tokens


def web_token(expires: float, name: str = "ada") -> str:
    parts = ({"alg": "none"}, {"exp": expires, "sub": name})
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*coded, "c2lnbmF0dXJl"))


def declare(project: ProjectFolder, url: str, command: list[str], **more: Any) -> None:
    endpoint = {"base_url": url, "api_key_command": command, "max_retries": 0, "concurrency": 1, **more}
    project.write("runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}}, indent=1))
    project.write("a.prompt.yaml", PROMPT)


def bearers(server: FaultServer) -> list[str]:
    return [request.headers["authorization"] for request in server.requests]


def everything_written(project: ProjectFolder) -> bytes:
    return b"".join(path.read_bytes() for path in project.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_program_prints_the_key_once_for_a_run(
    project: ProjectFolder, server: FaultServer, tokens: Tokens, transport: str
) -> None:
    server.play(echo)
    declare(project, server.base_url, tokens.command)
    done = project.run("run", "--transport", transport, "--no-cache", "--debug")
    assert done.code == 0, done.err
    assert bearers(server) == ["Bearer token-number-one-0123"] * 2
    assert tokens.calls == 1
    assert "token-number" not in done.out + done.err
    assert b"token-number" not in everything_written(project)


def refused_once(server: FaultServer) -> Any:
    def answer(request: Received) -> Steps:
        if request.headers["authorization"].endswith("one-0123"):
            return reply(401, {"error": {"message": "Token token-number-one-0123 has expired."}})
        return completion("It is token-number-two-4567.")

    return answer


@pytest.mark.parametrize(
    "command", [("run", "--no-cache", "--debug"), ("test", "--update", "missing")], ids=["run", "test"]
)
def test_a_refused_key_is_renewed_once_and_the_request_repeated(
    project: ProjectFolder, server: FaultServer, tokens: Tokens, command: tuple[str, ...]
) -> None:
    server.play(refused_once(server))
    declare(project, server.base_url, tokens.command)
    done = project.run(*command)
    # `test` ends at an answer that repeats a key.
    expected = ["one-0123", "two-4567", "two-4567"][: 3 if command[0] == "run" else 2]
    assert bearers(server) == [f"Bearer token-number-{each}" for each in expected]
    assert tokens.calls == 2
    assert "token-number" not in done.out + done.err, "the renewed key is a secret, too"
    assert b"token-number" not in everything_written(project)


def test_a_key_that_is_refused_again_is_an_error_that_names_the_program(
    project: ProjectFolder, server: FaultServer, tokens: Tokens
) -> None:
    server.play(lambda _: reply(401, {"error": {"message": "No."}}))
    declare(project, server.base_url, tokens.command)
    done = project.run("run", "--no-cache", "--limit", "1")
    assert done.code == 3
    assert (len(server.requests), tokens.calls) == (2, 2)
    assert done.records()[0]["error"]["hint"] == f"check the key in the command {sys.executable}"


def test_a_key_that_cannot_be_renewed_is_an_error_without_what_was_printed(
    project: ProjectFolder, server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("program")
    script = (
        "import pathlib, sys; asked = pathlib.Path(sys.argv[1])\n"
        "if asked.exists(): print('secret' + '-output'); sys.exit(7)\n"
        "asked.touch(); print('token-number-one-0123')"
    )
    server.play(refused_once(server))
    declare(project, server.base_url, [sys.executable, "-c", script, str(folder / "asked")])
    done = project.run("run", "--no-cache", "--limit", "1")
    assert done.code == 3
    assert len(server.requests) == 1
    error = done.records()[0]["error"]
    assert error["code"] == "key"
    assert error["message"].endswith("(api_key_command): it ended with exit code 7")
    assert b"secret-output" not in everything_written(project)
    assert "secret-output" not in done.out + done.err


@pytest.mark.slow
def test_a_web_token_is_renewed_before_it_expires(
    project: ProjectFolder, server: FaultServer, tokens: Tokens
) -> None:
    first, second = web_token(time.time() + 62, "one"), web_token(time.time() + 7200, "two")
    tokens.print_in_turn(first, second)

    def slowly(request: Received) -> Steps:
        return (3.0, *echo(request))

    server.play(slowly, echo)
    declare(project, server.base_url, tokens.command)
    done = project.run("run", "--no-cache", "--transport", "aiohttp")
    assert done.code == 0, done.err
    assert bearers(server) == [f"Bearer {first}", f"Bearer {second}"]


def test_a_web_token_that_has_expired_by_this_clock_is_used_until_it_is_refused(
    project: ProjectFolder, server: FaultServer, tokens: Tokens
) -> None:
    server.play(echo)
    tokens.print_in_turn(web_token(time.time() - 1))
    declare(project, server.base_url, tokens.command)
    assert project.run("run", "--no-cache").code == 0
    assert tokens.calls == 1


def test_azure_gets_a_web_token_as_bearer_and_its_own_key_in_its_own_header(
    project: ProjectFolder, server: FaultServer, tokens: Tokens
) -> None:
    server.play(echo)
    entra = web_token(time.time() + 7200)
    env = {"HTTP_PROXY": server.origin, "http_proxy": server.origin}
    for token, own in ((entra, None), ("0123456789abcdef0123", "0123456789abcdef0123")):
        tokens.print_in_turn(token)
        declare(project, "http://me.openai.azure.com/openai/v1", tokens.command)
        done = project.run("run", "--no-cache", "--limit", "1", env=env)
        assert done.code == 0, done.err
        request = server.requests[-1]
        assert request.target == "http://me.openai.azure.com/openai/v1/chat/completions"
        assert request.headers["authorization"] == f"Bearer {token}"
        assert request.headers.get("api-key") == own


@pytest.mark.parametrize(
    ("token", "header", "value"),
    [
        ("sk-ant-api03-0123456789abcdef", "x-api-key", "{}"),
        ("sk-ant-oat01-0123456789abcdef", "authorization", "Bearer {}"),
        (web_token(9e9), "authorization", "Bearer {}"),
    ],
    ids=["key", "access token", "web token"],
)
def test_anthropic_gets_a_token_as_bearer_and_its_own_key_in_its_own_header(
    project: ProjectFolder, server: FaultServer, tokens: Tokens, token: str, header: str, value: str
) -> None:
    server.play(lambda _: reply(400, {"error": {"message": "No."}}))
    tokens.print_in_turn(token)
    declare(project, "http://api.anthropic.com/v1", tokens.command, api="messages")
    project.write("a.prompt.yaml", PROMPT + "max_tokens: 5\n")
    env = {"HTTP_PROXY": server.origin, "http_proxy": server.origin}
    project.run("run", "--no-cache", "--limit", "1", env=env)
    [request] = server.requests
    assert request.headers[header] == value.format(token)
    assert ("x-api-key" in request.headers) != ("authorization" in request.headers)


SCRIPTS = {
    "raise SystemExit(3)": "it ended with exit code 3",
    "pass": "it printed nothing",
    "print('a b')": "it printed several words or lines",
    "print('abc\\ndef')": "it printed several words or lines",
    'print(\'{"accessToken": "x"}\')': "it printed JSON, not a key",
    "print('x' * 100_000)": "it printed more than a key",
    "import sys; sys.stdout.buffer.write(b'k\\xc3\\xa4se')": "a character that is not valid in a key",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_program_that_prints_no_key_sends_nothing(
    project: ProjectFolder, server: FaultServer, script: str
) -> None:
    declare(project, server.base_url, [sys.executable, "-c", script])
    done = project.run("run", "--no-cache")
    assert (done.code, server.requests) == (2, [])
    assert SCRIPTS[script] in done.err
    assert done.err.startswith("runner.yaml:4:3: ")
    assert "accessToken" not in done.err.replace("--query accessToken", "")


@pytest.mark.parametrize("program", ["no-such-program", "./no-such-program", "/no/such/program"])
def test_a_program_that_does_not_exist_sends_nothing(
    project: ProjectFolder, server: FaultServer, program: str
) -> None:
    declare(project, server.base_url, [program])
    done = project.run("run", "--no-cache")
    assert (done.code, server.requests) == (2, [])
    assert "there is no such program" in done.err


def test_no_shell_reads_the_words(project: ProjectFolder, server: FaultServer, tokens: Tokens) -> None:
    server.play(echo)
    declare(
        project, server.base_url, [sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME;`id`|x"]
    )
    assert project.run("run", "--no-cache", "--limit", "1").code == 0
    assert bearers(server) == ["Bearer $HOME;`id`|x"]


def test_it_runs_only_after_the_user_agreed(
    project: ProjectFolder, server: FaultServer, tokens: Tokens
) -> None:
    server.play(echo)
    declare(project, server.base_url, tokens.command)
    for command in (["run"], ["models"], ["check", "--online"], ["test"]):
        done = project.run(*command, env={"RUNNER_TRUST": ""})
        assert (done.code, tokens.calls, server.requests) == (2, 0, [])
        assert f"`{shlex.join(tokens.command)}`" in done.err
    for command in (["check"], ["render"], ["run", "--dry-run"], ["test", "--offline"]):
        project.run(*command, env={"RUNNER_TRUST": ""})
        assert (tokens.calls, server.requests) == (0, [])
    proposed = done.err.partition("RUNNER_TRUST=")[2].split(" (")[0]
    [value] = shlex.split(proposed)
    assert project.run("run", "--no-cache", env={"RUNNER_TRUST": value}).code == 0


def test_the_curl_command_runs_the_program(
    project: ProjectFolder, server: FaultServer, tokens: Tokens
) -> None:
    declare(project, server.base_url, ["az", "account", "get-access-token", "--query", "a b"])
    done = project.run("render", "--format", "curl")
    assert "-H \"Authorization: Bearer $(az account get-access-token --query 'a b')\"" in done.out


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"api_key_command": "az account get-access-token"}, "must be a list"),
        ({"api_key_command": []}, "api_key_command"),
        ({"api_key_command": ["a", 1]}, "api_key_command"),
        ({"api_key_command": ["a"], "api_key_env": "KEY"}, "has both api_key_command and api_key_env"),
        (
            {"api_key_keyring": "a/b", "api_key_command": ["a"]},
            "has both api_key_keyring and api_key_command",
        ),
        ({"api_key_command": ["echo", "sk-abcdefghijklmnop1234567890"]}, "api_key_command[1] is a key"),
        (
            {"api_key_command": ["a"], "headers_env": {"Authorization": "X"}},
            "is also the header of the API key",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_at_its_place(
    project: ProjectFolder, server: FaultServer, fields: dict[str, Any], said: str
) -> None:
    endpoint = {"base_url": server.base_url, **fields}
    project.write("runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}}, indent=1))
    project.write("a.prompt.yaml", PROMPT)
    done: Done = project.run("check")
    assert done.code == 2
    assert said in done.err
    assert "runner.yaml:" in done.err
    assert "sk-abcdefghijklmnop" not in done.err
