"""Recorded exchanges with the Messages API: each answer against a second reader, each request against its own body."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.engine.plan.plan import Plan
from runner.engine.plan.selection import Selection
from runner.engine.plan.units import make_units
from runner.files.disk.tree import MemoryTree
from runner.files.formats import schema
from runner.files.model import Endpoint, Project
from runner.files.prompt import OWN_KEYS, load_prompt
from runner.wire.dialect import dialect_of
from runner.wire.reply import Reply
from tests import conformance

MESSAGES = dialect_of("messages")
FILES = {path.name: path for path in conformance.recorded("wire/native/anthropic-messages")}
WRITTEN = conformance.lines("wire/anthropic.jsonl")
FIELDS = schema("prompt")["properties"].keys() - OWN_KEYS
CALLED = {"type": "function", "function": {"name": "f"}}


def exchange(name: str) -> tuple[int, dict[str, str], bytes, dict[str, Any]]:
    """Status, headers, body and declared request of one written or recorded exchange."""
    if name in WRITTEN:
        entry = WRITTEN[name]
        text = entry["text"] if "text" in entry else json.dumps(entry["body"], ensure_ascii=False)
        return entry["status"], entry["headers"], text.encode(), entry["request"]
    record = json.loads(FILES[name].read_text(encoding="utf-8"))
    text = record["response_text"] if "response_text" in record else json.dumps(record["response"])
    config = record["request"].get("output_config") or {}
    formatted = {"response_format": {"type": "json_schema"}} if "format" in config else {}
    return record["status"], record["headers"], text.encode(), formatted


def read(name: str) -> Reply:
    status, headers, body, request = exchange(name)
    return MESSAGES.read_reply(status, headers, body, request=request)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_answer_comes_to_what_stands_beside_it(name: str) -> None:
    expected = WRITTEN[name]
    reply = read(name)
    got = "error" if reply.error else reply.answers[0].outcome.value
    assert got == expected["outcome"]
    if reply.error:
        assert [reply.error.code, reply.error.retryable, reply.error.retry_after] == expected["error"]
    else:
        answer = reply.answers[0]
        found = {
            "text": answer.text,
            "finish_reason": answer.finish_reason,
            "code": answer.error and answer.error.code,
        }
        assert {key: found[key] for key in expected["answer"]} == expected["answer"]


# The second reader: the fields as the API's reference describes them, from bodies that are known to be well-formed.


def whole(text: str) -> dict[str, Any]:
    """The message of a body, or of the events of a stream, put together with nothing of ours."""
    if text.lstrip().startswith("{"):
        body: dict[str, Any] = json.loads(text)
        return body
    message: dict[str, Any] = {}
    partial: dict[int, str] = {}
    for data in re.findall(r"^data:(.*?)\r?$", text, re.MULTILINE):
        event = json.loads(data)
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            if delta["type"] == "input_json_delta":
                partial[event["index"]] = partial.get(event["index"], "") + delta["partial_json"]
            elif delta["type"] == "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
            else:
                key = delta["type"].removesuffix("_delta")
                block[key] = block.get(key, "") + delta[key]
        elif event["type"] == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event["usage"])
    for index, piece in partial.items():
        message["content"][index]["input"] = json.loads(piece or "{}")
    return message


def oracle(message: dict[str, Any], *, schema: bool) -> dict[str, Any]:
    blocks = message["content"]
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    thoughts = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    usage = message["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    prompt = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
    text = "".join(texts)
    outcome = {"max_tokens": "truncated", "refusal": "refused", "tool_use": "tool_call"}.get(
        message["stop_reason"], "tool_call" if calls else "ok" if text.strip() else "empty"
    )
    return {
        "outcome": outcome,
        "text": text if texts else None,
        "output": json.loads(text) if schema and outcome == "ok" else None,
        "finish_reason": message["stop_reason"],
        "calls": [(call["id"], call["name"], call["input"]) for call in calls],
        "reasoning": thoughts or None,
        "annotations": [each for block in blocks for each in block.get("citations") or []] or None,
        "others": [block for block in blocks if block["type"] not in ("text", "tool_use", "thinking")],
        "usage": (prompt, usage["output_tokens"], prompt + usage["output_tokens"], cached),
        "id": message["id"],
        "model": message["model"],
    }


def ours(reply: Reply) -> dict[str, Any]:
    [answer] = reply.answers
    usage: Any = reply.usage
    extra: Any = answer.extra or {}
    kept = extra.get("message", {}).get("content", [])
    calls: Any = answer.tool_calls
    return {
        "outcome": answer.outcome.value,
        "text": answer.text,
        "output": answer.output,
        "finish_reason": answer.finish_reason,
        "calls": [
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in calls
        ],
        "reasoning": answer.reasoning,
        "annotations": answer.annotations,
        "others": [block for block in kept if block["type"] not in ("text", "thinking")],
        "usage": (
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["total_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"],
        ),
        "id": reply.id,
        "model": reply.served_model,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_recorded_answer_is_what_the_second_reader_says(name: str) -> None:
    status, _, body, request = exchange(name)
    reply = read(name)
    if status >= 400:
        told = json.loads(body)
        assert reply.error is not None
        assert (reply.error.message, reply.error.type) == (told["error"]["message"], told["error"]["type"])
        assert reply.error.request_id == told["request_id"]
        return
    assert ours(reply) == oracle(whole(body.decode()), schema=bool(request))


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_a_recorded_answer_is_lost(name: str) -> None:
    """Every text that a message has stands somewhere in what is stored of it."""
    status, _, body, _ = exchange(name)
    if status >= 400:
        return
    reply = read(name)
    stored = written([reply.answers[0]._asdict(), reply.usage, reply.id, reply.served_model])
    message = whole(body.decode())
    for text in leaves({key: message[key] for key in message.keys() - {"type", "role"}}):
        # Inside a call's arguments, which are JSON as text, it is written twice.
        assert written(text)[1:-1] in stored or written(written(text))[3:-3] in stored, text


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in leaves(each)]
    if isinstance(value, list):
        return [text for each in value for text in leaves(each)]
    return [value] if isinstance(value, str) and value not in ("tool_use", "text") else []


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("200")])
def test_a_recorded_stream_that_breaks_off_is_never_an_answer(name: str) -> None:
    _, headers, body, _ = exchange(name)
    if body.lstrip().startswith(b"{"):
        return
    events = re.split(rb"\r?\n\r?\n", body.strip())
    for end in range(1, len(events), max(1, len(events) // 12)):
        cut = b"\n\n".join(events[:end]) + b"\n\n"
        reply = MESSAGES.read_reply(200, headers, cut, request={})
        assert reply.error is not None
        assert (reply.error.code, reply.error.retryable) == ("stream_cut", True)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted({**WRITTEN, **FILES})), st.floats(0, 1), st.binary(max_size=3), st.integers(0, 40)
)
def test_damaged_answers_are_read_without_an_exception(name: str, where: float, put: bytes, cut: int) -> None:
    status, headers, body, request = exchange(name)
    at = int(where * len(body))
    reply = MESSAGES.read_reply(status, headers, body[:at] + put + body[at + cut :], request=request)
    assert reply.error is not None or reply.answers


# Requests: the same question with the names of chat completions, as a prompt file, is sent as it was recorded.


def equivalent(body: dict[str, Any]) -> dict[str, Any]:
    """The prompt file of a recorded body."""
    prompt: dict[str, Any] = {"template": {"engine": "none"}, "messages": []}
    extra: dict[str, Any] = {}
    for key, value in body.items():
        if key == "system":
            prompt["messages"][:0] = [{"role": "system", "content": value}]
        elif key == "messages":
            prompt["messages"] += [message for turn in value for message in declared(turn)]
        elif key == "tools":
            prompt["tools"] = [tool(each) for each in value]
        elif key == "tool_choice":
            words = {"any": "required", "tool": {"type": "function", "function": {"name": value.get("name")}}}
            prompt["tool_choice"] = words.get(value["type"], value["type"])
        elif key == "stop_sequences":
            prompt["stop"] = value
        elif key == "output_config":
            rest = {**value}
            if "effort" in rest:
                prompt["reasoning_effort"] = rest.pop("effort")
            if "format" in rest:
                inner = {"name": "answer", "strict": True, "schema": rest.pop("format")["schema"]}
                prompt["response_format"] = {"type": "json_schema", "json_schema": inner}
            if rest:
                extra["output_config"] = rest
        elif key in FIELDS:
            prompt[key] = value
        else:
            extra[key] = value
    return {**prompt, "extra_body": extra}


def tool(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("type", "custom") != "custom":
        return given
    inner = {key: value for key, value in given.items() if key not in ("type", "input_schema")}
    return {"type": "function", "function": {**inner, "parameters": given["input_schema"]}}


def declared(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of one turn."""
    if isinstance(turn["content"], str):
        return [turn]
    messages: list[dict[str, Any]] = []
    rest: list[Any] = []
    calls: list[Any] = []
    for block in turn["content"]:
        if block["type"] == "tool_result":
            own = {key: each for key, each in block.items() if key not in ("type", "tool_use_id", "content")}
            content = block["content"]
            parts = content if isinstance(content, str) else [part(each) for each in content]
            result = {"role": "tool", "tool_call_id": block["tool_use_id"], "content": parts}
            messages.append({**result, "extra": own} if own else result)
        elif block["type"] == "tool_use":
            function = {"name": block["name"], "arguments": json.dumps(block["input"])}
            calls.append({"id": block["id"], "type": "function", "function": function})
        else:
            rest.append(part(block))
    if rest or calls:
        messages.append(
            {"role": turn["role"], "content": rest or None, **({"tool_calls": calls} if calls else {})}
        )
    return messages


def part(block: dict[str, Any]) -> dict[str, Any]:
    source = block.get("source") or {}
    rest = {key: value for key, value in block.items() if key not in ("type", "source")}
    if block["type"] == "image" and source["type"] in ("url", "base64"):
        url = source.get("url") or f"data:{source['media_type']};base64,{source['data']}"
        return {"type": "image_url", "image_url": {"url": url}, **rest}
    if block["type"] == "document" and source["type"] == "base64":
        return {
            "type": "file",
            "file": {"file_data": f"data:{source['media_type']};base64,{source['data']}"},
            **rest,
        }
    if block["type"] == "document" and source["type"] == "text":
        data = b64encode(source["data"].encode()).decode()
        return {"type": "file", "file": {"file_data": f"data:{source['media_type']};base64,{data}"}, **rest}
    if block["type"] == "document" and source["type"] == "file":
        return {"type": "file", "file": {"file_id": source["file_id"]}, **rest}
    return block


def as_one_turn(body: dict[str, Any]) -> dict[str, Any]:
    """The body with the two things that mean the same written in one way: neighbours of one role, `type: custom`."""
    turns: list[dict[str, Any]] = []
    for turn in body["messages"]:
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1] = {"role": turn["role"], "content": [*parts_of(turns[-1]), *parts_of(turn)]}
        else:
            turns.append(turn)
    tools = [
        {key: v for key, v in each.items() if (key, v) != ("type", "custom")}
        for each in body.get("tools", [])
    ]
    return {**body, "messages": turns, **({"tools": tools} if "tools" in body else {})}


def parts_of(turn: dict[str, Any]) -> list[Any]:
    return (
        [{"type": "text", "text": turn["content"]}] if isinstance(turn["content"], str) else turn["content"]
    )


@pytest.mark.parametrize("name", FILES)
def test_the_same_request_with_openai_names_is_sent_as_it_was_recorded(name: str) -> None:
    recorded = json.loads(FILES[name].read_text(encoding="utf-8"))["request"]
    recorded.pop("stream", None)  # an option of a run
    text = json.dumps(equivalent(recorded)).encode()
    prompt = load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": text}))
    endpoint = Endpoint("openai", base_url="http://127.0.0.1:1/v1", api="messages")
    project = Project(root="/", endpoints={"openai": endpoint})
    (job,) = Plan(make_units((prompt,), project), Selection().cases).jobs()
    assert json.loads(job.sent(stream=False)) == as_one_turn(recorded)
