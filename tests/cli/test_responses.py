"""`api: responses`, through the command line: the same prompt, asked of the Responses API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import conformance
from tests.faults import FaultServer, Steps, event_stream, reply

from .asking import KEY
from .project import Done, ProjectFolder

WRITTEN = conformance.lines("wire/responses.jsonl")
PROMPT = """
name: hello
model: m1
max_completion_tokens: 40
messages: [{role: user, content: "Hello {{ name }}"}]
tests: [{id: ada, vars: {name: Ada}}]
"""


@pytest.fixture
def _declared(project: ProjectFolder, server: FaultServer) -> None:
    endpoint = {"base_url": server.base_url, "api_key_env": "FAKE_KEY", "max_retries": 0, "api": "responses"}
    models = {"m1": {"price": {"input": 1, "cached": 0.5, "output": 10}}}
    spec = {"endpoint": "fake", "endpoints": {"fake": endpoint}, "models": models}
    project.write("runner.yaml", json.dumps(spec))
    project.write("hello.prompt.yaml", PROMPT)


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


def answered(name: str) -> Steps:
    entry: dict[str, Any] = WRITTEN[name]
    if "text" in entry:
        return event_stream(*entry["text"].removesuffix("\n\n").split("\n\n"), done=False)
    return reply(entry["status"], entry["body"])


@pytest.mark.usefixtures("_declared")
@pytest.mark.parametrize(
    ("param", "hint"),
    [
        ("max_output_tokens", "max_output_tokens is written from max_completion_tokens, which is sent as declared: change"),
        ("input[0].content", "input[0].content is written from messages, which is sent as declared: change"),
        ("reasoning.effort", "reasoning.effort is written from reasoning_effort, which is sent as declared: change"),
        ("text.format.schema", "text.format.schema is written from response_format"),
        ("include", "include is written from logprobs"),
        ("top_p", "top_p is sent exactly as declared: change"),
        ("truncation", None),
        ("temperature", None),
    ],
)  # fmt: skip
def test_a_refused_parameter_is_named_as_it_was_declared(
    project: ProjectFolder, server: FaultServer, param: str, hint: str | None
) -> None:
    more = (
        "reasoning_effort: low\nlogprobs: true\ntop_p: 0.5\nresponse_format: {type: json_schema, "
        "json_schema: {name: a, schema: {type: object, properties: {b: {type: string}}}}}\n"
    )
    project.write("hello.prompt.yaml", PROMPT + more)
    error = {
        "message": "It is not supported with this model.",
        "type": "invalid_request_error",
        "param": param,
    }
    server.play(reply(400, {"error": error}))
    [record] = run(project, "run", "--no-cache").records()
    assert (record["error"]["hint"] or "").startswith(hint or "")
    assert (record["error"]["hint"] is None) == (hint is None)


@pytest.mark.usefixtures("_declared")
def test_an_answer_that_fills_the_declared_context_was_cut(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(answered("two messages"), answered("two messages"))
    spec = json.loads((project.folder / "runner.yaml").read_text())
    for tokens, outcome in ((23, "truncated"), (24, "ok")):
        spec["endpoints"]["fake"]["context_tokens"] = tokens
        project.write("runner.yaml", json.dumps(spec))
        [record] = run(project, "run", "--no-cache").records()
        assert record["outcome"] == outcome


@pytest.mark.usefixtures("_declared")
def test_a_prompt_is_asked_and_its_answer_recorded_with_its_cost(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(answered("two messages"))
    done = run(project, "run", "--no-cache")
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/responses"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json == {
        "model": "m1",
        "max_output_tokens": 40,
        "input": [{"role": "user", "content": "Hello Ada"}],
        "store": False,
    }
    [record] = done.records()
    assert (record["outcome"], record["text"], record["served_model"]) == ("ok", "Paris.", "m-1")
    assert record["cost"] == pytest.approx((10 * 1 + 4 * 0.5 + 9 * 10) / 1e6)


@pytest.mark.usefixtures("_declared")
def test_it_is_streamed(project: ProjectFolder, server: FaultServer) -> None:
    server.play(answered("a stream"))
    done = run(project, "run", "--stream", "--no-cache")
    assert done.code == 0, done.err
    assert "Paris." in done.out
    assert server.requests[0].json["stream"] is True
    assert "stream_options" not in server.requests[0].json
    assert done.records()[0]["usage"]["completion_tokens"] == 9


@pytest.mark.usefixtures("_declared")
@pytest.mark.parametrize(
    ("name", "code", "outcome"),
    [
        ("a refusal", 1, "refused"),
        ("filtered", 1, "filtered"),
        ("cut", 1, "truncated"),
        ("a call for the client", 1, "tool_call"),
        ("an unknown item beside a text", 3, "error"),
        ("queued", 3, "error"),
        ("a strict schema outside the subset", 3, "error"),
        ("a stream that was filtered", 1, "filtered"),
        ("a stream that breaks off", 3, "error"),
        ("a chat completion", 3, "error"),
    ],
)
def test_what_is_no_answer_never_passes(
    project: ProjectFolder, server: FaultServer, name: str, code: int, outcome: str
) -> None:
    server.play(answered(name))
    done = run(project, "run", "--no-cache")
    assert (done.code, done.records()[0]["outcome"]) == (code, outcome)


@pytest.mark.usefixtures("_declared")
@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("stop: END", "7:7: error: stop cannot be sent with `api: responses`"),
        ("extra_body: {seed: 1}", "7:20: error: seed cannot be sent with `api: responses`"),
        ("matrix: {n: [1, 2]}", "7:13: error: n cannot be sent with `api: responses`"),
    ],
)
def test_what_it_has_no_place_for_is_an_error_at_its_line_before_anything_is_sent(
    project: ProjectFolder, server: FaultServer, line: str, place: str
) -> None:
    project.write("hello.prompt.yaml", f"{PROMPT}{line}\n")
    for command in ("check", "render", "run"):
        done = run(project, command)
        assert done.code == 2
        assert place in done.err
    assert not server.requests


@pytest.mark.usefixtures("_declared")
def test_check_lints_a_strict_schema(project: ProjectFolder) -> None:
    form = "{type: json_schema, json_schema: {name: n, strict: true, schema: {type: object}}}"
    project.write("hello.prompt.yaml", f"{PROMPT}response_format: {form}\n")
    done = run(project, "check")
    assert done.code == 2
    assert "S010 additionalProperties must be false [error]" in done.err


@pytest.mark.usefixtures("_declared")
def test_render_shows_what_is_sent(project: ProjectFolder, server: FaultServer) -> None:
    body = json.loads(run(project, "render", "--format", "request").out)
    assert body["input"] == [{"role": "user", "content": "Hello Ada"}]
    curl = run(project, "render", "--format", "curl").out
    assert f"{server.base_url}/responses" in curl
    assert '"max_output_tokens": 40' in curl


@pytest.mark.usefixtures("_declared")
def test_models_are_listed_as_for_chat(project: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(200, {"object": "list", "data": [{"id": "m1", "object": "model"}]}))
    done = run(project, "models")
    assert (done.code, done.out.split()) == (0, ["m1"])
    assert server.requests[0].target == "/v1/models"


@pytest.mark.usefixtures("_declared")
def test_an_approved_answer_is_replayed_without_network(project: ProjectFolder, server: FaultServer) -> None:
    server.play(answered("two messages"))
    assert run(project, "test", "--update", "all").code == 0
    assert run(project, "test", "--offline").code == 0
    assert len(server.requests) == 1
    project.write(
        "runner.yaml", (project.folder / "runner.yaml").read_text().replace('"responses"', '"chat"')
    )
    assert run(project, "test", "--offline").code != 0
