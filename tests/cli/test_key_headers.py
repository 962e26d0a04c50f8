"""Keys in headers of a gateway (`headers_env`), and addresses with a query, against a real server."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from tests.faults import FaultServer, Received, Steps, echo, reply

from .project import ProjectFolder

VALUE = "planted-gateway-value-0123456789"
PROMPT = "model: m\nmessages: [{role: user, content: hi}]\ntests: [{id: a}]\n"


def declare(project: ProjectFolder, server: FaultServer, fields: str, query: str = "") -> None:
    project.write(
        "runner.yaml",
        f"endpoint: e\nendpoints:\n  e: {{base_url: '{server.base_url}{query}', max_retries: 0, {fields}}}\n",
    )
    project.write("a.prompt.yaml", PROMPT)


def everything_written(project: ProjectFolder) -> bytes:
    return b"".join(path.read_bytes() for path in project.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize(
    "header", ["Ocp-Apim-Subscription-Key", "x-portkey-api-key", "x-goog-api-key", "Authorization"]
)
def test_a_header_takes_its_value_from_the_environment_and_no_other_key_is_sent(
    project: ProjectFolder, server: FaultServer, transport: str, header: str
) -> None:
    declare(project, server, f"headers_env: {{{header}: GATEWAY_KEY}}")
    server.play(
        lambda request: reply(200, {"choices": [{"finish_reason": "stop", "message": {"content": VALUE}}]})
    )
    done = project.run(
        "run",
        "--transport",
        transport,
        "--debug",
        "--output",
        "o.jsonl",
        env={"GATEWAY_KEY": VALUE, **trusted(server)},
    )
    assert server.requests[0].headers[header.lower()] == VALUE
    assert ("authorization" in server.requests[0].headers) == (header == "Authorization")
    assert VALUE not in done.out + done.err
    assert VALUE.encode() not in everything_written(project)


def trusted(server: FaultServer) -> dict[str, str]:
    return {"RUNNER_TRUST": f"GATEWAY_KEY@{server.base_url}"}


def test_it_is_asked_for_trust_as_a_key_is(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server, "headers_env: {X-Key: GATEWAY_KEY}")
    done = project.run("run", env={"GATEWAY_KEY": VALUE, "RUNNER_TRUST": ""})
    assert (done.code, server.requests) == (2, [])
    assert "GATEWAY_KEY" in done.err


def test_a_header_whose_variable_is_missing_sends_nothing(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, server, "headers_env: {X-Key: GATEWAY_KEY}")
    done = project.run("run", env=trusted(server))
    assert (done.code, server.requests) == (2, [])
    assert "reads the header X-Key from the variable GATEWAY_KEY, which is not set" in done.err
    assert done.err.startswith("runner.yaml:3:3: ")


def test_the_curl_command_names_the_variable(project: ProjectFolder, server: FaultServer) -> None:
    declare(
        project, server, "headers: {X-Team: a}, headers_env: {X-Key: GATEWAY_KEY}", "?api-version=2024-10-21"
    )
    done = project.run("render", "--format", "curl", env={"GATEWAY_KEY": VALUE})
    assert f"curl '{server.base_url}/chat/completions?api-version=2024-10-21'" in done.out
    assert '-H "X-Key: $GATEWAY_KEY"' in done.out
    assert VALUE not in done.out


@pytest.mark.parametrize("name", ["acme/ci", 'o\'b "$(touch x)"/me & `touch x`', "-p/ $HOME"])
def test_the_curl_command_asks_the_keyring_for_its_entry(
    project: ProjectFolder, server: FaultServer, tmp_path: Path, name: str
) -> None:
    declare(project, server, f"api_key_keyring: {json.dumps(name)}")
    command = project.run("render", "--format", "curl").out
    shell = (
        'keyring() { [ "$1" = get ] && [ "$2" = -- ] && printf "key of %s/%s" "$3" "$4"; }; '
        'curl() { for a in "$@"; do printf "%s\\0" "$a"; done; }; '
    )
    done = subprocess.run(
        ["sh", "-c", shell + command], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert f"Authorization: Bearer key of {name}" in done.stdout.split("\0")
    assert not (tmp_path / "x").exists()


def test_no_snapshot_holds_the_value_of_a_header(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server, "headers_env: {X-Key: GATEWAY_KEY}")
    server.play(
        lambda request: reply(200, {"choices": [{"finish_reason": "stop", "message": {"content": VALUE}}]})
    )
    project.run("test", "--update", "missing", env={"GATEWAY_KEY": VALUE, **trusted(server)})
    assert VALUE.encode() not in everything_written(project)


def test_headers_env_of_openai_takes_the_place_of_its_key(
    project: ProjectFolder, server: FaultServer
) -> None:
    project.write("runner.yaml", "endpoints: {openai: {headers_env: {api-key: GATEWAY_KEY}}}\n")
    project.write("a.prompt.yaml", PROMPT)
    env = {"GATEWAY_KEY": VALUE, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "unused-0123456789"}
    assert project.run("run", env={**env, **trusted(server)}).code == 0
    assert server.requests[0].headers["api-key"] == VALUE
    assert "authorization" not in server.requests[0].headers


def test_both_are_sent_where_both_are_declared(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server, "api_key_env: KEY, headers_env: {cf-aig-authorization: GATEWAY_KEY}")
    env = {
        "GATEWAY_KEY": VALUE,
        "KEY": "key-0123456789",
        "RUNNER_TRUST": f"GATEWAY_KEY@{server.base_url} KEY@{server.base_url}",
    }
    assert project.run("run", env=env).code == 0
    assert server.requests[0].headers["authorization"] == "Bearer key-0123456789"
    assert server.requests[0].headers["cf-aig-authorization"] == VALUE


@pytest.mark.parametrize(
    "header", ["Ocp-Apim-Subscription-Key", "x-api-key", "X-Auth-Key", "api-key", "x-goog-api-key", "Cookie"]
)
def test_a_secret_header_in_the_file_names_headers_env(
    project: ProjectFolder, server: FaultServer, header: str
) -> None:
    declare(project, server, f"headers: {{{header}: hunter2}}")
    for command in ("run", "check"):
        done = project.run(command)
        assert done.code == 2
        assert f"headers_env: {{{header}: NAME}}" in done.err
        assert "hunter2" not in done.err


PASTED = [
    "sk-proj-abcdefghij0123456789",
    "abcdef0123456789abcdef0123456789",
    "gsk_abcdefghijklmnopqrstuvwx0123456789",
    "hunter2-is-my-key",
    "0123456789abcdef0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
]
FIELDS = [
    "api_key_env: {}",
    "api_key_env: '{}'",
    "headers_env: {{X-Key: {}}}",
    "headers_env: {{X-Team: {}}}",
    "api_key_keyring: {}",
    "api_key: {}",
    "api_key_evn: {}",
]
COMMANDS = ["check", "run", "test", "models", "render", "explain a", "pending", "render --format curl"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("pasted", PASTED)
def test_a_key_that_is_pasted_where_its_name_belongs_is_never_echoed(
    project: ProjectFolder, server: FaultServer, field: str, pasted: str
) -> None:
    declare(project, server, field.format(pasted))
    for command, trust in itertools.product(COMMANDS, ("", "1")):
        done = project.run(*command.split(), env={"RUNNER_TRUST": trust})
        assert pasted not in done.out + done.err, command
    project.write("runner.yaml", project.folder.joinpath("runner.yaml").read_text().replace(", ", ",\n    "))
    assert pasted not in project.run("check").err
    assert pasted not in project.run("run").err
    assert server.requests == []


@pytest.mark.parametrize("where", ["runner.yaml", "environment"])
def test_a_query_stays_at_the_end_of_the_address(
    project: ProjectFolder, server: FaultServer, where: str
) -> None:
    def play(request: Received) -> Steps:
        return reply(200, {"data": []}) if request.method == "GET" else echo(request)

    server.play(play)
    query = "/openai/deployments/gpt-4o?api-version=2024-10-21"
    project.write("a.prompt.yaml", PROMPT)
    env = {"OPENAI_API_KEY": "key-0123456789"}
    if where == "runner.yaml":
        declare(project, server, "timeout: 20", query)
    else:
        env["OPENAI_BASE_URL"] = server.base_url + query
    assert project.run("run", env=env).code == 0
    assert project.run("models", env=env).code == 0
    targets = [request.target.removeprefix("/v1") for request in server.requests]
    base = "/openai/deployments/gpt-4o"
    assert targets == [
        f"{base}/chat/completions?api-version=2024-10-21",
        f"{base}/models?api-version=2024-10-21",
    ]


def test_a_key_in_the_query_of_an_address_is_refused_and_not_shown(
    project: ProjectFolder, server: FaultServer
) -> None:
    for query in ("?key=hunter2", "?api-version=1&subscription-key=hunter2", "?code=hunter2", "?sig=hunter2"):
        declare(project, server, "timeout: 20", query)
        done = project.run("check")
        assert (done.code, "hunter2" in done.err) == (2, False)
        assert "contains a key in its query" in done.err
        (project.folder / "runner.yaml").unlink()
        done = project.run("run", env={"OPENAI_BASE_URL": server.base_url + query, "OPENAI_API_KEY": "k"})
        assert (done.code, "hunter2" in done.err) == (2, False)
    assert server.requests == []
