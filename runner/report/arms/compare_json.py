"""Format a comparison of arms for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...regress.arms.arm_results import ArmsComparison, ContrastResult

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
    return {
        "prompt": comparison.prompt,
        "tag": comparison.tag,
        "cases": comparison.cases,
        "arms": [
            {
                "arm": arm.name,
                "started": arm.started,
                "models": list(arm.models),
                "pass_rate": arm.rate,
                "low": arm.low,
                "high": arm.high,
                "samples": list(arm.samples),
                "level_with_best": arm.level,
            }
            for arm in comparison.arms
        ],
        "contrasts": [_contrast(result) for result in comparison.contrasts],
        "notes": list(comparison.notes),
    }


def _contrast(result: ContrastResult) -> dict[str, Any]:
    seen = result.evidence
    value: dict[str, Any] = {"arm": result.arm, "verdict": result.word}
    if seen is None:
        return {**value, "reason": result.reason}
    return {
        **value,
        "difference": -seen.drop,
        "low": seen.low,
        "high": seen.high,
        "p": result.p,
        "p_inputs": result.p_inputs,
        "finds": result.finds,
        "worse": result.worse,
        "better": result.better,
        "alike": result.alike,
        "fail_in_both": result.fail_in_both,
        "changes": [
            {"case": change.case, "base": list(change.base), "new": list(change.new), "q": change.q}
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
