"""Read the numbers in a provider's `usage`: token counts, and the cost that some providers state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..values import Json

__all__ = ["NO_LIMITS", "TokenLimits", "stated_cost", "token_count"]

_MOST = 2**53
"""The highest number that is believed: up to here a double holds every whole number."""


class TokenLimits(NamedTuple):
    """The limits on the tokens of one answer, and on those of a prompt and its answer together. None: unknown."""

    answer: int | None = None
    context: int | None = None

    def reached(self, prompt: int | None, answer: int | None) -> bool:
        """Return whether an answer of this length was cut off by one of the limits."""
        if answer is None:
            return False
        if self.answer is not None and answer >= self.answer:
            return True
        return self.context is not None and prompt is not None and prompt + answer >= self.context


NO_LIMITS = TokenLimits()


def token_count(usage: Mapping[str, Json] | None, name: str) -> int | None:
    """Return the count under `name`; None if it is absent, not a whole number, negative, or above 2**53."""
    number = _number(usage, name)
    return int(number) if number is not None and number == int(number) else None


def stated_cost(usage: Mapping[str, Json] | None) -> float | None:
    """Return the cost in US dollars (`cost`, OpenRouter); None if it is absent or cannot be one, such as a negative number."""
    number = _number(usage, "cost")
    return None if number is None else float(number)


def _number(usage: Mapping[str, Json] | None, name: str) -> int | float | None:
    number = usage.get(name) if usage else None
    if type(number) is int or type(number) is float:  # not a bool, which is an int for isinstance
        return number if 0 <= number <= _MOST else None
    return None
