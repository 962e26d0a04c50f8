"""The Responses API: answers that nobody has recorded, and what of a request is written, refused or added."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.wire.dialect import UntranslatableError, dialect_of
from runner.wire.fingerprint import Fingerprinter
from runner.wire.sse import SseSplitter
from runner.wire.usage import TokenLimits
from tests import conformance

RESPONSES = dialect_of("responses")
WRITTEN = conformance.lines("wire/responses.jsonl")


def encode(**request: Any) -> Any:
    return RESPONSES.encode(request)


def items(*messages: dict[str, Any]) -> Any:
    return encode(messages=list(messages))["input"]


def refused(**request: Any) -> UntranslatableError:
    with pytest.raises(UntranslatableError) as caught:
        encode(**request)
    return caught.value


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_answer_comes_to_what_stands_beside_it(name: str) -> None:
    entry = WRITTEN[name]
    body = entry["text"] if "text" in entry else json.dumps(entry["body"])
    reply = RESPONSES.read_reply(entry["status"], {}, body.encode(), request=entry["request"])
    outcomes = "error" if reply.error else [answer.outcome.value for answer in reply.answers]
    assert outcomes == entry["outcomes"], reply
    if "texts" in entry:
        assert [answer.text for answer in reply.answers] == entry["texts"]
    if "error" in entry:
        assert reply.error is not None
        assert [reply.error.code, reply.error.retryable] == entry["error"]


def test_usage_has_the_names_that_costs_are_computed_from() -> None:
    body = json.dumps(WRITTEN["two messages"]["body"]).encode()
    assert RESPONSES.read_reply(200, {}, body, request={}).usage == {
        "prompt_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens": 9,
        "completion_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 23,
    }


def test_an_unknown_item_is_kept_as_it_came_and_may_be_declared_harmless() -> None:
    entry = WRITTEN["an unknown item beside a text"]
    body = json.dumps(entry["body"]).encode()
    [answer] = RESPONSES.read_reply(200, {}, body, request={}).answers
    assert answer.extra == {"message": {"content": [entry["body"]["output"][0]]}}
    assert answer.error is not None
    assert answer.error.code == "unknown_finish_reason"
    [answer] = RESPONSES.read_reply(200, {}, body, request={}, finish_reasons={"dream": "stop"}).answers
    assert (answer.outcome.value, answer.text) == ("ok", "Paris.")


def test_what_arrived_before_a_stream_broke_off_is_kept() -> None:
    text = WRITTEN["a stream that breaks off"]["text"]
    reply = RESPONSES.read_reply(200, {}, text.encode(), request={})
    assert reply.partial is not None
    assert (reply.partial.text, reply.partial.finish_reason, reply.id) == ("Par", None, "resp_1")


def test_a_stream_without_numbers_is_read_by_the_ids_of_its_items() -> None:
    """As llama.cpp sends it."""
    reader = RESPONSES.printer()
    text = WRITTEN["a stream"]["text"].replace('"output_index": 0, ', "").replace('"content_index": 0, ', "")
    pieces = [reader.feed(event) for event in SseSplitter().feed(text.encode())]
    assert [piece for each in pieces for _, piece in each] == ["Par", "is."]


def test_retry_after_counts_as_in_chat_completions() -> None:
    body = b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}'
    error = RESPONSES.read_reply(429, {"retry-after": "7"}, body, request={}).error
    assert error is not None
    assert (error.retryable, error.retry_after) == (True, 7)


def test_the_path_of_a_wrong_address_is_the_one_that_was_asked() -> None:
    error = RESPONSES.read_reply(404, {}, b"<html>no</html>", request={}).error
    assert error is not None
    assert "/responses is appended" in (error.hint or "")


@pytest.mark.parametrize("name", ["two messages", "a stream"])
@pytest.mark.parametrize(
    ("declared", "own", "outcome"),
    [(None, None, "ok"), (None, 10, "ok"), (None, 9, "truncated"), (10, 9, "ok"), (9, 10, "truncated")],
)
def test_an_answer_as_long_as_the_limit_was_cut_whatever_the_server_calls_it(
    name: str, declared: int | None, own: int | None, outcome: str
) -> None:
    entry = WRITTEN[name]
    body = entry["text"] if "text" in entry else json.dumps(entry["body"])
    request = {} if declared is None else {"max_tokens": declared}
    [answer] = RESPONSES.read_reply(200, {}, body.encode(), request=request, limits=TokenLimits(own)).answers
    assert answer.outcome.value == outcome


@pytest.mark.parametrize("name", ["two messages", "a stream"])
@pytest.mark.parametrize(("context", "outcome"), [(23, "truncated"), (24, "ok"), (None, "ok")])
def test_an_answer_that_fills_the_context_was_cut_whatever_the_server_calls_it(
    name: str, context: int | None, outcome: str
) -> None:
    entry = WRITTEN[name]
    body = entry["text"] if "text" in entry else json.dumps(entry["body"])
    limits = TokenLimits(context=context)
    [answer] = RESPONSES.read_reply(200, {}, body.encode(), request={}, limits=limits).answers
    assert answer.outcome.value == outcome


KEYS = st.sampled_from(
    [
        "output",
        "type",
        "content",
        "text",
        "status",
        "error",
        "usage",
        "role",
        "item",
        "delta",
        "response",
        "id",
        "output_index",
        "content_index",
        "incomplete_details",
        "reason",
        "object",
        "summary",
        "annotations",
        "call_id",
    ]
)
WORDS = st.sampled_from(
    [
        "message",
        "output_text",
        "refusal",
        "reasoning",
        "function_call",
        "completed",
        "incomplete",
        "failed",
        "x",
        "response",
        "assistant",
        "response.completed",
        "response.output_text.delta",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
    ]
)
VALUES_OF_JSON = st.recursive(
    st.one_of(WORDS, st.none(), st.booleans(), st.integers(-2, 2), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=20,
)


@given(st.lists(VALUES_OF_JSON, min_size=1, max_size=4), st.booleans())
def test_whatever_is_received_nothing_is_raised(values: list[Any], bare: bool) -> None:
    for value in values:
        wrapped = value if bare else {"object": "response", "status": "completed", "output": value}
        RESPONSES.read_reply(200, {}, json.dumps(wrapped).encode(), request={})
    stream = "".join(f"data: {json.dumps(value)}\n\n" for value in values)
    RESPONSES.read_reply(200, {"content-type": "text/event-stream"}, stream.encode(), request={})


# Requests


def test_a_request_is_written_in_the_names_of_the_responses_api() -> None:
    shape = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert encode(
        model="m",
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        max_completion_tokens=50,
        reasoning_effort="low",
        verbosity="low",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": shape, "strict": True},
        },
        logprobs=True,
        top_logprobs=2,
        tools=[{"type": "function", "function": {"name": "f", "parameters": shape}}, {"type": "web_search"}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        instructions="from extra_body",
        reasoning={"summary": "auto"},
        include=["reasoning.encrypted_content"],
    ) == {
        "model": "m",
        "input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_output_tokens": 50,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {
            "verbosity": "low",
            "format": {"type": "json_schema", "name": "n", "schema": shape, "strict": True},
        },
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "top_logprobs": 2,
        "tools": [
            {"type": "function", "name": "f", "parameters": shape, "strict": False},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "instructions": "from extra_body",
        "store": False,
    }


def test_an_answer_is_stored_only_where_that_is_declared() -> None:
    assert encode(messages=[])["store"] is False
    assert encode(messages=[], store=True)["store"] is True
    assert encode(messages=[], store=None)["store"] is None


@pytest.mark.parametrize(
    ("declared", "sent"), [({}, False), ({"strict": None}, False), ({"strict": True}, True)]
)
def test_a_schema_is_strict_only_where_that_is_declared(declared: dict[str, Any], sent: bool) -> None:
    tool = {"type": "function", "function": {"name": "f", **declared}}
    assert encode(messages=[], tools=[tool])["tools"][0]["strict"] is sent
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, **declared}}
    assert encode(messages=[], response_format=form)["text"]["format"]["strict"] is sent


def test_a_conversation_becomes_items() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    custom = {"id": "c2", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    assert items(
        {"role": "assistant", "content": "Wait.", "refusal": None, "tool_calls": [call, custom]},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "1"}]},
        {"role": "assistant", "content": None, "refusal": "No."},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "A"}, {"type": "refusal", "refusal": "B"}],
        },
        {"role": "assistant", "content": "Hm", "refusal": "No."},
    ) == [
        {"role": "assistant", "content": "Wait."},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "sql", "input": "select 1"},
        {"type": "function_call_output", "call_id": "c1", "output": "4"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "1"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "B"}],
        },
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hm"}, {"type": "refusal", "refusal": "No."}],
        },
    ]


def test_media_are_parts_of_one_level() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": "https://x/b.png"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
        {"type": "file", "file_id": "file-1"},
        {"type": "file_url", "file_url": {"url": "https://x/a.pdf"}, "file_name": "b.pdf"},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
    ]
    assert items({"role": "user", "content": parts})[0]["content"] == [
        {"type": "input_image", "image_url": "https://x/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "https://x/b.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "filename": "b.pdf", "file_url": "https://x/a.pdf"},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
    ]


def test_the_keys_of_a_grammar_and_of_allowed_tools_stand_beside_their_type() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
    sent = encode(
        messages=[],
        tools=[{"type": "custom", "custom": {"name": "g", "format": grammar}}],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
        },
    )
    assert sent["tools"] == [
        {
            "type": "custom",
            "name": "g",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"},
        }
    ]
    assert sent["tool_choice"] == {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}],
    }


USER = {"role": "user", "content": "Hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
REFUSED: list[tuple[dict[str, Any], tuple[str | int, ...]]] = [
    *(
        ({key: value}, (key,))
        for key, value in {
            "n": 1,
            "stop": "x",
            "seed": 1,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "logit_bias": {},
            "modalities": ["text"],
            "audio": {"voice": "a", "format": "mp3"},
            "prediction": {"type": "content", "content": "x"},
            "web_search_options": {},
            "functions": [],
            "function_call": "auto",
            "tool_choice": "any",
        }.items()
    ),
    ({"max_tokens": 1, "max_completion_tokens": 1}, ("max_completion_tokens",)),
    ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, ("reasoning",)),
    ({"messages": [USER], "input": "x"}, ("input",)),
    ({"messages": [{**USER, "name": "Ada"}]}, ("messages", 0, "name")),
    ({"messages": [USER, {"role": "function", "name": "f", "content": "4"}]}, ("messages", 1, "role")),
    ({"messages": [{**USER, "reasoning_content": "Hm"}]}, ("messages", 0, "reasoning_content")),
    ({"messages": [{**USER, "cache_control": {"type": "ephemeral"}}]}, ("messages", 0, "cache_control")),
    (
        {"messages": [{"role": "assistant", "content": None, "audio": {"id": "a"}}]},
        ("messages", 0, "audio"),
    ),
    (
        {"messages": [{"role": "assistant", "content": None, "phase": "x", "tool_calls": [CALL]}]},
        ("messages", 0, "phase"),
    ),
    (
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{**CALL, "index": 0}]}]},
        ("messages", 0, "tool_calls", 0, "index"),
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        ("messages", 0, "content", 0),
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": "x"}]}]},
        ("messages", 0, "content", 0),
    ),
    (
        {"messages": [{"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        ("messages", 0, "content", 0),
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "uuid": "1"}]}]},
        ("messages", 0, "content", 0, "uuid"),
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "input_examples": [1]}}]},
        ("tools", 0, "function", "input_examples"),
    ),
]


@pytest.mark.parametrize(("request_", "path"), REFUSED)
def test_what_has_no_place_is_refused_at_its_path(
    request_: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    assert refused(**request_).path == path


# Every declared key stands in the encoded body or in the error: a request without the key is written otherwise.


def test_the_fingerprint_differs_from_that_of_the_same_chat_completion() -> None:
    request: dict[str, Any] = {"model": "m", "messages": [USER]}
    assert RESPONSES.fingerprints(request).of([USER]) != Fingerprinter(request).of([USER])
