from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import FormatError
from runner.files.model import Project
from runner.regress.rules.compare_answers import compare
from runner.regress.rules.redact import compile_redactions, redact

from .support import compiled, project_with, values

ANSWER = {
    "mail": "write to ann@example.org or bob@example.org",
    "card": 4111111111111111,
    "who": {"name": "Ann", "tags": ["a@b.cc", None, True]},
}
MAIL = r"{regex: '[a-z]+@[a-z.]+'}"


def redacted(folder, value, *entries):
    return redact(value, compile_redactions(project_with(folder, *entries)))


def test_without_rules_nothing_is_even_copied():
    assert redact(ANSWER, compile_redactions(Project("/"))) is ANSWER


def test_every_match_in_every_text_is_masked(tmp_path):
    assert redacted(tmp_path, ANSWER, MAIL) == {
        "mail": "write to [REDACTED] or [REDACTED]",
        "card": 4111111111111111,
        "who": {"name": "Ann", "tags": ["[REDACTED]", None, True]},
    }


def test_a_number_is_masked_whole_when_its_digits_match(tmp_path):
    assert redacted(tmp_path, {"card": 4111111111111111, "n": 7}, r"{regex: '\d{16}'}") == {
        "card": "[REDACTED]",
        "n": 7,
    }


def test_a_path_masks_whatever_stands_there(tmp_path):
    assert redacted(tmp_path, ANSWER, "{path: $.who, replace: someone}")["who"] == "someone"


def test_a_path_and_an_expression_mask_matches_at_and_below_the_path_only(tmp_path):
    found = redacted(tmp_path, ANSWER, r"{path: $.who, regex: '\w+@[\w.]+', replace: '<mail>'}")
    assert (found["mail"], found["who"]["tags"][0]) == (ANSWER["mail"], "<mail>")


def test_the_answer_itself_stays_as_it_came(tmp_path):
    answer = {"a": ["x@y.zz"]}
    assert redacted(tmp_path, answer, MAIL) == {"a": ["[REDACTED]"]}
    assert answer == {"a": ["x@y.zz"]}


def test_what_replaces_is_taken_literally(tmp_path):
    assert redacted(tmp_path, "a1b", r"{regex: '\d', replace: '\1'}") == r"a\1b"


def test_a_text_as_answer_is_masked_at_the_root(tmp_path):
    assert redacted(tmp_path, "mail a@b.cc", "{path: $, regex: '[a-z]@[a-z.]+'}") == "mail [REDACTED]"


def test_answers_that_differ_in_masked_parts_only_are_equal(tmp_path):
    rules = compiled(project=project_with(tmp_path, MAIL))
    assert compare(rules, {"to": "[REDACTED]"}, {"to": "ann@example.org"}).equal
    assert not compare(rules, {"to": "[REDACTED]"}, {"to": "nobody"}).equal


def test_what_is_masked_stands_in_no_verdict(tmp_path):
    rules = compiled(project=project_with(tmp_path, MAIL))
    [field] = compare(rules, "x", "ann@example.org").fields
    assert field.new == "[REDACTED]"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{path: who}", 'runner.yaml:2:12: redact[0].path: "who" is not a path: column 1: a path starts with "$" (such as "$.label") or, as a JSON Pointer, with "/"'),
        ("{regex: 'x*'}", 'runner.yaml:2:13: redact[0].regex: "x*" matches the empty string, so it matches everywhere'),
    ],
)  # fmt: skip
def test_a_redaction_that_cannot_be_meant_is_refused_at_its_line(tmp_path, monkeypatch, entry, message):
    monkeypatch.chdir(tmp_path)
    project = project_with(tmp_path, entry)
    with pytest.raises(FormatError) as caught:
        compiled(project=project)
    assert str(caught.value) == message


PATTERNS = [r"\d+", r"\d\d?$", r"[A-Z]+", r".+", r"^a", "a b", "E"]


@pytest.fixture(scope="module")
def redactions(tmp_path_factory):
    return {
        pattern: compile_redactions(
            project_with(
                tmp_path_factory.mktemp("p"), f"{{regex: '{pattern}'}}", "{path: $..id, replace: NONE}"
            )
        )
        for pattern in PATTERNS
    }


@given(value=values, pattern=st.sampled_from(PATTERNS))
def test_masking_twice_is_masking_once(redactions, value, pattern):
    once = redact(value, redactions[pattern])
    assert redact(once, redactions[pattern]) == once


def test_a_deep_answer_is_masked_too(tmp_path):
    deep = "a@b.cc"
    for _ in range(3000):
        deep = [deep]
    found = redacted(tmp_path, deep, MAIL)
    while isinstance(found, list):
        [found] = found
    assert found == "[REDACTED]"
