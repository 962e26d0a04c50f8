"""Moderations: whether a text is harmful, by category (OpenAI's API reference, "Moderations")."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...values import Json, JsonObject
from .operation import Operation

__all__ = ["DIALECT", "Moderations"]


class Moderations(Operation):
    """`POST moderations` with one text as `input`."""

    name = "moderations"

    def result(self, payload: Mapping[str, Json]) -> JsonObject:
        """Return `flagged`, the `categories` that apply, and all `scores`."""
        results = payload.get("results")
        if not isinstance(results, list) or len(results) != 1:
            raise ValueError("it does not have one result")
        found = results[0]
        if not isinstance(found, dict) or not isinstance(found.get("flagged"), bool):
            raise ValueError("it does not say whether the text is flagged")
        categories, scores = found.get("categories"), found.get("category_scores")
        if not isinstance(categories, dict) or not all(
            isinstance(each, bool | None) for each in categories.values()
        ):
            raise ValueError("it has no categories")
        if not isinstance(scores, dict | None) or not all(map(_is_score, (scores or {}).values())):
            raise ValueError("its scores are not numbers")
        return {
            "flagged": found["flagged"],
            "categories": [name for name, applies in categories.items() if applies],
            "scores": {name: score for name, score in (scores or {}).items() if score is not None},
        }


def _is_score(value: Json) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    )


DIALECT = Moderations()
