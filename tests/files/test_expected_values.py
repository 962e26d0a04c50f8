"""The right values of cases: from the columns of rows and the keys of cases, never sent, and missed when they are missing."""

from __future__ import annotations

import pytest

from runner.errors import Location, Problems, RunnerError
from runner.files.cases import cases_from_file, cases_of
from runner.files.disk.tree import MemoryTree
from runner.files.model import Case, CaseFile, Prompt
from runner.files.prompt import load_prompt

HEAD = "inputs: {ticket: {type: string}}\nmessages: [{role: user, content: '{{ ticket }}'}]\n"


def prompt(declared: str, head: str = HEAD, **files: str) -> Prompt:
    tree = {"p.prompt.yaml": head + declared, **files}
    return load_prompt("p.prompt.yaml", MemoryTree({name: text.encode() for name, text in tree.items()}))


def rows(
    text: str, declared: str = "labels: {from: topic}\n", name: str = "r.csv", head: str = HEAD
) -> list[Case]:
    return list(cases_of(prompt(f"{declared}tests: [{{file: {name}}}]\n", head, **{name: text})))


def refused(act: object) -> str:
    with pytest.raises(RunnerError) as caught:
        act()  # type: ignore[operator]
    error = caught.value.errors[0] if isinstance(caught.value, Problems) else caught.value
    return f"{error.location}: {error.message} ({error.hint})"


def test_a_label_is_read_from_its_column_which_is_no_variable():
    (case,) = rows("ticket,topic\nhello,bug\n")
    assert case.vars == {"ticket": "hello"}
    assert case.row == {"topic": "bug"}
    assert case.expected == {"labels": ("bug", ("r.csv", 2, 7))}


def test_without_inputs_the_column_of_the_label_is_no_variable_either():
    head = "messages: [{role: user, content: '{{ ticket }}'}]\n"
    (case,) = rows("ticket,topic\nhello,bug\n", head=head)
    assert case.vars == {"ticket": "hello"}
    assert case.row == {"topic": "bug"}


def test_a_column_that_resembles_a_missing_variable_is_still_the_label():
    head = HEAD.replace(
        "{ticket: {type: string}}", "{ticket: {type: string}, topics: {type: string, default: all}}"
    )
    (case,) = rows("ticket,topic\nhello,bug\n", head=head)
    assert case.expected is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [("r.csv", "ticket,topic\nhello,\n"), ("r.jsonl", '{"ticket": "hello", "topic": null}\n')],
)
def test_a_blank_cell_and_null_mean_that_there_is_no_label(name, text):
    (case,) = rows(text, name=name)
    assert case.expected is None


def test_a_test_file_without_the_column_is_an_error_that_names_what_was_meant():
    told = refused(lambda: rows("ticket,topics\nhello,bug\n"))
    assert (
        told
        == 'r.csv:2: row 1: there is no column "topic", from which labels are read (did you mean "topics"?)'
    )


def test_an_input_may_lack_the_column_unless_another_resembles_it():
    loaded = prompt(
        "labels: {from: topic}\n", **{"in.csv": "ticket\nhello\n", "typo.csv": "ticket,topik\nhello,bug\n"}
    )

    def read(name: str) -> list[Case]:
        return list(cases_from_file(loaded, CaseFile(name, name, Location(name)), repeats_allowed=True))

    assert read("in.csv")[0].expected is None
    assert 'did you mean "topik"?' in refused(lambda: read("typo.csv"))


def test_a_column_that_is_an_input_would_be_sent_and_is_refused():
    told = refused(lambda: prompt("labels: {from: ticket}\n"))
    assert told == (
        "p.prompt.yaml:3:16: labels: 'ticket' is an input, so the model is sent the right answer"
        " (remove it from `inputs`: a column that is no input is never sent)"
    )


@pytest.mark.parametrize(
    ("declared", "key", "value"),
    [("labels: {}", "label: bug", "bug"), ("numbers: {within: {abs: 0}}", "number: 3.5", 3.5),
     ("sets: {}", "set: [a, b]", ["a", "b"])],
)  # fmt: skip
def test_a_case_has_its_right_value_under_the_singular(declared, key, value):
    (case,) = cases_of(prompt(f"{declared}\ntests: [{{vars: {{ticket: hi}}, {key}}}]\n"))
    assert case.expected is not None
    assert next(iter(case.expected.values()))[0] == value


def test_a_label_of_a_prompt_without_labels_is_refused_at_its_key():
    told = refused(lambda: prompt("tests: [{vars: {ticket: hi}, label: bug}]\n"))
    assert told == (
        "p.prompt.yaml:3:30: tests[0]: it has a label, but the prompt declares no labels"
        " (declare labels: {path: ...} in the prompt)"
    )


def test_a_row_that_is_a_case_has_its_own_keys():
    text = 'vars,label,threshold,group\n"{""ticket"": ""hi""}",bug,0.5,acme\n'
    (case,) = rows(text)
    assert case.expected == {"labels": ("bug", ("r.csv", 2, 24))}
    assert (case.threshold, case.group) == (0.5, "acme")


def test_a_group_is_read_from_the_column_that_the_file_names():
    loaded = prompt(
        "tests: [{file: r.csv, group: customer}]\n", **{"r.csv": "ticket,customer\nhi,7\nho,acme\n"}
    )
    assert [case.group for case in cases_of(loaded)] == ["7", "acme"]
    other = prompt("tests: [{file: r.csv, group: costumer}]\n", **{"r.csv": "ticket,customer\nhi,7\n"})
    assert 'did you mean "customer"?' in refused(lambda: list(cases_of(other)))


@pytest.mark.parametrize(
    "declared",
    ["numbers: {path: $.n}", "numbers: {within: {}}", "numbers: {within: {abs: 1, rel: 1}}", "numbers: {within: {abs: -1}}",
     "labels: {column: topic}", "sets: {separator: ''}"],
)  # fmt: skip
def test_a_target_that_makes_no_sense_is_refused(declared):
    assert "p.prompt.yaml:3" in refused(lambda: prompt(f"{declared}\n"))
