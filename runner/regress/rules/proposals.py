"""Propose a rule for a place where samples of one request differ: the tightest that accepts all of them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from itertools import combinations
from math import isfinite
from typing import Any, TypeAlias, cast

from ...checks.equality import difference
from ...checks.json_key import identity
from ...documents.yaml_writer import scalar
from ...values import Json
from .list_items import aligned
from .normalise import Normaliser, normalise
from .similar import similarity

__all__ = ["Proposal", "merged", "propose", "spell_rule"]

Proposal: TypeAlias = Mapping[str, Json]
"""A rule without its path, e.g. {"compare": "number", "abs": 0.08}."""

_IGNORE: Proposal = {"ignore": True}
_MARGIN = Fraction(5, 4)
_LEAST_SIMILAR = 0.5
_COMPARED = 20
_WORDS, _CHARACTERS = 3, 40
_TEXT_STEPS: tuple[tuple[Normaliser, ...], ...] = (
    ("whitespace", "unicode"),
    ("whitespace", "unicode", "case"),
    ("whitespace", "unicode", "case", "punctuation"),
    ("whitespace", "unicode", "case", "punctuation", "markdown"),
)
_PLAIN = re.compile(r"\$|(?:\$\.)?[a-z_]\w*(?:\.\w+)*", re.ASCII | re.IGNORECASE)


def propose(values: Sequence[Json], *, sometimes_missing: bool = False) -> Proposal:
    """Return the rule for a place with these values; at least two must differ, unless it is sometimes missing."""
    distinct = list({identity(value): value for value in values}.values())
    if sometimes_missing:
        return {"presence": "optional"} if len(distinct) == 1 else _IGNORE
    if all(isinstance(value, bool) or value is None for value in distinct):
        return {"compare": "seen"}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct):
        return _for_numbers(cast("list[float]", distinct))
    if all(isinstance(value, list) for value in distinct):
        return _for_lists(cast("list[list[Json]]", distinct))
    if all(isinstance(value, str) for value in distinct):
        return _for_texts(cast("list[str]", distinct), often=len(distinct) < len(values))
    return _IGNORE if any(isinstance(value, list | Mapping) for value in distinct) else {"compare": "seen"}


def _for_numbers(values: Sequence[int | float]) -> Proposal:
    if not all(isinstance(value, int) or isfinite(value) for value in values):
        return _IGNORE
    exact = [Fraction(repr(value)) for value in values]
    reach = (max(exact) - min(exact)) * _MARGIN
    with localcontext(prec=400, rounding=ROUND_CEILING):  # the range of a float, exactly
        number = Decimal(reach.numerator) / Decimal(reach.denominator)
        rounded = number.quantize(Decimal(1).scaleb(number.adjusted()))
    whole = rounded == rounded.to_integral_value()
    return {"compare": "number", "abs": int(rounded) if whole else float(rounded)}


def _for_lists(lists: Sequence[list[Json]]) -> Proposal:
    as_items = [[identity(item) for item in items] for items in lists]
    if len({frozenset(items) for items in as_items}) == 1:
        counts = [{item: items.count(item) for item in items} for items in as_items]
        return {"compare": "unordered" if all(each == counts[0] for each in counts) else "set"}
    if key := _key(lists):
        return {"compare": "keyed", "key": key}
    longest = max(lists, key=len)
    if all(difference(items, longest[: len(items)]) is None for items in lists):
        return {"length": {"abs": len(longest) - min(map(len, lists))}}
    return _IGNORE


def _key(lists: Sequence[list[Json]]) -> str | None:
    """Return the first property that identifies the items of all lists and has the same values in each list."""
    first = lists[0][0] if lists[0] else None
    for name in first if isinstance(first, Mapping) else ():
        indices = [where for items in lists if not isinstance(where := aligned(items, name), str)]
        if len(indices) == len(lists) and all(where.keys() == indices[0].keys() for where in indices):
            # Items that are always in the same order are compared by index anyway.
            return name if any(list(where) != list(indices[0]) for where in indices) else None
    return None


def _for_texts(texts: Sequence[str], *, often: bool) -> Proposal:
    for names in _TEXT_STEPS:
        if len({normalise(text, names) for text in texts}) == 1:
            return {"compare": "text", "normalise": list(names)}
    if all(len(text.split()) <= _WORDS and len(text) <= _CHARACTERS for text in texts):
        # A single word with digits that is different each time is an id.
        made_up = not often and len(texts) > 2 and all(re.search(r"\d", text) for text in texts)
        return _IGNORE if made_up else {"compare": "seen"}
    if len(texts) > _COMPARED:
        return _IGNORE
    least = min(similarity(one, two) for one, two in combinations(texts, 2))
    if least < _LEAST_SIMILAR:
        return _IGNORE
    rounded = (Decimal(least) * 20).to_integral_value(ROUND_FLOOR) / 20
    return {"compare": "similar", "min": float(rounded)}


def merged(proposals: Sequence[Proposal]) -> Proposal:
    """Return one rule that accepts whatever any of them accepts."""
    first, *others = proposals
    if any(_without_limits(each) != _without_limits(first) for each in others):
        return _IGNORE
    return {
        key: _LIMITS[key](each[key] for each in proposals) if key in _LIMITS else first[key] for key in first
    }


def _without_limits(proposal: Proposal) -> dict[str, Json]:
    return {key: None if key in _LIMITS else value for key, value in proposal.items()}


# How to combine the limits of several rules; each list of normalisers is a prefix of the next.
_LIMITS: Mapping[str, Callable[[Iterable[Any]], Json]] = {
    "abs": max,
    "min": min,
    "normalise": lambda lists: max(lists, key=len),
    "length": lambda lengths: max(lengths, key=lambda length: length["abs"]),
}


def spell_rule(path: str, proposal: Proposal) -> str:
    """Return the rule as one line of YAML to paste: {path: $.confidence, compare: number, abs: 0.08}."""
    return _spell({"path": path, **proposal})


def _spell(value: Json) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_spell(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_spell, value))}]"
    return scalar(value, _PLAIN) if isinstance(value, str) else json.dumps(value)
