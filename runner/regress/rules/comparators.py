"""Comparators decide whether two different values count as equal: one function for each way of comparing. Pure.

A comparator receives the approved and the new value, both of its type. It returns whether they count as equal and, if
that is more informative than the values, the reason.
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
    """Accept numbers that differ by at most `abs`, or by at most the share `rel` of the larger one (as math.isclose).

    Compares the decimals as written, exactly: 0.92 and 0.87 differ by 0.05, although their binary floats do not.
    """
    largest, share = _exact(abs), _exact(rel)

    def compare(approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(approved, int | float)
        assert isinstance(new, int | float)
        if not (_is_finite(approved) and _is_finite(new)):
            return False, "it is not a JSON number"
        one, two = _exact(approved), _exact(new)
        apart = max(one, two) - min(one, two)
        reach = max(one, -one, two, -two)
        return apart <= largest or apart <= share * reach, f"differs by {_shown(apart)}"

    return compare


def _is_finite(value: int | float) -> bool:
    # math.isfinite raises for integers beyond the largest float.
    return isinstance(value, int) or isfinite(value)


def _exact(value: int | float) -> Fraction:
    # repr gives the shortest decimal that reads back as the same float: the number as written.
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _shown(apart: Fraction) -> str:
    try:
        return f"{float(apart):.6g}"
    except OverflowError:
        return "more than 1e+308"


def regex(pattern: re.Pattern[str]) -> Comparator:
    """Accept a new string that `pattern` matches as a whole; the approved string need not match."""

    def compare(_approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(new, str)
        try:
            return (True, None) if is_found(pattern, new, whole=True) else (False, "does not match")
        except TooSlowError as error:
            return False, f"the pattern {error}"

    return compare


def text(names: Sequence[Normaliser]) -> Comparator:
    """Accept strings that are the same after applying the named normalisers."""

    def compare(approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(approved, str)
        assert isinstance(new, str)
        return normalise(approved, names) == normalise(new, names), None

    return compare


def similar(least: float) -> tuple[str, Comparator]:
    """Return the scorer's name, and a comparator that accepts strings with a score of at least `least`."""

    def compare(approved: Json, new: Json) -> tuple[bool, str | None]:
        assert isinstance(approved, str)
        assert isinstance(new, str)
        score = similarity(approved, new)
        enough = score >= least
        # Rounded down, so that a score below the minimum is never shown as reaching it.
        return enough, f"score {floor(score * 1000) / 1000:g} {'>=' if enough else '<'} {least:g}"

    return SCORER, compare
