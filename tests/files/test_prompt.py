"""A prompt file as its author writes it, and each mistake with its place and its words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Problems, RunnerError
from runner.files.disk.tree import DiskTree, MemoryTree
from runner.files.formats import schema
from runner.files.model import Case, CaseFile, Prompt, Template
from runner.files.prompt import load_prompt

FILE = "prompts/triage.prompt.yaml"
TEXT = """\
description: Classify a ticket
tags: [support]
model: m
x-owner: me
temperature: 0
inputs:
  ticket: {type: string, maxLength: 20}
  lang: {type: string, enum: [en, de], default: en}
messages:
  - {role: user, content: "{{ ticket }}"}
response_format:
  type: json_schema
  json_schema: {name: ticket, schema_file: ../schemas/ticket.json, strict: true}
assert: [{type: equals, path: $.label, value: refund}]
tests:
  - id: late
    vars: {ticket: my money}
    assert: [{type: latency, threshold: 100}]
    outcome: refused
    tags: [slow]
    description: late refund
  - vars: {ticket: other}
  - file: cases.jsonl
"""
SCHEMA = '{"type": "object", "properties": {"label": {"type": "string"}}}'


def load(text: str = TEXT, *, in_pack: bool = False, **files: str) -> Prompt:
    tree = {FILE: text, "schemas/ticket.json": SCHEMA, "prompts/cases.jsonl": '{"ticket": "row"}\n', **files}
    return load_prompt(
        FILE, MemoryTree({name: each.encode() for name, each in tree.items()}), in_pack=in_pack
    )


def refusal(text: str, **options) -> list[str]:
    with pytest.raises(RunnerError) as caught:
        load(text, **options)
    return [
        str(error)
        for error in (caught.value.errors if isinstance(caught.value, Problems) else [caught.value])
    ]


# --- what is loaded -------------------------------------------------------------------------------------------


def test_a_two_line_prompt_is_enough():
    prompt = load("model: m\nmessages: [{role: user, content: hi}]\n")
    assert prompt.request == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_the_request_holds_the_wire_fields_in_the_authors_order_and_nothing_else():
    assert list(load().request) == ["model", "temperature", "messages", "response_format"]


def test_the_name_is_the_file_stem_unless_given():
    assert load().name == "triage"
    assert load("name: other\n" + TEXT).name == "other"


@pytest.mark.parametrize(("file", "name"), [("a.prompt.yml", "a"), ("b.yaml", "b"), ("C.PROMPT.YAML", "C")])
def test_every_ending_of_a_prompt_file_is_dropped_from_the_name(file, name):
    prompt = load_prompt(file, MemoryTree({file: b"messages: [{role: user, content: hi}]"}))
    assert prompt.name == name


def test_the_schema_takes_the_place_of_schema_file():
    format_ = load().request["response_format"]["json_schema"]
    assert list(format_.items()) == [
        ("name", "ticket"),
        ("schema", {"type": "object", "properties": {"label": {"type": "string"}}}),
        ("strict", True),
    ]


def test_the_document_still_says_schema_file():
    prompt = load()
    assert prompt.document.value["response_format"]["json_schema"]["schema_file"] == "../schemas/ticket.json"


def test_the_schema_knows_its_own_file():
    schema = load().response_schema
    assert (schema.name, schema.strict, schema.at) == ("ticket", True, ())
    assert str(schema.document.locate((*schema.at, "properties", "label"))) == "schemas/ticket.json:1:44"


def test_an_inline_schema_knows_its_place_in_the_prompt():
    schema = load(
        TEXT.replace("schema_file: ../schemas/ticket.json", "schema: {type: object}")
    ).response_schema
    assert schema.strict is True
    assert str(schema.document.locate((*schema.at, "type"))) == f"{FILE}:13:46"


def test_a_yaml_schema_file_is_read_as_well():
    prompt = load(TEXT.replace("ticket.json", "ticket.yaml"), **{"schemas/ticket.yaml": "type: object\n"})
    assert prompt.response_schema.schema == {"type": "object"}


def test_json_object_has_no_response_schema():
    prompt = load("messages: [{role: user, content: json}]\nresponse_format: {type: json_object}\n")
    assert prompt.response_schema is None


def test_tests_become_cases_and_case_files():
    late, other, rows = load().tests
    assert isinstance(late, Case)
    assert (late.id, late.vars, late.outcome) == ("late", {"ticket": "my money", "lang": "en"}, "refused")
    assert (late.tags, late.description) == (("slow",), "late refund")
    assert [(each.spec["type"], str(each.location)) for each in late.asserts] == [
        ("latency", f"{FILE}:18:14")
    ]
    assert str(late.location) == f"{FILE}:16:5"
    assert isinstance(other, Case)
    assert other.id.startswith("case-")
    assert rows == CaseFile("prompts/cases.jsonl", "prompts/cases.jsonl", rows.location)
    assert str(rows.location) == f"{FILE}:23:11"


def test_assertions_of_the_prompt_know_their_place():
    (assertion,) = load().asserts
    assert str(assertion.location) == f"{FILE}:14:10"


def test_a_default_that_changes_renames_no_case():
    before, after = load().tests[1], load(TEXT.replace("default: en", "default: de")).tests[1]
    assert (before.vars["lang"], after.vars["lang"]) == ("en", "de")
    assert before.id == after.id


def test_without_inputs_variables_are_free():
    prompt = load("messages: [{role: user, content: '{{ a }}'}]\ntests: [{vars: {a: 1, b: [2]}}]\n")
    assert prompt.inputs is None
    assert prompt.tests[0].vars == {"a": 1, "b": [2]}


def test_template_matrix_regression_and_extra_body_are_kept():
    prompt = load(
        "messages: [{role: user, content: hi}]\ntemplate: {engine: simple}\nmatrix: {model: [a, b], seed: [1, null]}\n"
        "regression: {samples: 3}\nextra_body: {top_k: 5}\n"
    )
    assert prompt.template == Template(engine="simple", whitespace="trim")
    assert prompt.matrix == {"model": ("a", "b"), "seed": (1, None)}
    assert prompt.regression == {"samples": 3}
    assert prompt.extra_body == {"top_k": 5}


def test_byte_order_mark_and_windows_line_ends_change_nothing():
    data = b"\xef\xbb\xbf" + b"messages:\r\n  - role: user\r\n    content: |-\r\n      a\r\n      b\r\n"
    prompt = load_prompt("a.prompt.yaml", MemoryTree({"a.prompt.yaml": data}))
    assert prompt.request["messages"] == [{"role": "user", "content": "a\nb"}]


def test_a_reference_to_a_pack_is_left_to_the_hook():
    asked = []

    def hook(reference, location):
        asked.append((reference, str(location)))
        return MemoryTree({"s.json": b'{"type": "array"}'}, "pack:"), "s.json"

    text = TEXT.replace("../schemas/ticket.json", "support:ticket")
    tree = MemoryTree({FILE: text.encode(), "prompts/cases.jsonl": b"{}"})
    prompt = load_prompt(FILE, tree, resolve_reference=hook)
    assert asked == [("support:ticket", f"{FILE}:13:44")]
    assert prompt.response_schema.schema == {"type": "array"}
    assert prompt.response_schema.document.path == "pack:s.json"


def test_messages_call_the_file_as_the_user_did(tmp_path: Path):
    (tmp_path / "a.prompt.yaml").write_text("messages: []\n")
    with pytest.raises(RunnerError) as caught:
        load_prompt("a.prompt.yaml", DiskTree(tmp_path, names={"a.prompt.yaml": "./typed.yaml"}))
    assert str(caught.value) == "./typed.yaml:1:11: messages must not be empty"


# --- what is refused ------------------------------------------------------------------------------------------

MISTAKES = {
    "unknown key": ("temperature: 0", "temprature: 0", f'{FILE}:5:1: unknown key "temprature" (did you mean "temperature"?)'),
    "wrong type": ("temperature: 0", 'temperature: "0.2"', f'{FILE}:5:14: temperature must be a number, not a string ("0.2") (write it without quotes: 0.2)'),
    "both schemas": ("strict: true", "schema: {}", f"{FILE}:13:31: schema and schema_file cannot be combined (keep one of them)"),
    "schema file missing": ("ticket.json", "tickets.json", f"{FILE}:13:44: there is no file schemas/tickets.json (did you mean \"ticket.json\"?)"),
    "schema file outside": ("../schemas", "../../schemas", f"{FILE}:13:44: ../../schemas/ticket.json is outside the project root (move the file into the project)"),
    "input no schema": ("maxLength: 20", "pattern: '('", f"{FILE}:7:35: inputs.ticket: this is not a valid JSON Schema: "),
    "default does not fit": ("default: en", "default: fr", f'{FILE}:8:49: inputs.lang: the default does not match its schema: expected one of "en", "de", got "fr"'),
    "variable undeclared": ("{ticket: other}", "{ticket: other, lan: en}", f'{FILE}:22:27: tests[1]: "lan" is not a declared variable (did you mean "lang"?)'),
    "variable unlike any": ("{ticket: other}", "{ticket: other, q: en}", f'{FILE}:22:27: tests[1]: "q" is not a declared variable (declared under inputs: ticket, lang)'),
    "variable misspelt": ("{ticket: other}", "{tickt: other}", f'{FILE}:22:12: tests[1]: "tickt" is not a declared variable (did you mean "ticket"?)'),
    "variable missing": ("{ticket: other}", "{lang: en}", f'{FILE}:22:11: tests[1]: the variable "ticket" is missing (give it a value, or a default under inputs)'),
    "variable refused": ("{ticket: other}", "{ticket: other, lang: fr}", f'{FILE}:22:33: tests[1]: lang: expected one of "en", "de", got "fr"'),
    "variable of wrong type": ("{ticket: other}", "{ticket: 5}", f"{FILE}:22:20: tests[1]: ticket: expected string, got number 5"),
    "id twice": ("  - vars: {ticket: other}", "  - {id: late, vars: {ticket: other}}", f'{FILE}:22:5: tests[1]: the id "late" is already used at {FILE}:16:5 (snapshots and results are stored by id: choose another one)'),
    "case file missing": ("cases.jsonl", "case.jsonl", f"{FILE}:23:11: there is no file prompts/case.jsonl (did you mean \"cases.jsonl\"?)"),
    "case file of unknown kind": ("cases.jsonl", "cases.ods", f"{FILE}:23:11: cases.ods is not a file of cases (one of .jsonl, .ndjson, .csv, .tsv, .yaml, .yml, .json, .xlsx, .parquet)"),
    "case file absolute": ("cases.jsonl", "/cases.jsonl", f"{FILE}:23:11: the path /cases.jsonl is absolute (write paths relative to the file that uses them)"),
    "matrix repeats": ("assert: [{type: eq", "matrix: {temperature: [0, 1, 0.0]}\nassert: [{type: eq", f"{FILE}:14:30: matrix.temperature lists 0.0 twice (two variants with the same values are the same variant)"),
    "extra_body repeats": ("assert: [{type: eq", "extra_body: {temperature: 1}\nassert: [{type: eq", f'{FILE}:14:14: extra_body repeats "temperature" (say it once, at the top level)'),
    "extra_body streams": ("assert: [{type: eq", "extra_body: {stream: true}\nassert: [{type: eq", f'{FILE}:14:14: "stream" is not allowed in extra_body (runner writes this field itself)'),
    "tool parameters": ("assert: [{type: eq", "tools: [{type: function, function: {name: f, parameters: {type: objct}}}]\nassert: [{type: eq", f'{FILE}:14:65: this is not a valid JSON Schema: unknown type "objct"; JSON has string, number, integer, boolean, object, array, null'),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_with_its_place_and_a_hint(before, after, message):
    assert TEXT.count(before) == 1
    (told,) = refusal(TEXT.replace(before, after))
    assert (told[: len(message)] if message.endswith(": ") else told) == message


def test_equal_cases_without_an_id_are_refused_and_both_places_named():
    text = TEXT.replace("  - file: cases.jsonl", "  - vars: {ticket: other}")
    assert refusal(text) == [
        f"{FILE}:23:5: tests[2] has the same variables as {FILE}:22:5 (remove one of them, or give both an id)"
    ]


def test_a_schema_file_that_is_no_schema_is_told_at_its_own_place():
    (told,) = refusal(TEXT, **{"schemas/ticket.json": '{\n  "type": "objct"\n}'})
    assert told.startswith('schemas/ticket.json:2:11: this is not a valid JSON Schema: unknown type "objct"')


def test_a_schema_that_points_outside_itself_is_refused():
    (told,) = refusal(TEXT, **{"schemas/ticket.json": '{"$ref": "https://example.com/x.json"}'})
    assert told.startswith("schemas/ticket.json:1:10: this is not a valid JSON Schema: ")


def test_a_schema_file_must_hold_an_object():
    assert refusal(TEXT, **{"schemas/ticket.json": "[]"}) == [
        'schemas/ticket.json:1:1: a schema is an object, not [] (begin with {"type": "object", ...})'
    ]


def test_an_inline_schema_that_is_no_schema_is_refused_at_its_place():
    text = TEXT.replace("schema_file: ../schemas/ticket.json", "schema: {type: objct}")
    (told,) = refusal(text)
    assert told.startswith(f"{FILE}:13:46: this is not a valid JSON Schema: ")


def with_schema(schema):
    return f"messages: [{{role: user, content: json}}]\nresponse_format:\n  type: json_schema\n  json_schema: {{name: x, strict: true, schema: {schema}}}\n"


def test_a_schema_that_refuses_nothing_is_refused_at_its_place():
    (told,) = refusal(with_schema("{description: x}"))
    assert told.startswith(
        f"{FILE}:4:48: the schema accepts everything, so every answer would pass (describe the answer"
    )


def test_what_goes_around_a_schema_is_told_from_the_schema():
    wrapper = '{"name": "ticket", "strict": true, "schema": {"type": "object", "properties": {}}}'
    assert refusal(TEXT, **{"schemas/ticket.json": wrapper}) == [
        "schemas/ticket.json:1:1: this is the wrapper of a schema rather than the schema, and every answer would pass it (the schema itself is under schema)"
    ]


def test_a_function_may_take_whatever_comes():
    load("messages: [{role: user, content: x}]\ntools: [{function: {name: f, parameters: {}}}]\n")


def test_a_pack_must_not_set_extra_body():
    text = "messages: [{role: user, content: hi}]\nextra_body: {top_k: 5}\n"
    assert refusal(text, in_pack=True) == [
        f"{FILE}:2:1: extra_body is not allowed in a pack (a pack is data for any endpoint: set provider fields in a prompt of your own)"
    ]


def test_numbers_that_few_json_readers_keep_make_different_ids():
    text = "messages: [{role: user, content: '{{ n }}'}]\ntests:\n  - vars: {n: 9007199254740992}\n  - vars: {n: 9007199254740993}\n"
    first, second = load(text).tests
    assert first.id != second.id


def test_a_whole_number_is_an_integer_where_the_field_is_one():
    text = "seed: 1e3\ntemperature: 1.0\nmessages: [{role: user, content: x}]\nmatrix: {max_tokens: [1e2, 5.0]}\n"
    prompt = load(text)
    assert repr(prompt.request["seed"]) == "1000"
    assert repr(prompt.request["temperature"]) == "1.0"
    assert repr(prompt.matrix["max_tokens"]) == "(100, 5)"


INPUTS = "inputs: {user-name: {type: string}}\n"
HELLO = 'messages: [{role: user, content: "Hi {{ user-name }}"}]\n'


def test_an_input_that_no_jinja_template_can_read_is_refused_where_it_is_declared():
    assert refusal(INPUTS + HELLO) == [
        f"{FILE}:1:10: a Jinja template cannot read a variable user-name (call it user_name, or declare template: {{engine: simple}})"
    ]
    assert refusal("inputs: {range: {}}\nmessages: [{role: user, content: x}]\n") == [
        f"{FILE}:1:10: a Jinja template cannot read a variable range (call it range_, or declare template: {{engine: simple}})"
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{INPUTS}template: {{engine: simple}}\n{HELLO}",
        f"{INPUTS}messages: [{{type: placeholder, name: user-name}}]\n",
        INPUTS
        + "messages: [{role: user, content: x}]\nassert: [{type: expr, value: \"vars['user-name'] in text\"}]\n",
        "inputs: {class: {}, for: {}, if: {}}\nmessages: [{role: user, content: x}]\n",
    ],
    ids=["simple", "placeholder", "expression", "a word of Python"],
)
def test_an_input_that_something_can_read_is_fine(text):
    load(text)


def test_all_mistakes_of_a_file_are_told_in_the_order_of_the_file():
    text = (
        TEXT.replace("ticket.json", "t.json")
        .replace("{ticket: other}", "{ticket: 5}")
        .replace("cases.jsonl", "c.csv")
    )
    assert [each.split(":")[1] for each in refusal(text)] == ["13", "22", "23"]


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(RunnerError) as caught:
        load_prompt("b.prompt.yaml", MemoryTree({"a.prompt.yaml": b""}))
    assert (
        str(caught.value) == 'b.prompt.yaml: there is no file b.prompt.yaml (did you mean "a.prompt.yaml"?)'
    )


def test_an_empty_file_is_refused():
    assert refusal("") == [f"{FILE}:1:1: the file is empty"]


# --- whatever is written --------------------------------------------------------------------------------------

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-2, 2)
    | st.sampled_from(["", "a", "user", "text", "{{ a }}", "s.json", "object"])
)
_keys = st.sampled_from([*schema("prompt")["properties"], "role", "content", "type", "text", "function", "parameters", "json_schema", "schema", "schema_file", "file", "vars", "id", "name", "default", "a"])  # fmt: skip
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)
_fields = st.dictionaries(st.sampled_from(list(schema("prompt")["properties"])), _values, max_size=6)


@pytest.mark.slow
@given(_fields, st.booleans())
@settings(max_examples=150)
def test_any_file_is_a_prompt_or_refused_with_a_place_in_it(fields, whole):
    document = {"messages": [{"role": "user", "content": "hi"}]} | fields if whole else fields
    text = json.dumps(document)
    try:
        prompt = load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": text.encode(), "s.json": b"{}"}))
    except RunnerError as error:
        for each in error.errors if isinstance(error, Problems) else [error]:
            assert each.location is not None
            assert each.location.line is not None
    else:
        assert list(prompt.request) == [key for key in document if key in prompt.request]
