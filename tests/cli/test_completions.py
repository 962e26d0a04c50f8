"""`api: completions`, through the command line: a text is sent, and its continuation is the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults import FaultServer, event_stream, reply

from .asking import KEY
from .project import Done, ProjectFolder

PROMPT = """name: sky
model: base
max_completion_tokens: 5
logprobs: true
messages: [{role: user, content: "The sky is {{ colour }}"}]
tests: [{id: blue, vars: {colour: blue}, assert: [{type: contains, value: today}]}]
"""


def declare(project: ProjectFolder, server: FaultServer, prompt: str = PROMPT) -> None:
    endpoint = {
        "base_url": server.base_url,
        "api": "completions",
        "api_key_env": "FAKE_KEY",
        "max_retries": 0,
    }
    models = {"base": {"price": {"input": 1, "output": 10}}}
    project.write(
        "runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}, "models": models}, indent=2)
    )
    project.write("sky.prompt.yaml", prompt)


def run(project: ProjectFolder, *args: str) -> Done:
    return project.run(*args, env={"FAKE_KEY": KEY})


def text(said: str, reason: str | None = "stop") -> dict[str, Any]:
    logprobs = {"tokens": [said], "token_logprobs": [-0.5], "top_logprobs": None, "text_offset": [15]}
    choice = {"text": said, "index": 0, "logprobs": logprobs, "finish_reason": reason}
    usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "model": "base-1",
        "choices": [choice],
        "usage": usage,
    }


def test_a_text_is_sent_and_its_continuation_is_the_answer(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(reply(200, text(" today")))
    declare(project, server)
    done = run(project, "run", "--no-cache")
    assert done.code == 0, done.err
    [request] = server.requests
    assert request.target == "/v1/completions"
    assert request.json == {"model": "base", "max_tokens": 5, "logprobs": 1, "prompt": "The sky is blue"}
    [record] = done.records()
    assert (record["text"], record["outcome"], record["served_model"]) == (" today", "ok", "base-1")
    assert record["logprobs"] == {"content": [{"token": " today", "logprob": -0.5}], "text_offset": [15]}
    assert record["cost"] == pytest.approx(24e-6)


def test_a_stream_is_printed_and_recorded_whole(project: ProjectFolder, server: FaultServer) -> None:
    server.play(event_stream(text(" to", None), text("day")))
    declare(project, server)
    done = run(project, "run", "--no-cache", "--stream")
    assert done.code == 0, done.err
    assert server.requests[0].json["stream_options"] == {"include_usage": True}
    assert " today" in done.out
    assert [entry["token"] for entry in done.records()[0]["logprobs"]["content"]] == [" to", "day"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("tools: []", "sky.prompt.yaml:7:8: error: tools cannot be sent with `api: completions`"),
        ("reasoning_effort: low", "sky.prompt.yaml:7:19: error: reasoning_effort cannot be sent"),
        ("matrix: {verbosity: [low, high]}", "sky.prompt.yaml:7:21: error: verbosity cannot be sent"),
    ],
)
@pytest.mark.parametrize("command", ["check", "run", "render"])
def test_a_key_without_a_place_is_refused_at_its_line(
    project: ProjectFolder, server: FaultServer, line: str, place: str, command: str
) -> None:
    declare(project, server, f"{PROMPT}{line}\n")
    done = run(project, command)
    assert (done.code, server.requests) == (2, [])
    assert place in done.err


def test_a_conversation_is_refused_at_its_second_message(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server, PROMPT.replace("messages: [", "messages: [{role: user, content: Hi}, "))
    done = run(project, "run")
    assert (done.code, server.requests) == (2, [])
    assert "sky.prompt.yaml:5:39: error: messages[1] cannot be sent with `api: completions`" in done.err


def test_the_operation_is_not_part_of_the_address(project: ProjectFolder, server: FaultServer) -> None:
    declare(project, server)
    spec = (
        (project.folder / "runner.yaml")
        .read_text()
        .replace(server.base_url, f"{server.base_url}/completions")
    )
    project.write("runner.yaml", spec)
    done = run(project, "check")
    assert done.code == 2
    assert "includes the operation" in done.err
