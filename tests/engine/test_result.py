"""What an exchange cost, and what its record says."""

from __future__ import annotations

from typing import Any

import pytest

from runner.engine.result import cost_of
from runner.files.model import ModelRule

PRICE = ModelRule("*", input_price=2.0, cached_price=0.5, output_price=10.0)
UNCACHED = ModelRule("*", input_price=2.0, output_price=10.0)


def usage(prompt: Any = 1_000_000, completion: Any = 100_000, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


def cached(tokens: Any) -> dict[str, Any]:
    return usage(prompt_tokens_details={"cached_tokens": tokens})


def test_tokens_cost_what_the_project_says() -> None:
    assert cost_of(usage(), PRICE) == pytest.approx(3.0)
    assert cost_of(usage(0, 0), PRICE) == 0.0


def test_cached_tokens_are_among_the_prompts_and_have_their_own_price() -> None:
    assert cost_of(cached(400_000), PRICE) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 1.0)


def test_cached_tokens_cost_what_others_do_where_no_price_is_given_for_them() -> None:
    assert cost_of(cached(400_000), UNCACHED) == pytest.approx(3.0)


def test_cached_tokens_may_be_free() -> None:
    free = ModelRule("*", input_price=2.0, cached_price=0.0, output_price=10.0)
    assert cost_of(cached(400_000), free) == pytest.approx(2.2)


@pytest.mark.parametrize("details", [None, [], "x", {"cached_tokens": "7"}, {"cached_tokens": None}, {}])
def test_what_is_no_number_of_cached_tokens_is_none(details: Any) -> None:
    assert cost_of(usage(prompt_tokens_details=details), PRICE) == pytest.approx(3.0)


@pytest.mark.parametrize("price", [PRICE, UNCACHED])
def test_the_price_of_the_project_goes_before_what_the_provider_says(price: ModelRule) -> None:
    assert cost_of(usage(cost=77), price) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "price",
    [None, ModelRule("*"), ModelRule("*", input_price=2.0), ModelRule("*", output_price=2.0)],
    ids=["no rule", "no price", "no price of the output", "no price of the input"],
)
def test_without_a_whole_price_it_is_what_the_provider_says(price: ModelRule | None) -> None:
    assert cost_of(usage(cost=0.25), price) == 0.25
    assert cost_of(usage(cost=1), price) == 1.0
    assert cost_of(usage(), price) is None


@pytest.mark.parametrize("stated", ["0.2", None, True, [1]])
def test_what_the_provider_says_is_a_number_or_nothing(stated: Any) -> None:
    assert cost_of(usage(cost=stated), None) is None


@pytest.mark.parametrize(
    "counts", [{"prompt": None}, {"prompt": "7"}, {"completion": None}, {"completion": [1]}]
)
def test_tokens_that_are_not_counted_have_no_cost(counts: dict[str, Any]) -> None:
    assert cost_of(usage(**counts), PRICE) is None


def test_an_exchange_without_usage_has_no_cost() -> None:
    assert cost_of(None, PRICE) is None
