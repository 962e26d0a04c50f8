"""What a page about a comparison shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...regress.arms.arm_results import ArmsComparison

__all__ = ["ComparisonFacts"]


@dataclass(frozen=True, slots=True)
class ComparisonFacts:
    """The comparisons, captions and texts for the head of a page, and remarks about all of them."""

    comparisons: Sequence[ArmsComparison]
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
