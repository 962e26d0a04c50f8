"""What a prompt declares and what reaches the server, through the command line."""

from __future__ import annotations

import json

import pytest

from tests.faults import FaultServer

from .asking import KEY, run
from .project import ProjectFolder

CONVERSATION = """
model: deepseek-chat
tools:
  - function: {name: f, parameters: {type: object}}
    extra: {a: 1}
  - {type: "openrouter:web_search"}
tool_choice: any
messages:
  - {role: user, content: "What is 6*7?"}
  - {role: assistant, content: "42", reasoning_content: Six times seven.}
  - role: assistant
    content: null
    tool_calls:
      - id: c1
        type: function
        function: {name: f, arguments: "{}"}
        extra_content: {google: {thought_signature: abc}}
  - {role: tool, tool_call_id: c1, name: f, content: ok}
  - {type: placeholder, name: history}
  - role: user
    content:
      - {type: text, text: "{{ q }}", cache_control: {type: ephemeral}, extra: {b: "{{ q }}"}}
      - {type: video_url, video_url: {url: "https://x.example/{{ q }}.mp4"}}
  - {role: assistant, prefix: true, content: "{"}
"""
HISTORY = [{"role": "assistant", "content": "before", "reasoning": "r", "extra": {"c": 3}}]
SENT = {
    "model": "deepseek-chat",
    "tools": [
        {"function": {"name": "f", "parameters": {"type": "object"}}, "a": 1},
        {"type": "openrouter:web_search"},
    ],
    "tool_choice": "any",
    "messages": [
        {"role": "user", "content": "What is 6*7?"},
        {"role": "assistant", "content": "42", "reasoning_content": "Six times seven."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": "abc"}},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "ok"},
        {"role": "assistant", "content": "before", "reasoning": "r", "c": 3},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "cat", "cache_control": {"type": "ephemeral"}, "b": "{{ q }}"},
                {"type": "video_url", "video_url": {"url": "https://x.example/cat.mp4"}},
            ],
        },
        {"role": "assistant", "prefix": True, "content": "{"},
    ],
}


def test_fields_of_providers_reach_the_server_as_written(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("prompts/hello.prompt.yaml", CONVERSATION)
    asked.write("vars.json", json.dumps({"q": "cat", "history": HISTORY}))
    done = run(asked, "--vars", "vars.json")
    assert (done.code, done.err) == (0, "")
    assert [request.body for request in server.requests] == [json.dumps(SENT, separators=(",", ":")).encode()]


def test_render_shows_what_is_sent(asked: ProjectFolder) -> None:
    asked.write("prompts/hello.prompt.yaml", CONVERSATION)
    asked.write("vars.json", json.dumps({"q": "cat", "history": HISTORY}))
    done = asked.run("render", "--vars", "vars.json", "--format", "request")
    assert json.loads(done.out) == SENT
    done = asked.run("render", "--vars", "vars.json", "--format", "messages")
    assert json.loads(done.out) == SENT["messages"]
    done = asked.run("render", "--vars", "vars.json", "--format", "curl", env={"FAKE_KEY": KEY})
    assert '"reasoning_content": "Six times seven."' in done.out
    assert '"extra"' not in done.out


def test_check_tells_what_is_not_rendered_and_what_is_not_known(asked: ProjectFolder) -> None:
    asked.write("prompts/hello.prompt.yaml", CONVERSATION.replace("{type: video_url,", "{type: vidoe_url,"))
    done = asked.run("check")
    assert done.code == 0
    assert 'W005 messages[5].content[1].type is "vidoe_url"' in done.err
    assert "W004 this is not a template, so its braces are sent unchanged" in done.err


def test_a_slip_in_a_known_name_is_an_error(asked: ProjectFolder) -> None:
    asked.write("prompts/hello.prompt.yaml", CONVERSATION.replace("cache_control:", "cache_controll:"))
    done = asked.run("check")
    assert done.code == 2
    assert 'unknown key "cache_controll" in messages[5].content[0]' in done.err
    assert 'did you mean "cache_control"?' in done.err


LARGE = """
model: m
seed: 1234567890123456789
extra_body: {id: 18446744073709551615}
messages: [{role: user, content: "json {{ n }}"}]
tools: [{function: {name: f, parameters: {type: object, properties: {a: {maximum: 18446744073709551615}}}}}]
response_format:
  type: json_schema
  json_schema: {name: x, schema: {type: object, properties: {id: {maximum: 9223372036854775807}}}}
tests: [{vars: {n: 99999999999999999999}}]
"""


def test_integers_of_any_size_are_sent_with_their_digits(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("prompts/hello.prompt.yaml", LARGE)
    assert asked.run("check").code == 0
    assert asked.run("render").code == 0
    run(asked)
    (request,) = server.requests
    for digits in (
        "1234567890123456789",
        "18446744073709551615",
        "9223372036854775807",
        "99999999999999999999",
    ):
        assert digits.encode() in request.body


def test_a_whole_number_of_set_is_sent_as_an_integer(asked: ProjectFolder, server: FaultServer) -> None:
    assert run(asked, "--case", "ada", "--set", "seed=1e3").code == 0
    assert b'"seed":1000,' in server.requests[0].body or b'"seed":1000}' in server.requests[0].body


def test_what_json_does_not_have_is_no_value_of_set(asked: ProjectFolder) -> None:
    done = run(asked, "--case", "ada", "--set", 'logit_bias={"1": NaN}')
    assert done.code == 2
    assert "logit_bias must be an object, not a string" in done.err


def test_a_message_that_comes_out_empty_is_a_warning_told_once(asked: ProjectFolder) -> None:
    asked.write(
        "prompts/hello.prompt.yaml",
        'model: m\ninputs: {s: {default: ""}}\nmessages:\n'
        '  - {role: system, content: "{% if s %}Be {{ s }}.{% endif %} "}\n'
        '  - {role: user, content: hi}\n  - {role: assistant, content: ""}\n'
        "tests: [{id: a, vars: {s: kind}}, {id: b}, {id: c}]\n",
    )
    done = asked.run("check")
    assert done.code == 0
    assert done.err.count(": W008 ") == 1
    assert "prompts/hello.prompt.yaml:4:29: W008 messages[0] is empty with the variables of" in done.err
    assert "hello.prompt.yaml:7:35" in done.err


VACUOUS = """
model: m
messages: [{role: user, content: "{{ q }}"}]
response_format: {type: json_schema, json_schema: {name: ticket, schema_file: ../schemas/ticket.json}}
tests: [{id: a, vars: {q: x}}]
"""


@pytest.mark.parametrize("command", ["check", "run", "test", "render"])
@pytest.mark.parametrize(
    "schema",
    [
        {"name": "ticket", "strict": True, "schema": {"type": "object", "required": ["category"]}},
        {"type": "json_schema", "json_schema": {"name": "ticket", "schema": {"type": "object"}}},
        {"type": "object", "property": {"category": {"type": "string"}}, "require": ["category"]},
        {},
    ],
    ids=["wrapper", "response_format", "slips", "empty"],
)
def test_a_schema_that_refuses_nothing_stops_every_command(
    command: str, schema: dict[str, object], asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("prompts/hello.prompt.yaml", VACUOUS)
    asked.write("schemas/ticket.json", json.dumps(schema))
    done = asked.run(command, env={"FAKE_KEY": KEY})
    assert done.code == 2
    assert "schemas/ticket.json:1:1: error: " in done.err
    assert server.requests == []


def test_one_bad_prompt_does_not_stop_the_check_of_others(asked: ProjectFolder) -> None:
    asked.write("prompts/a.prompt.yaml", VACUOUS)
    asked.write("schemas/ticket.json", "{}")
    done = asked.run("check")
    assert "2 prompts, 2 cases: 1 error" in done.out


def test_an_assertion_whose_schema_refuses_nothing_is_an_error(asked: ProjectFolder) -> None:
    asked.write(
        "prompts/hello.prompt.yaml",
        "model: m\nmessages: [{role: user, content: x}]\nassert: [{type: json-schema, value: {propertys: {}}}]\n",
    )
    done = asked.run("check")
    assert done.code == 2
    assert "hello.prompt.yaml:3:" in done.err
    assert 'did you mean "properties"?' in done.err
