"""The shape of a gate: what a prompt's `regression.gate` and a project's `gate` may say, for validation and editors."""

from __future__ import annotations

from typing import Any

__all__ = ["LIMITS", "METRICS", "gate_schema"]

LIMITS = ("cost", "latency_p50", "latency_p95", "tokens")
"""Metrics that are held against a limit, without a test: their noise is not that of passes."""

METRICS = ("pass_rate", *LIMITS)

_PROPERTIES: dict[str, Any] = {
    "metric": {
        "enum": [*METRICS],
        "default": "pass_rate",
        "description": "What is judged: how often the cases pass, or dollars, milliseconds or tokens of a call.",
    },
    "max_drop": {
        "type": "number",
        "minimum": 0,
        "default": 0.05,
        "description": "How far the pass rate may fall below the baseline: 0.05 is 5 points.",
    },
    "min": {"type": "number", "description": "The least pass rate, whatever the baseline: 0.85 is 85 %."},
    "max": {"type": "number", "exclusiveMinimum": 0, "description": "The most that a limit allows."},
    "confidence": {
        "type": "number",
        "minimum": 0.5,
        "exclusiveMaximum": 1,
        "default": 0.975,
        "description": "One-sided: 0.975 rings in vain at most 25 times in 1000 runs.",
    },
    "about": {
        "enum": ["cases", "inputs"],
        "default": "cases",
        "description": "Whether these very cases became worse, or inputs like them.",
    },
    "prove": {
        "type": "boolean",
        "default": False,
        "description": "Held only if the drop is surely within max_drop (or the rate surely above min).",
    },
    "samples": {
        "type": ["string", "integer", "array"],
        "pattern": "^auto$",
        "patternErrorMessage": "write auto, a number, or a list of rising numbers",
        "minimum": 1,
        "minItems": 1,
        "items": {"type": "integer", "minimum": 1},
        "default": "auto",
        "description": "How often each case is asked: auto (2, then 5, then 10 where it takes them), a number, or the numbers at which to look.",
    },
    "by": {"enum": ["tag"], "description": "One gate for the cases of each tag."},
    "unsure": {
        "enum": ["pass", "fail"],
        "default": "pass",
        "description": "Whether an inconclusive gate ends with exit code 3.",
    },
}


def gate_schema() -> dict[str, Any]:
    """A gate, or a list of them."""
    one = {"properties": _PROPERTIES, "additionalProperties": False}
    return {
        "type": ["object", "array"],
        "description": "When a live test fails as a whole: `{}` is at most 5 points below the baseline.",
        **one,
        "minItems": 1,
        "items": {"type": "object", **one},
    }
