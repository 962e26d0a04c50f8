"""The evaluators of GitHub's prompt files, judged: on the trimmed text, with the case's variables, never passed unseen."""

from __future__ import annotations

from typing import Any

import pytest

from runner.checks.assertions import AnswerView, compile_assertion
from runner.checks.judge import Judge
from runner.errors import Location, RunnerError
from runner.files.cases import case_from_vars, cases_of
from runner.files.disk.tree import MemoryTree
from runner.files.model import Assertion, Case, Prompt
from runner.files.prompt import load_prompt
from runner.render.limits import MAX_TEXT
from runner.wire.reply import Answer, Outcome

FILE = "p.prompt.yml"


def prompt_with(evaluators: str, rows: str = "[{q: hi, expected: Hello}]", more: str = "") -> Prompt:
    text = f"""\
messages: [{{role: user, content: "{{{{q}}}}"}}]
testData: {rows}
{more}
evaluators: {evaluators}
"""
    return load_prompt(FILE, MemoryTree({FILE: text.encode()}))


def verdict(evaluators: str, text: str, *, rows: str = "[{q: hi, expected: Hello}]", more: str = "") -> Any:
    prompt = prompt_with(evaluators, rows, more)
    judge = Judge(prompt)
    (case, *_) = cases_of(prompt)
    judge.prepare(case)
    return judge.judge(answer(text), case)


def answer(text: str) -> Answer:
    return Answer(0, Outcome.OK, text=text, output=text)


PASSING = [
    ("{equals: Hello}", "  Hello\n"),
    ("{equals: '{{expected}}'}", "Hello"),
    ("{contains: hELLO}", "Oh, hello."),
    ("{contains: '{{expected}}!'}", "hello!"),
    ("{startsWith: HEL}", "\n\t hello"),
    ("{startsWith: '{{expected}}'}", " HELLO you"),
    ("{endsWith: lo.}", "HELLO.\n\n"),
    ("{endsWith: '{{expected}}'}", "oh hello \n"),
    ("{contains: 'o', startsWith: 'h', endsWith: 'o'}", "Hello"),
]
FAILING = [
    ("{equals: Hello}", "hello"),
    ("{equals: Hello}", "Hello."),
    ("{contains: bye}", "Hello"),
    ("{contains: ' Hello'}", " Hello"),
    ("{startsWith: ello}", "Hello"),
    ("{endsWith: Hell}", "Hello"),
    ("{contains: '{{expected}}'}", "{{expected}}"),
    ("{contains: 'x', startsWith: 'h'}", "Hello"),
]


@pytest.mark.parametrize(("string", "text"), PASSING)
def test_an_evaluator_passes_what_gh_models_passes(string: str, text: str) -> None:
    judged = verdict(f"[{{name: a, string: {string}}}]", text)
    assert judged.passed, judged.checks


@pytest.mark.parametrize(("string", "text"), FAILING)
def test_an_evaluator_fails_what_gh_models_fails(string: str, text: str) -> None:
    assert not verdict(f"[{{name: a, string: {string}}}]", text).passed


def test_the_message_says_what_the_case_expected() -> None:
    (check,) = verdict("[{string: {contains: '{{expected}}'}}]", "no").checks
    assert check.message == 'expected text that contains "Hello" (in any case), got "no"'


def test_braces_in_a_value_of_the_case_are_compared_as_they_stand() -> None:
    rows = "[{q: hi, expected: 'a {{b}} {% c %}'}]"
    assert verdict("[{string: {contains: '{{expected}}'}}]", "see A {{B}} {% c %}", rows=rows).passed


def test_a_value_that_is_no_text_is_compared_as_it_is_written() -> None:
    rows = "[{q: hi, expected: 42}, {q: ho, expected: true}]"
    assert verdict("[{string: {contains: '{{expected}}'}}]", "it is 42", rows=rows).passed


def test_the_text_is_looked_at_whatever_the_prompt_asks_for() -> None:
    more = "responseFormat: json_object"
    prompt = prompt_with("[{string: {startsWith: '{'}}]", more=more)
    judge = Judge(prompt)
    (case,) = cases_of(prompt)
    given = Answer(0, Outcome.OK, text='\n{"a": 1}', output={"a": 1})
    assert judge.judge(given, case).passed


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.TRUNCATED, Outcome.EMPTY, Outcome.FILTERED])
def test_an_answer_that_is_not_ok_passes_no_evaluator(outcome: Outcome) -> None:
    prompt = prompt_with("[{string: {contains: Hello}}]")
    (case,) = cases_of(prompt)
    assert not Judge(prompt).judge(Answer(0, outcome, text="Hello", output="Hello"), case).passed


@pytest.mark.parametrize("expected", ["''", '""'])
def test_a_case_for_which_an_evaluator_would_say_nothing_is_refused_before_anything_is_asked(
    expected: str,
) -> None:
    prompt = prompt_with("[{string: {contains: '{{expected}}'}}]", f"[{{q: hi, expected: {expected}}}]")
    (case,) = cases_of(prompt)
    with pytest.raises(RunnerError, match="is empty in this case") as caught:
        Judge(prompt).prepare(case)
    assert str(caught.value).startswith(f"{FILE}:2:12: ")


def test_rows_of_others_are_judged_with_their_own_values() -> None:
    prompt = prompt_with("[{string: {contains: '{{expected}}'}}]")
    judge = Judge(prompt)
    case = case_from_vars(prompt, {"q": "x", "expected": "bye"}, location=prompt.locate())
    judge.prepare(case)
    assert judge.judge(answer("good bye"), case).passed
    assert not judge.judge(answer("hello"), case).passed


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "variable 'expected' has no value"),
        ({"more": "x"}, "variable 'expected' has no value"),
        ({"expected": "x"}, "variable 'more' has no value"),
        (
            {"expected": "", "more": ""},
            "{{expected}}{{more}} is empty in this case, so nothing would be checked",
        ),
        ({"expected": "x" * MAX_TEXT, "more": "x"}, "the text would be longer than 4,194,304 characters"),
    ],
)
def test_an_evaluator_without_anything_to_compare_with_fails(values: dict[str, Any], reason: str) -> None:
    spec = {"type": "contains", "value": "{{expected}}{{more}}"}
    compiled = compile_assertion(Assertion(spec, Location(FILE), evaluator=True))
    result = compiled.check(AnswerView("any text", vars=values))
    assert (result.passed, result.code, result.message) == (False, "unknown", f"contains: {reason}")


UNJUDGED = [
    ("{name: close, uses: github/similarity}", "close is not judged: github/similarity asks a model for the verdict"),
    ("{name: rated, llm: {modelId: m, prompt: p, choices: []}}", "rated is not judged: llm asks a model for the verdict"),
    ("{uses: other/plugin}", "this is not judged: other/plugin asks a model for the verdict"),
    ("{name: js, javascript: 'true'}", 'js is not judged: GitHub\'s format has no evaluator "javascript"'),
    ("{name: json, string: {isJSON: true}}", "json is not judged: GitHub's format has no string.isJSON"),
]  # fmt: skip


@pytest.mark.parametrize(("evaluator", "told"), UNJUDGED)
def test_an_evaluator_that_nothing_here_can_decide_is_told_and_never_passed(
    evaluator: str, told: str
) -> None:
    prompt = prompt_with(f"[{evaluator}]")
    (warning,) = prompt.warnings
    assert (warning.code, warning.message, warning.location.line) == ("W019", told, 4)
    (check,) = verdict(f"[{evaluator}]", "Hello").checks
    assert (check.passed, check.code, check.message) == (False, "unknown", told)


def test_an_answer_without_text_is_not_judged_for_the_same_reason() -> None:
    compiled = compile_assertion(Assertion({"type": "close"}, Location(FILE), unjudged="nobody can tell"))
    result = compiled.check(AnswerView())
    assert (result.passed, result.code, result.message) == (False, "unknown", "nobody can tell")


def test_an_evaluator_with_a_variable_reads_the_answer_and_raises_no_doubt() -> None:
    assert Judge(prompt_with("[{string: {contains: '{{expected}}'}}]")).remarks == ()


def test_evaluators_that_were_renamed_to_a_note_are_left_alone() -> None:
    text = 'modelParameters: {}\nmessages: [{role: user, content: "x"}]\nx-evaluators: [{uses: github/similarity}]\n'
    prompt = load_prompt(FILE, MemoryTree({FILE: text.encode()}))
    assert (prompt.asserts, prompt.warnings) == ((), ())


def test_the_variables_of_evaluators_are_those_that_a_run_must_give() -> None:
    text = """\
messages: [{role: user, content: "{{q}}"}]
evaluators: [{string: {contains: "{{a}} and {{b}}"}}]
"""
    prompt = load_prompt(FILE, MemoryTree({FILE: text.encode()}))
    judge = Judge(prompt)
    assert judge.required == {"a", "b"}
    with pytest.raises(RunnerError, match="variable 'b' has no value"):
        judge.prepare(Case("c", {"q": "x", "a": "y"}, prompt.locate()))
