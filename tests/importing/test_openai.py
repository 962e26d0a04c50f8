"""Import saved evals and requests of OpenAI, prompts of GitHub, entries of the evals registry, and templates of llm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .support import adds_up, bodies_of, faults_of, files_of, of_text, prompts_of, spec_of

EVAL = {
    "object": "eval",
    "id": "eval_1",
    "name": "Letter trays",
    "data_source_config": {
        "type": "custom",
        "schema": {"properties": {"item": {"properties": {"text": {"type": "string"}, "label": {"type": "string"}}}}},
    },
    "testing_criteria": [
        {"type": "string_check", "name": "a", "input": "{{ sample.output_text }}", "operation": "eq", "reference": "{{ item.label }}"},
        {"type": "string_check", "name": "b", "input": "{{sample.output_text}}", "operation": "ilike", "reference": "bill"},
        {"type": "label_model", "name": "c", "model": "o3-mini", "labels": ["x"], "passing_labels": ["x"]},
        {"type": "python", "name": "d", "source": "raise SystemExit"},
    ],
}  # fmt: skip
RUN = {
    "object": "eval.run",
    "id": "evalrun_1",
    "eval_id": "eval_1",
    "data_source": {
        "type": "completions",
        "model": "gpt-4.1",
        "sampling_params": {"temperature": 0, "max_completion_tokens": 64},
        "input_messages": {
            "type": "template",
            "template": [
                {"type": "message", "role": "developer", "content": {"type": "input_text", "text": "Name {one tray}."}},
                {"role": "user", "content": "{{ item.text }} {{other}}"},
            ],
        },
        "source": {"type": "file_content", "content": [{"item": {"text": "You owe me", "label": "Bills"}}]},
    },
}  # fmt: skip


def test_an_eval_and_its_run_become_a_prompt_with_tests(tmp_path):
    found = of_text(tmp_path, "openai-evals", "eval.json", json.dumps(EVAL), run__json=json.dumps(RUN))
    spec = spec_of(found)
    assert (spec["model"], spec["temperature"], spec["max_completion_tokens"]) == ("gpt-4.1", 0, 64)
    assert bodies_of(found)[0]["messages"] == [
        {"role": "developer", "content": "Name {one tray}."},
        {"role": "user", "content": "You owe me {{other}}"},
    ]
    assert spec["tests"][0]["assert"] == [
        {"type": "equals", "value": "Bills"},
        {"type": "icontains", "value": "bill"},
    ]
    assert [item.code for item in found.lost] == ["I502", "I503"]
    assert len(spec["x-import"]["lost"]) == 2
    assert adds_up(found)
    assert faults_of(found) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"data_source": {**RUN["data_source"], "type": "stored_completions"}},
            "it judges existing answers",
        ),  # type: ignore[dict-item]
        ({"data_source": {"type": "completions"}}, "the run has no messages"),
    ],
)
def test_a_run_that_asks_nothing_is_refused(tmp_path, change, reason):
    found = of_text(tmp_path, "openai-evals", "run.json", json.dumps({**RUN, **change}))
    assert reason in str(found.refused)


def test_an_eval_without_runs_says_where_its_messages_are(tmp_path):
    found = of_text(tmp_path, "openai-evals", "eval.json", json.dumps(EVAL))
    assert "its runs contain them" in str(found.refused)


CHAT = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Say {{hi}}"}],
    "temperature": 0.5,
    "stream": True,
    "min_p": 0.1,
}
RESPONSES = {
    "model": "gpt-5",
    "instructions": "Be kind.",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "https://x.test/a.png"}]}],
    "max_output_tokens": 20,
    "reasoning": {"effort": "low"},
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
}  # fmt: skip


def test_a_chat_body_is_sent_as_it_was(tmp_path):
    found = of_text(tmp_path, "openai-request", "r.json", json.dumps(CHAT))
    assert bodies_of(found)[0] == {key: value for key, value in CHAT.items() if key != "stream"}
    assert not found.lost


def test_a_responses_body_asks_the_same_over_chat_completions(tmp_path):
    found = of_text(tmp_path, "openai-request", "r.json", json.dumps(RESPONSES))
    body = bodies_of(found)[0]
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "hi"},
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            ],
        },
    ]
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (20, "low")
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    ]


def test_a_curl_command_becomes_a_prompt_without_its_key(tmp_path):
    command = (
        "curl https://api.openai.com/v1/chat/completions \\\n"
        '  -H "Authorization: Bearer sk-0123456789abcdefghij" \\\n'
        f"  -d '{json.dumps(CHAT)}'\n"
    )
    found = of_text(tmp_path, "openai-request", "r.sh", command)
    assert bodies_of(found)[0]["messages"] == CHAT["messages"]
    assert b"sk-0123" not in b"".join(files_of(found).values())
    assert any("revoke" in remark.why for remark in found.remarks)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("curl x", "does not send JSON"),
        ("curl x -d '{", "cannot be read"),
        ("curl x -d '{'", "is not JSON"),
        ("curl x -d @- <<EOF\n{}\nEOF", "here-document"),
        ("curl x -d @../secret.json", "outside the folder"),
        ("curl x -d @/etc/passwd", "absolute path"),
    ],
)
def test_a_command_that_cannot_be_read_is_refused(tmp_path, text, reason):
    assert reason in str(of_text(tmp_path, "openai-request", "r.sh", text).refused)


def test_a_prompt_that_openai_keeps_cannot_be_had(tmp_path):
    found = of_text(
        tmp_path, "openai-request", "r.json", '{"model": "m", "prompt": {"id": "pmpt_1"}, "input": "x"}'
    )
    assert "cannot export prompts" in str(found.refused)


def test_the_lines_of_a_batch_are_a_prompt_each(tmp_path):
    lines = "".join(
        json.dumps({"custom_id": f"c{n}", "url": "/v1/chat/completions", "body": CHAT}) + "\n" for n in (1, 2)
    )
    found = of_text(tmp_path, "openai-request", "b.jsonl", lines)
    assert prompts_of(found) == ["c1.prompt.yaml", "c2.prompt.yaml"]


GITHUB = """
# Kept.
name: n
model: openai/gpt-4o
modelParameters: {maxTokens: 5}
messages: [{role: user, content: "{{input}} {{ text }} {{my-name}}"}]
testData:
  # the first
  - {input: a, my-name: b, expected: yes-sir}
evaluators:
  - {name: has, string: {contains: "{{expected}}"}}
  - {name: is, string: {equals: ok}}
  - {name: begins, string: {startsWith: "a.b"}}
  - {name: judged, uses: github/similarity}
"""


def test_a_prompt_of_github_is_rewritten_with_its_own_ways_of_comparing(tmp_path):
    found = of_text(tmp_path, "github", "p.prompt.yml", GITHUB)
    spec = spec_of(found)
    assert bodies_of(found)[0]["messages"] == [{"role": "user", "content": "a {{ text }} b"}]
    assert spec["max_tokens"] == 5
    assert spec["tests"][0]["assert"] == [
        {"type": "icontains", "value": "yes-sir"},
        {"type": "expr", "value": '(text | trim) == "ok"'},
        {"type": "regex", "value": r"(?i)\A\s*a\.b"},
    ]
    assert [item.code for item in found.lost] == ["I502"]
    assert "# the first" in b"".join(files_of(found).values()).decode()


def test_a_prompt_of_github_with_several_mistakes_is_refused_at_the_first(tmp_path):
    parts = "messages:\n  - {role: user, parts: [{text: a}]}\n  - {role: user, parts: [{text: b}]}\ntestData: []\n"
    found = of_text(tmp_path, "github", "p.prompt.yml", parts)
    assert [str(item.location) for item in found.items] == ["p.prompt.yml:2:5"]
    assert adds_up(found)


def test_a_template_of_llm(tmp_path):
    found = of_text(
        tmp_path,
        "llm-template",
        "t.yaml",
        "model: gpt-4o\nsystem: Be $mood, $$5 ${name}\nprompt: 'Do $input'\ndefaults: {mood: kind}\n",
    )
    assert bodies_of(found, None, {"name": "A", "input": "it"})[0]["messages"] == [
        {"role": "system", "content": "Be kind, $5 A"},
        {"role": "user", "content": "Do it"},
    ]


REGISTRY = """
ab.dev.v0: {class: "evals.elsuite.basic.match:Match", args: {samples_jsonl: s.jsonl}}
judged: {class: "evals.elsuite.modelgraded.classify:ModelBasedClassify", args: {samples_jsonl: s.jsonl}}
ab: {id: ab.dev.v0, metrics: [accuracy]}
"""


def test_the_samples_of_a_registry_are_cases_with_their_messages_as_a_placeholder(tmp_path):
    sample: dict[str, Any] = {"input": [{"role": "user", "content": "2+2?"}], "ideal": ["4", "four."]}
    found = of_text(tmp_path, "evals-registry", "e.yaml", REGISTRY, s__jsonl=json.dumps(sample) + "\n")
    assert bodies_of(found)[0]["messages"] == sample["input"]
    assert spec_of(found)["tests"][0]["assert"] == [{"type": "regex", "value": r"\A(?:4|four\.)"}]
    assert [item.code for item in found.lost] == ["I502"]
    assert faults_of(found) == []


def test_system_messages_before_the_samples_of_a_registry_are_messages_of_the_prompt(tmp_path):
    samples = [
        {"input": [{"role": "system", "content": "Be {{kind}}."}, {"role": "user", "content": "2+2?"}], "ideal": "4"},
        {"input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+2?"}], "ideal": "3"},
        {"input": [{"role": "user", "content": "0+2?"}], "ideal": "2"},
    ]  # fmt: skip
    rows = "".join(json.dumps(each) + "\n" for each in samples)
    found = of_text(tmp_path, "evals-registry", "e.yaml", REGISTRY, s__jsonl=rows)
    sent = [[body["messages"] for body in bodies_of(found, name)] for name in prompts_of(found)]
    assert sorted((messages for each in sent for messages in each), key=str) == sorted(
        (each["input"] for each in samples), key=str
    )
    assert [item.code for item in found.lost] == ["I502"]
    assert faults_of(found) == []


def test_instructions_that_all_samples_share_stand_in_the_prompt(tmp_path):
    shared = {"role": "system", "content": "Add {{numbers}}."}
    samples = [{"input": [shared, {"role": "user", "content": text}], "ideal": "4"} for text in ("a", "b")]
    rows = "".join(json.dumps(each) + "\n" for each in samples)
    found = of_text(tmp_path, "evals-registry", "e.yaml", REGISTRY, s__jsonl=rows)
    assert [body["messages"] for body in bodies_of(found)] == [each["input"] for each in samples]
    assert list(spec_of(found)["inputs"]) == ["conversation", "ideal"]


def test_criteria_that_stand_in_the_run_are_its_assertions(tmp_path):
    check = {
        "type": "string_check", "name": "e", "input": "{{ sample.output_text }}", "operation": "like", "reference": "ill",
    }  # fmt: skip
    run = {**RUN, "testing_criteria": [check]}
    found = of_text(tmp_path, "openai-evals", "run.json", json.dumps(run))
    assert spec_of(found)["tests"][0]["assert"] == [{"type": "contains", "value": "ill"}]
    assert not found.lost
    found = of_text(
        tmp_path, "openai-evals", "run.json", json.dumps({**run, "testing_criteria": EVAL["testing_criteria"]}),
        eval__json=json.dumps(EVAL),
    )  # fmt: skip
    assert sum(1 for item in found.items if item.kind == "assertion") == len(EVAL["testing_criteria"])


def test_numbers_without_quotes_are_compared_as_they_are_written_as_github_does(tmp_path):
    text = (
        "name: n\nmodel: m\nmessages: [{role: user, content: hi}]\nevaluators:\n"
        "  - {name: a, string: {equals: 3}}\n  - name: b\n    string: {contains: 3.50}\n  - {name: c, string: {startsWith: True}}\n"
    )
    found = of_text(tmp_path, "github", "p.prompt.yml", text)
    assert [each["value"] for each in spec_of(found)["assert"]] == [
        '(text | trim) == "3"',
        "3.50",
        "(?i)\\A\\s*True",
    ]


def test_a_responses_body_keeps_its_own_fields_and_names_the_endpoint_that_it_needs(tmp_path):
    body = {
        "model": "m", "include": ["reasoning.encrypted_content"], "tools": [{"type": "web_search"}],
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
        ],
    }  # fmt: skip
    found = of_text(tmp_path, "openai-request", "body.json", json.dumps(body))
    assert found.lost == ()
    assert found.endpoints["openai-responses"]["api"] == "responses"
    assert faults_of(found) == []
    [sent] = bodies_of(found)
    assert sent["include"] == body["include"]
    assert sent["tools"] == body["tools"]
    assert sent["messages"][1:] == [
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ]  # fmt: skip
