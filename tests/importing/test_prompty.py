"""Import Prompty files: compare whole files with the renderings of the tool, and test each rule with a made-up file."""

from __future__ import annotations

from typing import Any

import pytest

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

FILES = [each["file"] for each in written("prompty")] + listed("prompty")
_FLOW = "prompty/microsoft__promptflow/src/promptflow/tests/test_configs/prompty"
REFUSED = {
    "prompty/refused/embedding.prompty": "for embeddings",
    "prompty/refused/spans.prompty": "spans two messages",
    f"{_FLOW}/prompty_tool_with_chat_history.prompty": "a block of the template spans two messages",
    "prompty/microsoft__prompty/runtime/typescript/packages/core/tests/fixtures/embedding.prompty": "for embeddings",
}
OTHERWISE = {
    f"{_FLOW}/prompty_example_with_default_connection.prompty": "0.1.50 does not use the defaults of promptflow's inputs",
    f"{_FLOW}/prompty_example_with_json_format.prompty": "0.1.50 does not use the defaults of promptflow's inputs",
    f"{_FLOW}/prompty_example_with_tools.prompty": "without a value the tool drops the message",
}
"""Recordings that differ, and the reasons."""


@pytest.mark.parametrize(
    "record",
    [pytest.param(each, id=each["file"]) for each in recorded("prompty") if each["file"] not in OTHERWISE],
)
def test_the_messages_are_those_that_prompty_renders(record):
    found = of_repository("prompty", record["file"])
    # Without a sample and a default, the tool renders nothing.
    needed = {name: "" for name, spec in spec_of(found).get("inputs", {}).items() if "default" not in spec}
    messages = bodies_of(found, None, {**needed, **record["inputs"]})[0]["messages"]
    assert messages == record["messages"]


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_accounted_for_and_what_comes_of_it_passes_check(file):
    found = of_repository("prompty", file)
    assert adds_up(found)
    if file in REFUSED:
        assert REFUSED[file] in str(found.refused)
        assert found.files == ()
    else:
        assert found.refused is None
        assert faults_of(found) == []
        assert files_of(found) == files_of(of_repository("prompty", file))


@needs_recordings
def test_of_the_files_of_others_six_of_seven_lose_nothing():
    found = [of_repository("prompty", file) for file in listed("prompty")]
    assert sum(1 for each in found if each.refused is None and not each.lost) >= 0.85 * len(found)


def prompt(tmp_path, front: str, body: str, **others: str) -> Any:
    return of_text(tmp_path, "prompty", "p.prompty", f"---\n{front}\n---\n{body}", **others)


V1 = "model: {api: chat, configuration: {type: azure_openai, azure_deployment: d, api_key: sk-0123456789abcdef01}}"


def test_role_lines_part_the_messages_and_each_is_trimmed(tmp_path):
    found = prompt(tmp_path, V1, "first\n\nsystem:\n one \n\n# User:\n\n{{q}}\n\nassistant:\n")
    assert spec_of(found)["messages"] == [
        {"role": "system", "content": "first"},
        {"role": "system", "content": "one"},
        {"role": "user", "content": "{{q}}"},
    ]


def test_the_sample_is_a_test_and_its_files_are_read(tmp_path):
    found = prompt(
        tmp_path,
        f"{V1}\nsample: ${{file:s.json}}",
        "user:\n{{q}} {{gone}}!",
        s__json='{"q": " hi ", "unused": 1}',
    )
    spec = spec_of(found)
    assert spec["tests"] == [{"id": "sample", "vars": {"q": "hi", "unused": 1}}]
    assert spec["inputs"] == {"q": {}, "unused": {}, "gone": {"default": ""}} or spec["inputs"]["gone"] == {
        "default": ""
    }
    assert bodies_of(found)[0]["messages"] == [{"role": "user", "content": "hi !"}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("system:\nRules\n{% for r in rules %}\n{{r}}\n{% endfor %}\n", "Rules\n\na\n\nb"),
        ("system:\nRules\n\n{{gone}}\n", "Rules"),
        ("system:\n{{gone}}\n\nRules\n", "Rules"),
        ("system:\nRules: {{name}}\n", "Rules: N"),
    ],
)
def test_a_message_is_trimmed_once_it_is_rendered(tmp_path, body, message):
    found = prompt(tmp_path, f"{V1}\nsample: {{rules: [a, b], name: N}}", body)
    assert bodies_of(found)[0]["messages"] == [{"role": "system", "content": message}]


def test_members_that_the_sample_does_not_have_are_rendered_as_nothing(tmp_path):
    sample = "sample: {shop: {name: A}, goods: [{name: x, price: 2}, {name: y}], list: [1]}"
    body = (
        "user:\n{{shop.name}} {{shop.owner}}{% if list.tags %}!{% endif %}"
        "{% for each in goods %}{{each.name}}{{each.price}};{% endfor %}."
    )
    found = prompt(tmp_path, f"{V1}\n{sample}", body)
    assert bodies_of(found)[0]["messages"] == [{"role": "user", "content": "A x2;y;."}]
    assert "{{shop.name}}" in spec_of(found)["messages"][0]["content"]


def test_a_message_that_is_only_a_variable_without_a_value_is_reported(tmp_path):
    found = prompt(tmp_path, f"{V1}\nsample: {{a: b}}", "system:\n{{a}}\n\nuser:\n{{question}}")
    assert ["omits its message" in remark.why for remark in found.remarks if remark.code == "I603"] == [True]


def test_the_loop_that_prints_a_conversation_is_a_placeholder(tmp_path):
    loop = "{% for item in chat %}\n{{item.role}}:\n{{item.content}}\n{% endfor %}"
    found = prompt(
        tmp_path,
        f"{V1}\nsample: {{chat: [{{role: user, content: a}}], q: b}}",
        f"system:\nS\n\n{loop}\n\nuser:\n{{{{q}}}}",
    )
    assert bodies_of(found)[0]["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
    ]


@pytest.mark.parametrize(
    ("front", "body", "reason"),
    [
        (
            V1,
            "{% for m in h %}\n{{m.role}}:\nx {{m.content}}\n{% endfor %}\nuser:\nq",
            "the role of a message is computed",
        ),
        (V1, "{% if a %}\nuser:\nq\n{% endif %}", "spans two messages"),
        (V1, "user:\n{{ q | }}", "not a valid Jinja template"),
        (V1, "", "its body is empty"),
        (f"{V1}\nbase: other.prompty", "user:\nq", "based on another file"),
        ("model: {apiType: embedding}", "user:\nq", "for embeddings"),
        (V1, "user:\n![a](../secret.png)", "outside the folder"),
    ],
)
def test_what_has_no_counterpart_is_refused_at_its_line(tmp_path, front, body, reason):
    found = prompt(tmp_path, front, body)
    assert reason in str(found.refused)
    assert str(found.refused.location).startswith("p.prompty:")


def test_a_file_without_front_matter_is_no_prompty(tmp_path):
    assert "no front matter" in str(of_text(tmp_path, "prompty", "p.prompty", "system:\nhi\n").refused)


def test_a_key_is_copied_nowhere_and_the_environment_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "from-the-environment")
    found = prompt(tmp_path, f"{V1}\nsample: {{q: '${{env:SECRET}}'}}", "user:\n{{q}}")
    written = b"".join(files_of(found).values())
    assert b"sk-0123456789abcdef01" not in written
    assert b"from-the-environment" not in written
    assert [item.code for item in found.lost] == ["I104"]
    assert any("revoke" in remark.why for remark in found.remarks)


def test_an_image_becomes_a_part_and_its_file_comes_along(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = prompt(tmp_path, V1, "user:\nLook ![it](a.png) well")
    assert spec_of(found)["messages"][0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "a.png"}},
        {"type": "text", "text": "well"},
    ]
    assert "a.png" in files_of(found)


def test_the_plain_part_of_version_two(tmp_path):
    found = prompt(
        tmp_path,
        "name: n\nmodel: {id: gpt-4o, provider: openai, apiType: chat, options: {maxOutputTokens: 5, topP: 0.5}}\n"
        "inputs: [{name: q, kind: string, default: hi}, {name: talk, kind: thread}]\n"
        "outputs: [{name: total, kind: float}]",
        "system:\nS\n\n{{talk}}\n\nuser:\n{{q}}",
    )
    spec = spec_of(found)
    assert (spec["model"], spec["max_completion_tokens"], spec["top_p"]) == ("gpt-4o", 5, 0.5)
    assert {"type": "placeholder", "name": "talk"} in spec["messages"]
    assert spec["response_format"]["json_schema"]["name"] == "structured_output"


def test_members_of_items_that_are_no_objects_are_rendered_as_nothing(tmp_path):
    body = (
        "user:\n{% for each in texts %}{{each.title}}{{each.id}}-{% endfor %}"
        "{% for each in goods %}{{each.name}}{% endfor %}{% for each in shops %}{{each.name}};{% endfor %}"
    )
    sample = "sample: {texts: [a, b], goods: [{name: x}], shops: [{owner: z}]}"
    found = prompt(tmp_path, f"{V1}\n{sample}", body)
    assert bodies_of(found)[0]["messages"] == [{"role": "user", "content": "--x;"}]


def test_a_prompt_for_the_responses_api_names_the_endpoint_that_it_needs(tmp_path):
    found = prompt(tmp_path, "model: {id: m, apiType: responses}", "user:\nhi\n")
    assert found.lost == ()
    assert found.endpoints["openai-responses"]["api"] == "responses"
    assert [remark.code for remark in found.remarks] == ["I203"]
