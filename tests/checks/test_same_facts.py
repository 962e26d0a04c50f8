"""What embeddings do not see: numbers and negations."""

from __future__ import annotations

from collections import Counter

import pytest

from runner.checks.same_facts import negations, numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("no numbers", []),
        ("3 parcels and 3 more", [3, 3]),
        ("three parcels", [3]),
        ("1,000 crowns", [1000]),
        ("3.50 or 3.5", [3.5, 3.5]),
        ("twenty-one days", [21]),
        ("two hundred and five", [205]),
        ("three thousand two hundred", [3200]),
        ("one million", [1_000_000]),
        ("five hundred thousand", [500_000]),
        ("one two three", [1, 2, 3]),
        ("twenty and five", [20, 5]),
        ("on 3 May 2026, at 14:05", [3, 2026, 14, 5]),
        ("someone is at ease", []),
        ("version 1.2.3", [1.2, 3]),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, found: list[float]) -> None:
    assert numbers(text) == Counter(map(float, found))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("We refund it.", 0),
        ("We do not refund it.", 1),
        ("We don't refund it.", 1),
        ("We don’t refund it.", 1),
        ("No, we never do.", 2),
        ("It is a notable knot.", 0),
        ("We cannot, without a receipt.", 2),
    ],
)
def test_negations_are_counted(text: str, count: int) -> None:
    assert negations(text) == count
