"""What a judge says of assertions and tests before anything is asked: errors at their places, and remarks."""

from __future__ import annotations

from typing import Any

import pytest

from runner.checks.judge import Judge
from runner.errors import CaseError, FormatError, Location, Problems
from runner.files.disk.tree import MemoryTree
from runner.files.model import Assertion, Case
from runner.files.prompt import load_prompt
from runner.wire.reply import Answer, Outcome

TEXT = "model: gpt-4o\nmessages: [{role: user, content: hi}]\n"
JSON = TEXT + "response_format: {type: json_object}\n"
SCHEMA = TEXT + (
    "response_format: {type: json_schema, json_schema: {name: n, schema:"
    " {type: object, properties: {a: {type: string}}, required: [a], additionalProperties: false}}}\n"
)
TOOLS = TEXT + "tools: [{type: function, function: {name: f}}]\n"
HERE = Location("cases.jsonl", 3)


def judge_of(text: str, **more: Any) -> Judge:
    files = {"p.prompt.yaml": text.encode(), "rows.csv": b"a\nx\n"}
    return Judge(load_prompt("p.prompt.yaml", MemoryTree(files)), **more)


def case(*specs: dict[str, Any], outcome: Any = None, **values: Any) -> Case:
    return Case("c", values, HERE, tuple(Assertion(spec, HERE) for spec in specs), outcome)


def contains(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "contains", "value": value, **more}


def expr(value: str) -> dict[str, Any]:
    return {"type": "expr", "value": value}


def errors_of(text: str, **more: Any) -> list[tuple[str, int | None]]:
    try:
        judge_of(text, **more)
    except Problems as problems:
        found = problems.errors
    except (FormatError, CaseError) as error:
        found = (error,)
    else:
        return []
    return [(each.message, each.location.line if each.location else None) for each in found]


def remarks_of(judge: Judge) -> list[tuple[str, int | None]]:
    return [(each.code, each.location.line) for each in judge.remarks if each.location]


# --- assertions that repeat and contradict each other -----------------------------------------------------------


def test_an_assertion_that_appears_twice_is_remarked_at_the_second_place() -> None:
    judge = judge_of(TEXT + "assert:\n  - {type: contains, value: a}\n  - {type: contains, value: a}\n")
    (remark,) = judge.remarks
    assert (remark.severity, remark.code, remark.location and remark.location.line) == ("warning", "W014", 5)
    assert remark.message == "this contains assertion is declared twice"
    assert "apply to every test" in (remark.hint or "")


def test_an_assertion_of_a_test_that_repeats_one_of_the_prompt_is_remarked() -> None:
    judge = judge_of(
        TEXT
        + "assert: [{type: contains, value: a}]\ntests:\n  - {id: t, assert: [{type: contains, value: a}]}\n"
    )
    assert remarks_of(judge) == [("W014", 5)]


def test_a_test_that_expects_another_outcome_may_repeat_what_the_prompt_asserts() -> None:
    judge = judge_of(
        TEXT
        + "assert: [{type: contains, value: a}]\ntests:\n  - {id: s}\n"
        + "  - {id: t, outcome: refused, assert: [{type: contains, value: a}]}\n"
    )
    assert remarks_of(judge) == []


def test_a_repetition_is_found_behind_others() -> None:
    judge = judge_of(
        TEXT + "assert:\n" + "".join(f"  - {{type: contains, value: {each}}}\n" for each in "bcaba")
    )
    assert remarks_of(judge) == [("W014", 7), ("W014", 8)]


@pytest.mark.parametrize(
    ("spec", "any_variable"),
    [
        ("{type: contains, value: a}", False),
        ("{type: expr, value: text == vars.a}", False),
        ("{type: expr, value: 'vars[text] == 1'}", True),
    ],
)
def test_only_an_expr_that_computes_the_name_of_a_variable_may_read_any(
    spec: str, any_variable: bool
) -> None:
    assert judge_of(TEXT + f"assert: [{spec}]\n").reads_any_variable is any_variable


def test_one_assertion_may_have_several_remarks() -> None:
    judge = judge_of(TEXT + "assert:\n" + "  - {type: expr, value: vars.a == 'x'}\n" * 2)
    assert sorted(remarks_of(judge)) == [("W012", 4), ("W012", 5), ("W014", 5)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{type: contains, value: a}", "{type: contains, value: b}"),
        ("{type: contains, value: a}", "{type: not-icontains, value: a}"),
        ("{type: contains, value: a, path: $.a}", "{type: not-contains, value: a, path: $.b}"),
        ("{type: contains, value: a, path: $.a}", "{type: not-contains, value: a}"),
        (
            "{type: levenshtein, value: abcdef, threshold: 1}",
            "{type: not-levenshtein, value: abcdef, threshold: 2}",
        ),
        ("{type: cost, threshold: 1}", "{type: not-cost, threshold: 2}"),
    ],
)
def test_assertions_that_differ_in_one_part_neither_repeat_nor_contradict_each_other(
    one: str, other: str
) -> None:
    assert remarks_of(judge_of(JSON + f"assert: [{one}, {other}]\n")) == []


def test_the_order_of_keys_makes_no_other_assertion() -> None:
    value, turned = "{x: 1, y: 2}", "{y: 2, x: 1}"
    judge = judge_of(
        JSON + f"assert:\n  - {{type: equals, value: {value}}}\n  - {{type: equals, value: {turned}}}\n"
    )
    assert remarks_of(judge) == [("W014", 6)]


def evaluators(*each: str) -> Judge:
    text = "messages: [{role: user, content: hi}]\ntestData: [{q: hi}]\nevaluators:\n" + "".join(
        f"  - {one}\n" for one in each
    )
    return Judge(load_prompt("p.prompt.yml", MemoryTree({"p.prompt.yml": text.encode()})))


def test_evaluators_that_differ_in_their_kind_or_value_are_no_repetition() -> None:
    judge = evaluators("{string: {contains: a}}", "{string: {contains: b}}", "{string: {startsWith: a}}")
    assert remarks_of(judge) == []


def test_an_evaluator_that_appears_twice_is_remarked_at_the_second_place() -> None:
    assert remarks_of(evaluators("{string: {contains: a}}", "{string: {contains: a}}")) == [("W014", 5)]


def test_evaluators_that_cannot_be_judged_for_different_reasons_are_no_repetition() -> None:
    judge = evaluators("{name: a, uses: github/similarity}", "{name: b, uses: github/similarity}")
    assert [code for code, _ in remarks_of(judge)] == []


def test_assertions_that_contradict_each_other_are_an_error_at_the_second_one() -> None:
    text = TEXT + "assert:\n  - {type: contains, value: a}\n  - {type: not-contains, value: a}\n"
    assert errors_of(text) == [
        ("not-contains contradicts the contains of the same value: no answer passes both", 5)
    ]


def test_of_several_equal_ones_each_is_told_once() -> None:
    judge = judge_of(TEXT + "assert:\n" + "  - {type: contains, value: a}\n" * 3)
    assert remarks_of(judge) == [("W014", 5), ("W014", 6)]


def test_a_row_that_repeats_an_assertion_of_the_prompt_is_remarked_once_for_all_its_equals() -> None:
    judge = judge_of(TEXT + "assert: [{type: contains, value: a}]\n")
    for _ in range(3):
        judge.prepare(case(contains("a")))
    assert remarks_of(judge) == [("W014", 3)]


def test_remarks_are_bounded() -> None:
    judge = judge_of(TEXT + "assert: [{type: contains, value: a}]\n")
    for line in range(1, 300):
        here = Location("cases.jsonl", line)
        judge.prepare(Case("c", {}, here, (Assertion(contains("a"), here),)))
    assert [line for _, line in remarks_of(judge)] == list(range(1, 201))


# --- assertions that are asked of no answer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tests", "remarked"),
    [
        ("[{id: a, outcome: refused}]", True),
        ("[{id: a, outcome: refused}, {id: b, outcome: truncated}]", True),
        ("[{id: a, outcome: refused}, {id: b}]", False),
        ("[{id: a, outcome: ok}]", False),
        ("[{id: a}]", False),
        ("[{file: rows.csv}]", False),
    ],
)
def test_assertions_are_remarked_where_no_test_expects_a_proper_answer(tests: str, remarked: bool) -> None:
    judge = judge_of(TEXT + f"assert: [{{type: contains, value: a}}]\ntests: {tests}\n")
    assert remarks_of(judge) == ([("W015", 3)] if remarked else [])


def test_of_assertions_that_are_asked_of_no_answer_the_first_is_remarked() -> None:
    judge = judge_of(
        TEXT
        + "assert:\n  - {type: contains, value: a}\n  - {type: contains, value: b}\n"
        + "tests: [{id: a, outcome: refused}]\n"
    )
    (remark,) = judge.remarks
    assert (remark.code, remark.location and remark.location.line, remark.hint) == (
        "W015",
        4,
        "put them on the tests instead",
    )


def test_without_assertions_or_tests_nothing_is_remarked() -> None:
    assert remarks_of(judge_of(TEXT + "tests: [{id: a, outcome: refused}]\n")) == []
    assert remarks_of(judge_of(TEXT + "assert: [{type: contains, value: a}]\n")) == []


# --- outcomes that no answer can have ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "outcome", "why"),
    [
        (TEXT, "unparsable", "the prompt's response_format does not require JSON"),
        (JSON, "unparsable", None),
        (SCHEMA, "unparsable", None),
        (TEXT, "invalid", "the prompt declares no schema and no tools"),
        (JSON, "invalid", "the prompt declares no schema and no tools"),
        (SCHEMA, "invalid", None),
        (TOOLS, "invalid", None),
        (TEXT, "tool_call", "the prompt declares no tools"),
        (SCHEMA, "tool_call", "the prompt declares no tools"),
        (TOOLS, "tool_call", None),
        (TEXT, "refused", None),
        (TEXT, "ok", None),
    ],
)
def test_an_outcome_that_no_answer_can_have_is_an_error_of_its_test_and_of_a_row(
    prompt: str, outcome: str, why: str | None
) -> None:
    told = [] if why is None else [(f"no answer can be {outcome}: {why}", prompt.count("\n") + 3)]
    assert errors_of(prompt + f"tests:\n  - id: a\n    outcome: {outcome}\n") == told
    if why is None:
        judge_of(prompt).prepare(case(outcome=outcome))
    else:
        with pytest.raises(CaseError, match=f"no answer can be {outcome}") as caught:
            judge_of(prompt).prepare(case(outcome=outcome))
        assert caught.value.location == HERE


# --- results that are known before ---------------------------------------------------------------------------------


def test_an_assertion_that_can_never_pass_is_an_error_at_the_part_that_decides_it() -> None:
    text = TEXT + "assert:\n  - type: equals\n    path: $.a\n    value: 1\n"
    ((message, line),) = errors_of(text)
    assert "equals can never pass" in message
    assert line == 5


def test_an_assertion_is_looked_at_under_the_outcome_that_its_test_expects() -> None:
    asserted = "assert: [{type: equals, path: $.a, value: x}]"
    assert errors_of(SCHEMA + f"tests:\n  - {{id: a, {asserted}}}\n") == []
    ((message, line),) = errors_of(SCHEMA + f"tests:\n  - {{id: a, outcome: refused, {asserted}}}\n")
    assert ("can never pass" in message, line) == (True, 5)


def test_the_same_assertion_under_another_outcome_is_checked_again() -> None:
    judge = judge_of(SCHEMA)
    spec = {"type": "equals", "path": "$.a", "value": "x"}
    judge.prepare(case(spec))
    with pytest.raises(FormatError, match="can never pass"):
        judge.prepare(case(spec, outcome="refused"))
    judge.prepare(case(spec))


def test_what_is_known_of_one_assertion_is_not_said_of_another() -> None:
    fine, never = "{type: contains, value: a}", "{type: equals, path: $.a, value: x}"
    assert [line for _, line in errors_of(TEXT + f"assert:\n  - {fine}\n  - {never}\n")] == [5]
    assert [line for _, line in errors_of(TEXT + f"assert:\n  - {never}\n  - {fine}\n")] == [4]


def test_each_assertion_that_cannot_be_used_is_told() -> None:
    broken = "  - {type: regex, value: '('}\n"
    assert [line for _, line in errors_of(TEXT + "assert:\n" + broken * 2)] == [4, 5]


def test_what_is_known_of_assertions_is_remembered_within_bounds() -> None:
    judge = judge_of(TEXT)
    sizes = set()
    for number in range(3000):
        judge.prepare(case(contains(str(number))))
        sizes.add(len(judge._known))
    assert max(sizes) == 1024


def test_the_schema_of_the_answers_counts() -> None:
    ((message, _),) = errors_of(SCHEMA + "assert: [{type: equals, path: $.b, value: x}]\n")
    assert "equals" in message
    assert errors_of(JSON + "assert: [{type: equals, path: $.b, value: x}]\n") == []


def test_the_declared_tools_count() -> None:
    asserted = "assert: [{type: finish-reason, value: tool_calls}]\n"
    assert errors_of(TOOLS + asserted) == []
    ((message, _),) = errors_of(TEXT + asserted)
    assert "finish-reason" in message


def test_the_words_that_the_endpoints_declare_count() -> None:
    asserted = "assert: [{type: finish-reason, value: wandered_off}]\n"
    assert errors_of(TEXT + asserted, finish_reasons=[{"wanderedoff": "stop"}]) == []
    ((message, _),) = errors_of(TEXT + asserted, finish_reasons=[{}])
    assert "finish-reason" in message


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("vars.a == 'x'", "vars"),
        ("row.b == 'x'", "row"),
        ("row.b == vars.a", "vars and row"),
    ],
)
def test_an_expr_that_reads_nothing_of_the_answer_is_remarked(source: str, read: str) -> None:
    text = TEXT.replace("content: hi", "content: '{{ a }}'") + "inputs: {a: {type: string}}\n"
    judge = judge_of(f"{text}assert: [{{type: expr, value: {source}}}]\n")
    (remark,) = judge.remarks
    assert (remark.code, remark.location and remark.location.line) == ("W012", 4)
    assert remark.message == f'expr: "{source}" reads only {read}, so no answer can change its result'
    assert remark.hint == f"compare {read} with output or text"


@pytest.mark.parametrize("source", ["text == vars.a", "output == row.b", "text == 'x'"])
def test_an_expr_that_reads_the_answer_is_not_remarked(source: str) -> None:
    assert remarks_of(judge_of(JSON + f"assert: [{{type: expr, value: {source}}}]\n")) == []


@pytest.mark.parametrize(
    ("text", "spec", "told"),
    [
        (JSON, r"{type: not-contains, value: 'say \"no\"'}", True),
        (JSON, r'{type: not-contains, value: "two\nlines"}', True),
        (JSON, "{type: not-icontains, value: Größe}", True),
        (JSON, "{type: not-contains, value: no}", False),
        (JSON, r'{type: contains, value: "two\nlines"}', False),
        (JSON, r'{type: not-equals, value: "two\nlines"}', False),
        (JSON, r'{type: not-contains, value: "two\nlines", path: $.a}', False),
        (TEXT, r'{type: not-contains, value: "two\nlines"}', False),
    ],
)
def test_a_forbidden_text_that_json_may_write_with_escapes_is_remarked(
    text: str, spec: str, told: bool
) -> None:
    assert remarks_of(judge_of(text + f"assert: [{spec}]\n")) == ([("W013", 4)] if told else [])


# --- variables -------------------------------------------------------------------------------------------------------


def test_the_variables_of_assertions_are_known_and_those_that_cannot_be_done_without() -> None:
    judge = judge_of(TEXT + "assert: [{type: expr, value: text == vars.a}]\n")
    assert (judge.variables, judge.required, judge.reads_any_variable) == ({"a"}, {"a"}, False)


def test_a_variable_with_a_default_is_optional() -> None:
    judge = judge_of(TEXT + "assert: [{type: expr, value: \"text == vars.a | default('x')\"}]\n")
    assert (judge.variables, judge.required) == ({"a"}, frozenset())
    judge.prepare(case())


def test_the_variables_of_cases_are_counted_in_and_are_not_required_of_others() -> None:
    judge = judge_of(TEXT + "tests: [{id: t, vars: {b: x}, assert: [{type: expr, value: text == vars.b}]}]\n")
    judge.prepare(case(expr("text == vars.c"), c="x"))
    assert (judge.variables, judge.required) == ({"b", "c"}, frozenset())
    judge.prepare(case())


def test_an_assertion_that_reads_variables_by_a_name_it_makes_may_read_any() -> None:
    judge = judge_of(TEXT)
    assert judge.reads_any_variable is False
    judge.prepare(case(expr("vars[text] == 'x'")))
    assert judge.reads_any_variable is True
    judge.prepare(case(contains("x")))
    assert judge.reads_any_variable is True


def test_the_variables_of_a_case_are_those_that_its_own_assertions_read() -> None:
    judge = judge_of(TEXT + "assert: [{type: expr, value: text == vars.a}]\n")
    assert judge.variables_of(case(expr("text == vars.b"), contains("x"))) == {"b"}
    assert judge.variables_of(case()) == frozenset()
    declared = judge_of(TEXT.replace("hi", "'{{ b }}'") + "inputs: {b: {type: string}}\n")
    assert declared.variables_of(case(expr("text == vars.b"))) == frozenset()


def test_a_variable_without_a_value_is_an_error_of_the_row_that_lacks_it() -> None:
    judge = judge_of(TEXT + "assert: [{type: expr, value: text == vars.a}]\n")
    judge.prepare(case(a="x"))
    judge.prepare(case(outcome="refused"))
    with pytest.raises(CaseError) as caught:
        judge.prepare(case())
    assert caught.value.message == "expr: variable 'a' has no value"
    assert caught.value.location == HERE
    assert caught.value.hint == "text == vars.a reads it: set it in `vars` or with --var a=..."


def test_a_test_that_says_ok_needs_the_variables_of_the_prompts_assertions() -> None:
    judge = judge_of(TEXT + "assert: [{type: expr, value: text == vars.a}]\n")
    with pytest.raises(CaseError, match="'a' has no value"):
        judge.prepare(case(outcome="ok"))


def test_each_assertion_of_a_row_that_lacks_a_variable_is_told() -> None:
    with pytest.raises(Problems) as caught:
        judge_of(TEXT).prepare(case(expr("text == vars.b + vars.a"), expr("text != vars.c")))
    assert [error.message for error in caught.value.errors] == [
        "expr: variable 'a' has no value",
        "expr: variable 'c' has no value",
    ]


def test_a_variable_that_inputs_does_not_declare_is_an_error_with_a_proposal() -> None:
    text = TEXT.replace("hi", "'{{ name }}'") + "inputs: {name: {type: string}}\n"
    with pytest.raises(FormatError) as caught:
        judge_of(text + "assert:\n  - type: expr\n    value: text == vars.nam\n")
    assert caught.value.message == "expr: variable 'nam' is not declared in `inputs`"
    assert (caught.value.location and caught.value.location.line) == 6
    assert "name" in (caught.value.hint or "")
    assert "declare it" not in (caught.value.hint or "")
    with pytest.raises(FormatError) as caught:
        judge_of(text + "assert:\n  - {type: expr, value: text == vars.other}\n")
    assert (caught.value.hint or "").startswith("declare it: `inputs: {other: {type: string}}`")


def test_without_inputs_any_variable_may_be_read() -> None:
    assert errors_of(TEXT + "assert:\n  - {type: expr, value: text == vars.nam}\n") == []


# --- what is declared ------------------------------------------------------------------------------------------------


def test_a_function_without_parameters_takes_an_object_and_nothing_else() -> None:
    for declared in (
        TOOLS,
        TEXT + "functions: [{name: f}]\n",
        TEXT + "tools: [{function: {name: f}}]\n",
    ):
        judge = judge_of(declared)
        for arguments, passed in (("{}", True), ('{"a": 1}', True), ("[]", False), ('"x"', False)):
            call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
            answer = Answer(0, Outcome.TOOL_CALL, tool_calls=(call,))
            assert judge.judge(answer, case()).passed is passed, (declared, arguments)


def test_a_call_without_a_type_is_known_by_its_body() -> None:
    judge = judge_of(
        TEXT + "tools: [{type: function, function: {name: f}}, {type: custom, custom: {name: c}}]\n"
    )
    for call in ({"function": {"name": "f", "arguments": "{}"}}, {"custom": {"name": "c", "input": "x"}}):
        assert judge.judge(Answer(0, Outcome.TOOL_CALL, tool_calls=(call,)), case()).passed, call


@pytest.mark.parametrize(
    "call",
    [
        {"type": "custom", "function": {"name": "f", "arguments": "{}"}},
        {"type": "function", "function": {"name": ["f"], "arguments": "{}"}},
        {"type": "function", "function": {"name": None, "arguments": "{}"}},
        {"type": "function", "function": "f"},
        {"type": "function", "function": {"name": "f", "arguments": "[" * 100_000}},
    ],
)
def test_a_call_of_another_form_is_invalid(call: dict[str, Any]) -> None:
    judgement = judge_of(TOOLS).judge(Answer(0, Outcome.TOOL_CALL, tool_calls=(call,)), case())
    assert (judgement.outcome, judgement.passed) == (Outcome.INVALID, False)
    assert [check.type for check in judgement.checks] == ["tool-call"]


def test_each_call_of_an_answer_is_checked() -> None:
    calls = tuple(
        {"type": "function", "function": {"name": name, "arguments": "{}"}} for name in ("f", "g", "h")
    )
    judgement = judge_of(TOOLS).judge(Answer(0, Outcome.TOOL_CALL, tool_calls=calls), case())
    assert [check.type for check in judgement.checks] == ["tool-call", "tool-call"]
    assert judgement.detail == judgement.checks[0].message
    assert '"g"' in judgement.checks[0].message


def test_arguments_that_break_their_schema_are_told_with_the_name_of_the_tool() -> None:
    judge = judge_of(
        TEXT + "tools: [{type: function, function: {name: f, parameters: {type: object, required: [a]}}}]\n"
    )
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    judgement = judge.judge(Answer(0, Outcome.TOOL_CALL, tool_calls=(call,)), case())
    (check,) = judgement.checks
    assert (check.type, check.passed, check.path) == ("tool-call", False, "$")
    assert check.message.startswith("arguments of f: ")
    assert judgement.detail == f"$: {check.message}"


# --- the verdict --------------------------------------------------------------------------------------------------------


def test_an_outcome_that_is_not_expected_is_told_with_both() -> None:
    judgement = judge_of(TEXT).judge(Answer(0, Outcome.REFUSED, detail="No."), case())
    (check,) = judgement.checks
    assert (check.expected, check.actual, check.path) == ("ok", "refused", None)
    assert judgement.detail == "No."


def test_an_outcome_that_is_expected_is_told_with_its_reason() -> None:
    judgement = judge_of(TEXT).judge(Answer(0, Outcome.REFUSED, detail="No."), case(outcome="refused"))
    assert [check.message for check in judgement.checks] == ["as expected: refused: No."]
    judgement = judge_of(TEXT).judge(Answer(0, Outcome.REFUSED), case(outcome="refused"))
    assert [check.message for check in judgement.checks] == ["as expected: refused"]


def test_a_test_that_says_ok_has_no_check_of_its_outcome_and_asks_the_prompts_assertions() -> None:
    judge = judge_of(TEXT + "assert: [{type: contains, value: a}]\n")
    judgement = judge.judge(Answer(0, Outcome.OK, text="b"), case(contains("b"), outcome="ok"))
    assert [(check.type, check.passed) for check in judgement.checks] == [
        ("contains", False),
        ("contains", True),
    ]


def test_a_broken_schema_speaks_for_itself() -> None:
    judgement = judge_of(SCHEMA).judge(Answer(0, Outcome.OK, text="{}", output={}), case())
    assert [check.type for check in judgement.checks] == ["json-schema"]
    judgement = judge_of(SCHEMA).judge(Answer(0, Outcome.OK, text="{}", output={}), case(outcome="ok"))
    assert [check.type for check in judgement.checks] == ["outcome", "json-schema"]


def test_twenty_violations_are_told_in_full_and_no_rest() -> None:
    text = SCHEMA.replace("a: {type: string}", "a: {type: array, items: {type: string}}")
    for count, told in ((20, 20), (21, 21)):
        output = {"a": [1] * count}
        checks = judge_of(text).judge(Answer(0, Outcome.OK, text="x", output=output), case()).checks
        assert len(checks) == told
        assert not any(check.passed for check in checks)
        assert ("more violations" in checks[-1].message) is (count > 20)


def test_a_text_is_asserted_as_it_is_and_json_by_its_value() -> None:
    asserted = case({"type": "equals", "value": "[1]"})
    assert judge_of(TEXT).judge(Answer(0, Outcome.OK, text="[1]"), asserted).passed
    asserted = case({"type": "equals", "value": [1]})
    assert judge_of(JSON).judge(Answer(0, Outcome.OK, text="[1.0]", output=[1.0]), asserted).passed
    refused = case({"type": "equals", "value": "No."}, outcome="refused")
    assert judge_of(JSON).judge(Answer(0, Outcome.REFUSED, text="No."), refused).passed


def test_an_invalid_answer_that_is_expected_has_its_output_asserted() -> None:
    asserted = case({"type": "equals", "path": "$.b", "value": 1}, outcome="invalid")
    judge = judge_of(SCHEMA)
    assert judge.judge(Answer(0, Outcome.OK, text="{}", output={"b": 1}), asserted).passed
    assert not judge.judge(Answer(0, Outcome.OK, text="{}", output={"b": 2}), asserted).passed


def test_the_variables_of_the_case_and_the_model_of_the_request_are_judged() -> None:
    judge = judge_of(TEXT)
    answer = Answer(0, Outcome.OK, text="two")
    asserted = case(expr("text == vars.word"), word="one")
    assert not judge.judge(answer, asserted).passed
    assert judge.judge(answer, asserted._replace(vars={"word": "two"})).passed
    priced = case({"type": "cost", "threshold": 1})
    assert "gpt-4o" in judge.judge(answer, priced).checks[0].message
    assert "m-2" in judge.judge(answer, priced, model="m-2").checks[0].message


def test_the_assertion_that_was_used_last_is_forgotten_last(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_of(TEXT)
    judge.prepare(case(contains("first")))
    for number in range(1023):
        judge.prepare(case(contains(str(number))))
    judge.prepare(case(contains("first")))
    judge.prepare(case(contains("one more")))
    monkeypatch.setattr("runner.checks.judge.compile_assertion", None)
    assert judge.judge(Answer(0, Outcome.OK, text="first"), case(contains("first"))).passed
    with pytest.raises(TypeError):
        judge.judge(Answer(0, Outcome.OK, text="0"), case(contains("0")))


def test_the_same_words_of_an_evaluator_of_one_that_nobody_judges_and_of_our_own_are_told_apart() -> None:
    spec = {"type": "contains", "value": "a "}
    judge = judge_of(TEXT)
    answer = Answer(0, Outcome.OK, text="b a ")

    def passes(**more: Any) -> bool:
        return judge.judge(answer, Case("c", {}, HERE, (Assertion(spec, HERE, **more),))).passed

    assert passes()
    assert not passes(evaluator=True)  # the white space at the end of the answer does not count
    assert not passes(unjudged="nothing here knows it")
    assert passes()


def test_what_is_known_of_an_assertion_is_not_said_of_an_evaluator() -> None:
    judge = judge_of(SCHEMA)
    spec = {"type": "equals", "value": "a"}
    with pytest.raises(FormatError, match="can never pass"):
        judge.prepare(case(spec))
    judge.prepare(Case("c", {}, HERE, (Assertion(spec, HERE, evaluator=True),)))


# --- columns of rows -------------------------------------------------------------------------------------------------


def test_an_expr_reads_the_row_of_the_case() -> None:
    judge = judge_of(TEXT)
    row = case(expr("row.label == text and row.b == row['c']"))._replace(
        row={"label": "hi", "b": "1", "c": "1"}
    )
    judge.prepare(row)
    assert judge.judge(Answer(0, Outcome.OK, text="hi", output="hi"), row).passed
    assert not judge.judge(Answer(0, Outcome.OK, text="no", output="no"), row).passed


@pytest.mark.parametrize(
    ("row", "values", "hint"),
    [
        (None, {}, "text == row.label or row.z == 'x' reads it, and this case is not a row of a file: give it as a variable"),
        ({"z": ""}, {"label": "x"}, "it is a variable: write vars.label"),
        ({"z": "", "more": ""}, {}, "text == row.label or row.z == 'x' reads it; the columns that are not variables are z, more"),
        ({}, {}, "text == row.label or row.z == 'x' reads it; the columns that are not variables are none"),
    ],
)  # fmt: skip
def test_a_column_that_the_case_does_not_have_is_an_error_at_the_case(
    row: dict[str, Any] | None, values: dict[str, Any], hint: str
) -> None:
    judge = judge_of(TEXT)
    with pytest.raises(CaseError) as caught:
        judge.prepare(case(expr("text == row.label or row.z == 'x'"), **values)._replace(row=row))
    assert (caught.value.message, caught.value.location) == ("expr: there is no column 'label'", HERE)
    assert caught.value.hint == hint


def test_a_column_with_a_default_may_be_missing() -> None:
    judge_of(TEXT).prepare(case(expr("text == row.label | default('x')"))._replace(row={}))


def test_a_variable_that_inputs_does_not_declare_is_an_error_that_names_the_column_too() -> None:
    with pytest.raises(FormatError) as caught:
        judge_of(
            TEXT.replace("content: hi", "content: '{{ a }}'")
            + "inputs: {a: {type: string}}\nassert: [{type: expr, value: text == vars.zzz}]\n"
        )
    assert caught.value.hint == (
        "declare it: `inputs: {zzz: {type: string}}`; if it is another column of the rows, write row.zzz"
    )
