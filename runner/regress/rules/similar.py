"""Score how similar two texts are, offline: ROUGE-L, the F1 of their longest common subsequence of words. Pure.

Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries" (https://aclanthology.org/W04-1013/). Not difflib,
whose ratio depends on the order of the two texts and can take cubic time. Not rapidfuzz, a compiled dependency that
would replace only the few lines below (its ratio is the same measure on characters, by which any two English texts are
half alike).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

__all__ = ["SCORER", "similarity"]

SCORER = "lexical"

# Scripts that are written without spaces: each character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"


@cache
def _word() -> re.Pattern[str]:
    """Return the pattern of a word. Compiled on first use: so many characters take milliseconds, and few rules score."""
    return re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def similarity(one: str, two: str) -> float:
    """Return a symmetric score in [0, 1]: 1 for the same words in the same order, 0 for no common word.

    Case, punctuation and white space do not count; texts without any word are compared by their characters.
    """
    first, second = _words(one), _words(two)
    if not first or not second:
        first, second = one.split(), two.split()
    if not first and not second:
        return 1.0
    return 2 * _common(first, second) / (len(first) + len(second))


def _words(text: str) -> list[str]:
    return _word().findall(unicodedata.normalize("NFC", text.casefold()))


def _common(one: list[str], two: list[str]) -> int:
    """Return the length of the longest common subsequence; a bit vector processes 64 or more words of `one` at a time.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited": the zeros of `row` are the steps in a row of the usual
    table.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(one)) - 1
    row = full
    for word in two:
        matched = row & places.get(word, 0)
        row = ((row + matched) | (row - matched)) & full
    return len(one) - row.bit_count()
