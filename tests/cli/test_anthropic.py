"""Prompts that are sent to the Messages API: what goes out, what comes back, and what is refused before that."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from tests.faults import FaultServer, event_stream, reply

from .asking import KEY
from .project import Done, ProjectFolder

PROMPT = """name: ticket
model: claude-x
max_completion_tokens: 40
messages:
  - {role: system, content: Sort the ticket.}
  - {role: user, content: "{{ ticket }}"}
response_format:
  type: json_schema
  json_schema:
    name: ticket
    strict: true
    schema:
      type: object
      properties: {category: {type: string, enum: [bug, praise]}}
      required: [category]
      additionalProperties: false
tests: [{id: one, vars: {ticket: It crashes.}}]
"""
USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 90,
    "cache_creation_input_tokens": 100,
    "output_tokens": 7,
}


def declare(
    project: ProjectFolder, server: FaultServer, prompt: str = PROMPT, *, retries: int = 0, **more: Any
) -> None:
    endpoint = {
        "base_url": server.base_url,
        "api": "messages",
        "headers_env": {"x-api-key": "FAKE_KEY"},
        "max_retries": retries,
    }
    spec = {"endpoint": "claude", "endpoints": {"claude": endpoint}, **more}
    project.write("runner.yaml", json.dumps(spec, indent=2))
    project.write("ticket.prompt.yaml", prompt)


def message(text: str, stop_reason: str | None = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-1", "stop_sequence": None,
        "content": [{"type": "text", "text": text}], "stop_reason": stop_reason, "usage": USAGE,
    }  # fmt: skip


def events(*texts: str, end: bool = True) -> list[dict[str, Any]]:
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in texts
    ]
    ending = [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return [
        {"type": "message_start", "message": {**message(""), "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *deltas,
        *(ending if end else []),
    ]


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


def test_a_prompt_is_sent_and_its_answer_is_read(project: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(200, message('{"category": "bug"}')))
    declare(project, server, models={"claude-*": {"price": {"input": 1, "cached": 0.1, "output": 10}}})
    done = run(project, "run", "--no-cache")
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/messages"
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers
    schema = {
        "type": "object",
        "properties": {"category": {"type": "string", "enum": ["bug", "praise"]}},
        "required": ["category"],
        "additionalProperties": False,
    }
    assert request.json == {
        "model": "claude-x",
        "max_tokens": 40,
        "system": "Sort the ticket.",
        "messages": [{"role": "user", "content": "It crashes."}],
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }
    [record] = done.records()
    assert (record["outcome"], record["output"], record["finish_reason"]) == (
        "ok",
        {"category": "bug"},
        "end_turn",
    )
    assert record["usage"]["prompt_tokens"] == 200
    assert record["usage"]["prompt_tokens_details"] == {"cached_tokens": 90, "cache_write_tokens": 100}
    assert record["cost"] == pytest.approx((110 + 9 + 70) / 1e6)


def test_tokens_written_to_the_cache_have_their_own_price(
    project: ProjectFolder, server: FaultServer
) -> None:
    usage = {**USAGE, "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40}}
    server.play(reply(200, {**message('{"category": "bug"}'), "usage": usage}))
    price = {"input": 1, "cached": 0.1, "cache_write": 1.25, "cache_write_1h": 2, "output": 10}
    declare(project, server, models={"claude-*": {"price": price}})
    [record] = run(project, "run", "--no-cache").records()
    assert record["cost"] == pytest.approx((10 + 9 + 60 * 1.25 + 40 * 2 + 70) / 1e6)


def declare_at_anthropic(project: ProjectFolder) -> None:
    claude = {"base_url": "http://api.anthropic.com/v1", "api_key_env": "FAKE_KEY", "max_retries": 0}
    spec = {
        "endpoint": "claude",
        "endpoints": {"claude": claude},
        "models": {"claude-*": {"api": "messages"}},
    }
    project.write("runner.yaml", json.dumps(spec, indent=2))
    project.write("ticket.prompt.yaml", PROMPT)


def through(server: FaultServer) -> dict[str, str]:
    """The environment in which the server is the proxy of all others."""
    return {"FAKE_KEY": KEY, "HTTP_PROXY": server.origin, "http_proxy": server.origin}


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_format_that_only_an_entry_of_models_names_has_its_own_header_for_the_key(
    project: ProjectFolder, server: FaultServer, transport: str
) -> None:
    server.play(reply(200, message('{"category": "bug"}')))
    declare_at_anthropic(project)
    done = project.run("run", "--no-cache", "--transport", transport, env=through(server))
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "http://api.anthropic.com/v1/messages"
    assert request.headers["x-api-key"] == KEY
    assert "authorization" not in request.headers
    assert '-H "x-api-key: $FAKE_KEY"' in run(project, "render", "--format", "curl").out


@pytest.mark.parametrize("args", [("models",), ("check", "--online")])
def test_the_models_are_listed_as_that_format_is_asked(
    project: ProjectFolder, server: FaultServer, args: tuple[str, ...]
) -> None:
    server.play(reply(200, {"data": [{"type": "model", "id": "claude-x"}], "has_more": False}))
    declare_at_anthropic(project)
    done = project.run(*args, env=through(server))
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "http://api.anthropic.com/v1/models"
    assert (request.headers["x-api-key"], request.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("max_tokens: 50000 > 4096, the most for this model", "max_tokens is written from max_completion_tokens"),
        ("output_config.format.schema: 'minItems' is not supported", "output_config.format.schema is written from response_format"),
        ("messages.0.content: text must not be empty", "messages.0.content is sent exactly as declared"),
        ("system: text must not be empty", "system is written from messages"),
        ("thinking.budget_tokens: it is too small", None),
    ],
)  # fmt: skip
def test_a_refused_parameter_is_named_as_it_was_declared(
    project: ProjectFolder, server: FaultServer, said: str, hint: str | None
) -> None:
    error = {"type": "invalid_request_error", "message": said}
    server.play(reply(400, {"type": "error", "error": error}))
    declare(project, server, PROMPT.replace("max_tokens: 40", "max_completion_tokens: 40"))
    [record] = run(project, "run", "--no-cache").records()
    assert (record["error"]["hint"] or "").startswith(hint or "")
    assert (record["error"]["hint"] is None) == (hint is None)


def test_a_stream_is_read_and_one_that_breaks_off_is_an_error(
    project: ProjectFolder, server: FaultServer
) -> None:
    text = ('{"category": ', '"praise"}')
    server.play(event_stream(*events(*text), done=False), event_stream(*events(*text, end=False), done=False))
    declare(project, server)
    done = run(project, "run", "--stream", "--no-cache")
    assert done.code == 0, done.err
    assert server.requests[0].json["stream"] is True
    assert "stream_options" not in server.requests[0].json
    assert done.records()[0]["output"] == {"category": "praise"}
    done = run(project, "run", "--stream", "--no-cache")
    assert done.code == 3
    assert done.records()[0]["error"]["code"] == "stream_cut"


@pytest.mark.parametrize(
    ("text", "stop_reason", "outcome", "code"),
    [
        ('{"category": "other"}', "end_turn", "invalid", 1),
        ('{"category": "bu', "max_tokens", "truncated", 1),
        ('{"category": "bug"}', "model_context_window_exceeded", "truncated", 1),
        ('{"category": "bug"}', "refusal", "refused", 1),
        ('{"category": "bug"}', "pause_turn", "error", 3),
        ('{"category": "bug"}', "asleep", "error", 3),
        ('{"category": "bug"}', None, "error", 3),
    ],
)
def test_only_a_proper_end_passes(
    project: ProjectFolder, server: FaultServer, text: str, stop_reason: str | None, outcome: str, code: int
) -> None:
    server.play(reply(200, message(text, stop_reason)))
    declare(project, server)
    done = run(project, "run", "--no-cache")
    assert done.records()[0]["outcome"] == outcome
    assert done.code == code


@pytest.mark.slow
def test_an_overloaded_server_is_asked_again(project: ProjectFolder, server: FaultServer) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    later = reply(529, overloaded, headers={"retry-after": "0"})
    server.play(later, reply(200, message('{"category": "bug"}')))
    declare(project, server, retries=1)
    done = run(project, "run", "--no-cache")
    assert done.code == 0, done.err
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("added", "place"),
    [
        ("seed: 1\n", ":18:7: error: seed cannot be sent with `api: messages`"),
        ("temperature: 1.5\n", ":18:14: error: temperature cannot be sent"),
        ("extra_body: {output_config: {format: 1}}\n", ":18:29: error: output_config cannot be sent"),
    ],
)
def test_a_key_without_a_place_is_an_error_at_its_line(
    project: ProjectFolder, server: FaultServer, added: str, place: str
) -> None:
    declare(project, server, PROMPT + added)
    for command in ("check", "run"):
        done = run(project, command)
        assert done.code == 2
        assert f"ticket.prompt.yaml{place}" in done.err + done.out
    assert not server.requests


def test_a_prompt_without_a_limit_is_an_error_with_a_hint(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, server, PROMPT.replace("max_completion_tokens: 40\n", ""))
    done = run(project, "run")
    assert done.code == 2
    assert "the request cannot be sent with `api: messages`: it requires max_tokens" in done.err
    assert "there is no default" in done.err
    assert not server.requests


def test_the_body_that_is_sent_is_rendered(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server)
    request = run(project, "render", "--format", "request")
    assert json.loads(request.out)["max_tokens"] == 40
    curl = shlex.split(run(project, "render", "--format", "curl").out.replace("\\\n", " "))
    assert curl[1].endswith("/v1/messages")
    assert "anthropic-version: 2023-06-01" in curl
    assert "x-api-key: $FAKE_KEY" in curl
    assert json.loads(curl[-1]) == json.loads(request.out)


def test_the_fingerprint_names_the_format(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server)
    server.play(reply(200, message('{"category": "bug"}')))
    ours = run(project, "run", "--no-cache").records()[0]["fingerprint"]
    project.write("runner.yaml", (project.folder / "runner.yaml").read_text().replace('"messages"', '"chat"'))
    chat = {"message": {"role": "assistant", "content": '{"category": "bug"}'}, "finish_reason": "stop"}
    server.play(reply(200, {"choices": [chat]}))
    theirs = run(project, "run", "--no-cache").records()[-1]["fingerprint"]
    assert ours != theirs


def test_all_pages_of_the_models_are_listed(project: ProjectFolder, server: FaultServer) -> None:
    def page(*names: str, more: bool) -> Any:
        data = [{"type": "model", "id": name, "display_name": name} for name in names]
        return reply(200, {"data": data, "has_more": more, "first_id": names[0], "last_id": names[-1]})

    server.play(page("claude-b", "claude-a", more=True), page("claude-c", more=False))
    declare(project, server)
    done = run(project, "models")
    assert done.code == 0, done.err
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("claude-")] == [
        "claude-a",
        "claude-b",
        "claude-c",
    ]
    assert [request.target for request in server.requests] == ["/v1/models", "/v1/models?after_id=claude-a"]
    assert {request.headers["anthropic-version"] for request in server.requests} == {"2023-06-01"}


def test_a_list_of_models_that_does_not_end_is_an_error(project: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(200, {"data": [{"id": "claude-a"}], "has_more": True, "last_id": "claude-a"}))
    declare(project, server)
    done = run(project, "models")
    assert done.code == 3
    assert "does not end" in done.err


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("{type: array, items: {type: string}, minItems: 3}", "S101 $.properties.category.minItems"),
        ("{type: object, properties: {}}", "S102 $.properties.category"),
    ],
)
def test_the_schema_is_checked_by_the_rules_of_the_format(
    project: ProjectFolder, server: FaultServer, schema: str, expected: str
) -> None:
    declare(project, server, PROMPT.replace("{type: string, enum: [bug, praise]}", schema))
    done = run(project, "check")
    assert done.code == 2
    assert expected in done.err
    done = run(project, "run")
    assert done.code == 2
    assert expected in done.err
    assert not server.requests
    run(project, "run", "--no-lint", "--no-cache")
    assert len(server.requests) == 1


def test_an_optional_property_is_allowed(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server, PROMPT.replace("      required: [category]\n", ""))
    assert run(project, "check").code == 0
    project.write("runner.yaml", (project.folder / "runner.yaml").read_text().replace('"messages"', '"chat"'))
    assert "S011" in run(project, "check").err


def test_hints_name_the_operation(project: ProjectFolder, server: FaultServer) -> None:
    server.play(reply(404, {"detail": "Not Found"}))
    declare(project, server)
    assert "/messages is appended to it" in run(project, "run", "--no-cache").out


@pytest.mark.parametrize("said", ["x-api-key header is required", "Invalid bearer token"])
def test_a_key_in_the_wrong_header_has_a_hint(project: ProjectFolder, server: FaultServer, said: str) -> None:
    server.play(reply(401, {"type": "error", "error": {"type": "authentication_error", "message": said}}))
    declare(project, server)
    [right] = run(project, "run", "--no-cache").records()
    assert "headers_env" not in right["error"]["hint"]
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", re.sub(r'"headers_env": \{[^}]*\}', '"api_key_env": "FAKE_KEY"', text))
    [record] = run(project, "run", "--no-cache").records()
    assert "headers_env: {x-api-key: NAME}" in record["error"]["hint"]


def test_a_key_of_anthropic_itself_has_its_own_header(project: ProjectFolder) -> None:
    endpoint = {
        "base_url": "https://api.anthropic.com/v1",
        "api_key_env": "ANTHROPIC_API_KEY",
        "api": "messages",
    }
    project.write("ticket.prompt.yaml", PROMPT)
    for api, header in (
        ("messages", "x-api-key: $ANTHROPIC_API_KEY"),
        ("chat", "Authorization: Bearer $ANTHROPIC_API_KEY"),
    ):
        spec = {"endpoint": "claude", "endpoints": {"claude": {**endpoint, "api": api}}}
        project.write("runner.yaml", json.dumps(spec))
        curl = project.run("render", "--format", "curl").out
        assert header in curl
        assert curl.count("ANTHROPIC_API_KEY") == 1


def test_a_base_url_with_the_operation_is_refused(project: ProjectFolder) -> None:
    project.write("ticket.prompt.yaml", PROMPT)
    project.write("runner.yaml", "endpoints: {claude: {base_url: 'https://x/v1/messages', api: messages}}\n")
    done = project.run("check")
    assert done.code == 2
    assert "leave out /messages, which runner adds" in done.err
