"""A few of the inputs that `python -m tests.fuzz` makes, with every run of the tests."""

from __future__ import annotations

import pytest

from .targets import TARGETS, mutator
from .worker import check


@pytest.mark.slow
@pytest.mark.parametrize("inputs", [200, pytest.param(5_000, marks=pytest.mark.e2e)])
@pytest.mark.parametrize("name", TARGETS)
def test_every_input_is_read_or_refused_as_it_should_be(name: str, inputs: int) -> None:
    source = mutator(name)
    for index in range(inputs):
        data = source.nth(index, seed=1)
        error = check(TARGETS[name], data)
        if error is not None:
            raise AssertionError(f"input {index} of seed 1: {data[:200]!r}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_is_known_by_its_number(name: str) -> None:
    index = 100_000
    assert mutator(name).nth(index) == mutator(name).nth(index)
    assert mutator(name).nth(index) != mutator(name).nth(index, seed=1)
