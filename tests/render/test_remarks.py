"""What `compile_prompt` warns of."""

from __future__ import annotations

import json

import pytest

from runner.render.remarks import unused_inputs

from .support import compile_prompt, make_prompt


def warnings(text: str) -> list[tuple[str, str]]:
    return [(remark.code, str(remark.location)) for remark in compile_prompt(make_prompt(text)).warnings]


def test_an_input_that_nothing_uses_is_told_at_its_key() -> None:
    text = "inputs:\n  a: {}\n  b: {}\n  h: {}\nmessages: [{role: user, content: '{{ a }}'}, {type: placeholder, name: h}]"
    prompt = make_prompt(text)
    used = compile_prompt(prompt).variables
    assert [(each.code, str(each.location)) for each in unused_inputs(prompt, used)] == [
        ("W001", "p.prompt.yaml:3:3")
    ]
    assert list(unused_inputs(prompt, used | {"b"})) == []


def test_an_input_in_single_braces_is_told_how_to_write_a_variable() -> None:
    prompt = make_prompt("inputs:\n  a: {}\n  b: {}\nmessages: [{role: user, content: 'Advert: {a}'}]")
    assert [each.hint for each in unused_inputs(prompt, frozenset())] == [
        "a message contains {a}: a variable is written as {{ a }}",
        None,
    ]


@pytest.mark.parametrize(
    ("sign", "found"), [("|", ["W002"]), (">", ["W002"]), ("|+", ["W002"]), ("|-", []), (">-", [])]
)
def test_a_block_scalar_that_ends_with_a_newline_is_told(sign: str, found: list[str]) -> None:
    assert [code for code, _ in warnings(f"messages:\n- role: user\n  content: {sign}\n    hi\n")] == found


def test_a_newline_that_is_written_out_or_trimmed_away_is_meant() -> None:
    assert warnings('messages: [{role: user, content: "hi\\n"}]') == []
    text = "messages:\n- role: user\n  content: |\n    {% if true %}\n    hi\n    {% endif %}\n"
    assert warnings(text) == []
    assert [code for code, _ in warnings(f"template: {{whitespace: raw}}\n{text}")] == ["W002"]


def test_braces_that_the_simple_engine_leaves_alone_are_told_at_their_place() -> None:
    text = "template: {engine: simple}\nmessages:\n- role: user\n  content: |-\n    a\n    b {{ x | upper }} {{ y }}"
    assert warnings(text) == [("W003", "p.prompt.yaml:6:7")]


def test_braces_where_nothing_is_a_template_are_told() -> None:
    text = 'messages:\n- role: user\n  content: hi\n  name: "{{ user }}"\n'
    assert warnings(text) == [("W004", "p.prompt.yaml:4:9")]
    assert warnings("template: {engine: none}\n" + text) == []


def test_json_in_the_arguments_of_a_tool_call_is_no_template() -> None:
    text = 'messages: [{role: assistant, tool_calls: [{id: a, type: function, function: {name: f, arguments: \'{"a": {"b": {}}}\'}}]}]'
    assert warnings(text) == []


COMMENTS = [
    (r"\frac{#1}{#2} and {#1 #} end", ["W007"]),
    ("{#each items}x{/each} #}", ["W007"]),
    ("{# fine #} {#- fine -#} {#\n fine #} {##} {### line ###}", []),
    ("{% raw %}{#1 #}{% endraw %} {{ '{#1 #}' }}", []),
]


@pytest.mark.parametrize(("text", "found"), COMMENTS)
def test_a_comment_that_looks_like_text_is_told(text: str, found: list[str]) -> None:
    whole = f"messages: [{{role: user, content: {json.dumps(text)}}}]"
    assert [code for code, _ in warnings(whole)] == found
    assert warnings(f"template: {{engine: none}}\n{whole}") == []


def test_the_place_of_such_a_comment_is_that_of_its_brace() -> None:
    text = "messages:\n- role: user\n  content: |-\n    one\n    two {#x #}\n"
    assert warnings(text) == [("W007", "p.prompt.yaml:5:9")]
