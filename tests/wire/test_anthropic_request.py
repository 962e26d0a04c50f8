"""A declared request in the Messages API: every key stands in the body that is sent, or in an error at its place."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.files.formats import schema
from runner.files.prompt import OWN_KEYS
from runner.wire.dialect import UntranslatableError, dialect_of
from runner.wire.dialects.anthropic_request import REFUSED, TRANSLATED

MESSAGES = dialect_of("messages")
SCHEMA = schema("prompt")
FIELDS = SCHEMA["properties"].keys() - OWN_KEYS
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def encode(**request: Any) -> Any:
    return MESSAGES.encode({"model": "m", "max_tokens": 9, "messages": HELLO, **request})


def turns(*messages: Any) -> Any:
    return encode(messages=list(messages))["messages"]


def refusal(**request: Any) -> UntranslatableError:
    with pytest.raises(UntranslatableError) as caught:
        encode(**request)
    return caught.value


def user(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts), **more}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_the_registry_knows_it() -> None:
    assert MESSAGES.name == MESSAGES.mark == "messages"
    assert MESSAGES.path({}, stream=True) == "messages"
    assert MESSAGES.headers == {"anthropic-version": "2023-06-01"}


def test_every_field_of_a_prompt_is_translated_or_refused() -> None:
    assert TRANSLATED | REFUSED.keys() == FIELDS
    assert not TRANSLATED & REFUSED.keys()


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"temperature": 1}, {"temperature": 1}),
        ({"stop": "."}, {"stop_sequences": ["."]}),
        ({"stop": [".", "!"]}, {"stop_sequences": [".", "!"]}),
        ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
        ({"safety_identifier": "u1"}, {"metadata": {"user_id": "u1"}}),
        ({"metadata": {"user_id": "u1"}}, {"metadata": {"user_id": "u1"}}),
        ({"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
        ({"reasoning_effort": "xhigh"}, {"output_config": {"effort": "xhigh"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"x": 1}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"x": 1}}}},
        ),
        (
            {
                "reasoning_effort": "low",
                "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
                "output_config": {"task_budget": 7},
            },
            {
                "output_config": {
                    "effort": "low",
                    "format": {"type": "json_schema", "schema": {}},
                    "task_budget": 7,
                }
            },
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5},
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5},
        ),
        ({"tools": [TOOL]}, {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]},
        ),
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_has_its_place(declared: dict[str, Any], sent: dict[str, Any]) -> None:
    assert encode(**declared) == {"model": "m", "max_tokens": 9, "messages": HELLO, **sent}


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"tool_choice": {"type": "tool", "name": "f"}}, {"type": "tool", "name": "f"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": True}, {"type": "auto", "disable_parallel_tool_use": False}),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
    ],
    ids=str,
)
def test_a_choice_of_tools_has_its_place(declared: dict[str, Any], sent: dict[str, Any]) -> None:
    assert encode(tools=[TOOL], **declared)["tool_choice"] == sent


def test_the_limit_has_one_name_there_and_no_default() -> None:
    body = MESSAGES.encode({"model": "m", "max_completion_tokens": 9, "messages": HELLO})
    assert body == {"model": "m", "max_tokens": 9, "messages": HELLO}
    with pytest.raises(UntranslatableError, match="requires max_tokens") as caught:
        MESSAGES.encode({"model": "m", "messages": HELLO})
    assert caught.value.path == ()
    assert caught.value.hint is not None
    assert refusal(max_completion_tokens=9).path == ("max_completion_tokens",)


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        *(({key: 1}, (key,)) for key in REFUSED),
        ({"n": 1}, ("n",)),
        ({"temperature": 1.1}, ("temperature",)),
        ({"temperature": None}, ("temperature",)),
        ({"user": "a", "safety_identifier": "b"}, ("safety_identifier",)),
        ({"metadata": {"team": "x"}}, ("metadata", "team")),
        ({"service_tier": "flex"}, ("service_tier",)),
        ({"reasoning_effort": "none"}, ("reasoning_effort",)),
        ({"reasoning_effort": "minimal"}, ("reasoning_effort",)),
        ({"response_format": {"type": "text"}}, ("response_format", "type")),
        ({"response_format": {"type": "json_object"}}, ("response_format", "type")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}, "strict": False}}},
            ("response_format", "json_schema", "strict"),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}, "description": "x"}}},
            ("response_format", "json_schema", "description"),
        ),
        ({"reasoning_effort": "low", "output_config": {"effort": "high"}}, ("output_config",)),
        ({"stop": ".", "stop_sequences": ["!"]}, ("stop_sequences",)),
        ({"parallel_tool_calls": False}, ("parallel_tool_calls",)),
        ({"tools": [TOOL], "tool_choice": "none", "parallel_tool_calls": False}, ("parallel_tool_calls",)),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}, ("tool_choice", "type")),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, ("tools", 0)),
        ({"messages": [{"role": "system", "content": "x"}]}, ("messages",)),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, ("messages", 0, "name")),
        ({"messages": [{**HELLO[0], "name": "Ada"}]}, ("messages", 0, "name")),
    ],
    ids=str,
)
def test_what_has_no_place_is_refused_where_it_stands(
    declared: dict[str, Any], path: tuple[Any, ...]
) -> None:
    assert refusal(**declared).path == path


def test_leading_system_messages_are_the_system_prompt() -> None:
    system = {"role": "system", "content": "Be brief."}
    assert encode(messages=[system, *HELLO]) == {
        "model": "m", "max_tokens": 9, "system": "Be brief.", "messages": HELLO,
    }  # fmt: skip
    two = encode(messages=[system, {"role": "developer", "content": [text("In French.")]}, *HELLO])
    assert two["system"] == [text("Be brief."), text("In French.")]


def test_a_later_system_message_stays_where_it_is() -> None:
    later = {"role": "developer", "content": "Now in German."}
    assert turns(*HELLO, later) == [*HELLO, {"role": "system", "content": "Now in German."}]


def test_neighbours_of_one_role_are_one_turn() -> None:
    assert turns(*HELLO, user(text("Ada")), {"role": "assistant", "content": "Hi"}) == [
        {"role": "user", "content": [text("Hello"), text("Ada")]},
        {"role": "assistant", "content": "Hi"},
    ]


def test_calls_and_their_results_are_blocks() -> None:
    called = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in ("c1", "c2")]
    assert turns(*HELLO, called, *results, *HELLO)[1:] == [
        {
            "role": "assistant",
            "content": [
                text("Let me see."),
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "c2", "name": "f", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "c1"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "c2"},
                text("Hello"),
            ],
        },
    ]


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_call_without_text_has_no_empty_text_beside_it(nothing: str | None) -> None:
    [_, turn] = turns(*HELLO, {"role": "assistant", "content": nothing, "tool_calls": [CALL]})
    assert [block["type"] for block in turn["content"]] == ["tool_use"]


@pytest.mark.parametrize("arguments", ["", "{", "[1]", '"a"', '{"a":1,"a":2}'])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    call = {**CALL, "function": {"name": "f", "arguments": arguments}}
    error = refusal(messages=[*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}])
    assert error.path == ("messages", 1, "tool_calls", 0, "function", "arguments")


def test_nulls_and_empty_lists_of_a_stored_answer_say_nothing() -> None:
    stored = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "annotations": [],
        "tool_calls": None,
        "audio": None,
    }
    assert turns(*HELLO, stored)[1] == {"role": "assistant", "content": "Hi"}


def test_thinking_goes_back_as_it_came() -> None:
    block = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    for message in (
        {"role": "assistant", "content": [block, text("Hi")]},
        {"role": "assistant", "content": "Hi", "thinking_blocks": [block]},
    ):
        assert turns(*HELLO, message)[1]["content"] == [block, text("Hi")]
    assert refusal(messages=[{**message, "thinking_blocks": {"a": 1}}]).path == (
        "messages",
        0,
        "thinking_blocks",
    )


@pytest.mark.parametrize(
    ("declared", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x/a.png"}},
            {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}},
        ),
        (
            {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                "title": "a.pdf",
            },
        ),
        (
            {
                "type": "file",
                "file": {"file_data": f"data:text/plain;base64,{b64encode('é'.encode()).decode()}"},
            },
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}},
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {**text("x"), "cache_control": {"type": "ephemeral"}},
            {**text("x"), "cache_control": {"type": "ephemeral"}},
        ),
        (
            {
                "type": "document",
                "source": {"type": "url", "url": "https://x/a.pdf"},
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {"type": "url", "url": "https://x/a.pdf"},
                "citations": {"enabled": True},
            },
        ),
        ({"type": "container_upload", "file_id": "f"}, {"type": "container_upload", "file_id": "f"}),
    ],
    ids=str,
)
def test_a_part_is_a_block(declared: dict[str, Any], block: dict[str, Any]) -> None:
    assert turns(user(declared)) == [user(block)]


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}, ("image_url", "detail")),
        ({"type": "image_url", "image_url": {"url": "data:image/png,AAAA"}}, ("image_url", "url")),
        ({"type": "image_url", "image_url": "data:text/html;base64,AAAA"}, ("image_url",)),
        ({"type": "file", "file": {"file_data": "data:image/png;base64,AAAA"}}, ("file", "file_data")),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}}, ("file", "file_data")),
        ({"type": "file", "file": {}}, ("file",)),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, ("type",)),
        ({"type": "thinking", "thinking": []}, ()),
        ({"type": "image", "image": "x"}, ()),
    ],
    ids=str,
)
def test_a_part_that_has_no_place_is_refused(part: dict[str, Any], path: tuple[Any, ...]) -> None:
    assert refusal(messages=[user(part)]).path == ("messages", 0, "content", 0, *path)


def test_a_mark_of_the_cache_stands_on_the_last_block() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    assert turns({**HELLO[0], **mark}) == [user({**text("Hello"), **mark})]
    result = {"role": "tool", "tool_call_id": "c1", "content": "x", **mark, "is_error": True}
    block = {"type": "tool_result", "tool_use_id": "c1", "content": "x", "is_error": True, **mark}
    assert turns(result) == [user(block)]


# Every key that the format of prompts knows, wherever it stands.

MARK = "mark-0417"


def properties(name: str, *below: str) -> list[str]:
    found: Any = SCHEMA["$defs"][name]
    for step in below:
        found = found[step]
    return [key for key in found["properties"] if key not in ("extra", "type")]


def places() -> list[tuple[str, dict[str, Any], str]]:
    """Each known key of a message, a part, a call or a tool, with a request in which it has a value of its own."""
    found: list[tuple[str, dict[str, Any], str]] = []
    for role in ("user", "assistant", "tool", "system"):
        base = {"role": role, "content": "x", **({"tool_call_id": "c"} if role == "tool" else {})}
        for key in properties("wireMessage"):
            value: Any = {"content": MARK, "role": role}.get(key, MARK)
            if key == "thinking_blocks":
                value = [{"type": "thinking", "thinking": MARK}]
            if key == "tool_calls":
                value = [{**CALL, "id": MARK}]
            if key in ("tool_calls", "tool_call_id", "role") and role != {"tool_calls": "assistant"}.get(
                key, "tool"
            ):
                continue
            if key != "role":
                found.append((f"{role}.{key}", {"messages": [{**base, key: value}, *HELLO]}, key))
    parts: dict[str, dict[str, Any]] = {
        "text": {"text": "x"},
        "image_url": {"image_url": {"url": "https://x"}},
        "file": {"file": {"file_id": "f"}},
        "thinking": {"thinking": "x"},
        "redacted_thinking": {"data": "x"},
        "image": {"source": {"type": "file", "file_id": "f"}},
        "document": {"source": {"type": "file", "file_id": "f"}},
        "search_result": {"source": "https://x"},
        "a-type-that-nobody-knows": {},
    }
    for kind in SCHEMA["$defs"]["knownPart"]["properties"]["type"]["enum"]:
        parts.setdefault(kind, {kind: "x"})
    for kind, own in parts.items():
        for key in properties("knownPart"):
            if key not in own:
                found.append((f"{kind}.{key}", {"messages": [user({"type": kind, **own, key: MARK})]}, key))
    for key in ("filename", "format", "file_id", "file_data", "detail", "url"):
        for kind, own in (("file", {"file_id": "f"}), ("image_url", {"url": "https://x"})):
            given = {"type": kind, kind: {**own, key: MARK}}
            found.append((f"{kind}.{kind}.{key}", {"messages": [user(given)]}, key))
    for key in properties("toolCall", "then"):
        if key not in ("function", "custom"):
            said = {"role": "assistant", "content": None, "tool_calls": [{**CALL, key: MARK}]}
            found.append((f"call.{key}", {"messages": [*HELLO, said]}, key))
    for key in ("name", "thought_signature", "provider_specific_fields"):
        inner = {"name": "f", "arguments": "{}", key: MARK}
        said = {"role": "assistant", "content": None, "tool_calls": [{**CALL, "function": inner}]}
        found.append((f"call.function.{key}", {"messages": [*HELLO, said]}, key))
    for key in properties("tool", "then"):
        if key not in ("function", "custom"):
            found.append((f"tool.{key}", {"tools": [{**TOOL, key: MARK}]}, key))
    for key in properties("function"):
        given = {"type": "function", "function": {"name": "f", key: MARK}}
        found.append((f"tool.function.{key}", {"tools": [given]}, key))
    for key in ("name", "description", "strict", "schema"):
        inner = {"name": "a", "schema": {}, key: MARK}
        if key != "name":  # a label that OpenAI requires, and that the answer does not depend on
            given = {"response_format": {"type": "json_schema", "json_schema": inner}}
            if key != "strict":
                found.append((f"json_schema.{key}", given, key))
    return found


PLACES = {name: (request, key) for name, request, key in places()}


@pytest.mark.parametrize("name", PLACES)
def test_every_known_key_is_sent_or_refused_where_it_stands(name: str) -> None:
    request, key = PLACES[name]
    try:
        body = encode(**request)
    except UntranslatableError as error:
        at: Any = request
        for step in error.path:
            at = at[step]
        # A part whose type has no place is refused as a whole.
        assert error.path[-1] in (key, "type") or MARK in json.dumps(at)
    else:
        assert MARK in json.dumps(body)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "model": st.just("claude-x"),
    "messages": st.lists(
        st.sampled_from(
            [
                *HELLO,
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": [text("In French.")]},
                user({"type": "image_url", "image_url": {"url": "https://x/a.png"}}),
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "42"},
            ]
        ),
        min_size=1,
        max_size=6,
    ),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "stop": st.one_of(st.text(max_size=3), st.lists(st.text(max_size=3), min_size=1, max_size=4)),
    "metadata": st.dictionaries(st.sampled_from(["user_id", "team"]), st.text(max_size=3), max_size=2),
    "service_tier": st.sampled_from(SCHEMA["properties"]["service_tier"]["enum"]),
    "reasoning_effort": st.sampled_from(SCHEMA["properties"]["reasoning_effort"]["enum"]),
    "response_format": st.sampled_from(
        [
            {"type": "text"},
            {"type": "json_object"},
            {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}}},
        ]
    ),
    "tools": st.lists(st.sampled_from([TOOL, {"type": "web_search_20250305", "name": "web_search"}]), max_size=3),
    "tool_choice": st.sampled_from(["none", "auto", "required", "any", {"type": "function", "function": {"name": "f"}}]),
    "parallel_tool_calls": st.booleans(),
    "max_tokens": st.integers(1, 99),
    "max_completion_tokens": st.integers(1, 99),
    "user": st.text(max_size=3),
    "safety_identifier": st.text(max_size=3),
}  # fmt: skip
SENT_AS = {
    "stop": "stop_sequences",
    "reasoning_effort": "output_config",
    "response_format": "output_config",
    "parallel_tool_calls": "tool_choice",
    "max_completion_tokens": "max_tokens",
    "user": "metadata",
    "safety_identifier": "metadata",
}


ALWAYS = {"messages": VALUES.pop("messages")}
SOME = {**VALUES, "top_k": st.integers(1, 9)}
SMALL = {"model": VALUES["model"], "max_tokens": VALUES["max_tokens"], "reasoning_effort": st.just("low")}


@given(
    st.one_of(
        st.fixed_dictionaries(ALWAYS, optional={**{key: st.just(1) for key in REFUSED}, **SOME}),
        st.fixed_dictionaries(
            {**ALWAYS, "max_tokens": VALUES["max_tokens"]},
            optional={k: v for k, v in SOME.items() if k != "max_tokens"},
        ),
        st.fixed_dictionaries(
            {**ALWAYS, **SMALL},
            optional={"user": st.text(), "tools": VALUES["tools"], "top_p": VALUES["top_p"]},
        ),
    )
)
def test_every_declared_key_stands_in_the_body_or_in_the_error(request: dict[str, Any]) -> None:
    try:
        body = MESSAGES.encode(request)
    except UntranslatableError as error:
        assert not error.path or error.path[0] in request
        assert error.path or not request.keys() & {"max_tokens", "max_completion_tokens"}
        return
    assert VALUES.keys() | ALWAYS.keys() == TRANSLATED
    for key in request:
        assert SENT_AS.get(key, key) in body
    extra = body.keys() - {SENT_AS.get(key, key) for key in request} - {"system"}
    assert not extra
    sent = json.dumps(body)
    for message in request["messages"]:
        for leaf in ("Be brief.", "In French.", "Hello", "a.png", "toolu", "42"):
            assert leaf not in json.dumps(message) or leaf in sent
