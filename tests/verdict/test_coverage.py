"""How often the interval of a difference covers the true one, for inputs like these: over populations, sizes and changes."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from runner.verdict.intervals import difference_interval

pytestmark = pytest.mark.slow

POPULATIONS: dict[str, Callable[[random.Random], float]] = {
    "noisy": lambda draw: draw.betavariate(8, 1),
    "stable": lambda draw: 1.0 if draw.random() < 0.8 else draw.betavariate(6, 2),
    "hard": lambda draw: draw.betavariate(2, 1),
    "nearly sure": lambda _: 0.995,
}
SUITES = 400


def after(rate: float, change: str, draw: random.Random) -> float:
    """The rate of a case after the change; the expected loss of `broken` is that of `spread`."""
    if change == "spread":
        return rate * 0.85
    if change == "broken":
        return 0.0 if draw.random() < 0.15 else rate
    return rate


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("cases", [20, 48])
def test_intervals_cover_the_difference_and_are_never_empty(kind: str, cases: int, samples: int) -> None:
    draw = random.Random(f"{kind}{cases}{samples}")
    mean = sum(POPULATIONS[kind](draw) for _ in range(50_000)) / 50_000
    for change in ("none", "spread", "broken"):
        truth = 0.0 if change == "none" else -0.15 * mean
        covered = 0
        for _ in range(SUITES):
            rates = [POPULATIONS[kind](draw) for _ in range(cases)]
            new_rates = [after(rate, change, draw) for rate in rates]
            base, new = (
                [(sum(draw.random() < rate for _ in range(samples)), samples) for rate in each]
                for each in (rates, new_rates)
            )
            low, high = difference_interval(base, new)
            assert low < high
            covered += low <= truth <= high
        assert covered / SUITES >= 0.93, change
