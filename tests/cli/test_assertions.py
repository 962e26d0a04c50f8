"""Assertions from the prompt file to the verdict, through the command line."""

from __future__ import annotations

import json

import pytest

from .project import Done, ProjectFolder

HEAD = 'model: m\nmessages: [{role: user, content: "{{ q }}"}]\n'
INPUTS = "inputs: {q: {type: string}, expected: {type: string}, other: {type: string, default: x}}\n"


def checked(project: ProjectFolder, text: str, **rows: str) -> Done:
    """`runner check` of a prompt, beside files of rows named `<name>.jsonl`."""
    for name, content in rows.items():
        project.write(f"{name}.jsonl", content)
    project.write("p.prompt.yaml", text)
    return project.run("check")


def asserting(spec: str, *, inputs: str = "") -> str:
    return f"{inputs}{HEAD}assert:\n  - {spec}\ntests: [{{id: a, vars: {{q: x}}}}]\n"


# --- no templates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("negation", ["", "not-"])
@pytest.mark.parametrize(
    ("spec", "column", "hint"),
    [
        ('{type: T, value: "{{ secret }}"}', "equals", "text == vars.secret"),
        ('{type: T, value: "the {{secret}} code"}', "contains", "vars.secret in text"),
        ('{type: T, value: "{{ secret }}"}', "icontains", "vars.secret | lower in text | lower"),
        ('{type: T, value: ["a", "{{ secret }}"]}', "contains-any", "vars.secret in text"),
        ('{type: T, value: ["{% if x %}a{% endif %}"]}', "contains-all", "vars.NAME in text"),
        ('{type: T, value: "{{ secret }}"}', "starts-with", "text.startswith(vars.secret)"),
        ('{type: T, value: "{{ a.b }}"}', "ends-with", "text.endswith(vars.NAME)"),
        ('{type: T, value: "^{{ secret }}$"}', "regex", "vars.secret in text"),
        ('{type: T, value: {const: "{{ secret }}"}}', "json-schema", "vars.secret in text"),
        ('{type: T, value: {properties: {"{{ k }}": {type: string}}}}', "json-schema", "vars.k in text"),
        ('{type: T, value: x, path: "$[\'{{ k }}\']"}', "equals", "output.PART == vars.k"),
        ('{type: T, value: "{{ reason }}"}', "finish-reason", "vars.reason in text"),
    ],
)  # fmt: skip
def test_a_template_in_an_assertion_is_refused_at_its_place_and_the_expr_is_named(
    project: ProjectFolder, spec: str, column: str, hint: str, negation: str
) -> None:
    written = spec.replace("T", negation + column, 1)
    done = checked(project, asserting(written))
    assert done.code == 2
    mark = "{%" if "{%" in written else "{{"
    quoted = written.rindex('"', 0, written.index(mark))
    assert f"p.prompt.yaml:4:{quoted + 5}: error: an assertion is not a template" in done.err
    assert "expr" in done.err
    if not negation:
        assert hint in done.err


@pytest.mark.parametrize("value", ["'{{ vars.q in text }}'", "'vars.q in \"{{ q }}\"'"])
def test_an_expr_is_written_without_braces(project: ProjectFolder, value: str) -> None:
    done = checked(project, asserting(f"{{type: expr, value: {value}}}"))
    assert done.code == 2
    assert "p.prompt.yaml:4:25: error: an expression is not a template" in done.err
    assert "without braces" in done.err


def test_literal_braces_are_asserted_with_a_regex(project: ProjectFolder) -> None:
    done = checked(project, asserting(r"{type: regex, value: '\{\{ name \}\}'}"))
    assert done.code == 0, done.err


def test_a_template_in_the_assertion_of_a_row_is_refused_at_the_row(project: ProjectFolder) -> None:
    row = {"vars": {"q": "x"}, "assert": [{"type": "not-contains", "value": "{{ q }}"}]}
    done = checked(project, HEAD + "tests: [{file: rows.jsonl}]\n", rows=json.dumps(row) + "\n")
    assert done.code == 2
    column = json.dumps(row).index('"{{ q }}"') + 1
    assert f"rows.jsonl:1:{column}: error: an assertion is not a template" in done.err
    assert "vars.q not in text" in done.err


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("is-valid-json", "is-json"),
        ("isJson", 'did you mean "is-json"?'),
        ("javascript", "expr"),
        ("python", "expr"),
        ("answer-relevance", "llm-rubric"),
        ("icontains_all", 'did you mean "icontains-all"?'),
        ("is-refusal", "outcome: refused"),
        ("similar:dot", "similar"),
        ("startsWith", 'did you mean "starts-with"?'),
        ("not_equals", 'did you mean "not-equals"?'),
        ("equal", 'did you mean "equals"?'),
        ("zzz", "known: equals"),
    ],
)
def test_the_name_of_another_tool_or_a_slip_is_refused_with_what_to_write(
    project: ProjectFolder, name: str, hint: str
) -> None:
    done = checked(project, asserting(f"{{type: {name}, value: x}}"))
    assert done.code == 2
    assert f'p.prompt.yaml:4:12: error: assert[0].type is not a known word: "{name}"' in done.err
    assert hint in done.err
    row = {"vars": {"q": "x"}, "assert": [{"type": name, "value": "x"}]}
    done = checked(project, HEAD + "tests: [{file: rows.jsonl}]\n", rows=json.dumps(row) + "\n")
    assert done.code == 2
    assert "rows.jsonl:1:" in done.err
    assert hint in done.err


# --- variables --------------------------------------------------------------------------------------------------

READING = [
    "vars.expected in text",
    "vars['expected'] in text",
    'vars["expected"] in text',
    "vars.get('expected') in text",
    "vars.get('expected', 'x') in text",
    "'expected' in vars and text != ''",
    "vars.expected | default('x') in text",
    "vars.expected is defined and text != ''",
    "(vars.expected | upper) in text",
    "text in [vars.expected, 'y']",
]


@pytest.mark.slow
@pytest.mark.parametrize("inputs", ["", INPUTS])
@pytest.mark.parametrize("place", ["prompt", "test", "row"])
@pytest.mark.parametrize("expr", READING)
def test_a_variable_that_only_an_expr_reads_is_used(
    project: ProjectFolder, expr: str, place: str, inputs: str
) -> None:
    spec = {"type": "expr", "value": expr}
    case: dict[str, object] = {"vars": {"q": "abc", "expected": "abc"}}
    if place != "prompt":
        case["assert"] = [spec]
    text = f"{inputs}{HEAD}"
    if place == "prompt":
        text += f"assert: [{json.dumps(spec)}]\n"
    if place == "row":
        done = checked(project, f"{text}tests: [{{file: rows.jsonl}}]\n", rows=json.dumps(case) + "\n")
    else:
        done = checked(project, f"{text}tests: [{json.dumps(case)}]\n")
    assert done.code == 0, done.err
    # `other` is read nowhere.
    assert ["W001" in line for line in done.err.splitlines() if "warning" in line] == [True] * bool(inputs)
    assert "'expected'" not in done.err


@pytest.mark.parametrize("place", ["prompt", "test", "row"])
@pytest.mark.parametrize(
    "expr", ["vars.expectd in text", "vars['expectd'] in text", "vars.get('expectd') in text"]
)
def test_an_expr_that_reads_a_variable_that_inputs_does_not_declare_is_refused_at_its_line(
    project: ProjectFolder, expr: str, place: str
) -> None:
    spec = {"type": "expr", "value": expr}
    case: dict[str, object] = {"vars": {"q": "abc", "expected": "abc"}}
    if place != "prompt":
        case["assert"] = [spec]
    text = f"{INPUTS}{HEAD}"
    if place == "prompt":
        text += f"assert: [{json.dumps(spec)}]\n"
    if place == "row":
        done = checked(project, f"{text}tests: [{{file: rows.jsonl}}]\n", rows=json.dumps(case) + "\n")
    else:
        done = checked(project, f"{text}tests: [{json.dumps(case)}]\n")
    assert done.code == 2
    where = {"prompt": "p.prompt.yaml:4:", "test": "p.prompt.yaml:4:", "row": "rows.jsonl:1:"}[place]
    assert f"{where}" in done.err
    assert "variable 'expectd' is not declared in `inputs`" in done.err
    assert 'did you mean "expected"?' in done.err


def test_without_inputs_a_slip_in_an_expr_is_an_error_before_anything_is_sent(project: ProjectFolder) -> None:
    text = (
        f"{HEAD}assert: [{{type: expr, value: vars.expectd in text}}]\n"
        "tests:\n  - {id: a, vars: {q: abc, expected: abc}}\n"
    )
    done = checked(project, text)
    assert done.code == 2
    assert "p.prompt.yaml:5:5: error: expr: variable 'expectd' has no value" in done.err


def test_without_inputs_a_variable_that_nothing_reads_is_still_unknown(project: ProjectFolder) -> None:
    text = f"{HEAD}assert: [{{type: expr, value: vars.q in text}}]\ntests: [{{id: a, vars: {{q: abc, extra: 1}}}}]\n"
    done = checked(project, text)
    assert done.code == 2
    assert "the prompt has no variable 'extra'" in done.err


def test_an_expr_of_the_prompt_needs_its_variable_where_it_is_asked_and_only_there(
    project: ProjectFolder,
) -> None:
    text = (
        f"{HEAD}assert: [{{type: expr, value: vars.expected in text}}]\n"
        "tests:\n  - {id: a, vars: {q: x}, outcome: refused}\n  - {id: b, vars: {q: x, expected: y}}\n"
    )
    assert checked(project, text).code == 0


def test_an_expr_that_may_read_any_variable_names_none(project: ProjectFolder) -> None:
    spec = "assert: [{type: expr, value: \"vars[text] == 'x'\"}]\n"
    declared = checked(project, f"{INPUTS}{HEAD}{spec}tests: [{{id: a, vars: {{q: a, expected: b}}}}]\n")
    assert (declared.code, "W001" in declared.err) == (0, False)
    inferred = checked(project, f"{HEAD}{spec}tests: [{{id: a, vars: {{q: a, expected: b}}}}]\n")
    assert inferred.code == 2
    assert "the prompt has no variable 'expected'" in inferred.err


def test_a_run_without_the_variable_of_an_expr_says_so(project: ProjectFolder) -> None:
    project.write("p.prompt.yaml", f"{HEAD}assert: [{{type: expr, value: vars.expected in text}}]\n")
    done = project.run("run", "p.prompt.yaml")
    assert done.code == 5
    assert "--var expected=… --var q=…" in done.err
    done = project.run("run", "p.prompt.yaml", "--var", "q=x")
    assert done.code == 2
    assert "variable 'expected' has no value" in done.err
    assert "--var expected=" in done.err


# --- what is known beforehand -----------------------------------------------------------------------------------

SCHEMA = """response_format:
  type: json_schema
  json_schema:
    name: t
    schema:
      type: object
      required: [label]
      additionalProperties: false
      properties: {label: {type: string, enum: [refund, order]}}
"""


@pytest.mark.parametrize("place", ["prompt", "test", "row"])
@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ({"type": "not-equals", "path": "$.label", "value": "refnd"}, "can never fail", "refund"),
        ({"type": "equals", "path": "$.lable", "value": "refund"}, "allows nothing at $.lable", "label"),
        ({"type": "not-regex", "value": ".*"}, "matches every text", ""),
        ({"type": "not-contains", "path": "$", "value": "a"}, "is of type object", ""),
        ({"type": "expr", "value": "true"}, "is the same for every answer", "output, text, vars or row"),
        ({"type": "not-finish-reason", "value": "length"}, "is never ok", "outcome: truncated"),
    ],
)
def test_what_can_never_fail_or_never_pass_is_an_error_at_its_line(
    project: ProjectFolder, spec: dict[str, str], message: str, hint: str, place: str
) -> None:
    case: dict[str, object] = {"vars": {"q": "x"}}
    text = HEAD + SCHEMA
    if place == "prompt":
        text += f"assert:\n  - {json.dumps(spec)}\n"
    else:
        case["assert"] = [spec]
    if place == "row":
        done = checked(project, f"{text}tests: [{{file: rows.jsonl}}]\n", rows=json.dumps(case) + "\n")
    else:
        done = checked(project, f"{text}tests: [{json.dumps(case)}]\n")
    assert done.code == 2
    where = {"prompt": "p.prompt.yaml:13:", "test": "p.prompt.yaml:12:", "row": "rows.jsonl:1:"}[place]
    assert [
        line for line in done.err.splitlines() if ": error: " in line and where in line and message in line
    ]
    assert hint in done.err


def test_two_assertions_that_contradict_each_other_are_an_error(project: ProjectFolder) -> None:
    text = (
        f"{HEAD}assert: [{{type: contains, value: a}}]\n"
        "tests:\n  - {id: a, vars: {q: x}, assert: [{type: not-contains, value: a}]}\n"
        "  - {id: b, vars: {q: y}, outcome: refused, assert: [{type: not-contains, value: a}]}\n"
    )
    done = checked(project, text)
    assert done.code == 2
    assert "p.prompt.yaml:5:36: error: not-contains contradicts the contains of the same value" in done.err
    assert done.err.count("error:") == 1


@pytest.mark.parametrize("outcome", ["unparsable", "invalid", "tool_call"])
def test_an_outcome_that_the_prompt_cannot_have_is_an_error(project: ProjectFolder, outcome: str) -> None:
    done = checked(project, f"{HEAD}tests:\n  - {{id: a, vars: {{q: x}}, outcome: {outcome}}}\n")
    assert done.code == 2
    assert f"no answer can be {outcome}: the prompt" in done.err
    assert "p.prompt.yaml:4:36: error:" in done.err


def test_what_is_probably_not_meant_is_told_once_and_stops_nothing(project: ProjectFolder) -> None:
    text = (
        f"{HEAD}{SCHEMA}assert:\n"
        "  - {type: expr, value: vars.q != 'x'}\n"
        "  - {type: not-contains, value: 'a\"b'}\n"
        "  - {type: contains, value: a}\n"
        "  - {type: contains, value: a}\n"
        "tests: [{id: a, vars: {q: y}}]\n"
    )
    done = checked(project, text)
    assert done.code == 0
    told = [line.split(": ")[:2] for line in done.err.splitlines() if ": W01" in line]
    assert [line[0].removeprefix("p.prompt.yaml:") for line in told] == ["13:5", "14:5", "16:5"]
    assert ["W012" in done.err, "W013" in done.err, done.err.count("W014")] == [True, True, 1]
    done = checked(
        project,
        f"{HEAD}assert: [{{type: contains, value: a}}]\ntests: [{{id: a, vars: {{q: y}}, outcome: refused}}]\n",
    )
    assert (done.code, "W015" in done.err) == (0, True)


def test_a_word_that_an_endpoint_declares_is_a_finish_reason(project: ProjectFolder) -> None:
    text = asserting("{type: finish-reason, value: done_well}")
    assert checked(project, text).code == 2
    project.write(
        "runner.yaml",
        "endpoints: {e: {base_url: 'http://127.0.0.1:9/v1', finish_reasons: {done_well: stop}}}\n",
    )
    done = checked(project, text)
    assert done.code == 0, done.err


@pytest.mark.parametrize("name", ["json-schema", "is-json", "contains-json"])
def test_a_value_that_is_no_schema_at_all_is_told_and_no_traceback(project: ProjectFolder, name: str) -> None:
    done = checked(project, asserting(f"{{type: {name}, value: {{type: 5}}}}"))
    assert done.code == 2
    assert "not a JSON Schema" in done.err
