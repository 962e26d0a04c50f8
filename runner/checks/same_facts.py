"""What embeddings do not see in a text: its numbers, and whether it says yes or no. English only. Pure."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["negations", "numbers"]

_SMALL = {
    word: value
    for value, word in enumerate(
        (
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
        )
    )
}  # fmt: skip
_TENS = {
    word: value * 10
    for value, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_WORD = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[a-z]+(?:['’][a-z]+)?", re.IGNORECASE)
_NEGATION = frozenset(
    {
        "not", "no", "never", "none", "nothing", "nobody", "nowhere", "neither", "nor", "without", "cannot", "hardly",
    }
)  # fmt: skip


def numbers(text: str) -> Counter[float]:
    """Return how often each number occurs, in digits or in words: "two hundred and 3.50" has 200 and 3.5."""
    found: Counter[float] = Counter()
    whole = part = None
    words = [*_words(text), ""]
    for word in words:
        if word in _SMALL or word in _TENS:
            value = _SMALL.get(word, _TENS.get(word, 0))
            follows = part is not None and (
                part % 100 == 0 or (part % 10 == 0 and 0 < value < 10 and part % 100 >= 20)
            )
            if part is not None and not follows:
                found[float((whole or 0) + part)] += 1
                whole, part = None, None
            part = (part or 0) + value
        elif word in _LARGE and part is not None:
            if word == "hundred":
                part *= 100
            else:
                whole, part = (whole or 0) + part * _LARGE[word], 0
        elif word == "and" and part is not None and (part % 100 == 0):
            continue
        else:
            if part is not None or whole is not None:
                found[float((whole or 0) + (part or 0))] += 1
                whole, part = None, None
            if word[:1].isdigit():
                found[float(word.replace(",", ""))] += 1
    return found


def negations(text: str) -> int:
    """Return how often a text negates: not, n't, no, never, without, ..."""
    return sum(word in _NEGATION or word.endswith(("n't", "n’t")) for word in _words(text))


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text.replace("-", " "))]
