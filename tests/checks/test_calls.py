"""Assertions that a call decides: what they ask, and what each answer means."""

from __future__ import annotations

from typing import Any

import pytest

from runner.checks.assertions import AnswerView, CheckResult, CompiledAssertion, compile_assertion
from runner.checks.calls import CallQuestion, Found
from runner.errors import FormatError, Location
from runner.files.model import Assertion

TEXT = AnswerView("I will kill you", vars={"a": 1})
JSON = AnswerView("{...}", {"list": ["x", "y"]}, parsed=True)


def compiled(spec: dict[str, Any]) -> CompiledAssertion:
    return compile_assertion(Assertion(spec, Location("p.yaml", 1, 1)))


def asked(spec: dict[str, Any], answer: AnswerView, *values: dict[str, Any] | str) -> CheckResult:
    """The result if the calls find these values, in order; a string is why a call decides nothing."""
    left = list(values)

    def find(_: CallQuestion) -> Found:
        value = left.pop(0)
        problem = value if isinstance(value, str) else None
        return Found({} if isinstance(value, str) else value, "sha256:1", "by", "m", problem)

    result = compiled(spec).asked(answer, find)
    assert isinstance(result, CheckResult)
    return result


def moderation(*flagged: str, **scores: float) -> dict[str, Any]:
    return {"flagged": bool(flagged), "categories": list(flagged), "scores": scores}


@pytest.mark.parametrize(
    ("spec", "found", "passes"),
    [
        ({}, moderation(), True),
        ({}, moderation("hate"), False),
        ({"categories": ["violence"]}, moderation("hate", hate=0.9, violence=0.1), True),
        ({"categories": ["violence"]}, moderation("violence"), False),
        ({"threshold": 0.5}, moderation(hate=0.5), True),
        ({"threshold": 0.5}, moderation(hate=0.51), False),
        ({"threshold": 0.5, "categories": ["violence"]}, moderation("hate", hate=0.9, violence=0.2), True),
    ],
)
def test_moderation_is_decided_by_categories_and_scores(
    spec: dict[str, Any], found: dict[str, Any], passes: bool
) -> None:
    assert asked({"type": "moderation", **spec}, TEXT, found).passed is passes
    assert asked({"type": "not-moderation", **spec}, TEXT, found).passed is not passes


@pytest.mark.parametrize("type_", ["moderation", "not-moderation"])
@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"threshold": 0.5}, moderation()),
        ({"categories": ["violence"]}, moderation(hate=0.2)),
        ({"threshold": 0.5, "categories": ["violence"]}, moderation(hate=0.2)),
        ({}, "nobody answered"),
    ],
)
def test_what_decides_nothing_passes_in_neither_form(type_: str, spec: dict[str, Any], found: Any) -> None:
    result = asked({"type": type_, **spec}, TEXT, found)
    assert (result.passed, result.code) == (False, "unchecked")
    assert result.message.startswith("could not be checked: ")


def test_each_place_of_a_path_is_asked_about_and_one_failure_is_enough() -> None:
    spec = {"type": "moderation", "path": "$.list[*]"}
    questions = compiled(spec).asked(JSON, lambda _: None)
    assert [each.inputs for each in questions] == [{"input": "x"}, {"input": "y"}]  # type: ignore[union-attr]
    result = asked(spec, JSON, "nobody answered", moderation("hate"))
    assert (result.passed, result.code, result.path) == (False, None, "$.list[1]")
    assert len(result.found) == 2


def test_a_path_that_selects_nothing_asks_nothing_and_fails() -> None:
    result = asked({"type": "moderation", "path": "$.nope"}, JSON)
    assert (result.passed, result.code) == (False, "unknown")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"categories": ["violance"]}, 'there is no category "violance"'),
        ({"categories": ["pii"], "model": "text-moderation-stable"}, 'there is no category "pii"'),
    ],
)
def test_a_category_that_no_answer_can_have_is_refused(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        compiled({"type": "moderation", **spec})
