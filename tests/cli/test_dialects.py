"""Wire formats: what `api` in runner.yaml means, and that a new one is a module and a line of the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runner.apis import APIS
from runner.files import formats
from tests.faults import FaultServer, Received, Steps, event_stream, reply

from .asking import KEY
from .project import Done, ProjectFolder

PROMPT = """
name: hello
model: m1
max_completion_tokens: 40
messages: [{role: user, content: "Hello {{ name }}"}]
tests: [{id: ada, vars: {name: Ada}}]
"""


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The registry with one more line."""
    monkeypatch.setitem(APIS, "toy", "tests.toy_dialect")
    _forget_schemas()
    yield
    _forget_schemas()


def _forget_schemas() -> None:
    formats.schema.cache_clear()
    formats._validator.cache_clear()


def declare(project: ProjectFolder, server: FaultServer, api: str | None = "toy", **more: Any) -> None:
    endpoint = {"base_url": server.base_url, "api_key_env": "FAKE_KEY", "max_retries": 0}
    if api is not None:
        endpoint["api"] = api
    spec = {"endpoint": "fake", "endpoints": {"fake": endpoint}, **more}
    project.write("runner.yaml", json.dumps(spec, indent=2))
    project.write("hello.prompt.yaml", PROMPT)


def toy(request: Received) -> Steps:
    said = f"{' '.join(request.json['say'])}!"
    return reply(200, {"said": said, "why": "stop", "cost": [5, 7], "mood": "fine"})


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


@pytest.mark.usefixtures("_toy")
def test_another_wire_format_is_asked_and_read_end_to_end(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(toy)
    declare(project, server, models={"m1": {"price": {"input": 1, "output": 10}}})
    done = run(project, "run", "--no-cache")
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/say/m1"
    assert request.headers["toy-version"] == "7"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json == {"who": "m1", "most": 40, "say": ["user: Hello Ada"]}
    [record] = done.records()
    assert (record["outcome"], record["text"], record["extra"]) == (
        "ok",
        "user: Hello Ada!",
        {"completion": {"mood": "fine"}},
    )
    assert record["usage"] == {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    assert record["cost"] == pytest.approx(75e-6)


@pytest.mark.usefixtures("_toy")
@pytest.mark.parametrize("command", ["run", "render"])
def test_a_field_of_the_command_line_that_a_format_cannot_express_names_its_flag(
    project: ProjectFolder, server: FaultServer, command: str
) -> None:
    declare(project, server)
    done = run(project, command, "--set", "seed=7")
    assert (done.code, server.requests) == (2, [])
    assert "--set seed=7: seed cannot be sent with `api: toy`: a toy has no such thing" in done.err
    assert "hello.prompt.yaml" not in done.err


@pytest.mark.usefixtures("_toy")
def test_a_value_of_the_command_line_that_replaces_a_declared_one_names_its_flag(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, server)
    project.write("hello.prompt.yaml", PROMPT.replace("model: m1", "model: m1\nseed: 3"))
    assert "hello.prompt.yaml:4:7: error: seed cannot be sent" in run(project, "run").err
    assert "--set seed=7: seed cannot be sent" in run(project, "run", "--set", "seed=7").err


@pytest.mark.usefixtures("_toy")
def test_another_wire_format_is_streamed(project: ProjectFolder, server: FaultServer) -> None:
    server.play(
        event_stream('data: "Hel"\n\n', 'data: "lo"\n\n', {"why": "stop", "cost": [1, 2]}, done=False)
    )
    declare(project, server)
    done = run(project, "run", "--stream", "--no-cache")
    assert done.code == 0, done.err
    assert "Hello" in done.out
    assert server.requests[0].target == "/v1/stream/m1"
    assert server.requests[0].json["slowly"] is True
    assert done.records()[0]["text"] == "Hello"


@pytest.mark.usefixtures("_toy")
def test_its_errors_are_errors(project: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(400, {"error": {"message": "too shy", "code": "shy"}}))
    declare(project, server)
    done = run(project, "run", "--no-cache")
    assert done.code == 3
    assert done.records()[0]["error"]["message"] == "too shy"


@pytest.mark.usefixtures("_toy")
def test_what_it_has_no_place_for_is_an_error_at_its_line_before_anything_is_sent(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, server)
    project.write("hello.prompt.yaml", PROMPT + "temperature: 0\n")
    for command in ("check", "run"):
        done = run(project, command)
        assert done.code == 2
        assert (
            "hello.prompt.yaml:7:14: error: temperature cannot be sent with `api: toy`" in done.err + done.out
        )
    assert not server.requests


@pytest.mark.usefixtures("_toy")
def test_so_is_a_key_of_extra_body(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server)
    project.write("hello.prompt.yaml", PROMPT + "extra_body: {top_k: 1}\n")
    done = run(project, "check")
    assert done.code == 2
    assert "hello.prompt.yaml:7:21: error: top_k cannot be sent" in done.err


@pytest.mark.usefixtures("_toy")
def test_a_message_that_it_cannot_send_is_an_error_at_its_place(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, server)
    parts = "messages:\n  - role: user\n    content:\n      - {type: text, text: Hi}\n"
    project.write("hello.prompt.yaml", f"name: hello\nmodel: m1\n{parts}tests: [{{id: a, vars: {{}}}}]\n")
    done = run(project, "run")
    assert done.code == 2
    assert "hello.prompt.yaml:6:7: error: messages[0].content cannot be sent with `api: toy`" in done.err
    assert "use text" in done.err
    assert not server.requests


@pytest.mark.usefixtures("_toy")
def test_render_shows_what_is_sent(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server)
    body = run(project, "render", "--format", "request").out
    assert json.loads(body) == {"who": "m1", "most": 40, "say": ["user: Hello Ada"]}
    curl = run(project, "render", "--format", "curl").out
    assert f"{server.base_url}/say/m1" in curl
    assert "toy-version: 7" in curl
    assert '"say"' in curl
    assert json.loads(run(project, "render").out)[0]["content"] == "Hello Ada"


@pytest.mark.usefixtures("_toy")
def test_a_header_that_the_endpoint_declares_wins_over_that_of_the_format(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(toy)
    declare(project, server)
    spec = json.loads((project.folder / "runner.yaml").read_text())
    spec["endpoints"]["fake"]["headers"] = {"Toy-Version": "8"}
    project.write("runner.yaml", json.dumps(spec))
    run(project, "run", "--no-cache")
    assert server.requests[0].headers["toy-version"] == "8"
    assert server.requests[0].headers["x-team"] == "toys"
    curl = run(project, "render", "--format", "curl").out
    assert "Toy-Version: 8" in curl
    assert "toy-version: 7" not in curl


@pytest.mark.usefixtures("_toy")
def test_answers_of_two_formats_are_never_taken_for_each_other(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(toy)
    declare(project, server)
    assert run(project, "run").records()[0]["cached"] is False
    assert run(project, "run").records()[0]["cached"] is True
    declare(project, server, api=None)
    server.play(reply(200, {"choices": [{"message": {"content": "chat"}, "finish_reason": "stop"}]}))
    [record] = run(project, "run").records()
    assert (record["cached"], record["text"]) == (False, "chat")


@pytest.mark.usefixtures("_toy")
def test_the_fingerprint_names_the_format_and_what_it_does_not_count_stays_out(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(toy)

    def fingerprint(*args: str) -> str:
        text: str = run(project, "run", "--no-cache", *args).records()[0]["fingerprint"]
        return text

    declare(project, server)
    plain = fingerprint()
    project.write("hello.prompt.yaml", f"{PROMPT}user: me\n")
    assert fingerprint() == plain
    declare(project, server, api="chat")
    server.play(reply(200, {"choices": [{"message": {"content": "chat"}, "finish_reason": "stop"}]}))
    assert fingerprint() != plain


@pytest.mark.usefixtures("_toy")
def test_an_answer_is_approved_and_replayed_and_another_format_makes_it_stale(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(toy)
    declare(project, server)
    assert run(project, "test", "--record", "all", "--update", "all").code == 0
    assert run(project, "test", "--offline").code == 0
    declare(project, server, api="chat")
    done = run(project, "test", "--offline")
    assert done.code == 4
    assert "the request changed since it was approved: params" in done.out + done.err


@pytest.mark.usefixtures("_toy")
def test_a_run_does_not_resume_in_another_format(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server)
    server.play(reply(400, {"error": {"message": "no"}}))
    assert run(project, "run").code == 3
    declare(project, server, api="chat")
    done = run(project, "run", "--resume", "last")
    assert done.code == 2
    assert "hello.prompt.yaml: api was toy, is not given" in done.err


@pytest.mark.usefixtures("_toy")
@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ({"api": "toy"}, "/v1/say/m1"),
        ({"api": "toy", "endpoint": "fake"}, "/v1/say/m1"),
        (
            {"api": "toy", "endpoint": "openai"},
            "/v1/chat/completions",
        ),  # true of the models of another endpoint
    ],
)
def test_a_pattern_of_models_may_say_it(
    project: ProjectFolder, server: FaultServer, entry: dict[str, str], target: str
) -> None:
    server.play(toy)
    declare(project, server, api=None, models={"m*": entry})
    run(project, "run", "--no-cache", "--endpoint", "fake")
    assert server.requests[0].target == target


@pytest.mark.usefixtures("_toy")
def test_the_printed_schema_lists_it() -> None:
    assert formats.schema("project")["$defs"]["api"]["enum"] == [*APIS]


def test_chat_is_what_an_endpoint_speaks_that_says_nothing(
    project: ProjectFolder, server: FaultServer
) -> None:
    for api in (None, "chat"):
        declare(project, server, api=api)
        assert run(project, "run", "--no-cache").code == 0
    first, second = server.requests
    assert first.target == second.target == "/v1/chat/completions"
    assert first.body == second.body


@pytest.mark.parametrize("entry", ["endpoints", "models"])
def test_a_format_that_does_not_exist_is_an_error_that_names_those_that_do(
    project: ProjectFolder, server: FaultServer, entry: str
) -> None:
    declare(project, server, api="chatt" if entry == "endpoints" else None, models={"m1": {"api": "chatt"}})
    done = run(project, "check")
    assert done.code == 2
    text = done.err + done.out
    name, line = ("endpoints.fake", 8) if entry == "endpoints" else ("models.m1", 12)
    assert f"runner.yaml:{line}:" in text
    assert f'{name}.api must be "chat"' in text
