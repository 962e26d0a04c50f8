"""Import dotprompt files: compare whole files with the renderings of the tool, and test each rule with a made-up file."""

from __future__ import annotations

from typing import Any

import pytest

from runner.files.foreign import foreign_kind
from runner.importing.handlebars.parser import parse
from runner.importing.handlebars.tree import HandlebarsError
from runner.importing.picoschema import PicoschemaError, from_picoschema

from .support import (
    adds_up,
    bodies_of,
    faults_of,
    files_of,
    listed,
    needs_recordings,
    of_repository,
    of_text,
    recorded,
    spec_of,
    written,
)

FILES = [each["file"] for each in written("dotprompt")] + listed("dotprompt")
REFUSED = {
    "dotprompt/refused/helper.prompt": "the helper shout is defined in code",
    "dotprompt/refused/open.prompt": "is never closed",
    "dotprompt/firebase__genkit/py/samples/prompts/prompts/recipe.prompt": "the helper list is defined in code",
    "dotprompt/google__dotprompt/examples/error-invalid-yaml.prompt": "a second key begins here",
    "dotprompt/google__dotprompt/examples/error-unmatched-closing-block.prompt": "{{/if}} closes nothing",
    "dotprompt/google__dotprompt/examples/partials/circular-partial-b.prompt": "does not exist",
    "dotprompt/google__dotprompt/packages/monaco/samples/03-multimodal-media.prompt": "media inside of a block",
}
OTHERWISE = {
    "dotprompt/google__dotprompt/examples/error-invalid-yaml.prompt": "the tool sends a file whose YAML is broken as text",
    "dotprompt/google__dotprompt/examples/error-unbalanced-brace.prompt": "1.1.2 knows no comments above the front matter",
    "dotprompt/kometolabs__genkit-dotprompt-example/src/prompts/temperature.prompt": "the input breaks the prompt's own schema",
}
"""Recordings that differ, and the reasons."""


def as_ours(message: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {"type": "text", "text": part["text"]} if "text" in part else {"type": "image_url", "image_url": {"url": part["media"]["url"]}}
        for part in message["content"]
    ]  # fmt: skip
    content = parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
    return {"role": {"model": "assistant"}.get(message["role"], message["role"]), "content": content}


@pytest.mark.parametrize(
    "record",
    [pytest.param(each, id=each["file"]) for each in recorded("dotprompt") if each["file"] not in OTHERWISE],
)
def test_the_messages_are_those_that_dotprompt_renders(record):
    found = of_repository("dotprompt", record["file"])
    inputs = spec_of(found).get("inputs", {})
    given = {name: value for name, value in record["input"].items() if name in inputs}
    assert bodies_of(found, None, given)[0]["messages"] == [as_ours(each) for each in record["messages"]]


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_accounted_for_and_what_comes_of_it_passes_check(file):
    found = of_repository("dotprompt", file)
    assert adds_up(found)
    if file in REFUSED:
        assert REFUSED[file] in str(found.refused)
        assert found.files == ()
    else:
        assert found.refused is None
        assert faults_of(found) == []
        assert files_of(found) == files_of(of_repository("dotprompt", file))


@needs_recordings
def test_four_of_five_of_others_that_the_tool_itself_renders_lose_nothing():
    found = [
        of_repository("dotprompt", each["file"]) for each in recorded("dotprompt") if "repository" in each
    ]
    assert sum(1 for each in found if each.refused is None and not each.lost) >= 0.8 * len(found)


def prompt(tmp_path, body: str, front: str = "model: m\n", **others: str) -> Any:
    return of_text(tmp_path, "dotprompt", "p.prompt", f"---\n{front}---\n{body}", **others)


def said(found: Any, **values: Any) -> Any:
    return bodies_of(found, None, values)[0]["messages"]


@pytest.mark.parametrize(
    ("body", "values", "text"),
    [
        ("Hello {{name}}!", {"name": "A"}, "Hello A!"),
        ("{{#if a}}yes{{else}}no{{/if}}", {"a": ""}, "no"),
        ("{{#unless a}}no{{/unless}}.", {"a": True}, "."),
        ("{{#each xs}}\n- {{this}}\n{{/each}}\nend", {"xs": ["a", "b"]}, "- a\n- b\nend"),
        ("{{#each xs}}{{@index}}{{#if @last}}.{{else}},{{/if}}{{/each}}", {"xs": [1, 2]}, "0,1."),
        ("{{#each xs}}{{name}}{{missing}};{{/each}}", {"xs": [{"name": "a"}]}, "a;"),
        ("{{#each xs as |x i|}}{{i}}{{x.n}}{{../t}} {{/each}}|", {"xs": [{"n": "a"}], "t": "T"}, "0aT |"),
        ("{{#if a}}1{{else if b}}2{{else}}3{{/if}}", {"a": False, "b": True}, "2"),
        ("a\n{{! gone }}\nb {{!-- }} --}}c", {}, "a\nb c"),
        ("{{~ a ~}}  x  {{~ a ~}} ", {"a": "|"}, "|x|"),
        ("\\{{raw}} {% if %} {# x #}", {}, "{{raw}} {% if %} {# x #}"),
        ("{ {{a}} } {{{a}}}", {"a": "<&>"}, "{ <&> } <&>"),
        ('{{#ifEquals a "x"}}same{{else}}other{{/ifEquals}}', {"a": "x"}, "same"),
        ("{{#with o}}{{n}}{{/with}}", {"o": {"n": "v"}}, "v"),
        ("{{o.n.m}}|", {"o": {}}, "|"),
    ],
)
def test_a_body_means_the_same_in_jinja(tmp_path, body, values, text):
    assert said(prompt(tmp_path, body), **values) == [{"role": "user", "content": text}]


def test_roles_histories_and_media_become_messages_and_parts(tmp_path):
    found = prompt(
        tmp_path,
        'start\n{{role "system"}}\nBe kind.\n{{history}}\nafter\n{{role "user"}}Look: {{media url=pic}} {{q}}',
    )
    spec = spec_of(found)
    assert spec["messages"] == [
        {"role": "user", "content": "start\n"},
        {"role": "system", "content": "\nBe kind.\n"},
        {"type": "placeholder", "name": "history"},
        {"role": "assistant", "content": "\nafter\n"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look: "},
                {"type": "image_url", "image_url": {"url": "{{ pic }}"}},
                {"type": "text", "text": " {{ q }}"},
            ],
        },
    ]


def test_a_partial_is_put_in_its_place_with_its_indentation(tmp_path):
    found = prompt(tmp_path, "a\n  {{>part}}\nb", _part__prompt="---\nmodel: x\n---\none\ntwo\n")
    assert said(found)[0]["content"] == "a\n  one\n  twob"


@pytest.mark.parametrize(
    ("body", "partial", "values", "text"),
    [
        (
            "{{>style personality=p}} {{personality}}|",
            "As {{personality}} {{who}}.",
            {"p": "X", "personality": "Y", "who": "W"},
            "As X W. Y|",
        ),
        ("{{#each xs}}{{>style this}};{{/each}}", "{{name}}-{{t}}", {"xs": [{"name": "a"}, {"name": "b", "t": 1}]}, "a-;b-1;"),
        ('{{>style o t="k"}}', "{{name}}-{{t}}", {"o": {"name": "a"}}, "a-k"),
        ("{{#each xs}}{{>style t=../t}};{{/each}}", "{{name}}-{{t}}", {"xs": [{"name": "a"}], "t": "T"}, "a-T;"),
    ],
)  # fmt: skip
def test_a_partial_reads_the_values_that_it_is_given(tmp_path, body, partial, values, text):
    found = prompt(tmp_path, body, _style__prompt=partial)
    assert said(found, **values) == [{"role": "user", "content": text}]


def test_keys_that_dotprompt_does_not_read_are_no_loss(tmp_path):
    front = "model: m\ninput: {example: {a: b}}\noutput: {animal: string}\n"
    assert prompt(tmp_path, "{{a}}", front).lost == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{{#each xs}}{{role \"user\"}}{{/each}}", "role inside of a block"),
        ("{{shout name}}", "the helper shout is defined in code"),
        ("{{#if a}}", "is never closed"),
        ("{{/if}}", "closes nothing"),
        ("{{a b=}}", "cannot be read"),
        ("{{>gone}}", "does not exist"),
        ("{{@auth.email}}", "is set by code"),
        ("   ", "its body is empty"),
        ("{{{{raw}}}}x{{{{/raw}}}}", "raw block"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_at_its_line(tmp_path, body, reason):
    found = prompt(tmp_path, f"text\n{body}" if body.strip() else body)
    assert reason in str(found.refused)
    assert str(found.refused.location).startswith("p.prompt:")


def test_a_partial_that_includes_itself_is_refused(tmp_path):
    found = prompt(tmp_path, "{{>a}}", _a__prompt="{{>b}}", _b__prompt="{{>a}}")
    assert "includes itself" in str(found.refused)


def test_plain_text_with_the_ending_is_no_dotprompt(tmp_path):
    found = of_text(tmp_path, "dotprompt", "p.prompt", "You are kind.\n")
    assert "no front matter" in str(found.refused)
    assert foreign_kind("p.prompt", "") == "dotprompt"


FRONT = """
model: googleai/gemini-2.5-flash
config: {temperature: 0.5, topK: 40, maxOutputTokens: 9, stopSequences: [x]}
input:
  schema:
    name: string
    n?: integer
    xs(array, some): string
    kind?(enum): [a, b]
  default: {name: Ada}
output: {format: json, schema: {total: number}}
"""


def test_the_front_matter_becomes_request_fields_inputs_and_the_form_of_the_answer(tmp_path):
    spec = spec_of(prompt(tmp_path, "{{name}} {{n}} {{xs}}", FRONT))
    assert (spec["model"], spec["temperature"], spec["max_tokens"], spec["stop"]) == (
        "gemini-2.5-flash",
        0.5,
        9,
        ["x"],
    )
    assert spec["extra_body"] == {"top_k": 40}
    assert spec["inputs"] == {
        "name": {"type": "string", "default": "Ada"},
        "n": {"type": ["integer", "null"], "default": None},
        "xs": {"type": "array", "items": {"type": "string"}, "description": "some"},
        "kind": {"enum": ["a", "b", None], "default": None},
    }
    assert spec["response_format"]["json_schema"]["schema"]["properties"] == {"total": {"type": "number"}}


def test_an_optional_number_that_is_not_given_prints_nothing_and_a_list_prints_with_commas(tmp_path):
    assert said(prompt(tmp_path, "{{n}}|{{xs}}", FRONT), xs=["a", "b"])[0]["content"] == "|a,b"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("string", {"type": "string"}),
        ("string, a name", {"type": "string", "description": "a name"}),
        ({"a?": "number"}, {"type": "object", "properties": {"a": {"type": ["number", "null"]}}, "additionalProperties": False}),
        ({"type": "object", "properties": {}}, {"type": "object", "properties": {}}),
        ({"(*)": "any, more"}, {"type": "object", "properties": {}, "additionalProperties": {"description": "more"}}),
        (
            {"o(object, it)": {"x": "any"}},
            {
                "type": "object",
                "properties": {
                    "o": {
                        "type": "object", "properties": {"x": {}}, "required": ["x"], "additionalProperties": False,
                        "description": "it",
                    }
                },
                "required": ["o"],
                "additionalProperties": False,
            },
        ),
    ],
)  # fmt: skip
def test_picoschema_is_json_schema_in_short(short, long):
    assert from_picoschema(short) == long


def test_a_schema_with_a_name_is_known_to_code_only():
    with pytest.raises(PicoschemaError) as told:
        from_picoschema({"a": "Recipe"})
    assert told.value.named == "Recipe"
    assert from_picoschema("Recipe, mine", {"Recipe": {"type": "number"}}) == {
        "type": "number",
        "description": "mine",
    }


@pytest.mark.parametrize("text", ["{{#a}}" * 80, "{{" * 50, "{{#if a}}{{else}}{{else}}{{/if}}", "{{else}}"])
def test_a_template_that_is_none_is_refused_in_words(text):
    with pytest.raises(HandlebarsError):
        parse(text)


def test_a_section_is_a_loop_a_context_or_a_condition_by_the_type_of_its_variable(tmp_path):
    text = (
        "---\ninput:\n  schema:\n    items(array): string\n    owner(object): {name: string}\n    new: boolean\n---\n"
        "{{#items}}-{{this}}{{/items}}{{#owner}} of {{name}}{{/owner}}{{#new}} new{{/new}}{{^new}} old{{/new}}"
    )
    found = of_text(tmp_path, "dotprompt", "a.prompt", text)
    assert found.refused is None
    values = {"items": ["a", "b"], "owner": {"name": "N"}, "new": False}
    assert bodies_of(found, None, values)[0]["messages"] == [{"role": "user", "content": "-a-b of N old"}]


@pytest.mark.parametrize("schema", ["x: string", "x: number", "y: string"])
def test_a_section_whose_variable_may_be_anything_is_refused(tmp_path, schema):
    found = of_text(
        tmp_path, "dotprompt", "a.prompt", f"---\ninput: {{schema: {{{schema}}}}}\n---\n{{{{#x}}}}a{{{{/x}}}}"
    )
    assert "may be a loop, a context or a condition" in str(found.refused)
