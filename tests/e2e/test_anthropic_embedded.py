"""The Messages API of the real model: llama.cpp serves it too, but ignores the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .test_embedded import run

pytestmark = pytest.mark.e2e

PROJECT = """
endpoint: claude
endpoints:
  claude: {embedded: smollm2-135m-instruct, api: messages}
"""
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "runner.yaml").write_text(PROJECT)
    return tmp_path


def ask(project: Path, said: str, *args: str, **fields: Any) -> dict[str, Any]:
    system = {"role": "system", "content": "You are a friendly assistant."}
    messages = [system, {"role": "user", "content": said}]
    request = {"name": "hello", "temperature": 0, "messages": messages, "tests": [{"id": "one"}], **fields}
    (project / "hello.prompt.yaml").write_text(json.dumps(request))
    output = project / "results.jsonl"
    run("run", "--no-cache", "--output", str(output), "--force", *args, cwd=project)
    [line] = output.read_text(encoding="utf-8").splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


@pytest.mark.parametrize("options", [(), ("--stream",)], ids=["whole", "stream"])
def test_an_answer_is_whole_and_counted(project: Path, options: tuple[str, ...]) -> None:
    record = ask(project, "Say hello to Ada.", *options, max_completion_tokens=200)
    assert (record["outcome"], record["finish_reason"]) == ("ok", "end_turn")
    assert record["text"]
    usage = record["usage"]
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_streaming_and_not_streaming_say_the_same(project: Path) -> None:
    whole, streamed = (
        ask(project, "Say hello to Ada.", *options, max_tokens=200) for options in ((), ("--stream",))
    )
    for key in ("text", "outcome", "finish_reason", "fingerprint"):
        assert whole[key] == streamed[key]
    assert whole["usage"]["completion_tokens"] == streamed["usage"]["completion_tokens"]


@pytest.mark.parametrize("options", [(), ("--stream",)], ids=["whole", "stream"])
def test_a_schema_that_the_server_ignores_is_checked_here(project: Path, options: tuple[str, ...]) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}
    record = ask(project, "Say hello to Ada.", *options, max_tokens=200, response_format=schema)
    assert (record["outcome"], record["passed"]) == ("unparsable", False)


@pytest.mark.parametrize("options", [(), ("--stream",)], ids=["whole", "stream"])
def test_a_cut_answer_is_truncated(project: Path, options: tuple[str, ...]) -> None:
    record = ask(project, "Count to one hundred.", *options, max_tokens=5)
    assert (record["outcome"], record["passed"]) == ("truncated", False)
    assert record["usage"]["completion_tokens"] == 5


def test_a_conversation_with_a_tool_is_accepted(project: Path) -> None:
    call = {"id": "toolu_1", "type": "function", "function": {"name": "age", "arguments": '{"of":"Ada"}'}}
    messages = [
        {"role": "user", "content": "How old is Ada?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "36"},
    ]
    tool = {
        "type": "function",
        "function": {"name": "age", "parameters": {"type": "object", "properties": {}}},
    }
    record = ask(project, "", max_tokens=30, messages=messages, tools=[tool])
    assert record["outcome"] in ("ok", "truncated", "tool_call")
