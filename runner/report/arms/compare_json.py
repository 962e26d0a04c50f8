"""Format a comparison of arms for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...regress.arms.arm_results import ArmsComparison, ContrastResult
from ...verdict.metrics import Metric

__all__ = ["VERSION", "compare_json"]

VERSION = 1


def compare_json(comparisons: Sequence[ArmsComparison], notes: Sequence[str]) -> str:
    """Return the comparison as a JSON object; docs/compare.md describes its keys."""
    bound = comparisons[0].bound if comparisons else None
    value = {
        "runner_comparison": VERSION,
        "margin": bound.max_drop if bound else None,
        "confidence": bound.confidence if bound else None,
        "about": bound.about if bound else None,
        "tests": max((comparison.tests for comparison in comparisons), default=0),
        "comparisons": [_comparison(comparison) for comparison in comparisons],
        "notes": list(notes),
    }
    # A lone surrogate, from a file's name, is escaped.
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _comparison(comparison: ArmsComparison) -> dict[str, Any]:
    metric = comparison.metric
    return {
        "prompt": comparison.prompt,
        "tag": comparison.tag,
        "metric": metric.name,
        "label": None if metric.label is None else json.loads(metric.label),
        "cases": comparison.cases,
        "arms": [
            {
                "arm": arm.name,
                "started": arm.started,
                "models": list(arm.models),
                "value": None if arm.rate is None else _size(arm.rate, metric),
                **_ends(arm.low, arm.high, metric),
                "samples": list(arm.samples),
                "level_with_best": arm.level,
            }
            for arm in comparison.arms
        ],
        "contrasts": [_contrast(result, metric) for result in comparison.contrasts],
        "notes": list(comparison.notes),
    }


def _contrast(result: ContrastResult, metric: Metric) -> dict[str, Any]:
    seen = result.evidence
    value: dict[str, Any] = {"arm": result.arm, "verdict": result.word}
    if seen is None:
        return {**value, "reason": result.reason}
    return {
        **value,
        "difference": _size(-seen.drop, metric),
        **_ends(seen.low, seen.high, metric),
        "p": result.p,
        "p_inputs": result.p_inputs,
        "finds": result.finds,
        "worse": result.worse,
        "better": result.better,
        "alike": result.alike,
        "fail_in_both": result.fail_in_both,
        "changes": [
            {
                "case": change.case,
                "base": _of_case(change.base, change.base_value, metric),
                "new": _of_case(change.new, change.new_value, metric),
                "q": change.q,
            }
            for change in result.changes
        ],
        "measures": {
            change.measure: {
                "base": change.base,
                "new": change.new,
                "ratio": change.ratio,
                "cases": change.cases,
            }
            for change in result.measures
        },
    }


def _size(value: float, metric: Metric) -> float:
    """Return a value as people read it: of an error, its size."""
    return value if metric.is_share else 0.0 - value


def _ends(low: float, high: float, metric: Metric) -> dict[str, float]:
    ends = sorted((_size(low, metric), _size(high, metric)))
    return {"low": ends[0], "high": ends[1]}


def _of_case(counts: tuple[int, int] | None, value: float, metric: Metric) -> list[int] | float:
    return _size(value, metric) if counts is None else list(counts)
