"""Variants: the combinations of request fields from `matrix`, `--model` and `--set`, and their names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...values import Json

__all__ = ["Variant", "variants"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination: the fields it sets, and a name made of the fields that differ (None if none does)."""

    name: str | None
    overrides: Mapping[str, Json]


def variants(
    matrix: Mapping[str, Sequence[Json]], chosen: Mapping[str, Sequence[Json]] | None = None
) -> Iterator[Variant]:
    """Yield all combinations of a prompt's `matrix`, narrowed or widened by the values chosen on the command line.

    A chosen field replaces the matrix's values for that field. A field is part of the name if the matrix declares it
    or if several values were chosen, so that a variant keeps its name when a run is narrowed to it.
    """
    chosen = chosen or {}
    axes = {field: tuple(chosen.get(field, values)) for field, values in matrix.items()}
    axes.update({field: tuple(values) for field, values in chosen.items() if field not in axes})
    named = [field for field, values in axes.items() if field in matrix or len(values) > 1]
    for combination in itertools.product(*axes.values()):
        overrides = dict(zip(axes, combination, strict=True))
        parts = [_label(field, overrides[field]) for field in named]
        yield Variant("+".join(parts) or None, overrides)


def _label(field: str, value: Json) -> str:
    if field == "extra_body" and isinstance(value, Mapping) and value:
        return "+".join(_label(name, each) for name, each in value.items())
    field = field.removeprefix("extra_body.")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if field == "model" else f"{field}={text}"
