"""Convert promptfoo's assertions in which a model judges the answer, as far as runner has a judge for them."""

from __future__ import annotations

from collections.abc import Callable

from ...files.moderation_categories import CATEGORIES
from ...values import Json, JsonObject
from ..kept import JUDGED_BY_MODEL
from .source_assertions import Lost, SourceAssertion

__all__ = ["judged"]

_AS_OURS = {
    "llm-rubric": "llm-rubric",
    "g-eval": "g-eval",
    "factuality": "factuality",
    "model-graded-factuality": "factuality",
    "model-graded-closedqa": "closed-qa",
    "moderation": "moderation",
    "similar": "similar",
}
_NOT_KEPT = "it would be judged by its own"


def judged(
    kind: str, source: SourceAssertion, expanded: Callable[[Json], Json], *, negated: bool
) -> JsonObject:
    """Return the assertion of runner. `expanded` fills in variables. Raises Lost if runner has no such judge."""
    ours = _AS_OURS.get(kind)
    if ours is None:
        raise Lost("I502", JUDGED_BY_MODEL)
    for key in ("rubricPrompt", "transform", "contextTransform"):
        if source.node.get(key) is not None:
            raise Lost("I502", f"{_NOT_KEPT} {key}; kept under x-import")
    written = source.node.value if isinstance(source.node.value, dict) else {}
    value, threshold = expanded(written.get("value")), written.get("threshold")
    spec: dict[str, Json] = {"type": f"not-{ours}" if negated else ours}
    if ours == "moderation":
        return spec | _categories(value)
    if ours == "similar":
        return spec | _similar(source, value, threshold)
    if not isinstance(value, str) or not value.strip():
        raise Lost("I502", "it has no single criterion in words; kept under x-import")
    spec["value"] = value
    if threshold is not None:
        if ours != "g-eval" or isinstance(threshold, bool) or not isinstance(threshold, int | float):
            raise Lost("I504", "it compares the score of a judge that says pass or fail")
        spec["threshold"] = threshold
    if (model := _model(written.get("provider"))) is not None:
        spec["judge"] = {"model": model}
    return spec


def _similar(source: SourceAssertion, value: Json, threshold: Json) -> dict[str, Json]:
    kind = source.node.get("type")
    _, _, measure = (kind.text or "").partition(":") if kind is not None else ("", "", "")
    if measure not in ("", "cosine"):
        raise Lost("I501", f"it measures the {measure} of embeddings; runner measures their cosine")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | None):
        raise Lost("I505", "its threshold is not a number")
    if not value or not isinstance(value, str | list):
        raise Lost("I505", "its value is not a string or a list of strings")
    return {"value": value, "threshold": 0.75 if threshold is None else threshold}


def _categories(value: Json) -> dict[str, Json]:
    if value is None or value == []:
        return {}
    named = value if isinstance(value, list) else [value]
    if unknown := [each for each in named if each not in CATEGORIES]:
        raise Lost("I505", f"{unknown[0]} is not a category of OpenAI's moderation models")
    return {"categories": named}


def _model(provider: Json) -> str | None:
    """Return the model of the judge; None if it is not named. Raises Lost for one that has other settings."""
    if provider is None:
        return None
    parts = provider.split(":") if isinstance(provider, str) else []
    if len(parts) < 2 or parts[0] != "openai" or parts[1] in ("moderation", "embedding", "embeddings"):
        raise Lost("I502", f"{_NOT_KEPT} provider; kept under x-import")
    return ":".join(parts[2:] if parts[1] in ("chat", "responses") else parts[1:]) or None
