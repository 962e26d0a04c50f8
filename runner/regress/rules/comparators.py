"""What makes two values equal that are not the same: one function for each way of comparing. Pure.

A comparator takes the approved and the new value, both of the type it is for, and says whether they count as equal and,
where that tells more than the two values do, why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor, isfinite
from typing import TypeAlias

from ...matching import TooSlowError, is_found
from ...values import Json
from .normalise import Normaliser, normalise
from .similar import SCORER, similarity

__all__ = ["Comparator", "number", "regex", "similar", "text"]

Comparator: TypeAlias = Callable[[Json, Json], tuple[bool, str | None]]


def number(abs: float = 0, rel: float = 0) -> Comparator:  # noqa: A002 - the rule's own words
    """Numbers that differ by at most `abs`, or by at most the share `rel` of the larger one (as math.isclose).

    Exact arithmetic on the decimals as written: 0.92 and 0.87 do differ by 0.05, as their binary neighbours do not.
    """
    largest, share = _exact(abs), _exact(rel)

    def compare(approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(approved, int | float)
        assert isinstance(new, int | float)
        if not (_is_finite(approved) and _is_finite(new)):
            return False, "JSON has no such number"
        one, two = _exact(approved), _exact(new)
        apart = max(one, two) - min(one, two)
        reach = max(one, -one, two, -two)
        return apart <= largest or apart <= share * reach, f"differs by {_shown(apart)}"

    return compare


def _is_finite(value: int | float) -> bool:
    # math.isfinite fails for integers beyond the largest float.
    return isinstance(value, int) or isfinite(value)


def _exact(value: int | float) -> Fraction:
    # repr of a float is the shortest decimal that reads back as it: the number as it was written.
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _shown(apart: Fraction) -> str:
    try:
        return f"{float(apart):.6g}"
    except OverflowError:
        return "more than 1e+308"


def regex(pattern: re.Pattern[str]) -> Comparator:
    """Texts of which the new one is, as a whole, what `pattern` describes; the approved one need not be."""

    def compare(_approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(new, str)
        try:
            return (True, None) if is_found(pattern, new, whole=True) else (False, "does not match")
        except TooSlowError as error:
            return False, f"the pattern {error}"

    return compare


def text(names: Sequence[Normaliser]) -> Comparator:
    """Texts that are the same once the named normalisers have been at both."""

    def compare(approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(approved, str)
        assert isinstance(new, str)
        return normalise(approved, names) == normalise(new, names), None

    return compare


def similar(least: float) -> tuple[str, Comparator]:
    """The scorer's name, and the comparator for texts that score at least `least`."""

    def compare(approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(approved, str)
        assert isinstance(new, str)
        score = similarity(approved, new)
        enough = score >= least
        # Rounded down, so that no score that falls short looks as if it did not.
        return enough, f"score {floor(score * 1000) / 1000:g} {'>=' if enough else '<'} {least:g}"

    return SCORER, compare
