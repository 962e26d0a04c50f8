"""Import configurations of promptfoo: compare whole files with its renderings, and test each rule with a made-up file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .support import (
    adds_up,
    bodies_of,
    faults_of,
    files_of,
    listed,
    needs_recordings,
    of_repository,
    of_text,
    path_of,
    prompts_of,
    renderings,
    spec_of,
    written,
)

CONFIGS = [each["file"] for each in written("promptfoo")] + listed("promptfoo")
APPLICATIONS = {
    "promptfoo/code/promptfooconfig.yaml": "the provider is code",
    "promptfoo/AlqarniMohammed__prompt-eval-engine/promptfooconfig.graded.yaml": "agent",
    "promptfoo/AubHaddad__ai-invoice-assistant/promptfooconfig.yaml": "the provider is code",
    "promptfoo/Azure__AKS-Skills/evals/promptfoo-baseline.yaml": "the provider is code",
    "promptfoo/BillReyor__lmstudio-promptfoo-chatbot/test-1-lmstudio.yaml": "an HTTP service",
    "promptfoo/HartBrook__lookagain/evals/promptfooconfig.yaml": "the prompt is code",
    "promptfoo/RubenGlez__easydocs/apps/evals/promptfooconfig.yaml": "the provider is code",
    "promptfoo/anthropics__claude-cookbooks/skills/text_to_sql/evaluation/promptfooconfig.yaml": "the prompt is code",
    "promptfoo/metareflection__claimcheck/eval/promptfooconfig.yaml": "the provider is code",
    "promptfoo/noometric-llc__news-analyzer/eval/promptfooconfig.yaml": "the provider is code",
    "promptfoo/promptfoo__promptfoo-action/prompts/promptfooconfig.yaml": "it has no prompts",
    "promptfoo/software-trizzey__ai-email-categorizer/promptfoo.yaml": "there is no file",
    "promptfoo/tempoxyz__wallet/eval/promptfooconfig.yaml": "the provider is code",
}
"""The configurations that contain nothing to import, and the reasons."""


# --- whole files -----------------------------------------------------------------------------------------------------


def sent(body: dict[str, Any]) -> str:
    """Return the text that promptfoo would show for these messages."""
    messages = body["messages"]
    if len(messages) == 1 and messages[0]["role"] == "user" and isinstance(messages[0]["content"], str):
        return str(messages[0]["content"])
    return json.dumps(messages, indent=2, ensure_ascii=False)


def rendered() -> dict[str, list[tuple[int, str]]]:
    """Yield the texts that promptfoo renders for each configuration, with the number of the prompt."""
    found = {
        each["file"]: [(prompt, text) for prompt, _, text in each["rendered"]]
        for each in written("promptfoo")
        if "rendered" in each
    }
    named = {file.replace("/", "__"): file for file in listed("promptfoo")}
    for name, told in renderings("promptfoo"):
        results = [each for each in told["results"] if not each["error"]]
        found[named[f"promptfoo__{name}"]] = [(each["prompt"], each["rendered"]) for each in results]
    return found


@pytest.mark.parametrize(("file", "texts"), [pytest.param(*each, id=each[0]) for each in rendered().items()])
def test_the_messages_are_those_that_promptfoo_renders(file, texts):
    found = of_repository("promptfoo", file)
    wanted: dict[int, list[str]] = {}
    for prompt, text in texts:
        wanted.setdefault(prompt, []).append(text)
    for name in prompts_of(found):
        assert [sent(body) for body in bodies_of(found, name)] in wanted.values()


@pytest.mark.parametrize("file", CONFIGS)
def test_a_configuration_is_accounted_for_and_what_comes_of_it_passes_check(file):
    found = of_repository("promptfoo", file)
    assert adds_up(found)
    assert (found.refused is not None) is (file in APPLICATIONS)
    assert faults_of(found) == []


@pytest.mark.parametrize("file", CONFIGS)
def test_every_inline_test_and_assertion_of_a_configuration_is_counted(file):
    found = of_repository("promptfoo", file)
    value = yaml.safe_load(path_of(file).read_text(encoding="utf-8"))
    tests = value.get("tests") or []
    if not isinstance(tests, list) or any(isinstance(test, str) for test in tests):
        pytest.skip("its tests stand in other files")
    default = value.get("defaultTest")
    default = default if isinstance(default, dict) else {}
    asserts = sum(len(part.get("assert") or []) for part in (*tests, default))
    counts = {kind: outcomes.total() for kind, outcomes in found.counts().items()}
    assert counts.get("test", 0) == len(tests)
    assert counts.get("assertion", 0) == asserts


@pytest.mark.parametrize("file", [file for file in CONFIGS if file in APPLICATIONS])
def test_what_tests_an_application_is_refused_in_the_words_of_its_author(file):
    found = of_repository("promptfoo", file)
    assert found.refused is not None
    assert APPLICATIONS[file] in str(found.refused)
    assert found.files == ()
    assert all(item.outcome == "lost" for item in found.items)


@pytest.mark.parametrize("file", CONFIGS)
def test_the_same_source_gives_the_same_bytes(file):
    assert files_of(of_repository("promptfoo", file)) == files_of(of_repository("promptfoo", file))


@needs_recordings
def test_of_the_configurations_of_others_that_have_something_to_import_so_many_lose_nothing():
    found = [of_repository("promptfoo", file) for file in listed("promptfoo") if file not in APPLICATIONS]
    assert sum(1 for each in found if not each.lost) >= 13


# --- made-up ones ----------------------------------------------------------------------------------------------------


def config(tmp_path: Path, text: str, **others: str) -> Any:
    return of_text(tmp_path, "promptfoo", "promptfooconfig.yaml", text, **others)


def losses(found: Any) -> list[tuple[str, str]]:
    return [(item.code, item.what) for item in found.lost]


def test_what_promptfoo_sends_by_default_is_written_out(tmp_path):
    spec = spec_of(
        config(tmp_path, "prompts: ['Hi {{a}}']\nproviders: [openai:chat:gpt-4o]\ntests: [{vars: {a: b}}]\n")
    )
    assert (spec["model"], spec["temperature"], spec["max_tokens"]) == ("gpt-4o", 0, 1024)


def test_a_reasoning_model_is_sent_no_defaults(tmp_path):
    spec = spec_of(
        config(tmp_path, "prompts: ['Hi {{a}}']\nproviders: [openai:gpt-5-mini]\ntests: [{vars: {a: b}}]\n")
    )
    assert not {"temperature", "max_tokens"} & spec.keys()


def test_models_that_are_asked_alike_are_variants_and_others_have_files_of_their_own(tmp_path):
    found = config(
        tmp_path,
        "prompts: [{id: p, raw: 'Hi'}]\n"
        "providers: [openai:gpt-4o, openai:gpt-4o-mini, {id: openai:gpt-4.1, config: {temperature: 1}}]\n",
    )
    assert spec_of(found)["matrix"] == {"model": ["gpt-4o", "gpt-4o-mini"]}
    assert spec_of(found, 1)["model"] == "gpt-4.1"


def test_variables_expand_are_read_from_files_and_lose_one_line_end(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{a}}|{{b}}|{{c}}']\nproviders: [openai:gpt-4o]\n"
        'tests: [{vars: {a: [x, y], b: file://b.txt, c: "1\\n\\n"}}]\n',
        b__txt="\ufefftext \n",
    )
    assert [body["messages"][0]["content"] for body in bodies_of(found)] == ["x|text|1\n", "y|text|1\n"]


def test_a_variable_that_a_test_does_not_give_is_empty(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{a}}-{{b}}']\nproviders: [openai:gpt-4o]\ntests: [{vars: {a: 1, b: 2}}, {vars: {a: 1}}]\n",
    )
    assert [body["messages"][0]["content"] for body in bodies_of(found)] == ["1-2", "1-"]
    assert any(remark.code == "I603" for remark in found.remarks)


def test_an_unquoted_dump_in_a_json_prompt_is_the_text_itself(tmp_path):
    found = config(
        tmp_path,
        "prompts: [file://p.json]\nproviders: [openai:gpt-4o]\ntests: [{vars: {x: 'a \"b\"'}}]\n",
        p__json='[{"role": "user", "content": {{ x | trim | dump }}}]',
    )
    assert bodies_of(found)[0]["messages"] == [{"role": "user", "content": 'a "b"'}]


def test_a_line_of_three_hyphens_parts_the_prompts_of_a_text_file(tmp_path):
    found = config(tmp_path, "prompts: [p.txt]\nproviders: [openai:gpt-4o]\n", p__txt="one\n---\ntwo\n")
    assert [
        body["messages"][0]["content"] for name in prompts_of(found) for body in bodies_of(found, name)
    ] == [
        "one",
        "two",
    ]


# What promptfoo 0.123.1 renders with the variables below.
RENDERED = [
    ("{% if x %}yes {{ x | upper }}{% else %}no{% endif %}", "yes  VAL "),
    ("{% for i in items %}{{ loop.index }}:{{ i }};{% endfor %}", "1:1;2:2;"),
    ("{{ n }} {{ f }} {{ b }} {{ nul }} {{ missing }}|", "3 1 true  |"),
    ("{{ items }} {{ nested }}", "1,2 1,2,3"),
    ('{% set z = x ~ "!" %}{{ z }} {{ x | default("d") }}', " Val !  Val "),
    (
        '{{ q | replace("a", "b") }} {{ items | join("-") }} {{ items | length }} {{ x | trim | lower }}',
        "blphb 1-2 2 val",
    ),
    ("{# c #}{% raw %}{{ raw }}{% endraw %} {{ x | dump | safe }}", '{{ raw }} " Val "'),
    (
        '{% if items.length > 1 %}many{% endif %} {{ items[0] }} {{ obj["k"] }} {{ obj.gone }} {{ n + 1 }}',
        "many 1 v  4",
    ),
    ("unclosed {{ x and {% y", "unclosed {{ x and {% y"),
    ('a { "b": {{ n }} } c', 'a { "b": 3 } c'),
]


@pytest.mark.parametrize(("template", "text"), RENDERED)
def test_a_template_means_the_same_in_jinja(tmp_path, template, text):
    variables = {
        "x": " Val ", "items": [1, 2], "nested": [1, [2, 3]], "obj": {"k": "v"}, "n": 3, "f": 1.0, "b": True, "nul": None,
        "q": "alpha",
    }  # fmt: skip
    tests = [{"vars": variables}]
    found = config(
        tmp_path, json.dumps({"prompts": [template], "providers": ["openai:gpt-4o"], "tests": tests})
    )
    assert [body["messages"][0]["content"] for body in bodies_of(found)] == [text]


def test_csv_scenarios_defaults_prefix_and_suffix_are_put_together_as_promptfoo_does(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{a}}-{{b}}-{{c}}']\nproviders: [openai:gpt-4o]\n"
        "defaultTest: {vars: {c: dc, b: db}, options: {prefix: 'PRE ', suffix: ' SUF'}}\ntests: t.csv\n"
        "scenarios: [{config: [{vars: {a: s1}}, {vars: {a: s2}}], tests: [{vars: {b: x}}, {vars: {b: [y, z]}}]}]\n",
        t__csv='a,b,__expected\n1,"x, y",contains:1\n2,,equals: 2\n',
    )
    assert [body["messages"][0]["content"] for body in bodies_of(found)] == [
        "PRE 1-x, y-dc SUF", "PRE 2--dc SUF", "PRE s1-x-dc SUF", "PRE s1-y-dc SUF", "PRE s1-z-dc SUF", "PRE s2-x-dc SUF",
        "PRE s2-y-dc SUF", "PRE s2-z-dc SUF",
    ]  # fmt: skip
    assert [test["assert"] for test in spec_of(found)["tests"][:2]] == [
        [{"type": "contains", "value": "1"}],
        [{"type": "equals", "value": "2"}],
    ]


ASSERTIONS: list[tuple[str, Any]] = [
    ("{type: contains, value: 3}", {"type": "contains", "value": "3"}),
    ("{type: not-icontains, value: '{{a}}'}", {"type": "not-icontains", "value": "x y"}),
    (
        "{type: contains-any, value: 'json, foo, \"a,b\"'}",
        {"type": "contains-any", "value": ["json", "foo", "a,b"]},
    ),
    ("{type: icontains-all, value: [A, b]}", {"type": "icontains-all", "value": ["A", "b"]}),
    ("{type: equals, value: '{{a | upper}}'}", {"type": "equals", "value": "X Y"}),
    ("{type: regex, value: '^\\d+$'}", {"type": "regex", "value": r"^[0-9]+\Z"}),
    ("{type: is-json}", {"type": "is-json"}),
    ("{type: is-json, value: {required: [a]}}", {"type": "is-json", "value": {"required": ["a"]}}),
    ("{type: contains-json}", {"type": "contains-json"}),
    ("{type: word-count, value: {max: 50}}", {"type": "word-count", "value": {"max": 50}}),
    (
        "{type: levenshtein, value: abcdefgh, threshold: 3}",
        {"type": "levenshtein", "value": "abcdefgh", "threshold": 3},
    ),
    ("{type: latency, threshold: 500}", {"type": "latency", "threshold": 500}),
    ("{type: javascript, value: 'output.length < 20'}", {"type": "expr", "value": "(text | length) < 20"}),
    ("{type: javascript, value: 'output.includes(\"x\")'}", {"type": "contains", "value": "x"}),
    (
        "{type: contains, value: x, weight: 2, metric: m}",
        {"type": "contains", "value": "x", "weight": 2, "metric": "m"},
    ),
    ("{type: contains, value: x, ignoreCase: true, reason: r}", {"type": "contains", "value": "x"}),
    (
        "{type: javascript, value: output.length, threshold: 9}",
        {"type": "expr", "value": "(text | length) >= 9"},
    ),
    (
        "{type: contains, value: x, transform: output.trim()}",
        {"type": "expr", "value": '"x" in (text | trim)'},
    ),
    (
        "{type: not-icontains-any, value: [X, y], transform: output.trim()}",
        {
            "type": "expr",
            "value": 'not ("x" in ((text | trim) | lower) or "y" in ((text | trim) | lower))',
        },
    ),
    (
        "{type: llm-rubric, value: 'Mentions {{a}}.'}",
        {"type": "llm-rubric", "value": "Mentions x y.", "judge": {"model": "gpt-5.6-sol"}},
    ),
    (
        "{type: not-llm-rubric, value: is rude, provider: 'openai:chat:gpt-4o'}",
        {"type": "not-llm-rubric", "value": "is rude", "judge": {"model": "gpt-4o"}},
    ),
    (
        "{type: model-graded-closedqa, value: is short}",
        {"type": "closed-qa", "value": "is short", "judge": {"model": "gpt-5.6-sol"}},
    ),
    (
        "{type: model-graded-factuality, value: x is y}",
        {"type": "factuality", "value": "x is y", "judge": {"model": "gpt-5.6-sol"}},
    ),
    (
        "{type: factuality, value: x is y}",
        {"type": "factuality", "value": "x is y", "judge": {"model": "gpt-5.6-sol"}},
    ),
    (
        "{type: g-eval, value: polite, threshold: 0.6}",
        {"type": "g-eval", "value": "polite", "threshold": 0.6, "judge": {"model": "gpt-5.6-sol"}},
    ),
    ("{type: moderation}", {"type": "moderation"}),
    (
        "{type: similar, value: hello}",
        {"type": "similar", "value": "hello", "threshold": 0.75, "model": "text-embedding-3-large"},
    ),
    (
        "{type: 'similar:cosine', value: [a, b], threshold: 0.9, provider: 'openai:embedding:e'}",
        {"type": "similar", "value": ["a", "b"], "threshold": 0.9, "model": "e"},
    ),
    (
        "{type: moderation, value: [hate, violence]}",
        {"type": "moderation", "categories": ["hate", "violence"]},
    ),
    (
        "{type: javascript, value: 'output.a > 3', transform: JSON.parse(output)}",
        {"type": "expr", "value": '((text | fromjson)["a"] | default(none)) > 3'},
    ),
]


@pytest.mark.parametrize(("written", "ours"), ASSERTIONS)
def test_an_assertion_becomes_the_one_that_holds_for_the_same_answers(tmp_path, written, ours):
    found = config(
        tmp_path,
        f"prompts: ['{{{{a}}}}']\nproviders: [openai:gpt-4o]\ntests: [{{vars: {{a: x y}}, assert: [{written}]}}]\n",
    )
    assert spec_of(found)["tests"][0]["assert"] == [ours]
    assert not found.lost


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("{type: select-best, value: is polite}", "I502"),
        ("{type: llm-rubric, value: is polite, rubricPrompt: 'judge {{output}}'}", "I502"),
        ("{type: not-llm-rubric, value: is polite, threshold: 0.8}", "I504"),
        ("{type: llm-rubric, value: is polite, threshold: 3}", "I505"),
        ("{type: llm-rubric, value: is polite, provider: 'python:judge.py'}", "I502"),
        ("{type: llm-rubric, value: is polite, transform: output.trim()}", "I502"),
        ("{type: g-eval, value: [a, b]}", "I502"),
        ("{type: moderation, value: [nonsense]}", "I505"),
        ("{type: python, value: 'len(output) > 3'}", "I503"),
        ("{type: javascript, value: file://a.js}", "I503"),
        ("{type: javascript, value: 'fetch(output)'}", "I503"),
        ("{type: contains, value: x, transform: fetch(output)}", "I205"),
        ("{type: contains, value: '{{env.HOME}}'}", "I104"),
        ("{type: regex, value: '('}", "I505"),
        ("{type: valid-json}", "I505"),
        ("{type: regex, value: '.*'}", "I190"),
        ("{type: nonsense, value: x}", "I501"),
    ],
)
def test_an_assertion_without_a_counterpart_is_lost_kept_and_marks_its_case(tmp_path, written, code):
    found = config(
        tmp_path,
        f"prompts: ['{{{{a}}}}']\nproviders: [openai:gpt-4o]\ntests: [{{vars: {{a: x}}, assert: [{written}]}}]\n",
    )
    assert [each for each, _ in losses(found)] == [code]
    spec = spec_of(found)
    assert spec["tests"][0]["tags"] == ["import-incomplete"]
    assert "assert" not in spec["tests"][0]
    if code != "I190":
        assert spec["x-import"]["lost"][0]["assert"]["type"] == re.search(r"type: ([\w-]+)", written)[1]


def test_an_assertion_of_weight_0_decides_nothing_there_and_is_left_out(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{a}}']\nproviders: [openai:gpt-4o]\n"
        "tests: [{vars: {a: x}, assert: [{type: llm-rubric, value: y, weight: 0}, {type: contains, value: z}]}]\n",
    )
    assert [item.outcome for item in found.items if item.kind == "assertion"] == ["dropped", "converted"]
    assert spec_of(found)["tests"][0]["assert"] == [{"type": "contains", "value": "z"}]


TRANSFORMED = """prompts: ['{{a}}']
providers: [{id: openai:gpt-4o, %s}]
defaultTest: {options: {%s}, assert: [{type: contains, value: x}]}
tests: [{vars: {a: x}}, {vars: {a: y}, options: {%s}, assert: [{type: starts-with, value: y}]}]
"""


@pytest.mark.parametrize(
    ("provider", "default", "test", "asserts"),
    [
        ("", "transform: output.trim()", "", ['"x" in (text | trim)', '(text | trim).startswith("y")']),
        (
            "",
            "transform: output.trim()",
            "transform: output.toLowerCase()",
            ['"x" in (text | trim)', '"x" in (text | lower)', '(text | lower).startswith("y")'],
        ),
        ("transform: output.trim()", "", "", ['"x" in (text | trim)', '(text | trim).startswith("y")']),
    ],
)
def test_a_transform_that_is_an_expression_is_put_into_the_assertions_behind_it(
    tmp_path, provider, default, test, asserts
):
    found = config(tmp_path, TRANSFORMED % (provider or "label: m", default, test))
    spec = spec_of(found)
    assert not found.lost
    assert [each["value"] for part in (spec, *spec["tests"]) for each in part.get("assert", ())] == asserts


def test_two_transforms_one_behind_the_other_are_a_loss(tmp_path):
    found = config(tmp_path, TRANSFORMED % ("transform: output.trim()", "transform: output.trim()", ""))
    assert {code for code, _ in losses(found)} == {"I205"}
    assert "assert" not in spec_of(found)


def test_a_test_with_whose_variables_the_prompt_cannot_be_rendered_is_lost_alone(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{ user.names | join }}']\nproviders: [openai:o]\ntests:\n- vars: {user: {names: [a]}}\n"
        "- {description: bare, assert: [{type: contains, value: x}]}\n",
    )
    assert [(item.kind, item.code) for item in found.lost] == [("test", "I190"), ("assertion", "I190")]
    assert "cannot be rendered" in str(found.lost[0].why)
    assert [body["messages"][0]["content"] for body in bodies_of(found)] == ["a"]


def test_a_test_that_reads_the_answer_of_another_is_a_loss(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['Say {{m}}']\nproviders: [openai:gpt-4o]\ntests:\n"
        "  - {vars: {m: a}, options: {storeOutputAs: first}}\n  - {vars: {m: 'b {{first}}'}, assert: [{type: contains, value: c}]}\n"
        "  - {vars: {m: d}}\n",
    )
    assert {what for _, what in losses(found)} == {
        '"storeOutputAs" of a test\'s options', "test", 'assertion "contains"',
    }  # fmt: skip
    assert [case["vars"] for case in spec_of(found)["tests"]] == [{"m": "a"}, {"m": "d"}]


@pytest.mark.parametrize("provider", ["ollama:llama3.2", "ollama:completion:llama3.2"])
def test_ollama_is_sent_one_text_as_the_message_of_the_user_and_messages_are_a_loss(tmp_path, provider):
    found = config(tmp_path, f"prompts: ['Hi']\nproviders: ['{provider}']\n")
    assert (spec_of(found)["model"], found.lost) == ("llama3.2", ())
    messages = json.dumps([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
    found = config(tmp_path, json.dumps({"prompts": [messages], "providers": [provider]}))
    assert [code for code, _ in losses(found)] == ["I203"]


def test_a_test_is_in_the_files_of_the_models_that_it_names(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{a}}']\nproviders: [openai:o4-big, {id: openai:o4-mini, label: small}, ollama:chat:o4-l]\n"
        "tests:\n- vars: {a: all}\n- {vars: {a: openai}, providers: [openai]}\n- {vars: {a: small}, providers: [small]}\n"
        "- {vars: {a: any}, providers: ['ol*', openai:o4-mini]}\n- {vars: {a: own}, provider: openai:o4-own}\n",
    )
    assert found.lost == ()
    values = {
        spec["model"]: [test["vars"]["a"] for test in spec["tests"]]
        for spec in (spec_of(found, number) for number in range(4))
    }
    assert values == {
        "o4-big": ["all", "openai"], "o4-mini": ["all", "openai", "small", "any"], "o4-l": ["all", "any"], "o4-own": ["own"],
    }  # fmt: skip


def test_models_that_no_test_calls_have_no_file(tmp_path):
    found = config(
        tmp_path,
        "prompts: ['{{a}}']\nproviders: [openai:o4-a, openai:o4-b]\ntests: [{vars: {a: x}, providers: [openai:o4-b]}]\n",
    )
    assert [spec_of(found)["model"], len(prompts_of(found))] == ["o4-b", 1]


@pytest.mark.parametrize(
    ("where", "judge"),
    [
        ("assert: [{type: llm-rubric, value: x, provider: 'ollama:chat:j'}]", "j"),
        ("assert: [{type: llm-rubric, value: x}], options: {provider: {id: 'openai:chat:k', config: {temperature: 0}}}", "k"),
        ("assert: [{type: llm-rubric, value: x}]", "default"),
        ("assert: [{type: llm-rubric, value: x}], options: {provider: {text: 'openai:t', embedding: 'openai:embedding:e'}}", "t"),
    ],
)  # fmt: skip
def test_the_model_that_judges_is_the_one_that_promptfoo_asks(tmp_path, where, judge):
    found = config(
        tmp_path,
        "prompts: ['{{a}}']\nproviders: [openai:o4]\ndefaultTest: {options: {provider: 'openai:default'}}\n"
        f"tests: [{{vars: {{a: x}}, {where}}}]\n",
    )
    assert found.lost == ()
    assert spec_of(found)["tests"][0]["assert"][0]["judge"] == {"model": judge}
    assert faults_of(found) == []


def test_a_rubric_with_a_threshold_must_pass_and_have_the_score(tmp_path):
    found = config(
        tmp_path,
        "prompts: [a]\nproviders: [openai:o4]\ntests: [{assert: [{type: llm-rubric, value: x, threshold: 0.7}]}]\n",
    )
    asserts = spec_of(found)["tests"][0]["assert"]
    assert [(each["type"], each.get("threshold")) for each in asserts] == [
        ("llm-rubric", None),
        ("g-eval", 0.7),
    ]


def test_a_threshold_of_assertions_that_hold_or_fail_is_kept(tmp_path):
    found = config(
        tmp_path,
        "prompts: [a]\nproviders: [openai:o4]\ndefaultTest: {threshold: 0.4}\n"
        "tests: [{assert: [{type: contains, value: x, weight: 3}, {type: is-json}], threshold: 0.5}, "
        "{description: b, assert: [{type: contains, value: y}]}]\n",
    )
    assert found.lost == ()
    tests = spec_of(found)["tests"]
    assert [test["threshold"] for test in tests] == [0.5, 0.4]
    assert tests[0]["assert"][0]["weight"] == 3


@pytest.mark.parametrize(
    ("mode", "api"),
    [("responses", "responses"), ("completion", "completions"), ("completions", "completions")],
)
def test_another_api_of_openai_is_an_endpoint_with_that_api(tmp_path, mode, api):
    found = config(tmp_path, f"prompts: [hi]\nproviders: ['openai:{mode}:m']\n")
    assert found.lost == ()
    assert found.endpoints == {
        f"openai-{api}": {
            "base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY", "api": api,
        }
    }  # fmt: skip
    assert [remark.code for remark in found.remarks] == ["I203", "I601"]
    assert spec_of(found)["model"] == "m"


def test_fields_that_only_the_responses_api_has_are_sent_unchanged(tmp_path):
    found = config(
        tmp_path,
        "prompts: [hi]\nproviders:\n- id: openai:responses:m\n  config:\n    instructions: be brief\n"
        "    tools: [{type: web_search_preview}]\n    max_output_tokens: 5\n",
    )
    assert found.lost == ()
    spec = spec_of(found)
    assert spec["extra_body"] == {"instructions": "be brief"}
    assert spec["tools"] == [{"type": "web_search_preview"}]
    assert spec["max_tokens"] == 5


@pytest.mark.parametrize("metric", ["accuracy", "{{a}}", "a/b"])
def test_a_metric_whose_name_runner_cannot_have_is_left_out(tmp_path, metric):
    found = config(
        tmp_path,
        "prompts: [hi]\nproviders: [openai:o4]\n"
        f"tests: [{{assert: [{{type: contains, value: x, metric: '{metric}'}}]}}]\n",
    )
    assert found.lost == ()
    assert spec_of(found)["tests"][0]["assert"] == [{"type": "contains", "value": "x"}]


def test_deployments_belong_to_the_endpoint_and_googles_parameters_are_those_of_chat_completions(tmp_path):
    found = config(
        tmp_path,
        "prompts: [hi]\nproviders:\n- {id: 'azureopenai:gpt-4o', config: {apiHost: h, deployment: d}}\n"
        "- id: google:gemini-9\n  config: {generationConfig: {maxOutputTokens: 5, topK: 3}}\n",
    )
    assert found.lost == ()
    spec = spec_of(found, 1)
    assert spec["max_tokens"] == 5
    assert spec["extra_body"] == {"top_k": 3}


def test_what_promptfoo_does_not_send_is_left_out_of_the_request(tmp_path):
    found = config(
        tmp_path,
        "prompts: [Hi]\nproviders: [{id: openai:gpt-5-mini, config: {temperature: 1, max_tokens: 9, mood: good}},"
        " {id: 'ollama:chat:phi4', config: {options: {temperature: 0}, num_gpu: 1}}]\n",
    )
    assert not found.lost
    specs = [spec_of(found, number) for number in range(2)]
    assert [spec.keys() & {"temperature", "max_tokens", "mood", "options"} for spec in specs] == [
        set(),
        set(),
    ]
    assert specs[1]["extra_body"] == {"num_gpu": 1}


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("threshold: 0", "I504"),
        ("threshold: 0.5, assert: [{type: llm-rubric, value: x}]", "I504"),
        ("options: {transform: fetch(output)}", "I205"),
        ("provider: 'python:x.py'", "I201"),
        ("providers: [nobody]", "I403"),
        ("options: {rubricPrompt: x}, assert: [{type: llm-rubric, value: x}]", "I502"),
        ("providerOutput: canned", "I403"),
        ("options: {prefix: hello}", "I403"),
    ],
)
def test_what_changes_the_verdict_or_the_request_of_a_test_is_a_loss(tmp_path, extra, code):
    found = config(
        tmp_path,
        f"prompts: ['{{{{a}}}}']\nproviders: [openai:gpt-4o]\ntests: [{{vars: {{a: x}}, {extra}}}]\n",
    )
    assert code in {each for each, _ in losses(found)}


KEYED = """
prompts: ['Say {{a}}']
providers:
  - id: openai:gpt-4o
    config: {apiKey: sk-live-0123456789abcdef, apiBaseUrl: "http://127.0.0.1:1/v1"}
env: {OPENAI_API_KEY: sk-live-fedcba9876543210}
# the old key was sk-live-0123456789abcdef
tests:
  # sk-live-fedcba9876543210 is the other one
  - vars: {a: x}
    assert:
      - {type: llm-rubric, value: good, provider: {id: "openai:x", config: {apiKey: sk-live-0123456789abcdef}}}
"""


def test_a_key_is_copied_nowhere_and_the_report_says_to_revoke_it(tmp_path):
    found = config(tmp_path, KEYED)
    written = b"".join(files_of(found).values()).decode()
    assert "sk-live" not in written
    assert any("revoke" in remark.why for remark in found.remarks)
    assert "sk-live" not in json.dumps([(item.what, item.why) for item in found.items])


@pytest.mark.parametrize(
    "reference",
    [
        "/etc/hostname",
        "../secret.txt",
        "~/x.txt",
        ".env",
        ".git/config",
        "C:\\x.txt",
        "\\\\host\\x",
        "link.txt",
    ],
)
def test_no_file_outside_the_folder_of_the_source_is_read(tmp_path, reference):
    inside = tmp_path / "in"
    (inside / ".git").mkdir(parents=True)
    for path in (tmp_path / "secret.txt", inside / ".env", inside / ".git" / "config"):
        path.write_text("TOP SECRET")
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    found = config(
        inside,
        json.dumps({
            "prompts": [f"file://{reference}", "{{a}}"],
            "providers": ["openai:gpt-4o"],
            "tests": [{"vars": {"a": f"file://{reference}"}}, {"vars": {"a": "ok"}}],
        }),
    )  # fmt: skip
    assert b"TOP SECRET" not in b"".join(files_of(found).values())
    assert {item.kind for item in found.lost} == {"prompt", "test"}


def test_comments_stay_above_what_they_were_written_for(tmp_path):
    found = config(
        tmp_path,
        "# Of the whole file.\nprompts: ['{{a}}']\nproviders: [openai:gpt-4o]\ntests:\n"
        "  # about the first\n  - vars: {a: x}\n    assert:\n      # why it must\n      - {type: contains, value: y}\n",
    )
    text = b"".join(files_of(found).values()).decode()
    assert text.startswith("# Of the whole file.\n")
    assert "  # about the first\n  - vars:" in text
    assert "      # why it must\n      - type: contains" in text
