"""The JSON Schema of a gate, `regression.gate` of a prompt and `gate` of a project, for validation and editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["LIMITS", "MEASURED", "METRICS", "gate_schema"]

LIMITS = ("cost", "latency_p50", "latency_p95", "tokens")
"""Metrics that are only compared with a limit, without a test, because their noise is unlike that of passes."""

MEASURED: Mapping[str, tuple[str, ...]] = {
    "labels": ("accuracy", "macro_f1", "weighted_f1", "f1", "precision", "recall"),
    "numbers": ("mae", "rmse", "within"),
    "sets": ("micro_f1", "jaccard"),
}
"""The metrics of a prompt that declares a target, by its kind."""

METRICS = ("pass_rate", *(name for names in MEASURED.values() for name in names), *LIMITS)
"""The names of all metrics that are computed anyway; any other is a named score."""

_PROPERTIES: dict[str, Any] = {
    "metric": {
        "type": "string",
        "minLength": 1,
        "default": "pass_rate",
        "examples": [*METRICS],
        "description": "The metric to judge: the pass rate, one of labels, numbers or sets, a named score, or the dollars, milliseconds or tokens per call.",
    },
    "label": {
        "type": ["string", "number", "boolean"],
        "description": "The label that f1, precision or recall is about.",
    },
    "max_drop": {
        "type": "number",
        "minimum": 0,
        "default": 0.05,
        "description": "How far the pass rate may fall below the baseline: 0.05 is 5 points.",
    },
    "min": {"type": "number", "description": "The minimum pass rate, whatever the baseline: 0.85 is 85 %."},
    "max": {"type": "number", "exclusiveMinimum": 0, "description": "The maximum value of the metric."},
    "confidence": {
        "type": "number",
        "minimum": 0.5,
        "exclusiveMaximum": 1,
        "default": 0.975,
        "description": "One-sided: 0.975 means at most 25 false alarms in 1000 runs.",
    },
    "about": {
        "enum": ["cases", "inputs"],
        "default": "cases",
        "description": "Whether these very cases became worse, or inputs like them.",
    },
    "prove": {
        "type": "boolean",
        "default": False,
        "description": "The gate holds only if the drop is proven to be within max_drop (or the rate above min).",
    },
    "samples": {
        "type": ["string", "integer", "array"],
        "pattern": "^auto$",
        "patternErrorMessage": "write auto, a number, or a list of increasing numbers",
        "minimum": 1,
        "minItems": 1,
        "items": {"type": "integer", "minimum": 1},
        "default": "auto",
        "description": "Samples per case: auto (2, then 5, then 10 if needed), a number, or a list of looks.",
    },
    "by": {"enum": ["tag"], "description": "One gate for the cases of each tag."},
    "unsure": {
        "enum": ["pass", "fail"],
        "default": "pass",
        "description": "Whether an inconclusive gate ends with exit code 3.",
    },
}


def gate_schema() -> dict[str, Any]:
    """Return the JSON Schema of a gate, or of a list of gates."""
    one = {"properties": _PROPERTIES, "additionalProperties": False}
    return {
        "type": ["object", "array"],
        "description": "When a live test fails as a whole: `{}` allows at most 5 points below the baseline.",
        **one,
        "minItems": 1,
        "items": {"type": "object", **one},
    }
