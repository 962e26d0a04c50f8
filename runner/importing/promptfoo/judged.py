"""Convert promptfoo's assertions in which a model judges the answer, as far as runner has a judge for them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ...files.assertion_types import assertion_type
from ...files.moderation_categories import CATEGORIES
from ...values import Json, JsonObject
from ..kept import JUDGED_BY_MODEL
from ..ledger import Ledger
from ..nodes import Node
from .providers import embedding_of, model_of
from .source_assertions import Lost, SourceAssertion, title_of

__all__ = ["DEFAULT_JUDGE", "NOBODY", "JudgeSettings", "judged"]

DEFAULT_JUDGE = "gpt-5.6-sol"
"""The model that promptfoo 0.123 asks by default."""
DEFAULT_EMBEDDING = "text-embedding-3-large"
"""Its default model for embeddings."""

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


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Who judges the assertions of a test that name nobody, and whether with a prompt of the source."""

    provider: Node | None = None
    own_prompt: bool = False


NOBODY = JudgeSettings()


def judged(
    kind: str,
    value: Json,
    source: SourceAssertion,
    settings: JudgeSettings,
    ledger: Ledger,
    *,
    negated: bool,
) -> list[JsonObject]:
    """Return the assertions of runner. Raises Lost if runner has no such judge."""
    ours = _AS_OURS.get(kind)
    if ours is None or assertion_type(ours) is None:
        raise Lost("I502", JUDGED_BY_MODEL)
    for key in ("rubricPrompt", "transform", "contextTransform"):
        if source.node.get(key) is not None:
            raise Lost("I502", f"{_NOT_KEPT} {key}; kept under x-import")
    written = source.node.value if isinstance(source.node.value, dict) else {}
    threshold = written.get("threshold")
    spec: dict[str, Json] = {"type": f"not-{ours}" if negated else ours}
    if ours == "moderation":
        return [spec | _categories(value)]
    provider = source.node.get("provider") or settings.provider
    if ours == "similar":
        return [spec | _similar(source, value, threshold, provider, ledger)]
    if settings.own_prompt:
        raise Lost("I502", f"{_NOT_KEPT} rubricPrompt; kept under x-import")
    if isinstance(value, dict) or (isinstance(value, list) and ours == "llm-rubric"):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, str) or not value.strip():
        raise Lost("I502", "it has no single criterion in words; kept under x-import")
    spec["value"] = value
    spec["judge"] = {"model": _model(provider.value if provider is not None else None)}
    if provider is not None and isinstance(provider.value, dict) and provider.value.get("config"):
        ledger.remark(
            provider.location, "I509", "the judge",
            "its settings are not copied; a judge can be a prompt of your own, with its settings",
        )  # fmt: skip
    if provider is None:
        ledger.remark(
            source.node.location, "I511", title_of(source.node),
            f"it names no judge, and promptfoo asks {DEFAULT_JUDGE}",
        )  # fmt: skip
    if threshold is None:
        return [spec]
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise Lost("I505", "its threshold is not a number from 0 to 1")
    if ours == "g-eval":
        return [{**spec, "threshold": threshold}]
    if ours != "llm-rubric" or negated:
        raise Lost("I504", "it compares the score of a judge that says pass or fail")
    # In promptfoo the judge must say pass, and give this score.
    return [spec, {**spec, "type": "g-eval", "threshold": threshold}]


def _similar(
    source: SourceAssertion, value: Json, threshold: Json, provider: Node | None, ledger: Ledger
) -> dict[str, Json]:
    kind = source.node.get("type")
    _, _, measure = (kind.text or "").partition(":") if kind is not None else ("", "", "")
    if measure not in ("", "cosine"):
        raise Lost("I501", f"it measures the {measure} of embeddings; runner measures their cosine")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | None):
        raise Lost("I505", "its threshold is not a number")
    if not value or not isinstance(value, str | list):
        raise Lost("I505", "its value is not a string or a list of strings")
    named = provider.get("embedding") or provider if provider is not None else None
    named = (named.get("id") or named) if named is not None else None
    model = embedding_of(named.text) if named is not None and named.text else None
    if model is None:
        if named is not None and source.node.get("provider") is not None:
            raise Lost("I502", f"{_NOT_KEPT} provider; kept under x-import")
        ledger.remark(
            source.node.location, "I511", title_of(source.node),
            f"it names no embedding model, and promptfoo asks {DEFAULT_EMBEDDING}",
        )  # fmt: skip
    least = 0.75 if threshold is None else threshold
    return {"value": value, "threshold": least, "model": model or DEFAULT_EMBEDDING}


def _categories(value: Json) -> dict[str, Json]:
    if value is None or value == []:
        return {}
    named = value if isinstance(value, list) else [value]
    if unknown := [each for each in named if each not in CATEGORIES]:
        raise Lost("I505", f"{unknown[0]} is not a category of OpenAI's moderation models")
    return {"categories": named}


def _model(provider: Json) -> str:
    """Return the model of a judge. Raises Lost for a judge that is code or an application."""
    if isinstance(provider, dict) and "text" in provider and "id" not in provider:
        provider = provider["text"]  # beside the models for embeddings and others
    if isinstance(provider, dict):
        provider = provider.get("id")
    if provider is None:
        return DEFAULT_JUDGE
    model = model_of(provider) if isinstance(provider, str) else None
    if model is None:
        raise Lost("I502", f"{_NOT_KEPT} provider; kept under x-import")
    return model
