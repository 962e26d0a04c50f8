"""Recorded exchanges of the Responses API: answers against an independent reading, requests against their chat form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from runner.engine.plan.lint import lint_prompt
from runner.engine.plan.plan import Plan
from runner.engine.plan.selection import Selection
from runner.engine.plan.units import make_units
from runner.files.disk.tree import MemoryTree
from runner.files.formats import schema
from runner.files.model import Endpoint, Project
from runner.files.prompt import OWN_KEYS, load_prompt
from runner.wire.dialect import dialect_of
from tests import conformance

FIELDS = schema("prompt")["properties"].keys() - OWN_KEYS
FILES = {path.stem: path for path in conformance.recorded("wire/native/responses", ".json")}
RECORDS = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


# The independent reading: straight from the API reference, on bodies that are known to be well-formed.


def recorded_object(record: dict[str, Any]) -> dict[str, Any]:
    if "response" in record:
        found: dict[str, Any] = record["response"]
        return found
    events = [
        json.loads(data) for data in re.findall(r"^data: (\{.*\})\r?$", record["response_text"], re.MULTILINE)
    ]
    [last] = [event["response"] for event in events if event["type"] == "response.completed"]
    assert isinstance(last, dict)
    return last


def reading(record: dict[str, Any]) -> dict[str, Any]:
    body = recorded_object(record)
    if record["status"] != 200:
        return {"error": body["error"]["message"]}
    if body["object"] != "response":
        return {"error": f"The response is an object of type '{body['object']}', not"}
    if body["status"] in ("queued", "in_progress"):
        return {"error": f"The response has not ended (status '{body['status']}')"}
    items = body["output"]
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    text = "".join(part["text"] for part in parts)
    calls = [
        {"id": item["call_id"], "name": item["name"], "arguments": item["arguments"]}
        for item in items
        if item["type"] == "function_call"
    ]
    for_client = [item for item in items if item.get("execution") == "client" and "_call" in item["type"]]
    thoughts: list[str] = []
    for item in items:
        if item["type"] == "reasoning":
            thoughts += [part["text"] for part in item.get("content") or item["summary"] if part["text"]]
    usage = body["usage"]
    return {
        "outcome": "tool_call" if calls or for_client else "ok" if text.strip() else "empty",
        "text": text or None,
        "calls": calls,
        "reasoning": "\n\n".join(thoughts) or None,
        "annotations": [mark for part in parts for mark in part["annotations"]],
        "logprobs": [token for part in parts for token in part.get("logprobs") or []],
        "usage": usage
        and (
            usage["input_tokens"],
            usage["output_tokens"],
            usage["total_tokens"],
            usage["input_tokens_details"]["cached_tokens"],
            usage["output_tokens_details"]["reasoning_tokens"],
        ),
        "model": body["model"],
        "id": body["id"],
        "others": [
            item
            for item in items
            if item["type"] not in ("message", "reasoning", "function_call") and item not in for_client
        ],
        "encrypted": [item["encrypted_content"] for item in items if item.get("encrypted_content")],
    }


def as_read(record: dict[str, Any]) -> dict[str, Any]:
    body = record["response_text"] if "response_text" in record else json.dumps(record["response"])
    reply = dialect_of("responses").read_reply(
        record["status"], record["headers"], body.encode(), request={"tools": [{}]}
    )
    if reply.error:
        return {"error": reply.error.message}
    [answer] = reply.answers
    usage: Any = reply.usage
    left: Any = (answer.extra or {}).get("message", {}).get("content", [])
    return {
        "outcome": answer.outcome.value,
        "text": answer.text,
        "calls": [
            {"id": call["id"], **{key: call["function"][key] for key in ("name", "arguments")}}  # type: ignore[index,call-overload]
            for call in answer.tool_calls
            if call["type"] == "function"
        ],
        "reasoning": answer.reasoning,
        "annotations": answer.annotations or [],
        "logprobs": answer.logprobs["content"] if isinstance(answer.logprobs, dict) else [],
        "usage": usage
        and (
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["total_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"],
            usage["completion_tokens_details"]["reasoning_tokens"],
        ),
        "model": reply.served_model,
        "id": reply.id,
        "others": [part for part in left if part["type"] != "reasoning"],
        "encrypted": [part["encrypted_content"] for part in left if part.get("encrypted_content")],
    }


@pytest.mark.parametrize("name", FILES)
def test_a_recorded_answer_is_what_an_independent_reading_says(name: str) -> None:
    expected, read = reading(RECORDS[name]), as_read(RECORDS[name])
    if "error" in expected:
        assert read.keys() == {"error"}
        assert read["error"].startswith(expected["error"][:200])
    else:
        assert read == expected


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "response_text" in record])
def test_the_text_of_a_recorded_stream_arrives_in_pieces(name: str) -> None:
    from runner.wire.sse import SseSplitter

    reader = dialect_of("responses").printer()
    pieces = [
        text
        for event in SseSplitter().feed(RECORDS[name]["response_text"].encode())
        for _, text in reader.feed(event)
    ]
    assert "".join(pieces) == (reading(RECORDS[name])["text"] or "")


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "response_text" in record])
def test_a_recorded_stream_that_breaks_off_keeps_what_arrived(name: str) -> None:
    record = RECORDS[name]
    cut = record["response_text"].rpartition("event: response.completed")[0]
    cut = cut or record["response_text"].rpartition('data: {"type":"response.completed"')[0]
    assert cut
    reply = dialect_of("responses").read_reply(200, {}, cut.encode(), request={})
    assert reply.error is not None
    assert (reply.error.code, reply.error.retryable) == ("stream_cut", True)
    assert reply.partial is not None
    expected = reading(record)
    assert reply.partial.text == expected["text"]
    assert [call["id"] for call in reply.partial.tool_calls if call["type"] == "function"] == [
        call["id"] for call in expected["calls"]
    ]


# Requests: what was recorded, written with the names of chat completions.


class NoEquivalentError(Exception):
    """The request has something that the format of prompts has no name for."""


def recorded_request(body: dict[str, Any]) -> dict[str, Any]:
    """The recorded body in the one form that runner writes: see the comments for what it leaves open."""
    body = {key: value for key, value in body.items() if key != "stream"}  # an option of the run
    if isinstance(body["input"], str):  # "equivalent to a text input with the user role" (API reference)
        body["input"] = [{"role": "user", "content": body["input"]}]
    items = []
    for item in body["input"]:
        without = {"type"} if item.get("type") == "message" else set()  # the default
        if item.get("type") == "function_call":
            without = {"id", "status"}  # of the stored item; the call is known by its call_id
        items.append({key: value for key, value in item.items() if key not in without})
    body["input"] = items
    if body.get("tools") is not None:
        body["tools"] = [{"strict": False, **t} if t["type"] == "function" else t for t in body["tools"]]
    if (body.get("text") or {}).get("format", {}).get("type") == "json_schema":
        body["text"] = {**body["text"], "format": {"strict": False, **body["text"]["format"]}}
    return {"store": False, **body}


def part_in_chat(part: dict[str, Any]) -> dict[str, Any]:
    kind, rest = part["type"], {key: value for key, value in part.items() if key != "type"}
    if kind in ("input_text", "output_text"):
        own = {key: rest.pop(key) for key in ("text", "prompt_cache_breakpoint") if key in rest}
        if "annotations" in rest:  # chat completions has them in the message, and in another form
            raise NoEquivalentError
        return {"type": "text", **own, **({"extra": rest} if rest else {})}
    if kind == "input_image" and "image_url" in rest:
        rest["url"] = rest.pop("image_url")
        return {"type": "image_url", "image_url": rest}
    if kind == "input_file" and "file_url" not in rest:
        return {"type": "file", "file": rest}
    if kind == "input_file":
        return {"type": "file_url", "file_url": rest.pop("file_url"), **({"extra": rest} if rest else {})}
    return part


def message_in_chat(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type")
    if kind == "function_call":
        rest = {key: v for key, v in item.items() if key not in ("type", "call_id", "name", "arguments")}
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{**call, **({"extra": rest} if rest else {})}],
        }
    if kind == "function_call_output":
        output = item["output"]
        content = output if isinstance(output, str) else [part_in_chat(part) for part in output]
        return {"role": "tool", "tool_call_id": item["call_id"], "content": content}
    if kind is not None:
        raise NoEquivalentError
    content = item["content"]
    content = content if isinstance(content, str) else [part_in_chat(part) for part in content]
    rest = {key: value for key, value in item.items() if key not in ("role", "content")}
    return {"role": item["role"], "content": content, **({"extra": rest} if rest else {})}


def tool_in_chat(tool: dict[str, Any]) -> dict[str, Any]:
    if tool["type"] != "function":
        return tool
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}


def in_chat(body: dict[str, Any]) -> dict[str, Any]:
    """The prompt file of a recorded request. Raises NoEquivalentError."""
    chat: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in body.items():
        if key == "input":
            chat["messages"] = [message_in_chat(item) for item in value]
        elif key == "max_output_tokens":
            chat["max_completion_tokens"] = value
        elif key == "reasoning" and "effort" in (value or {}):
            chat["reasoning_effort"] = value["effort"]
            extra["reasoning"] = {name: each for name, each in value.items() if name != "effort"}
        elif key == "text" and value:
            form = dict(value["format"])
            if form["type"] == "json_schema":
                form = {"type": form.pop("type"), "json_schema": form}
            chat["response_format"] = form
            if "verbosity" in value:
                chat["verbosity"] = value["verbosity"]
        elif key == "include" and "message.output_text.logprobs" in (value or []):
            chat["logprobs"] = True
            extra["include"] = [each for each in value if each != "message.output_text.logprobs"]
        elif key == "tools" and value:
            chat["tools"] = [tool_in_chat(tool) for tool in value]
        elif key == "tool_choice" and isinstance(value, dict):
            chat["tool_choice"] = choice_in_chat(value)
        elif key in FIELDS:
            chat[key] = value
        else:
            extra[key] = value
    return {**chat, "template": {"engine": "none"}, "extra_body": extra}


def choice_in_chat(value: dict[str, Any]) -> dict[str, Any]:
    inner = {key: each for key, each in value.items() if key != "type"}
    if "tools" in inner:
        inner["tools"] = [choice_in_chat(tool) for tool in inner["tools"]]
    return {"type": value["type"], value["type"]: inner}


def prompts() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Of each recorded request for an answer that was answered, and has an equivalent: its prompt file and its body."""
    found = {}
    for name, record in RECORDS.items():
        if record["status"] == 200 and record["path"].endswith("/responses") and record["request"]:
            body = recorded_request(record["request"])
            try:
                found[name] = in_chat(body), body
            except NoEquivalentError:
                continue
    return found


PROMPTS = prompts()


@pytest.mark.skipif(not RECORDS, reason="no folder of recordings was given (CONFORMANCE_DATA)")
def test_most_recorded_requests_have_an_equivalent() -> None:
    assert len(PROMPTS) > 200


@pytest.mark.parametrize("name", PROMPTS)
def test_a_recorded_request_is_written_as_it_was_from_its_equivalent(name: str) -> None:
    text, body = PROMPTS[name]
    prompt = load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": json.dumps(text).encode()}))
    endpoint = Endpoint("openai", base_url="http://127.0.0.1:1/v1", api="responses", model="unnamed")
    project = Project(root="/", endpoints={"openai": endpoint})
    found = lint_prompt(prompt, project)
    assert [*found.errors, *(each for each in found.remarks if each.severity == "error")] == []
    (job,) = Plan(make_units((prompt,), project), Selection().cases).jobs()
    assert json.loads(job.sent(stream=False)) == {"model": "unnamed", **body}
