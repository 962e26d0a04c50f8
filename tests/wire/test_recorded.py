"""Answers as servers write them: ours with the outcome beside each, recorded ones against a second reading of the rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.values import JsonObject
from runner.wire.classify import read_reply
from runner.wire.reply import Outcome, Reply
from tests import conformance

WRITTEN = conformance.lines("wire/answers.jsonl")
FILES = {
    f"{path.parent.name}/{path.name}": path
    for folder in ("chat", "errors", "stream", "openai-python", "openai-python-sse")
    for path in conformance.recorded(f"wire/responses/{folder}")
    if folder != "stream" or "__messages__" not in path.name  # a stream of another protocol
}


def interaction(name: str) -> tuple[int, dict[str, str], bytes, dict[str, Any]]:
    """Status, headers, body and request of one written or recorded answer."""
    if name in WRITTEN:
        entry = WRITTEN[name]
        text = entry["text"] if "text" in entry else json.dumps(entry["body"], ensure_ascii=False)
        return entry["status"], entry["headers"], text.encode(), entry["request"]
    path = FILES[name]
    if path.suffix == ".sse":
        several = {"n": 3} if "multiple_choices" in name else {}  # the request was not recorded
        return 200, {"content-type": "text/event-stream"}, path.read_bytes(), several
    record = json.loads(path.read_text(encoding="utf-8"))
    text = record["response_text"] if "response_text" in record else json.dumps(record["response"])
    request = record.get("request") or ({"n": 3} if "multiple_choices" in name else {})
    status = record["meta"].get("status", 200)
    return (
        status,
        record.get("response_headers", {}),
        text.encode(),
        request if isinstance(request, dict) else {},
    )


def read(name: str) -> Reply:
    status, headers, body, request = interaction(name)
    return read_reply(status, headers, body, request=request)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_answer_comes_to_what_stands_beside_it(name: str) -> None:
    expected = WRITTEN[name]
    reply = read(name)
    assert ("error" if reply.error else [a.outcome.value for a in reply.answers]) == expected["outcomes"]
    if "texts" in expected:
        assert [answer.text for answer in reply.answers] == expected["texts"]
    if "error" in expected:
        assert reply.error is not None
        assert [reply.error.code, reply.error.retryable] == expected["error"]


# The oracle: the table of observations, straight, on bodies that are known to be well-formed.


def oracle_of_choice(message: dict[str, Any], finish: str | None, request: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part["type"] == "text")
    if finish == "length":
        return "truncated"
    if finish == "content_filter":
        return "filtered"
    if message.get("refusal"):
        return "refused"
    if message.get("tool_calls") or finish in ("tool_calls", "function_call"):
        return "tool_call"
    if not content:
        return "empty"
    if (request.get("response_format") or {}).get("type") in ("json_schema", "json_object"):
        try:
            json.loads(content)
        except ValueError:
            return "unparsable"
    return "ok"


def oracle_of_body(body: dict[str, Any], request: dict[str, Any]) -> list[str] | str:
    if "failed_generation" in (body.get("error") or {}):
        return ["unparsable" if body["error"]["failed_generation"] else "empty"]
    if body.get("error") is not None:
        return "error"
    return [oracle_of_choice(c["message"], c["finish_reason"], request) for c in body["choices"]]


def oracle_of_stream(text: str, request: dict[str, Any]) -> list[str] | str:
    chunks = [json.loads(data) for data in re.findall(r"^data: (\{.*\})\r?$", text, re.MULTILINE)]
    for error in [chunk["error"] for chunk in chunks if chunk.get("error")]:
        if "failed_generation" in error:
            said = any(part["delta"].get("content") for chunk in chunks for part in chunk.get("choices", []))
            return ["unparsable" if error["failed_generation"] or said else "empty"]
        return "error"
    seen: dict[int, dict[str, Any]] = {}
    for part in (choice for chunk in chunks for choice in chunk.get("choices", [])):
        state = seen.setdefault(
            part["index"], {"content": "", "refusal": "", "tool_calls": [], "finish": None}
        )
        state["content"] += part["delta"].get("content") or ""
        state["refusal"] += part["delta"].get("refusal") or ""
        state["tool_calls"] += part["delta"].get("tool_calls") or []
        state["finish"] = part.get("finish_reason") or state["finish"]
    return [oracle_of_choice(state, state["finish"], request) for _, state in sorted(seen.items())]


@pytest.mark.parametrize("name", FILES)
def test_recorded_answer_is_what_the_oracle_says(name: str) -> None:
    status, _, body, request = interaction(name)
    reply = read(name)
    got = "error" if reply.error else [answer.outcome.value for answer in reply.answers]
    expected: list[str] | str
    if status >= 400:
        failed = body.lstrip().startswith(b"{") and b'"failed_generation"' in body
        expected = ["unparsable"] if failed else "error"
    elif body.lstrip().startswith(b"{"):
        expected = oracle_of_body(json.loads(body), request)
    else:
        expected = oracle_of_stream(body.decode(), request)
    assert got == expected


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("chat/", "openai-python/"))])
def test_recorded_usage_and_model_are_kept(name: str) -> None:
    body = json.loads(interaction(name)[2])
    reply = read(name)
    assert reply.usage == body.get("usage")
    assert (reply.served_model or "") == body.get("model", "")


# By hand, from reading the files.
NOTABLE = {
    "openai-python/test_parse_pydantic_model_refusal.json": [
        (Outcome.REFUSED, "I'm very sorry, but I can't assist with that.")
    ],
    "openai-python/test_parse_max_tokens_reached.json": [(Outcome.TRUNCATED, '{"')],
    "chat/mistral__chat__200__stop__b4913df4.json": [(Outcome.OK, "4")],
    "chat/cerebras__chat__200__tool_calls__36dab14e.json": [(Outcome.TOOL_CALL, None)],
    "chat/groq__chat__200__tool_calls__4a1c2f7d.json": [(Outcome.TOOL_CALL, None)],
    "chat/gemini-openai-compat__chat__200__tool_calls__80376add.json": [(Outcome.TOOL_CALL, None)],
    "chat/snowflake__chat__200__nofr__b1336f20.json": [(Outcome.OK, "4")],
    "errors/groq__chat__400__err__794fffde.json": [(Outcome.UNPARSABLE, "maybe")],
    "stream/snowflake__chat__200__x__96363cf4.json": [(Outcome.OK, "4")],
    "stream/openrouter__chat__200__x__daf11bb9.json": [(Outcome.OK, "Hello!")],
    "stream/zai__chat__200__x__ca01da6b.json": [(Outcome.OK, "4")],
    "stream/crusoe-vllm__chat__200__x__e2e14000.json": [(Outcome.OK, "1, 2, 3, 4, 5")],
    "openai-python-sse/test_parse_pydantic_model_refusal__173417d55340.sse": [
        (Outcome.REFUSED, "I'm sorry, I can't assist with that request.")
    ],
}


needs_recordings = pytest.mark.skipif(
    not FILES, reason="no folder of recordings was given (CONFORMANCE_DATA)"
)


@needs_recordings
@pytest.mark.parametrize("name", NOTABLE)
def test_notable_answers(name: str) -> None:
    assert [(answer.outcome, answer.text) for answer in read(name).answers] == NOTABLE[name]


@needs_recordings
def test_three_interleaved_choices_of_a_stream_are_three_whole_answers() -> None:
    name = next(
        name for name in FILES if name.startswith("openai-python-sse/test_parse_pydantic_model_multiple")
    )
    _, headers, body, _ = interaction(name)
    asked: JsonObject = {"n": 3, "response_format": {"type": "json_object"}}
    answers = read_reply(200, headers, body, request=asked).answers
    assert [(answer.choice, answer.outcome) for answer in answers] == [(i, Outcome.OK) for i in range(3)]
    assert all(
        isinstance(answer.output, dict) and answer.output["city"] == "San Francisco" for answer in answers
    )


ERRORS = {
    "errors/openrouter__chat__429__err__ec6dd3fd.json": ("429", True),
    "errors/openai__chat__400__err__56178bb5.json": ("unsupported_value", False),
    "errors/openai__chat__404__err__617b352d.json": ("model_not_found", False),
    "stream/openrouter__chat__200__x__35670edf.json": ("400", False),
}


@needs_recordings
@pytest.mark.parametrize("name", ERRORS)
def test_notable_errors(name: str) -> None:
    error = read(name).error
    assert error is not None
    assert (error.code, error.retryable) == ERRORS[name]


@settings(max_examples=150)
@given(
    st.sampled_from(sorted({**WRITTEN, **FILES})), st.floats(0, 1), st.binary(max_size=3), st.integers(0, 40)
)
def test_damaged_answers_are_read_without_an_exception(name: str, where: float, put: bytes, cut: int) -> None:
    status, headers, body, request = interaction(name)
    at = int(where * len(body))
    reply = read_reply(status, headers, body[:at] + put + body[at + cut :], request=request)
    assert reply.error is not None or reply.answers
