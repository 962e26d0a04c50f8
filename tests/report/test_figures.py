from __future__ import annotations

import pytest

from runner.report.terminal.figures import dollars, duration, plural, whole_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.414, "0.41 s"),
        (0.996, "1.0 s"),
        (3.21, "3.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (72, "1 min 12 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_duration_keeps_two_or_three_figures_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_figure_that_changes_as_one_looks_has_no_fractions() -> None:
    assert whole_seconds(3.21) == "3 s"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0"),
        (0.00000123, "$0.0000012"),
        (0.00001, "$0.000010"),
        (0.0012, "$0.0012"),
        (0.5, "$0.5000"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars_never_round_a_price_to_nothing(amount: float, text: str) -> None:
    assert dollars(amount) == text


def test_one_is_singular_and_zero_is_not() -> None:
    assert [plural(number, "error") for number in (0, 1, 1200)] == ["0 errors", "1 error", "1,200 errors"]
