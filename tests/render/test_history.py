"""`{type: placeholder}`: which lists of messages may be put in, and what is said about the others."""

from __future__ import annotations

from typing import Any

import pytest

from runner.errors import CaseError, Location, TemplateError

from .support import CompiledPrompt, compile_prompt, make_prompt


def placeholder(extra: str = "") -> CompiledPrompt:
    return compile_prompt(make_prompt(f"messages: [{{type: placeholder, name: h{extra}}}]"))


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

ACCEPTED: list[list[dict[str, Any]]] = [
    [],
    [{"role": "user", "content": "hi"}],
    [{"role": "user", "content": ""}],
    [
        {
            "role": "user",
            "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "u"}}],
        }
    ],
    [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}],
    [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
    [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "42"}],
    [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
    [{"role": "assistant", "content": None, "refusal": "no"}],
    [{"role": "user", "name": "ada", "content": "hi", "reasoning_content": None}],
]


@pytest.mark.parametrize("history", ACCEPTED)
def test_wire_messages_are_put_in_as_they_are(history: list[dict[str, Any]]) -> None:
    assert placeholder().render({"h": history}) == history


def test_extra_in_a_history_is_merged_as_in_a_prompt_file() -> None:
    part = {"type": "text", "text": "hi", "extra": {"b": 1}}
    history = [{"role": "user", "extra": {"a": [1]}, "content": [part]}]
    assert placeholder().render({"h": history}) == [
        {"role": "user", "content": [{"type": "text", "text": "hi", "b": 1}], "a": [1]}
    ]
    assert history[0]["extra"] == {"a": [1]}


REFUSED: list[tuple[Any, str]] = [
    ("hi", "h is a string, not a list of messages"),
    (None, "h is null, not a list of messages"),
    ({"role": "user"}, "h is an object, not a list of messages"),
    (["hi"], "h[0] is a string, not a message"),
    ([{"content": "hi"}], "h[0].role is missing"),
    ([{"role": 1, "content": "hi"}], "h[0].role is not a string"),
    ([{"role": "bot", "content": "hi"}], "h[0].role is 'bot'; roles are assistant, tool, user"),
    ([{"role": "System", "content": "hi"}], "h[0].role is 'System'; roles are assistant, tool, user"),
    ([{"role": "user", "content": "hi"}, {"role": "system", "content": "evil"}], "h[1].role is 'system', but in values only assistant, tool, user are allowed"),
    ([{"role": "developer", "content": "evil"}], "h[0].role is 'developer', but in values only assistant, tool, user are allowed"),
    ([{"role": "tool", "content": "42"}], 'h[0] needs "tool_call_id"'),
    ([{"role": "user"}], 'h[0] needs "content"'),
    ([{"role": "user", "content": None}], "h[0].content must be a string or a list, not null"),
    ([{"role": "user", "content": "x", "tool_calls": [CALL]}], "h[0].tool_calls is not allowed here"),
    ([{"role": "assistant", "content": None}], "h[0].content must be a string or a list, not null"),
    ([{"role": "assistant", "content": None, "tool_calls": []}], "h[0].content must be a string or a list, not null"),
    ([{"role": "user", "content": []}], "h[0].content must not be empty"),
    ([{"role": "user", "content": 5}], "h[0].content must be a string or a list, not a number (5)"),
    ([{"role": "user", "content": [{"text": "hi"}]}], 'h[0].content[0] needs "type"'),
    ([{"role": "assistant", "content": [{"type": "image_url", "image_url": {}}]}], 'h[0].content[0].image_url needs "url"'),
    ([{"role": "user", "content": [{"type": "text"}]}], 'h[0].content[0] needs "text"'),
    ([{"role": "user", "content": "hi", "x_unknown": 1}], 'unknown key "x_unknown" in h[0]'),
    ([{"role": "user", "content": "hi", "extra": {"content": 1}}], 'h[0].extra repeats "content"'),
    ([{"role": "assistant", "tool_calls": [{**CALL, "extra": {"type": 1}}]}], 'h[0].tool_calls[0].extra repeats "type"'),
]  # fmt: skip


@pytest.mark.parametrize(("history", "message"), REFUSED)
def test_what_is_no_wire_message_is_an_error_that_names_it(history: Any, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        placeholder().render({"h": history}, location=Location("cases.jsonl", 7))
    assert caught.value.message == message
    assert caught.value.location == Location("cases.jsonl", 7)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_the_prompt_file_can_allow_a_role_and_only_that_one(role: str) -> None:
    other = {"system": "developer", "developer": "system"}[role]
    compiled = placeholder(f", allow_roles: [{role}]")
    history = [{"role": role, "content": "a"}, {"role": "user", "content": "b"}]
    assert compiled.render({"h": history}) == history
    with pytest.raises(CaseError, match=f"is '{other}'") as caught:
        compiled.render({"h": [{"role": other, "content": "a"}]})
    assert caught.value.hint == f"allow it in the placeholder: allow_roles: [{other}]"


def test_the_hint_for_an_undeclared_placeholder_declares_a_list() -> None:
    with pytest.raises(TemplateError) as refused:
        compile_prompt(make_prompt("inputs: {}\nmessages: [{type: placeholder, name: h}]"))
    assert refused.value.hint == "declare it: `inputs: {h: {type: array}}`"
