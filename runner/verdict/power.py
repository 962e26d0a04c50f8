"""Compute how large a drop a suite of this size would detect."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

from .exact import Counts
from .intervals import root

__all__ = ["About", "mean_variance", "smallest_drop"]

About = Literal["cases", "inputs"]
"""What a verdict is about: these very cases, or inputs like them."""


def mean_variance(counts: Counts) -> float:
    """Return the mean over the cases of p(1-p), the variance between samples of one case.

    If every case has one sample, that variance cannot be separated from the variance between cases; then return the
    total, which is an upper bound.
    """
    several = [passed * (total - passed) / (total * (total - 1)) for passed, total in counts if total > 1]
    if several:
        return sum(several) / len(several)
    p = sum(passed for passed, _ in counts) / len(counts)
    return p * (1 - p)


def smallest_drop(
    cases: int,
    base_samples: int,
    new_samples: int,
    variance: float,
    *,
    alpha: float = 0.025,
    power: float = 0.8,
    about: About = "cases",
) -> float:
    """Return the drop of the mean rate that so many cases detect with this `power`; at most 1.

    Uses the normal approximation. A drop itself adds variance (some cases break altogether). For `inputs`, the
    choice of the cases adds variance too, whatever the number of samples.
    """
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    inverse = 1 / base_samples + 1 / new_samples

    def beyond_what_is_found(drop: float) -> float:
        own = drop * (1 - drop)
        spread = (variance + own / 2) * inverse if about == "cases" else variance * inverse + own
        return drop - z * math.sqrt(spread / cases)

    return root(beyond_what_is_found)
