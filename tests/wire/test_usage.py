"""A provider's usage is believed as far as its numbers are possible."""

from __future__ import annotations

from typing import Any

import pytest

from runner.wire.usage import TokenLimits, stated_cost, token_count


@pytest.mark.parametrize("count", [0, 1, 12.0, 2**53])
def test_a_count_of_tokens_is_a_whole_number(count: Any) -> None:
    found = token_count({"prompt_tokens": count}, "prompt_tokens")
    assert (found, type(found)) == (int(count), int)


IMPOSSIBLE = [None, True, False, "7", [1], {}, -1, -0.5, 2**53 + 1, 10**400, float("inf"), float("nan")]


@pytest.mark.parametrize("count", [*IMPOSSIBLE, 1.5], ids=str)
def test_what_is_no_count_of_tokens_is_none(count: Any) -> None:
    assert token_count({"prompt_tokens": count}, "prompt_tokens") is None


@pytest.mark.parametrize("usage", [None, {}, {"completion_tokens": 1}])
def test_an_absent_count_is_none(usage: Any) -> None:
    assert token_count(usage, "prompt_tokens") is None


@pytest.mark.parametrize("cost", [0, 1, 0.25, 2**53])
def test_a_stated_cost_is_a_number(cost: Any) -> None:
    found = stated_cost({"cost": cost})
    assert (found, type(found)) == (cost, float)


@pytest.mark.parametrize("cost", IMPOSSIBLE, ids=str)
def test_what_is_no_cost_is_none(cost: Any) -> None:
    assert stated_cost({"cost": cost}) is None
    assert stated_cost({}) is None


@pytest.mark.parametrize(
    ("limits", "prompt", "answer", "reached"),
    [
        (TokenLimits(), 9, 9, False),
        (TokenLimits(answer=5), 1, 4, False),
        (TokenLimits(answer=5), None, 5, True),
        (TokenLimits(answer=5), None, 6, True),
        (TokenLimits(answer=5), 1, None, False),
        (TokenLimits(context=10), 5, 4, False),
        (TokenLimits(context=10), 6, 4, True),
        (TokenLimits(context=10), 7, 4, True),
        (TokenLimits(context=10), None, 99, False),
        (TokenLimits(context=10), 99, None, False),
        (TokenLimits(answer=5, context=10), 6, 4, True),
        (TokenLimits(answer=5, context=10), 5, 4, False),
    ],
)
def test_a_limit_is_reached_by_an_answer_or_by_its_prompt_and_itself(
    limits: TokenLimits, prompt: int | None, answer: int | None, reached: bool
) -> None:
    assert limits.reached(prompt, answer) is reached
