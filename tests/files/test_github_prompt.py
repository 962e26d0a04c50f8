"""Prompt files of GitHub Models: what they mean here, and each mistake with its place and its words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.documents import parse_document
from runner.engine.plan.units import make_units
from runner.errors import Problems, RunnerError
from runner.files.cases import case_from_vars, cases_of
from runner.files.disk.tree import DiskTree, MemoryTree
from runner.files.github_prompt import PLACEHOLDER, is_github_prompt
from runner.files.model import Project, Prompt
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt
from runner.render.templates import compile_prompt

from .. import conformance

FILE = ".github/prompts/greet.prompt.yml"
TEXT = """\
name: Greeter
description: Greets people
model: openai/gpt-4o-mini
modelParameters:
  temperature: 0.5
  maxTokens: 50
messages:
  - role: system
    content: You greet.
  - role: user
    content: |-
      Please greet
      {{person}} in {{lang}}
testData:
  - person: Ada
    lang: en
    expected: hello
  - person: Bo
    lang: de
    note: formal
    expected: hallo
evaluators:
  - name: greets
    string:
      contains: '{{expected}}'
"""
OURS = conformance.HERE / "import"
PUBLISHED = [
    *sorted((OURS / "github").glob("*/*.yml")),
    *sorted((conformance.HERE / "formats" / "github").glob("*.yml")),
    *conformance.recorded("formats/github-prompt-yml", ".yml"),
    *conformance.recorded_below("import/github-prompt-yml"),
]
"""Ours in the style of those that are published, and those of others where they are given."""
IMPOSTORS = [
    *sorted((OURS / "not-github").glob("*.yml")),
    *conformance.recorded_below("import/not-github-prompt-yml"),
]


def load(text: str = TEXT, *, in_pack: bool = False) -> Prompt:
    return load_prompt(FILE, MemoryTree({FILE: text.encode()}), in_pack=in_pack)


def refusals(text: str, **options: Any) -> list[str]:
    with pytest.raises(RunnerError) as caught:
        load(text, **options)
    errors = caught.value.errors if isinstance(caught.value, Problems) else [caught.value]
    return [f"{str(error).removeprefix(FILE)} ({error.hint})" for error in errors]


def warnings(text: str) -> list[str]:
    return [
        f"{each.location.line}:{each.location.column} {each.code} {each.message}"
        for each in load(text).warnings
    ]


def replaced(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


# --- what is loaded ---------------------------------------------------------------------------------------------


def test_parameters_and_messages_become_the_request_under_their_wire_names() -> None:
    request = load().request
    assert list(request) == ["model", "temperature", "max_tokens", "messages"]
    assert request["model"] == "openai/gpt-4o-mini"
    assert (request["temperature"], request["max_tokens"]) == (0.5, 50)


def test_the_name_and_the_description_stay() -> None:
    assert (load().name, load().description) == ("Greeter", "Greets people")


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("maxTokens: 5", "max_tokens"),
        ("max_tokens: 5", "max_tokens"),
        ("maxCompletionTokens: 5", "max_completion_tokens"),
        ("max_completion_tokens: 5", "max_completion_tokens"),
        ("topP: 1", "top_p"),
        ("top_p: 1", "top_p"),
        ("presencePenalty: 1", "presence_penalty"),
    ],
)
def test_both_spellings_of_a_parameter_are_the_same_field(written: str, wire: str) -> None:
    assert wire in load(replaced("maxTokens: 50", written)).request


def test_a_spelling_that_gh_models_does_not_read_is_told() -> None:
    assert warnings(replaced("maxTokens", "max_tokens")) == [
        "6:3 W018 gh-models ignored max_tokens; here it is sent"
    ]
    assert warnings(TEXT) == []


def test_a_role_is_read_in_any_case() -> None:
    assert load(replaced("role: system", "role: System")).request["messages"][0]["role"] == "system"


def test_every_key_of_every_row_is_an_input() -> None:
    prompt = load()
    assert list(prompt.inputs or {}) == ["person", "lang", "expected", "note"]
    assert [dict(case.given) for case in cases_of(prompt)] == [
        {"person": "Ada", "lang": "en", "expected": "hello"},
        {"person": "Bo", "lang": "de", "note": "formal", "expected": "hallo"},
    ]


def test_without_rows_the_variables_are_those_of_the_messages() -> None:
    text = TEXT[: TEXT.index("testData")]
    assert load(text).inputs is None
    assert compile_prompt(load(text)).variables == {"person", "lang"}


@pytest.mark.parametrize("empty", ["testData:\nevaluators:\n", "testData: []\nevaluators: []\n"])
def test_empty_test_data_is_none(empty: str) -> None:
    prompt = load(TEXT[: TEXT.index("testData")] + empty)
    assert (prompt.tests, prompt.asserts) == ((), ())


def test_a_name_with_characters_that_no_folder_has_is_told_and_kept_in_a_note() -> None:
    text = replaced("name: Greeter", 'name: "Greeter: v1/2 "')
    prompt = load(text)
    assert prompt.name == "Greeter- v1-2"
    assert prompt.document.value["x-name"] == "Greeter: v1/2 "
    assert warnings(text) == [
        '1:1 W018 the name becomes "Greeter- v1-2", because it names a folder of snapshots'
    ]


def test_what_no_tool_of_github_reads_is_told_and_not_sent() -> None:
    prompt = load(TEXT + "metadata: {owner: me}\nconfig: 3\nx-mine: 1\n")
    assert [each.code for each in prompt.warnings] == ["W018", "W018"]
    assert not {"metadata", "config", "x-mine"} & prompt.request.keys()


# --- placeholders -----------------------------------------------------------------------------------------------


def rendered(content: str, **values: Any) -> str:
    text = f"modelParameters: {{}}\nmessages: [{{role: user, content: {json.dumps(content)}}}]\n"
    (message,) = compile_prompt(load(text)).render(values)
    return str(message["content"])


def test_a_placeholder_is_filled_in_and_its_value_is_not_read_again() -> None:
    assert rendered("{{a}} {{b}}", a="{{b}}", b="x") == "{{b}} x"


@pytest.mark.parametrize(
    "content",
    ["{{ a }}", "{{.a}}", "{{#if a}}", "{{/if}}", "{{> a}}", "{{a|upper}}", "{% if a %}", "{# a #}", "{{}}", "${{ secrets.A }}"],
)  # fmt: skip
def test_what_githubs_tools_leave_as_it_stands_is_left(content: str) -> None:
    assert rendered(content) == content


def test_braces_that_are_no_placeholder_are_told() -> None:
    prompt = load(replaced("{{person}} in", "{{person}} and {{ lang }} in"))
    (remark,) = [each for each in compile_prompt(prompt).warnings if each.code == "W003"]
    assert "{{ lang }}" in remark.message
    assert (remark.location.line, remark.location.column) == (13, 22)


def test_a_name_with_dots_is_a_name() -> None:
    text = replaced("{{person}}", "{{person.name}}").replace("person: ", "person.name: ")
    (case, _) = cases_of(load(text))
    assert compile_prompt(load(text)).render(case.vars)[1]["content"] == "Please greet\nAda in en"


@pytest.mark.parametrize(("value", "printed"), [(3, "3"), (1.5, "1.5"), (True, "true"), ("", "")])
def test_a_value_that_is_no_text_is_written_as_in_json(value: Any, printed: str) -> None:
    assert rendered("<{{a}}>", a=value) == f"<{printed}>"


def test_a_list_in_a_message_is_told_since_gh_models_writes_another_text() -> None:
    text = replaced("person: Ada", "person: [Ada]")
    assert warnings(text) == ["15:5 W018 person is written as JSON; gh-models used Go's notation"]


def test_a_value_that_gh_models_might_fill_in_again_is_told() -> None:
    text = replaced("person: Ada", "person: 'Ada {{lang}}'")
    assert warnings(text) == [
        "15:5 W018 person contains braces, which stay as they are; gh-models might fill them in too"
    ]


def test_a_row_without_a_value_sends_the_braces_as_githubs_tools_do_and_is_told() -> None:
    text = replaced("    lang: de\n", "")
    prompt = load(text)
    (_, case) = cases_of(prompt)
    assert compile_prompt(prompt).render(case.vars)[1]["content"] == "Please greet\nBo in {{lang}}"
    assert warnings(text) == ['18:5 W018 testData[1] has no "lang": {{lang}} on line 13 is sent unchanged']


def test_a_variable_that_a_run_does_not_give_is_missed_all_the_same() -> None:
    prompt = load()
    with pytest.raises(RunnerError, match='the variable "lang" is missing'):
        case_from_vars(prompt, {"person": "Cy", "expected": "x"}, location=prompt.locate())


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,4}", fullmatch=True)
plain = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs", "Cc"]), max_size=8)


@pytest.mark.slow
@given(st.dictionaries(names, plain, min_size=1, max_size=4), st.data())
def test_placeholders_are_replaced_as_gh_models_replaces_them(values: dict[str, str], data: Any) -> None:
    piece = plain | st.sampled_from([f"{{{{{name}}}}}" for name in values] + ["{", "}", "{{ a }}", "{%"])
    content = "".join(data.draw(st.lists(piece, max_size=8)))
    known = set(PLACEHOLDER.findall(content))
    if not content.strip() or not known <= values.keys():
        return
    expected = content
    for name, value in values.items():
        expected = expected.replace(f"{{{{{name}}}}}", value)
    assert rendered(content, **{name: values[name] for name in known}) == expected


# --- response formats -------------------------------------------------------------------------------------------

SCHEMA = """\
responseFormat: json_schema
jsonSchema: |-
  {
    "name": "greeting",
    "strict": true,
    "schema": {"type": "object", "properties": {"a": {"type": "string"}}}
  }
"""


def test_a_schema_in_a_text_becomes_the_response_format_with_the_authors_order() -> None:
    format_ = load(TEXT + SCHEMA).request["response_format"]
    assert format_["type"] == "json_schema"
    assert list(format_["json_schema"]) == ["name", "strict", "schema"]
    assert (load(TEXT + SCHEMA).response_schema or load()).schema["type"] == "object"


def test_what_is_in_the_text_of_a_schema_is_found_in_the_file() -> None:
    schema = load(TEXT + SCHEMA).response_schema
    assert schema is not None
    assert str(schema.document.locate((*schema.at, "properties", "a"))) == f"{FILE}:31:54"


def test_a_schema_as_a_mapping_is_read_too() -> None:
    text = (
        TEXT + "responseFormat: json_schema\njsonSchema: {name: a, schema: {type: object, required: [x]}}\n"
    )
    assert load(text).request["response_format"]["json_schema"]["name"] == "a"


@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_a_response_format_without_a_schema(kind: str) -> None:
    assert load(f"{TEXT}responseFormat: {kind}\n").request["response_format"] == {"type": kind}


def test_a_schema_that_is_not_asked_for_is_told() -> None:
    assert warnings(TEXT + SCHEMA.replace("responseFormat: json_schema\n", "")) == [
        "26:1 W018 jsonSchema is for responseFormat: json_schema and is not sent"
    ]


# --- mistakes ---------------------------------------------------------------------------------------------------

MISTAKES = {
    "both formats": (
        replaced("evaluators:", "tests: []\nevaluators:"),
        ':22:1: "tests" is a key of runner\'s format, but "modelParameters" (line 4) is one of GitHub\'s (use one of the two formats; for modelParameters in runner\'s: write its entries at the top level under their wire names, e.g. temperature: 0)',
    ),
    "no messages": ("testData: []\n", ':1:1: the file needs "messages" (None)'),
    "a message without content": (
        replaced("content: You greet.", "parts: [{text: You greet.}]"),
        ':8:5: messages[0] needs "content" (GitHub\'s tools read content only: write the text of parts there)',
    ),
    "an empty message": (replaced("You greet.", '""'), ":9:14: messages[0].content must not be empty (None)"),
    "a blank message": (replaced("You greet.", '" "'), ":9:14: messages[0] is empty (None)"),
    "a parameter of the wrong type": (
        replaced("temperature: 0.5", "temperature: hot"),
        ':5:16: temperature must be a number, not a string ("hot") (None)',
    ),
    "both spellings": (
        replaced("maxTokens: 50", "maxTokens: 50\n  max_tokens: 60"),
        ":7:3: max_tokens repeats maxTokens on line 6 (keep one of them)",
    ),
    "a misspelt parameter": (
        replaced("temperature", "temprature"),
        ':5:3: unknown key "temprature" in modelParameters (did you mean "temperature"?)',
    ),
    "a misspelt key": (
        replaced("evaluators", "evaluator"),
        ':22:1: unknown key "evaluator" in the file (did you mean "evaluators"?)',
    ),
    "another case of a key": (
        replaced("testData", "test_data"),
        ':14:1: unknown key "test_data" in the file (did you mean "testData"?)',
    ),
    "a misspelt comparison": (
        replaced("contains:", "starts_with:"),
        ':25:7: unknown key "starts_with" in string (did you mean "startsWith"?)',
    ),
    "an evaluator that lacks a value": (
        replaced("{{expected}}", "{{note}}"),
        ':15:5: testData[0] has no "note", which is compared on line 25 (add the value: no answer equals the braces)',
    ),
    "an evaluator that checks nothing": (
        TEXT + "  - name: nothing\n",
        ":26:5: evaluators[1] checks nothing (give it one of string, llm, uses)",
    ),
    "an empty comparison": (
        replaced("'{{expected}}'", "''"),
        ":25:17: evaluators[0].string.contains must not be empty (None)",
    ),
    "an unknown response format": (
        TEXT + "responseFormat: yaml\n",
        ':26:17: responseFormat must be "text", "json_object" or "json_schema", not "yaml" (None)',
    ),
    "no schema": (
        TEXT + "responseFormat: json_schema\n",
        ":26:1: responseFormat: json_schema needs jsonSchema (None)",
    ),
    "a schema that is no JSON": (
        TEXT + SCHEMA.replace('"strict": true,', '"strict": yes,'),
        ":30:15: jsonSchema is not JSON: ",
    ),
    "a schema without a name": (
        TEXT + SCHEMA.replace("name", "title"),
        ':27:13: jsonSchema needs name and schema (write {"name": "...", "strict": true, "schema": {...}})',
    ),
    "a schema that is none": (
        TEXT + SCHEMA.replace('"string"', '"text"'),
        ':31:63: this is not a valid JSON Schema: ',
    ),
    "a key that cannot be filled in": (
        replaced("{{person}}", "{{the person}}").replace("person: Ada", "the person: Ada"),
        ":15:5: {{the person}} cannot be filled in (a name consists of letters, digits, _, - and dots)",
    ),
    "the same row twice": (
        TEXT[: TEXT.index("  - person: Bo")] + "  - {person: Ada, lang: en, expected: hello}\n",
        ":18:5: testData[1] ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_at_its_place(mistake: str) -> None:
    text, told = MISTAKES[mistake]
    (refusal,) = refusals(text)
    assert refusal.startswith(told), refusal


def test_all_mistakes_of_a_file_are_told_together() -> None:
    text = replaced("role: system", "role: robot").replace("temperature: 0.5", "temperature: hot")
    assert [each.split(" ")[1] for each in refusals(text)] == ["temperature", "messages[0].role"]


def test_a_prompt_of_a_pack_may_be_in_githubs_format() -> None:
    assert load(in_pack=True).name == "Greeter"


PLAIN = "name: a\nmodel: m\nx-mine: 1\nmessages: [{role: user, content: 'a {{{{b}}}} {% c %}'}]\n"


@pytest.mark.parametrize(
    ("file", "text", "engine"),
    [
        (".github/prompts/a.prompt.yml", PLAIN, "github"),
        ("sub/.github/prompts/deep/a.prompt.yml", PLAIN, "github"),
        ("prompts/a.prompt.yml", PLAIN.replace("{% c %}", "").replace("{{{{b}}}}", "{{ b }}"), "jinja2"),
        (
            ".github/prompts/a.prompt.yml",
            "temperature: 0\n" + PLAIN.replace("{{{{b}}}} {% c %}", ""),
            "jinja2",
        ),
        ("prompts/a.prompt.yml", "testData: []\n" + PLAIN, "github"),
    ],
)
def test_a_file_that_could_be_in_both_formats_is_githubs_where_github_keeps_its_own(
    file: str, text: str, engine: str
) -> None:
    prompt = load_prompt(file, MemoryTree({file: text.encode()}))
    assert prompt.template.engine == engine


def test_where_a_folder_lies_counts_whatever_it_is_opened_from(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "prompts"
    folder.mkdir(parents=True)
    (folder / "a.prompt.yml").write_text(PLAIN)
    assert load_prompt("a.prompt.yml", DiskTree(folder)).template.engine == "github"


# --- files of others --------------------------------------------------------------------------------------------


def project() -> Project:
    config = "endpoints: {e: {base_url: 'http://127.0.0.1:9/v1', model: some}}\nendpoint: e\n"
    return load_project_from(MemoryTree({"runner.yaml": config.encode()}), Path("root"), environ={})


UNREADABLE = {"priority-router.prompt.yml": 'messages[0] needs "content"'}


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda path: path.name)
def test_a_published_prompt_sends_what_gh_models_sent(file: Path) -> None:
    tree = MemoryTree({file.name: file.read_bytes()})
    if said := UNREADABLE.get(file.name):
        with pytest.raises(RunnerError, match=re.escape(said)):
            load_prompt(file.name, tree)
        return
    prompt = load_prompt(file.name, tree)
    (unit,) = make_units((prompt,), project())
    value: Any = parse_document(file.read_bytes(), file.name).value
    cases = [dict(case.given) for case in cases_of(prompt)]
    assert cases == (value.get("testData") or [])
    for values in cases or [{name: f"<{name}>" for name in unit.template.variables}]:
        case = case_from_vars(prompt, values, location=prompt.locate())
        unit.judge.prepare(case)
        body = unit.body(case)
        assert body["messages"] == [
            {"role": each["role"].lower(), "content": _as_gh_models(each["content"], values)}
            for each in value["messages"]
        ]
        assert body["model"] == value.get("model", "some")


def _as_gh_models(content: str, values: dict[str, Any]) -> str:
    for name, value in values.items():
        content = content.replace(f"{{{{{name}}}}}", str(value))
    return content


@pytest.mark.parametrize("file", IMPOSTORS, ids=lambda path: path.name)
def test_a_file_that_only_has_the_suffix_is_refused(file: Path) -> None:
    assert not is_github_prompt(
        parse_document(file.read_bytes(), file.name).value, ".github/prompts/a.prompt.yml"
    )
    with pytest.raises(RunnerError, match="messages"):
        load_prompt(file.name, MemoryTree({file.name: file.read_bytes()}))


# --- hostile files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["{{ env.HOME }}", "{{env.HOME}}", "{{secrets.KEY}}", "{% include '/etc/passwd' %}"]
)
def test_a_value_is_data(value: str) -> None:
    assert rendered("{{a}}", a=value) == value


def test_the_environment_is_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/secret")
    with pytest.raises(RunnerError, match="has no value"):
        rendered("{{env.HOME}}")


def test_a_byte_order_mark_is_no_part_of_the_file() -> None:
    assert load("\ufeff" + TEXT).name == "Greeter"


@pytest.mark.parametrize(
    "text",
    [
        "testData: !!python/object/apply:os.system ['true']\nmessages: []\n",
        "testData: &a [*a]\nmessages: [{role: user, content: x}]\n",
        "testData: " + "[" * 500 + "]" * 500,
        "jsonSchema: '"
        + "[" * 500
        + "'\nresponseFormat: json_schema\nmessages: [{role: user, content: x}]\n",
        "evaluators: [1]\nmessages: [{role: user, content: x}]\n",
        "testData: [a]\nmessages: [{role: user, content: x}]\n",
        "messages: {}\nmodelParameters: 3\n",
    ],
)
def test_a_hostile_file_is_refused_with_a_place(text: str) -> None:
    for refusal in refusals(text):
        assert re.match(r":\d+:\d+: ", refusal), refusal


def test_many_rows_are_read() -> None:
    rows = "".join(f"  - {{person: p{index}, lang: en, expected: x}}\n" for index in range(2000))
    text = TEXT[: TEXT.index("  - person: Ada")] + rows
    assert len(load(text).tests) == 2000


def test_of_very_many_mistakes_and_remarks_the_first_are_told() -> None:
    rows = "".join(f"  - {{lang: en, n: {index}, expected: x}}\n" for index in range(500))
    text = TEXT[: TEXT.index("  - person: Ada")] + rows
    told = warnings(text)
    assert len(told) == 201
    assert told[-1] == "215:5 W018 there are 300 more warnings of this kind"
    assert len(refusals(text + "evaluators: [{string: {contains: '{{other}}'}}]\n")) == 200
