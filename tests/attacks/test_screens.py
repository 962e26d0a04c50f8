"""Every command with a hostile text in every field: on a pipe, on a terminal, in the log of GitHub Actions."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.cli.project import Done, ProjectFolder
from tests.cli.terminal import Terminal
from tests.faults import FaultServer, event_stream, reply

from .hostile import HOSTILE, RAW, YAML

pytestmark = pytest.mark.slow

OWN_CODES = re.compile(
    r"\x1b\[(?:[0-9;]*m|2K|1A|0?K|\?25[lh]|\?1049[lh]|H\x1b\[2J)"  # colours, the line of progress, the review's screen
)
NAME = "x\x1b[2J\x9b31m\x7f\u202e\u200b\n::error file=a::b\r##[error]c\n"
"""Of a file: short enough for every system."""

ENVIRONMENTS = [{}, {"GITHUB_ACTIONS": "true"}]

KEYS = {"FAKE_KEY": "k-0123456789", "RUNNER_TRUST": "1"}


def check(text: str, *, screen: bool = False, github: bool = False) -> None:
    """No raw character but our own codes, line feeds and tabs; no line that GitHub obeys but our own."""
    if screen:
        assert "\x1b[31mred" not in text
        text = OWN_CODES.sub("", text).replace("\r\n", "\n").replace("\r", "")
    found = RAW.search(text.replace("\n", ""))
    assert found is None, (found, text[max(0, found.start() - 80) :][:160] if found else "")
    assert not any("\ud800" <= character <= "\udfff" for character in text)
    if github:
        for line in text.splitlines():
            assert "##[" not in line, line
            if line.lstrip().startswith("::"):
                own = r"::(?:stop-commands::[0-9a-f]{32}|[0-9a-f]{32}::|(?:error|warning|notice) )"
                assert re.match(own, line), line


def check_all(done: Done, env: dict[str, str]) -> None:
    for text in (done.out, done.err):
        check(text, github=bool(env))
        assert "Traceback" not in text


def answers() -> dict[str, Any]:
    """Everything that a provider can send in which something stands that we show."""

    def with_(message: dict[str, Any], finish: str = "stop", **more: Any) -> Any:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body = {
            "id": HOSTILE,
            "object": "chat.completion",
            "created": 1,
            "model": HOSTILE,
            "choices": [choice],
        }
        return reply(200, json.dumps({**body, "usage": usage, **more}).encode())

    call = {"id": HOSTILE, "type": "function", "function": {"name": HOSTILE, "arguments": HOSTILE}}
    error = {"message": HOSTILE, "code": HOSTILE, "type": HOSTILE, "param": HOSTILE}
    return {
        "text": with_({"content": HOSTILE}),
        "surrogate": reply(200, completion_body('"\\ud800 \\udc9b"')),
        "json": with_({"content": json.dumps({HOSTILE: [HOSTILE]})}),
        "refusal": with_({"content": None, "refusal": HOSTILE}),
        "finish": with_({"content": HOSTILE}, HOSTILE),
        "tool": with_({"content": None, "tool_calls": [call]}, "tool_calls"),
        "error": reply(400, json.dumps({"error": error}).encode()),
        "error-200": reply(200, json.dumps({"error": error}).encode()),
        "error-text": reply(500, HOSTILE.encode()),
        "head": reply(400, json.dumps({"error": error}).encode(), headers={"x-request-id": "\x9b31m\xad"}),
        "annotations": with_({"content": "hi", "annotations": [{"type": HOSTILE}], "reasoning": HOSTILE}),
    }


def completion_body(content: str) -> bytes:
    return (
        '{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":'
        f'"assistant","content":{content}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}'
    ).encode()


NAMED = r'"p\u009b31m\u007f\u202e\u200b\ufeff ##[error]x"'
"""What the name of a prompt may hold of it; it names a folder."""

PROMPT = f"""
name: {NAMED}
description: {YAML}
tags: [{YAML}]
model: {YAML}
inputs: {{q: {{type: string, description: {YAML}}}}}
messages: [{{role: user, content: "{{{{ q }}}}"}}]
assert: [{{type: icontains, value: {YAML}}}]
tests:
  - {{id: a, description: {YAML}, vars: {{q: {YAML}}}, tags: [{YAML}]}}
  - {{id: b, vars: {{q: {YAML}}}, assert: [{{type: equals, value: {YAML}}}, {{type: regex, value: nothing}}]}}
"""


@pytest.fixture
def hostile(asked: ProjectFolder, server: FaultServer) -> ProjectFolder:
    """A project of which every field that takes it holds the hostile text."""
    asked.write("prompts/hello.prompt.yaml", PROMPT)
    asked.write(
        "runner.yaml",
        f"endpoint: fake\nendpoints:\n  fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 1, timeout: 20}}\n",
    )
    return asked


RUNS = [
    ("run",),
    ("run", "--debug", "--no-cache"),
    ("run", "--json"),
    ("run", "--stream", "--no-cache"),
    ("run", "--output", "o.xml"),
    ("test", "--record", "all"),
    ("test", "--record", "all", "--update", "all"),
    ("run", "--repeat", "2", "--model", HOSTILE, "--model", "n"),
]


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
@pytest.mark.parametrize("answer", answers())
def test_whatever_a_provider_says(
    hostile: ProjectFolder, server: FaultServer, answer: str, env: dict[str, str]
) -> None:
    server.play(answers()[answer])
    summary = hostile.folder / "summary.md"
    for command in RUNS:
        more = {**env, "GITHUB_STEP_SUMMARY": str(summary)} if env else env
        done = hostile.run(*command, env={**KEYS, **more})
        check_all(done, env)
        if "--json" in command:
            for line in done.out.splitlines():
                if not line.startswith("::"):
                    json.loads(line)
    if summary.exists():
        text = summary.read_text(encoding="utf-8")
        check(text)
        assert "<script>" not in text
        assert "@octocat" not in text
        assert "](http" not in text


AFTER = [
    ("runs",),
    ("runs", "show", "last"),
    ("runs", "show", "last", "--json"),
    ("pending",),
    ("pending", "--json"),
    ("review",),
    ("explain", "a"),
    ("check",),
    ("render",),
    ("render", "--format", "request"),
    ("render", "--format", "curl"),
    ("run", "--dry-run"),
    ("run", "--resume", "last"),
    ("test", "--offline"),
    ("cache",),
    ("accept", "--all"),
    ("test", "--offline"),
    ("prune",),
    ("explain", "a"),
    ("reject", "--all"),
    ("runs", "gc", "--keep", "0"),
]


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
def test_whatever_is_told_of_it_later(
    hostile: ProjectFolder, server: FaultServer, env: dict[str, str]
) -> None:
    server.play(answers()["text"])
    assert hostile.run("run", env=KEYS).code == 1
    assert hostile.run("test", "--record", "all", env=KEYS).code == 1
    for command in AFTER:
        done = hostile.run(*command, env={**KEYS, **env})
        check_all(done, env)
        if "--json" in command:
            json.loads(done.out)


@pytest.mark.parametrize(
    "command",
    [("run",), ("run", "--debug"), ("run", "--stream"), ("test", "--record", "all"), ("check",), ("render",)],
    ids=" ".join,
)
@pytest.mark.parametrize("answer", ["text", "error"])
def test_on_a_terminal(
    hostile: ProjectFolder, server: FaultServer, command: tuple[str, ...], answer: str
) -> None:
    server.play(answers()[answer])
    terminal = on_terminal(hostile, *command)
    check(terminal, screen=True)


def on_terminal(project: ProjectFolder, *command: str) -> str:
    """What the command writes on a real terminal that shows colours."""
    master, slave = pty.openpty()
    env = {
        **project.environ({**KEYS, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}),
        "FORCE_COLOR": "1",
    }
    env.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", *command],
        cwd=project.folder, env=env, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    data = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    process.wait(30)
    os.close(master)
    return data.decode()


def test_the_review_on_a_terminal(hostile: ProjectFolder, server: FaultServer) -> None:
    server.play(answers()["json"])
    hostile.run("test", "--record", "all", env=KEYS)
    with Terminal(hostile, "review") as terminal:
        terminal.press("j", "v", "d", "i", "q")
        terminal.end()
        check(terminal.text, screen=True)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
def test_the_ids_of_models(asked: ProjectFolder, server: FaultServer, env: dict[str, str]) -> None:
    server.play(reply(200, json.dumps({"data": [{"id": HOSTILE}, {"id": "::error::x"}]}).encode()))
    for more in ((), ("--json",)):
        done = asked.run("models", *more, env={**KEYS, **env})
        assert done.code == 0
        check_all(done, env)
    assert HOSTILE in json.loads(done.out)
    server.play(reply(401, json.dumps({"error": {"message": HOSTILE}}).encode()))
    check_all(asked.run("models", env={**KEYS, **env}), env)


BROKEN = {
    "key": f"model: m\n{YAML}: 1\nmessages: []\n",
    "nested key": f"model: m\nmessages: [{{role: user, {YAML}: hi}}]\n",
    "value": f"model: m\ntemperature: {YAML}\nmessages: [{{role: {YAML}, content: hi}}]\n",
    "id": f"model: m\nmessages: [{{role: user, content: hi}}]\ntests: [{{id: {YAML}}}]\n",
    "variable": f"model: m\ninputs: {{a: {{}}}}\nmessages: [{{role: user, content: '{{{{ a }}}}'}}]\ntests: [{{id: a, vars: {{{YAML}: 1}}}}]\n",
    "input": f"model: m\ninputs: {{{YAML}: {{type: string}}}}\nmessages: [{{role: user, content: hi}}]\ntests: [{{id: a}}]\n",
    "template": f'model: m\nmessages: [{{role: user, content: {YAML[:-1]}{{{{ nope"}}]\ntests: [{{id: a}}]\n',
    "include": f"model: m\nmessages: [{{role: user, content: '{{% include {YAML} %}}'}}]\ntests: [{{id: a}}]\n",
    "schema": f"model: m\nmessages: [{{role: user, content: hi}}]\nresponse_format: {{type: json_schema, json_schema: {{name: {YAML}, schema_file: {YAML}}}}}\n",
    "own schema": f"model: m\nmessages: [{{role: user, content: hi}}]\nresponse_format: {{type: json_schema, json_schema: {{name: x, strict: true, schema: {{type: {YAML}, {YAML}: 1, properties: {{{YAML}: {{}}}}}}}}}}\n",
    "rows": f"model: m\nmessages: [{{role: user, content: hi}}]\ntests: [{{file: {YAML}}}]\n",
    "assert": f"model: m\nmessages: [{{role: user, content: hi}}]\ntests: [{{id: a, assert: [{{type: {YAML}, value: 1}}, {{type: expr, value: {YAML}}}, {{type: equals, path: {YAML}, value: 1}}]}}]\n",
    "rule": f"model: m\nmessages: [{{role: user, content: hi}}]\nregression: {{rules: [{{path: {YAML}, compare: {YAML}}}]}}\ntests: [{{id: a}}]\n",
    "raw": f"model: m\nmessages: [{{role: user, content: hi}}] {HOSTILE}\n",
    "twice": f"model: m\n{YAML}: 1\n{YAML}: 2\n",
    "alias": "model: *x\x1b[2J\n",
    "latin": "model: m\n\x9b31m".encode("latin-1"),
}


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
@pytest.mark.parametrize("broken", BROKEN)
def test_whatever_is_wrong_with_a_prompt(asked: ProjectFolder, broken: str, env: dict[str, str]) -> None:
    asked.write("prompts/hello.prompt.yaml", BROKEN[broken])
    for command in (
        ("check",),
        ("render",),
        ("run",),
        ("test", "--offline"),
        ("run", "prompts/nothing.prompt.yaml"),
    ):
        check_all(asked.run(*command, env={**KEYS, **env}), env)


PROJECTS = {
    "key": f"{YAML}: 1\n",
    "endpoint": f"endpoint: {YAML}\n",
    "endpoints": f"endpoint: x\nendpoints: {{x: {{base_url: {YAML}}}}}\n",
    "env name": f"endpoint: x\nendpoints: {{x: {{base_url: 'http://127.0.0.1:9/v1', api_key_env: {YAML}}}}}\n",
    "header": f"endpoint: x\nendpoints: {{x: {{base_url: 'http://127.0.0.1:9/v1', headers: {{{YAML}: {YAML}}}}}}}\n",
    "embedded": f"endpoint: x\nendpoints: {{x: {{embedded: {YAML}}}}}\n",
    "prompts": f"prompts: [{YAML}]\n",
    "packs": f"packs: {{p: {{git: {YAML}, rev: {YAML}}}}}\n",
    "alias": f"packs: {{{YAML}: {{path: ../p}}}}\n",
    "models": f"models: {{{YAML}: {{endpoint: {YAML}}}}}\n",
    "redact": f"redact: [{YAML}]\n",
}


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
@pytest.mark.parametrize("wrong", PROJECTS)
def test_whatever_is_wrong_with_a_project(asked: ProjectFolder, wrong: str, env: dict[str, str]) -> None:
    asked.write("runner.yaml", PROJECTS[wrong])
    commands = [("check",), ("run",), ("test",), ("models",), ("runs",)]
    commands += (
        [("pack", each) for each in ("list", "verify", "sync", "lock")] if wrong in ("packs", "alias") else []
    )
    for command in commands:
        check_all(asked.run(*command, env={"FAKE_KEY": "k", **env}), env)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
@pytest.mark.parametrize(
    "text", [PROMPT, "model: m\nmessages: [{role: user, content: '{{ nope }'}]\n", "x: 1\n"]
)
def test_names_of_files_and_folders(
    asked: ProjectFolder, server: FaultServer, text: str, env: dict[str, str]
) -> None:
    server.play(answers()["text"])
    (asked.folder / "prompts/hello.prompt.yaml").unlink()
    asked.write(f"prompts/{NAME}/{NAME}.prompt.yaml", text)
    commands = [
        ("check",),
        ("run",),
        ("test", "--record", "all"),
        ("pending",),
        ("review",),
        ("accept", "--all"),
        ("runs", "show", "last"),
    ]
    commands += [("run", f"prompts/{NAME}x"), ("init", NAME), ("diff", "--base", NAME), ("explain", NAME)]
    commands += [
        ("run", "--env-file", NAME),
        ("run", "--input", NAME),
        ("run", "--output", NAME),
        ("run", "--vars", NAME),
    ]
    for command in commands:
        check_all(asked.run(*command, env={**KEYS, **env}), env)


OPTIONS = [
    "--case",
    "--tag",
    "--endpoint",
    "--set",
    "--where",
    "--shard",
    "--resume",
    "--var",
    "--jobs",
    "--transport",
    "--nope\x1b",
]


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
def test_words_of_the_command_line(asked: ProjectFolder, env: dict[str, str]) -> None:
    for option in OPTIONS:
        check_all(asked.run("run", option, HOSTILE, env={**KEYS, **env}), env)
    for command in (
        (HOSTILE,),
        ("run", HOSTILE),
        ("runs", "show", HOSTILE),
        ("schema", HOSTILE),
        ("merge", HOSTILE),
        ("pack", "add", HOSTILE, "--path", HOSTILE),
        ("accept", HOSTILE, "--kind", HOSTILE),
    ):
        check_all(asked.run(*command, env={**KEYS, **env}), env)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "yaml"])
def test_rows(asked: ProjectFolder, server: FaultServer, form: str, env: dict[str, str]) -> None:
    server.play(answers()["text"])
    rows: dict[str, str] = {
        "jsonl": json.dumps({HOSTILE: 1}) + "\n" + json.dumps({"name": HOSTILE}) + "\nx\x1b[2J\n",
        "csv": f'"{HOSTILE.replace(chr(34), "")}",name\n1,2\n',
        "yaml": f"- {{{YAML}: 1}}\n",
    }
    asked.write(f"r.{form}", rows[form].encode("utf-8"))
    check_all(asked.run("run", "prompts", "--input", f"r.{form}", env={**KEYS, **env}), env)
    asked.write(
        "good.jsonl", json.dumps({"id": "x", "vars": {"name": HOSTILE}, "description": HOSTILE}) + "\n"
    )
    check_all(asked.run("run", "prompts", "--input", "good.jsonl", env={**KEYS, **env}), env)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
def test_packs(asked: ProjectFolder, env: dict[str, str]) -> None:
    asked.write("pack/p.prompt.yaml", PROMPT.replace(f"name: {NAMED}\n", ""))
    for key in ("name", "version", "description", "authors", "license", "keywords", YAML):
        value = f"[{YAML}]" if key in ("authors", "keywords") else YAML
        asked.write(
            "pack/pack.yaml",
            "format: 1\nname: good\nversion: 1.0.0\nexports: {prompts: {p: p.prompt.yaml}}\n".replace(
                f"{key}: ", "x-old: "
            )
            + f"{key}: {value}\n",
        )
        for command in (
            ("pack", "check", "pack"),
            ("pack", "add", "good", "--path", "pack"),
            ("pack", "list"),
            ("pack", "verify"),
            ("pack", "diff", "good"),
            ("pack", "update"),
            ("pack", "remove", "good"),
        ):
            check_all(asked.run(*command, env={**KEYS, **env}), env)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=["pipe", "github"])
def test_differences(asked: ProjectFolder, env: dict[str, str]) -> None:
    def git(*args: str) -> None:
        author = ["-c", f"user.name={NAME.splitlines()[0]}", "-c", "user.email=a@a"]
        subprocess.run(["git", *author, *args], cwd=asked.folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", HOSTILE.replace("\0", ""))
    git("branch", "feature\u202ex")
    asked.write("prompts/hello.prompt.yaml", PROMPT)
    for command in (
        ("--base", "HEAD"),
        ("--base", "HEAD", "--format", "markdown"),
        ("--base", "HEAD", "--format", "json"),
        ("--base", "feature\u202e"),
        ("--base", "feature\u202ex"),
    ):
        done = asked.run("diff", *command, env={**KEYS, **env})
        check_all(done, env)
    asked.write("prompts/hello.prompt.yaml", PROMPT.replace("role: user", "role: system"))
    check_all(asked.run("diff", "--base", "HEAD", env={**KEYS, **env}), env)


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_stream_in_pieces_is_no_command(
    hostile: ProjectFolder, server: FaultServer, transport: str
) -> None:
    pieces = ["x\n", ":", ":error", "::y\n", "#", "#[error]z", "\r", "\n", "  ", "::", "add-mask::w"]
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    server.play(event_stream(*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    done = hostile.run(
        "run", "--stream", "--no-cache", "--transport", transport, env={**KEYS, "GITHUB_ACTIONS": "true"}
    )
    check_all(done, {"GITHUB_ACTIONS": "true"})
    assert r"\x3a:error::y" in done.out
    assert r"#\x23[error]z" not in done.out
    assert r"\x23#[error]z" in done.out


@pytest.mark.parametrize("text", [PROMPT, BROKEN["key"], BROKEN["raw"]], ids=["cases", "key", "raw"])
def test_pytest_shows_it_as_we_do(hostile: ProjectFolder, text: str) -> None:
    hostile.write("prompts/hello.prompt.yaml", text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "prompts"],
        cwd=hostile.folder, env=hostile.environ({**KEYS, "GITHUB_ACTIONS": "true"}), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    check(done.stdout.decode(), github=True)
